"""The convention of five parties seen in Casablanca-Settat: a school year of all that is owed, and one party late."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import pytest

from cli.demo.client import JSON
from cli.demo.desk import MINISTRY, Desk, draft, party
from services.agreements.tests.builders import pdf
from shared.clock import today
from shared.territory import ACADEMIES, MINISTRY_ID
from tests.fixtures.eventually import eventually
from tests.journeys.conftest import Calendar
from tests.journeys.convention import ACADEMY, DIRECTORATES, OWED, PROVINCES, ROLES, SEEN
from tests.journeys.platform import refusal

pytestmark = pytest.mark.timeout(180)

OFFICER = "officer-ma-06"
ORDER = ("operator", "funder", "granting_authority", "territorial_supervisor", "supervising_ministry")
REMINDERS = [-30, -7, 1, 15, 30]
"""Days after the due date on which the kind recalls what is owed."""
WHY: JSON = {"reason": "Offert par ailleurs (fictif)"}
LATE, WAIVED = "contribution", "kits"
STRANGER = "DP-SET"
"""A directorate of the region that is no party."""


class Convention:
    """The convention in force, its parties, and what became of each duty."""

    def __init__(self, desk: Desk, calendar: Calendar, agreement: JSON, parties: dict[str, str]) -> None:
        self.desk = desk
        self.calendar = calendar
        self.path = f"agreements/{agreement['id']}"
        self.parties = parties
        """As the convention calls them -> the organisation."""
        self.start = date.fromisoformat(agreement["effective_from"])
        titled = {each.title: each for each in OWED}
        self.duties = {each["obligation_id"]: titled[each["what"]["fr"]] for each in agreement["duties"]}

    def persona(self, name: str) -> str:
        """Who acts for this party."""
        return self.desk.signers[self.parties[name]]

    async def ledger(self) -> list[JSON]:
        """All entries, as the ministry sees them; every party sees the same."""
        return await self.desk.client.all(MINISTRY, f"{self.path}/obligations")

    async def entries(self, seen: str) -> dict[str, JSON]:
        """The first entries of what is owed under this word, by who owes it."""
        first = [each for each in await self.ledger() if each["occurrence"] == 1]
        return {owed.debtor: each for each in first if (owed := self.duties[each["obligation_id"]]).seen == seen}

    async def step(self, by: str, entry: JSON, step: str, *, version: int | None = None, **body: Any) -> JSON:
        """One step of one entry, on the agreement as it is."""
        version = version or (await self.desk.client.get(by, self.path))["version"]
        path = f"{self.path}/obligations/{entry['obligation_id']}/{step}"
        return await self.desk.client.post(by, path, {"occurrence": entry["occurrence"]} | body, version=version)

    async def meet(self, entry: JSON, *, documents: Sequence[str] = ()) -> None:
        """The debtor brings its proof, and who is owed takes it."""
        claim: JSON = {"evidence": "Procès-verbal (fictif)", "documents": documents}
        claimed = await self.step(self.desk.signers[entry["debtor_id"]], entry, "claim", **claim)
        others = (each for each in self.parties.values() if each != entry["debtor_id"])
        taker = self.desk.signers[entry["creditor_id"] or next(others)]
        await self.step(taker, entry, "confirmation", version=claimed["version"])

    async def go_on_until(self, last: date, *, unmet: str = "") -> None:
        """Day after day something falls due, and whoever owes it brings its proof: all but what is unmet."""

        async def owed(until: date) -> list[JSON]:
            waiting = [each for each in await self.ledger() if each["state"] in ("pending", "due")]
            wanted = [each for each in waiting if self.duties[each["obligation_id"]].seen != unmet]
            return [each for each in wanted if each["due_on"] <= f"{until}"]

        while coming := await owed(last):
            day = date.fromisoformat(coming[0]["due_on"])
            await self.calendar.reach(day)
            fallen = await owed(day)
            assert {(each["state"], each["due_on"]) for each in fallen} == {("due", f"{day}")}
            for each in fallen:
                await self.meet(each)
        await self.calendar.reach(last)

    async def reminders(self, by: str = MINISTRY, at: str = "") -> list[JSON]:
        """What has been recalled, oldest first: by the agreement's history, or wherever else somebody is told of it."""
        told = await self.desk.client.all(by, at or f"{self.path}/history")
        return [each for each in told if each["type"] == "ma.mithaq.agreement.obligation_reminded.v1"]

    async def asked(self, name: str, **only: str) -> set[str]:
        """The events that asked this party's people to see to an obligation, as their inbox tells."""
        items = await self.desk.client.all(self.persona(name), "inbox", queue="obligations", **only)
        return {each["event_id"] for each in items}


async def in_force(desk: Desk, calendar: Calendar) -> Convention:
    """Academy, ministry, directorates, foundation and association negotiate, sign in order, and are bound."""
    # Non-formal education opens its year early in October.
    await calendar.reach(date(today().year + 1, 10, 6))
    await desk.mandate_institutions([ACADEMY])
    association = {"ar": "جمعية (وهمية)", "fr": "Association (fictive)"}
    parties = {
        "academy": str(ACADEMIES[ACADEMY].organisation_id),
        "ministry": str(MINISTRY_ID),
        **{name: await desk.mandate_directorate(code) for name, code in DIRECTORATES.items()},
        "foundation": await desk.register_organisation("funder", {"ar": "مؤسسة (وهمية)", "fr": "Fondation (fictive)"}),
        "association": await desk.register_association(1, ACADEMY, "MA-CAS", association),
    }
    seats = {"operator_id": parties["association"], "funded_seats": 60, "unfunded_seats": 20}
    centers = [
        {"province": each, "name_ar": f"مركز {each}", "name_fr": f"Centre {each}", **seats} for each in PROVINCES
    ]
    cash = {"kind": "cash", "amount": {"amount": "1000.00", "currency": "MAD"}, "budget_year": today().year}
    heading = {"ar": "تجهيز (وهمي)", "fr": "Équipement (fictif)"}
    body = draft(
        "academy-foundation-association",
        ACADEMY,
        {"ar": "اتفاقية خماسية (وهمية)", "fr": "Convention à cinq parties (fictive)"},
        [party(organisation, ROLES[name]) for name, organisation in parties.items()],
        school_year=f"{today().year}/{today().year + 1}",
        centers=centers,
        obligations=[each.body(parties, start=today()) for each in OWED],
        budget=[cash | {"heading": heading, "payer_id": parties[payer]} for payer in ("academy", "foundation")],
    )
    reviewed = await desk.negotiate(await desk.client.post(OFFICER, "agreements", body))
    assert await refusal(desk.approve(reviewed)) == "document-missing", "no budget is reserved yet"
    paper = {"category": "budget_reservation", "name": "reservation-exemple.pdf"}
    await desk.client.upload(OFFICER, f"agreements/{reviewed['id']}/documents", pdf(), **paper)
    frozen = await desk.approve(await desk.client.get(OFFICER, f"agreements/{reviewed['id']}"))
    first = next(each for each in frozen["parties"] if "granting_authority" in each["roles"])
    assert await refusal(desk.sign(frozen, first)) == "not-your-turn-to-sign"
    agreement = await desk.sign_all(frozen, in_order=ORDER)
    assert agreement["state"] == "in_force"
    return Convention(desk, calendar, agreement, parties)


def test_every_duty_seen_in_the_field_is_owed_and_by_whom_it_falls_to() -> None:
    for debtors, duties in SEEN.items():
        for duty in duties:
            owing = {each.debtor for each in OWED if each.seen == duty}
            assert owing and owing <= {*debtors}, duty
    assert {each.seen for each in OWED} == {duty for duties in SEEN.values() for duty in duties}
    near = [[each.seen for each in OWED if each.debtor == directorate] for directorate in DIRECTORATES]
    assert len(near) > 1 and near[1:] == near[:-1], "directorates owe alike, each for the center near it"


async def directorates_act_as_themselves(convention: Convention) -> None:
    """Each does what is its own and nothing for another or for the academy; one that is no party sees nothing."""
    visits = await convention.entries("visits")
    claiming = convention.step(convention.persona("anfa"), visits["mohammedia"], "claim", evidence="Visite (fictif)")
    assert await refusal(claiming) == "not-your-obligation"
    premises = (await convention.entries("premises"))["academy"]
    claiming = convention.step(convention.persona("anfa"), premises, "claim", evidence="Clés (fictif)")
    assert await refusal(claiming) == "not-your-obligation"
    await convention.desk.mandate_directorate(STRANGER)
    assert await refusal(convention.desk.client.get(f"officer-{STRANGER.lower()}", convention.path)) == "not-found"


async def centers_open(convention: Convention) -> None:
    """Each directorate grants the visa of the center near it; a center that opens fulfils the duty to open it."""

    async def planned() -> list[JSON]:
        found = await convention.desk.client.all(MINISTRY, "centers")
        return found if len(found) == len(PROVINCES) else []

    for center in await eventually(planned):
        await convention.desk.open_center(center, visa_by=convention.persona(PROVINCES[center["province"]]))

    async def fulfilled() -> bool:
        # A claim without words: the event shows it.
        opened = [each for each in await convention.ledger() if each["center_id"]]
        return [(each["state"], (each["claim"] or {}).get("evidence")) for each in opened] == [
            ("fulfilled", None)
        ] * len(PROVINCES)

    await eventually(fulfilled)


async def one_is_proven_on_paper(convention: Convention) -> None:
    """What a claim points to must be attached."""
    premises, paper = (await convention.entries("premises"))["academy"], pdf("locaux")
    shown = [sha256(paper).hexdigest()]
    assert await refusal(convention.meet(premises, documents=shown)) == "file-unknown"
    about = {"category": "evidence", "name": "locaux-exemple.pdf"}
    await convention.desk.client.upload(OFFICER, f"{convention.path}/documents", paper, **about)
    await convention.meet(premises, documents=shown)
    proven = (await convention.entries("premises"))["academy"]
    assert (proven["state"], proven["claim"]["documents"]) == ("fulfilled", shown)


async def one_is_given_up(convention: Convention) -> None:
    """By whom it is owed to, with its reason; not by who owes it."""
    kits = (await convention.entries(WAIVED))["foundation"]
    waiving = convention.step(convention.persona("foundation"), kits, "waiver", **WHY)
    assert await refusal(waiving) == "not-your-obligation"
    await convention.step(convention.persona("association"), kits, "waiver", **WHY)
    waived = (await convention.entries(WAIVED))["foundation"]
    assert (waived["state"], waived["reason"]) == ("waived", WHY["reason"])


async def one_is_late_and_all_see_it(convention: Convention) -> None:
    """The foundation does not pay: it is reminded before and after the day, and nobody else is late."""
    client, foundation = convention.desk.client, convention.parties["foundation"]
    due = date.fromisoformat((await convention.entries(LATE))["foundation"]["due_on"])
    for name in convention.parties:
        await client.put(convention.persona(name), "notifications/preferences", {"language": "fr"}, version=0)
    for days in REMINDERS:
        await convention.go_on_until(due + timedelta(days=days), unmet=LATE)
    reminders = await convention.reminders()
    overdue = [each for each in reminders if each["data"]["days"] > 0]
    assert {each["data"]["debtor_id"] for each in overdue} == {foundation}
    (contribution,) = {each["data"]["obligation_id"] for each in overdue}
    days_told = [each["data"]["days"] for each in reminders if each["data"]["obligation_id"] == contribution]
    assert days_told == REMINDERS

    # What is to come is asked of who owes it; what is late is told to all.
    ahead = {each["data"]["obligation_id"]: each for each in reminders if each["data"]["due_on"] > f"{today()}"}
    work = {
        name: {each["id"] for each in ahead.values() if each["data"]["debtor_id"] == organisation}
        | {each["id"] for each in overdue[-1:]}
        for name, organisation in convention.parties.items()
    }

    async def everyone_is_told() -> bool:
        fed = await convention.reminders("system-ma-06", "notifications/feed")
        asked = {name: await convention.asked(name, to_do="true") for name in convention.parties}
        return [each["id"] for each in fed] == [each["id"] for each in reminders] and asked == work

    await eventually(everyone_is_told)
    assert await convention.asked("ministry"), "it was asked for what it owes itself"
    assert await convention.reminders("system-ma-07", "notifications/feed") == []
    for name, organisation in convention.parties.items():
        late = (await client.get(convention.persona(name), "obligations", late="true"))["items"]
        assert [each["debtor_id"] for each in late] == [foundation], f"as seen by {name}"
        assert late[0]["late_since"] == f"{due + timedelta(days=1)}"
        own = await client.get(convention.persona(name), "obligations", late="true", party=organisation)
        assert bool(own["items"]) == (name == "foundation")
    for stranger in ("officer-ma-07", f"officer-{STRANGER.lower()}"):
        assert (await client.get(stranger, "obligations", late="true"))["items"] == []


async def it_pays_after_all(convention: Convention) -> None:
    """The proof is sent back once, and then taken."""
    contribution = (await convention.entries(LATE))["foundation"]
    await convention.step(convention.persona("foundation"), contribution, "claim", evidence="Avis (fictif)")
    await convention.step(convention.persona("academy"), contribution, "return", **WHY)
    await convention.meet(contribution)
    assert (await convention.desk.client.get(MINISTRY, "obligations", late="true"))["items"] == []


async def test_a_school_year_in_which_all_is_met_one_duty_given_up_and_one_party_late(
    desk: Desk, calendar: Calendar
) -> None:
    convention = await in_force(desk, calendar)
    ledger = await convention.ledger()
    assert {each["state"] for each in ledger} == {"pending"}
    assert Counter((each["debtor_id"], each["what"]["fr"]) for each in ledger) == Counter(
        (convention.parties[each.debtor], each.title) for each in OWED
    )
    await directorates_act_as_themselves(convention)
    await centers_open(convention)
    await one_is_proven_on_paper(convention)
    await one_is_given_up(convention)
    await one_is_late_and_all_see_it(convention)
    await it_pays_after_all(convention)
    await convention.go_on_until(date(convention.start.year + 1, 7, 31))

    # All of it is settled, and what comes back is settled twice.
    settled = [each for each in await convention.ledger() if each["state"] != "pending"]
    assert Counter((convention.duties[each["obligation_id"]], each["state"]) for each in settled) == Counter(
        {(each, each.becomes): each.times for each in OWED}
    )
