"""A suspension that is resumed, and a termination with all that it takes along: looked at first, then as foretold."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from cli.demo.client import JSON
from cli.demo.desk import MINISTRY, Desk, draft, party
from cli.installation import Installation
from services.agreements.kinds import KINDS
from services.agreements.tests.builders import pdf
from shared.actor import NATIONAL
from shared.clock import today
from shared.territory import ACADEMIES, MINISTRY_ID, NETWORK_ID
from tests.fixtures.eventually import eventually
from tests.journeys.conftest import Calendar
from tests.journeys.platform import refusal

pytestmark = pytest.mark.timeout(180)

DECISION = {"reason": "Manquements constatés (fictif)", "document": "DECISION-EXEMPLE-1"}
DECISION_WHY = {"reason": "Régularisé (fictif)"}
NAME = {"ar": "جمعية (وهمية)", "fr": "Association (fictive)"}
TITLE = {"ar": "اتفاقية (وهمية)", "fr": "Convention (fictive)"}
IN_KIND = {"heading": TITLE, "kind": "in_kind", "amount": {"amount": "1000.00", "currency": "MAD"}}
DIRECTOR = "director-ma-06"


async def regional(desk: Desk, **more: Any) -> JSON:
    """An academy, an association and the ministry, on two centers, with something owed."""
    operator = await desk.register_association(1, "MA-06", "MA-CAS", NAME)
    academy = str(ACADEMIES["MA-06"].organisation_id)
    seats = {"funded_seats": 40, "unfunded_seats": 10}
    centers = [
        {"province": "MA-CAS", "operator_id": operator, "name_ar": f"مركز {n}", "name_fr": f"Centre {n}", **seats}
        for n in (1, 2)
    ]
    body = draft(
        "academy-association",
        "MA-06",
        TITLE,
        [
            party(academy, "granting_authority"),
            party(operator, "operator"),
            party(MINISTRY_ID, "supervising_ministry"),
        ],
        centers=centers,
        obligations=[
            {"debtor_id": operator, "creditor_id": academy, "what": TITLE, "due_days": days} for days in (100, 200)
        ],
        budget=[IN_KIND | {"payer_id": academy, "budget_year": today().year + year} for year in (1, 2)],
        **more,
    )
    reviewed = await desk.negotiate(await desk.client.post("officer-ma-06", "agreements", body))
    return await desk.sign_all(await desk.approve(reviewed))


async def centers_of(desk: Desk, agreement: JSON) -> dict[str, JSON]:
    """Where its centers are, by their names."""
    found = await desk.client.all(MINISTRY, "centers", agreement_id=agreement["id"])
    return {each["name_fr"]: each for each in found}


async def states_of_centers(desk: Desk, agreement: JSON) -> list[str]:
    """The states, first center first."""
    return [each["state"] for _, each in sorted((await centers_of(desk, agreement)).items())]


async def decide(desk: Desk, by: str, path: str, action: str, step: str, **what: Any) -> tuple[JSON, JSON]:
    """Look at the impact and decide; gives both."""
    asked = {name: value for name, value in what.items() if name in ("scope", "centers")}
    looked = await desk.client.get(by, f"{path}/impact", action=action, **asked)
    version = (await desk.client.get(by, path))["version"]
    body = DECISION | what | {"acknowledgement": looked["acknowledgement"]}
    return looked, await desk.client.post(by, f"{path}/{step}", body, version=version)


async def test_a_suspension_is_announced_withdrawn_announced_again_and_resumed(desk: Desk, calendar: Calendar) -> None:
    await desk.mandate_institutions(["MA-06"])
    agreement = await regional(desk)
    client, path = desk.client, f"agreements/{agreement['id']}"
    await calendar.reach(today())
    await eventually(lambda: two_centers(desk, agreement))
    await open_and_count(desk, agreement)
    paper = {"category": "suspension_decision", "name": "decision.pdf"}
    await client.upload("officer-ma-06", f"{path}/documents", pdf("1"), **paper)
    looked, announced = await decide(desk, DIRECTOR, path, "suspend_agreement", "suspension", scope="centers")
    assert announced["state"] == "in_force" and announced["announcement"]["announced"] == "suspension"
    again = client.post(DIRECTOR, f"{path}/announcement/withdrawal", DECISION_WHY, version=announced["version"])
    assert (await again)["announcement"] is None
    await client.upload("officer-ma-06", f"{path}/documents", pdf("2"), **paper)
    looked, announced = await decide(desk, DIRECTOR, path, "suspend_agreement", "suspension", scope="centers")
    assert (looked["funded_seats"], looked["unfunded_seats"]) == (80, 20)
    assert (looked["learners"], looked["funded_learners"]) == (37, 30)
    notice = timedelta(days=KINDS["academy-association"].suspension_notice_days)
    await calendar.reach(today() + notice)
    resting = await client.get(DIRECTOR, path)
    assert resting["state"] == "suspended" and resting["suspension"]["document"] == DECISION["document"]
    becomes = sorted(each["becomes"] for each in looked["centers"])

    async def as_foretold() -> bool:
        return sorted(await states_of_centers(desk, agreement)) == becomes == ["planned", "suspended"]

    await eventually(as_foretold)
    assert await learners_of(desk, agreement) == looked["learners"]
    ledger = (await client.get(DIRECTOR, f"{path}/obligations"))["items"]
    assert {each["state"] for each in ledger} == {"frozen"} == {each["becomes"] for each in looked["obligations"]}
    resumed = await client.post(
        DIRECTOR, f"{path}/resumption", {"reason": "Levée (fictif)"}, version=resting["version"]
    )
    assert resumed["state"] == "in_force"

    async def open_again() -> bool:
        return await states_of_centers(desk, agreement) == ["opened", "planned"]

    await eventually(open_again)
    ledger = (await client.get(DIRECTOR, f"{path}/obligations"))["items"]
    assert {each["state"] for each in ledger} == {"pending"}


async def two_centers(desk: Desk, agreement: JSON) -> bool:
    """Both are planned."""
    return len(await centers_of(desk, agreement)) == 2


async def open_and_count(desk: Desk, agreement: JSON) -> None:
    """The first center opens, its operator counts 37 learners, and agreements hears of both."""

    async def learners_told() -> int | None:
        looked = await desk.client.get(DIRECTOR, f"agreements/{agreement['id']}/impact", action="terminate_agreement")
        told: int | None = looked["learners"]
        return told

    assert await learners_told() == 0, "nobody is taught before the opening"
    opened = await desk.open_center((await centers_of(desk, agreement))["Centre 1"])
    await eventually(lambda: heard(learners_told, None))
    await desk.report_enrolled(opened, funded=30, unfunded=7)
    await eventually(lambda: heard(learners_told, 37))


async def heard(told: Callable[[], Awaitable[int | None]], expected: int | None) -> bool:
    """Whether what is told is what is expected."""
    return await told() == expected


async def learners_of(desk: Desk, agreement: JSON) -> int:
    """How many learners its centers hold."""
    found = (await centers_of(desk, agreement)).values()
    return sum((each["funded_enrolled"] or 0) + (each["unfunded_enrolled"] or 0) for each in found)


async def test_the_end_of_a_framework_takes_its_child_and_its_centers_along(
    desk: Desk, calendar: Calendar, here: Installation
) -> None:
    client = desk.client
    await desk.mandate_institutions(["MA-06"])
    body = draft(
        "framework",
        None,
        TITLE,
        [party(MINISTRY_ID, "supervising_ministry", "granting_authority"), party(NETWORK_ID, "integration_partner")],
    )
    reviewed = await desk.negotiate(await client.post(MINISTRY, "agreements", body))
    framework = await desk.sign_all(await desk.approve(reviewed))
    path = f"agreements/{framework['id']}"
    await calendar.reach(today())
    child = await regional(desk, parent_id=framework["id"])
    await calendar.reach(today())
    await eventually(lambda: two_centers(desk, child))
    await open_and_count(desk, child)
    address = {"academy": "MA-06", "channel": "email", "address": "partenariats@aref.example", "language": "fr"}
    await client.post(DIRECTOR, "endpoints", address)

    async def address_known() -> bool:
        looked = await client.get(MINISTRY, f"{path}/impact", action="terminate_agreement")
        return {"academy": "MA-06", "endpoints": 1} in looked["subscribers"]

    await eventually(address_known)
    unseen = DECISION | {"acknowledgement": "0-0"}
    await client.upload(MINISTRY, f"{path}/documents", pdf("1"), category="termination_decision", name="decision.pdf")
    version = (await client.get(MINISTRY, path))["version"]
    assert await refusal(client.post(MINISTRY, f"{path}/termination", unseen, version=version)) == "impact-changed"
    looked, _ = await decide(desk, MINISTRY, path, "terminate_agreement", "termination")
    await calendar.reach(today() + timedelta(days=KINDS["framework"].notice_days))
    for each in looked["agreements"]:
        assert (await client.get(MINISTRY, f"agreements/{each['agreement_id']}"))["state"] == each["becomes"]
    assert len(looked["agreements"]) == 2
    becomes = Counter(each["becomes"] for each in looked["centers"])

    async def as_foretold() -> bool:
        return Counter(await states_of_centers(desk, child)) == becomes == Counter(["handing_over", "abandoned"])

    await eventually(as_foretold)
    assert await learners_of(desk, child) == looked["learners"] == 37
    held = (await centers_of(desk, child)).values()
    for seats in ("funded_seats", "unfunded_seats"):
        assert looked[seats] == sum(each[seats] for each in held) > 0
    academy = str(ACADEMIES["MA-06"].organisation_id)
    assert [(each["payer_id"], each["budget_year"], each["amount"]) for each in looked["amounts"]] == [
        (academy, each["budget_year"], each["amount"]) for each in child["budget"]
    ]
    assert len(looked["amounts"]) == 2, "of the years to come"
    await hand_over_and_close(desk, (await centers_of(desk, child))["Centre 1"])
    ledger = (await client.get(DIRECTOR, f"agreements/{child['id']}/obligations"))["items"]
    assert {each["state"] for each in ledger} == {"cancelled"}
    assert sum(each["number"] for each in looked["obligations"]) == len(ledger)

    async def academies_told() -> bool:
        async with here.database("notifications") as notifications, notifications.transaction(NATIONAL) as tx:
            told = await tx.execute(TOLD)
            found = {row.academy: row.addresses for row in told}
        return found == {each["academy"]: each["endpoints"] for each in looked["subscribers"]}

    await eventually(academies_told)


async def hand_over_and_close(desk: Desk, center: JSON) -> None:
    """Its learners stay enrolled through the hand-over: it closes once they are placed elsewhere."""
    client, closing, why = desk.client, f"centers/{center['id']}/closing", {"reason": "Passation faite (fictif)"}
    early = client.post(DIRECTOR, closing, why, version=center["version"])
    assert await refusal(early) == "learners-still-enrolled"
    center = await desk.report_enrolled(center, funded=0)
    assert (await client.post(DIRECTOR, closing, why, version=center["version"]))["state"] == "closed"


TOLD = text("""
    select feed.academy, count(distinct delivery.endpoint_id) as addresses
    from feed_entry feed join notice using (event_id)
    left join delivery on delivery.event_id = feed.event_id and delivery.academy = feed.academy
    where notice.type = 'ma.mithaq.agreement.terminated.v1' group by feed.academy
""")
"""The academies told of a termination, each with how many addresses."""
