"""A central agreement over three years: renewed twice by decision, and not a third time."""

from datetime import date, timedelta
from typing import Any

import pytest

from cli.demo.client import JSON
from cli.demo.desk import LEGAL, MINISTRY, Desk, draft, party
from shared.clock import months_after, today
from shared.territory import MINISTRY_ID
from tests.fixtures.eventually import eventually
from tests.journeys.conftest import Calendar
from tests.journeys.platform import refusal

pytestmark = pytest.mark.timeout(180)

WHY = {"reason": "Rapports, visites et résultats de l'année (fictif)"}
LEAD = timedelta(days=90)
"""How long before its end an edition's renewal falls due, as the kind says."""


async def central(desk: Desk) -> JSON:
    """The ministry and an association, on one center, for three years from today."""
    await desk.mandate_institutions(["MA-04"])
    name = {"ar": "جمعية (وهمية)", "fr": "Association (fictive)"}
    operator = await desk.register_association(1, "MA-04", "MA-RAB", name)
    center = {
        "province": "MA-RAB",
        "operator_id": operator,
        "name_ar": "مركز (وهمي)",
        "name_fr": "Centre (fictif)",
        "funded_seats": 80,
    }
    body = draft(
        "ministry-association",
        None,
        {"ar": "اتفاقية مركزية (وهمية)", "fr": "Convention centrale (fictive)"},
        [party(MINISTRY_ID, "granting_authority", "supervising_ministry"), party(operator, "operator")],
        centers=[center],
        effective_until=months_after(today(), 36) - timedelta(days=1),
        obligations=[
            {
                "debtor_id": operator,
                "creditor_id": str(MINISTRY_ID),
                "what": {"ar": "التقرير النهائي (وهمي)", "fr": "Rapport final (fictif)"},
                "due_days": 200,
                "blocks": ["renewal"],
            }
        ],
    )
    frozen = await desk.approve(await desk.negotiate(await desk.client.post(MINISTRY, "agreements", body)))
    return await desk.sign_all(frozen)


async def test_a_central_agreement_is_renewed_twice_and_keeps_its_centers(desk: Desk, calendar: Calendar) -> None:
    agreement = await central(desk)
    client, path = desk.client, f"agreements/{agreement['id']}"
    start, operator = date.fromisoformat(agreement["effective_from"]), agreement["parties"][1]["organisation_id"]
    duty = agreement["duties"][0]["obligation_id"]

    async def post(step: str, body: JSON | None = None, *, by: str = MINISTRY) -> JSON:
        return await client.post(by, f"{path}/{step}", body, version=(await client.get(by, path))["version"])

    def next_year(number: int) -> dict[str, Any]:
        last = months_after(start, 12 * (number + 1)) - timedelta(days=1)
        return {
            "school_year": f"{start.year + number}/{start.year + number + 1}",
            "budget_year": last.year,
            "ends_on": last.isoformat(),
            "funded_seats": 80 - 10 * number,
            "unfunded_seats": 0,
            "amount": {"amount": "1000.00", "currency": "MAD"},
            "parties": [each["party_id"] for each in agreement["parties"]],
            "obligations": [duty],
        }

    async def centers() -> list[JSON]:
        return await client.all(MINISTRY, "centers")

    await eventually(centers)
    opened = await desk.open_center((await centers())[0])

    await calendar.reach(start)
    assert await refusal(post("renewal/evaluation", WHY | {"outcome": "favourable"})) == "renewal-not-due"
    for number in (1, 2):
        ends_on = months_after(start, 12 * number) - timedelta(days=1)
        await calendar.reach(ends_on - LEAD)
        assert (await client.get(MINISTRY, f"{path}/editions"))["renewal"]["state"] == "due"
        assert await refusal(post("renewal", next_year(number))) == "renewal-not-allowed-now"
        await post("renewal/evaluation", WHY | {"outcome": "unfavourable"})
        assert await refusal(post("renewal", next_year(number))) == "renewal-not-favourable"
        await post("renewal/return", WHY)
        await post("renewal/evaluation", WHY | {"outcome": "favourable"})
        assert await refusal(post("renewal", next_year(number))) == "obligations-unmet"
        settled = {"occurrence": number}
        await post(f"obligations/{duty}/claim", settled | {"evidence": "(fictif)"}, by=desk.signers[operator])
        await post(f"obligations/{duty}/confirmation", settled)
        await post("renewal", next_year(number))
        await calendar.reach(ends_on + timedelta(days=1))

    await calendar.reach(months_after(start, 36) - LEAD)
    assert await refusal(post("renewal/evaluation", WHY | {"outcome": "favourable"})) == "editions-exhausted"
    found = await client.all(MINISTRY, f"{path}/editions")
    assert [(each["number"], each["state"], each["funded_seats"]) for each in found] == [
        (1, "under_review", 80),
        (2, "under_review", 70),
        (3, "running", 60),
    ]
    # The two years are labels of their own: a school year of two calendar years, a budget year of one.
    assert [each["school_year"] for each in found[1:]] == [next_year(n)["school_year"] for n in (1, 2)]
    assert [each["budget_year"] for each in found[1:]] == [next_year(n)["budget_year"] for n in (1, 2)]
    history = await client.all(MINISTRY, f"{path}/history")
    renewed = [each["data"] for each in history if each["type"] == "ma.mithaq.agreement.renewed.v1"]
    assert [each["centers"] for each in renewed] == [[opened["id"]]] * 2
    assert [each["state"] for each in await centers()] == ["opened"], "and so it stayed"

    await post("editions/1/closing")
    await calendar.reach(months_after(start, 36))
    ended = await client.get(LEGAL, path)
    assert (ended["state"], ended["effective_until"]) == ("expired", agreement["effective_until"])
