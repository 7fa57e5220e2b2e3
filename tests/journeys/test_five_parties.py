"""The convention of five parties seen in Casablanca-Settat, with what each of them owes, and one of them late."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from cli.demo.client import JSON
from cli.demo.desk import MINISTRY, Desk, draft, party
from services.agreements.tests.builders import pdf
from shared.clock import today
from shared.territory import ACADEMIES, MINISTRY_ID
from tests.fixtures.eventually import eventually
from tests.journeys.conftest import Calendar
from tests.journeys.platform import refusal

pytestmark = pytest.mark.timeout(180)

ACADEMY, PROVINCE, OFFICER = "MA-06", "MA-CAS", "officer-ma-06"
ORDER = ("operator", "funder", "granting_authority", "territorial_supervisor", "supervising_ministry")
REMINDERS = [-30, -7, 1, 15, 30]
"""Days after the due date on which the kind recalls what is owed."""


class Convention:
    """The convention in force, its parties by what they are there, and what became of each duty."""

    def __init__(self, desk: Desk, agreement: JSON, parties: dict[str, str]) -> None:
        self.desk = desk
        self.agreement = agreement
        self.path = f"agreements/{agreement['id']}"
        self.parties = parties
        """What it is there -> the organisation."""
        self.duties = {each["what"]["fr"].partition(" (")[0]: each["obligation_id"] for each in agreement["duties"]}

    def persona(self, role: str) -> str:
        """Who acts for the party of this role."""
        return self.desk.signers[self.parties[role]]

    async def ledger(self, by: str = MINISTRY) -> dict[str, JSON]:
        """The first entry of each duty, by what is owed, as somebody sees it."""
        items = (await self.desk.client.get(by, f"{self.path}/obligations"))["items"]
        return {each["what"]["fr"].partition(" (")[0]: each for each in items if each["occurrence"] == 1}

    async def settle(self, by: str, duty: str, step: str, **body: Any) -> JSON:
        """One step of one duty."""
        version = (await self.desk.client.get(by, self.path))["version"]
        path = f"{self.path}/obligations/{self.duties[duty]}/{step}"
        return await self.desk.client.post(by, path, body, version=version)

    async def meet(self, debtor: str, duty: str, *, creditor: str) -> None:
        """The debtor brings its proof, and who is owed takes it."""
        await self.settle(self.persona(debtor), duty, "claim", evidence="Procès-verbal (fictif)")
        await self.settle(self.persona(creditor), duty, "confirmation")

    async def told(self, event: str) -> list[JSON]:
        """What the history tells of one type of event, oldest first."""
        items = await self.desk.client.all(MINISTRY, f"{self.path}/history")
        return [each["data"] for each in items if each["type"] == f"ma.mithaq.agreement.{event}.v1"]


def owes(debtor: str, what: str, *, creditor: str | None = None, **due: Any) -> JSON:
    """A duty as a draft names it, its texts marked as fictitious."""
    return {
        "debtor_id": debtor,
        "creditor_id": creditor,
        "what": {"ar": f"{what} (وهمي)", "fr": f"{what} (fictif)"},
        "evidence": {"ar": "محضر", "fr": "Procès-verbal"},
        **due,
    }


async def in_force(desk: Desk) -> Convention:
    """Academy, ministry, provincial directorate, foundation and association negotiate, sign in order, and are bound."""
    await desk.mandate_institutions([ACADEMY])
    foundation = {"ar": "مؤسسة (وهمية)", "fr": "Fondation (fictive)"}
    directorate = {"ar": "مديرية إقليمية (وهمية)", "fr": "Direction provinciale (fictive)"}
    association = {"ar": "جمعية (وهمية)", "fr": "Association (fictive)"}
    parties = {
        "granting_authority": str(ACADEMIES[ACADEMY].organisation_id),
        "supervising_ministry": str(MINISTRY_ID),
        "territorial_supervisor": await desk.register_organisation("partner", directorate),
        "funder": await desk.register_organisation("funder", foundation),
        "operator": await desk.register_association(1, ACADEMY, PROVINCE, association),
    }
    academy, ministry, supervisor, funder, operator = parties.values()
    center = {
        "province": PROVINCE,
        "operator_id": operator,
        "name_ar": "مركز (وهمي)",
        "name_fr": "Centre (fictif)",
        "funded_seats": 60,
        "unfunded_seats": 20,
    }
    visits = {"recurrence": {"first_due_on": (today() + timedelta(days=80)).isoformat(), "every_months": 3}}
    obligations = [
        owes(academy, "Mettre les locaux à disposition", creditor=operator, due_days=40),
        owes(academy, "Livrer l'équipement", creditor=operator, due_days=60),
        owes(ministry, "Fournir les outils pédagogiques", due_days=60),
        owes(supervisor, "Visiter le centre", creditor=academy, **visits),
        owes(funder, "Verser la contribution", creditor=academy, due_days=60, blocks=["renewal"]),
        owes(funder, "Fournir les trousses", creditor=operator, due_days=70),
        owes(operator, "Réunir le personnel", creditor=academy, due_days=45),
        owes(operator, "Ouvrir le centre", due_days=60, opens_center=0),
    ]
    budget = {"payer_id": funder, "heading": {"ar": "تجهيز (وهمي)", "fr": "Équipement (fictif)"}}
    body = draft(
        "academy-foundation-association",
        ACADEMY,
        {"ar": "اتفاقية خماسية (وهمية)", "fr": "Convention à cinq parties (fictive)"},
        [party(organisation, role) for role, organisation in parties.items()],
        centers=[center],
        obligations=obligations,
        budget=[budget | {"kind": "cash", "amount": {"amount": "1000.00", "currency": "MAD"}, "budget_year": 2026}],
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
    return Convention(desk, agreement, parties)


async def test_one_party_is_late_and_reminded_and_the_others_stay_clean(desk: Desk, calendar: Calendar) -> None:
    convention = await in_force(desk)
    start = date.fromisoformat(convention.agreement["effective_from"])
    due = start + timedelta(days=60)
    assert {each["state"] for each in (await convention.ledger()).values()} == {"pending"}

    # A center that opens fulfils the duty to open it.
    async def planned() -> list[JSON]:
        return await desk.client.all(MINISTRY, "centers")

    await eventually(planned)
    await desk.open_center((await planned())[0])

    async def opened() -> bool:
        return bool((await convention.ledger())["Ouvrir le centre"]["state"] == "fulfilled")

    await eventually(opened)

    # The others meet what they owe before anybody has to remind them; one duty is given up, with its reason.
    await convention.meet("granting_authority", "Mettre les locaux à disposition", creditor="operator")
    await convention.meet("granting_authority", "Livrer l'équipement", creditor="operator")
    await convention.meet("supervising_ministry", "Fournir les outils pédagogiques", creditor="granting_authority")
    await convention.meet("operator", "Réunir le personnel", creditor="granting_authority")
    await convention.meet("territorial_supervisor", "Visiter le centre", creditor="granting_authority")
    reason = {"reason": "Trousses offertes par ailleurs (fictif)"}
    waiving = convention.settle(convention.persona("funder"), "Fournir les trousses", "waiver", **reason)
    assert await refusal(waiving) == "not-your-obligation"
    await convention.settle(convention.persona("operator"), "Fournir les trousses", "waiver", **reason)
    waived = (await convention.ledger())["Fournir les trousses"]
    assert (waived["state"], waived["reason"]) == ("waived", reason["reason"])

    # The foundation does not pay: it is reminded before and after the day, everybody sees it, and nobody else is late.
    for days in REMINDERS:
        await calendar.reach(due + timedelta(days=days))
    reminded = await convention.told("obligation_reminded")
    assert [(each["debtor_id"], each["days"]) for each in reminded] == [
        (convention.parties["funder"], days) for days in REMINDERS
    ]

    async def fed(academy: str) -> list[JSON]:
        items = await desk.client.all(f"system-{academy}", "notifications/feed")
        return [each["data"] for each in items if each["type"] == "ma.mithaq.agreement.obligation_reminded.v1"]

    async def academy_is_told() -> bool:
        return await fed("ma-06") == reminded

    await eventually(academy_is_told)
    assert await fed("ma-07") == []
    for role, organisation in convention.parties.items():
        late = (await desk.client.get(convention.persona(role), "obligations", late="true"))["items"]
        assert [each["debtor_id"] for each in late] == [convention.parties["funder"]], f"as seen by {role}"
        assert late[0]["late_since"] == (due + timedelta(days=1)).isoformat()
        own = await desk.client.get(convention.persona(role), "obligations", late="true", party=organisation)
        assert bool(own["items"]) == (role == "funder")
    assert (await desk.client.get("officer-ma-07", "obligations", late="true"))["items"] == []

    # It pays after all; the proof is sent back once, and then taken.
    await convention.settle(convention.persona("funder"), "Verser la contribution", "claim", evidence="Avis (fictif)")
    await convention.settle(convention.persona("granting_authority"), "Verser la contribution", "return", **reason)
    await convention.meet("funder", "Verser la contribution", creditor="granting_authority")
    assert (await desk.client.get(MINISTRY, "obligations", late="true"))["items"] == []
    states = Counter(each["state"] for each in (await convention.ledger()).values())
    assert states == {"fulfilled": 7, "waived": 1}
