"""Two amendments of one clause: the first is applied, the second is rebased on it, and everybody is told."""

from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from cli.demo.client import JSON, Refused
from cli.demo.desk import LEGAL, MINISTRY, Desk, draft, party
from shared.clock import today
from shared.territory import ACADEMIES, MINISTRY_ID
from tests.fixtures.eventually import eventually
from tests.journeys.platform import refusal

pytestmark = pytest.mark.timeout(180)

ACADEMY, OFFICER, SYSTEM = "MA-06", "officer-ma-06", "system-ma-06"
RESOLUTION = {"part": "clause", "key": "duration"}


@dataclass
class Amended:
    """An agreement in force, and who works on its amendments."""

    desk: Desk
    agreement: JSON

    async def read(self, id: str, part: str = "") -> JSON:
        """An amendment, or a part of it."""
        return await self.desk.client.get(OFFICER, f"amendments/{id}{part}")

    async def now(self) -> JSON:
        """The agreement as it is."""
        return await self.desk.client.get(OFFICER, f"agreements/{self.agreement['id']}")

    async def step(self, id: str, step: str, body: JSON | None = None, *, by: str = OFFICER) -> JSON:
        """One step of an amendment's life."""
        version = (await self.read(id))["version"]
        return await self.desk.client.post(by, f"amendments/{id}/{step}", body, version=version)

    async def propose(self, amendment_type: str, words: str, **changes: Any) -> str:
        """A branch on which the clause on the duration reads otherwise, and these terms too; gives its id."""
        body = {"amendment_type": amendment_type, "reason": "(fictif) motif"}
        proposed = await self.desk.client.post(OFFICER, f"agreements/{self.agreement['id']}/amendments", body)
        content = await self.read(proposed["id"], "/content")
        for clause in content["clauses"]:
            if clause["key"] == "duration":
                clause["body"] = {"ar": f"{words} (وهمي)", "fr": f"{words} (fictif)"}
        path = f"amendments/{proposed['id']}/content"
        await self.desk.client.put(OFFICER, path, content | changes, version=proposed["version"])
        return str(proposed["id"])

    async def approve(self, id: str) -> JSON:
        """Submitted, and approved by who did not write it."""
        submitted = await self.step(id, "review")
        assert "approve_amendment" not in submitted["available_actions"]
        return await self.step(id, "approval", by=LEGAL)

    async def sign_all(self, amendment: JSON, level: str = "simple") -> JSON:
        """Every signature that it needs."""
        for each in amendment["parties"]:
            if each["must_sign"]:
                body = {"party_id": each["party_id"], "content_hash": amendment["content_hash"], "level": level}
                signer = self.desk.signers[each["organisation_id"]]
                amendment = await self.desk.client.post(signer, f"amendments/{amendment['id']}/signatures", body)
        return amendment

    async def verified(self, amendment: JSON) -> str:
        """What the page behind its code says, to anybody, of the file that carries its seals."""
        client = self.desk.client
        headers = {"Authorization": f"Bearer {await client.token(OFFICER)}"}
        path = f"{client.url}/api/v1/amendments/{amendment['id']}/sealed"
        page = f"{client.url}/v/{amendment['id']}?h={amendment['content_hash'][:16]}"
        async with aiohttp.ClientSession() as session:
            async with session.get(path, headers=headers) as given:
                file = await given.read()
            form = aiohttp.FormData()
            form.add_field("file", file, filename="exemple.pdf")
            async with session.post(page, data=form, headers={"Accept-Language": "fr"}) as answer:
                assert answer.status == 200
                return await answer.text()

    async def clause(self) -> str:
        """The clause on the duration, in French, as it is agreed."""
        text = await self.desk.client.get(OFFICER, f"agreements/{self.agreement['id']}/text")
        return next(str(each["body"]["fr"]) for each in text["clauses"] if each["key"] == "duration")


async def in_force(desk: Desk) -> Amended:
    """An academy, an association and the ministry, on one center, from today on."""
    await desk.mandate_institutions([ACADEMY])
    operator = await desk.register_association(
        1, ACADEMY, "MA-CAS", {"ar": "جمعية (وهمية)", "fr": "Association (fictive)"}
    )
    academy = str(ACADEMIES[ACADEMY].organisation_id)
    center = {
        "province": "MA-CAS",
        "operator_id": operator,
        "name_ar": "مركز (وهمي)",
        "name_fr": "Centre (fictif)",
        "funded_seats": 60,
        "unfunded_seats": 20,
    }
    report = {"ar": "تقرير (وهمي)", "fr": "Rapport (fictif)"}
    body = draft(
        "academy-association",
        ACADEMY,
        {"ar": "اتفاقية (وهمية)", "fr": "Convention (fictive)"},
        [party(academy, "granting_authority"), party(operator, "operator"), party(MINISTRY_ID, "supervising_ministry")],
        centers=[center],
        obligations=[{"debtor_id": operator, "creditor_id": academy, "what": report, "due_days": 200}],
    )
    frozen = await desk.approve(await desk.negotiate(await desk.client.post(OFFICER, "agreements", body)))
    agreement = await desk.sign_all(frozen)
    assert agreement["state"] == "in_force"
    return Amended(desk, agreement)


async def test_the_second_of_two_amendments_of_one_clause_is_rebased_and_loses_nothing(desk: Desk) -> None:
    it = await in_force(desk)
    client = desk.client

    # One grants more seats, the other more money; both reword the clause on the duration.
    (center,) = it.agreement["centers"]
    seats = await it.propose("seats", "Durée selon le premier", centers=[center | {"funded_seats": 80}])
    line = {
        "payer_id": str(ACADEMIES[ACADEMY].organisation_id),
        "heading": {"ar": "منحة (وهمية)", "fr": "Subvention (fictive)"},
        "kind": "cash",
        "amount": {"amount": "5000.00", "currency": "MAD"},
        "budget_year": today().year,
    }
    money = await it.propose("budget", "Durée selon le second", budget=[line])
    changes = (await it.read(money, "/changes"))["items"]
    assert [each["part"] for each in changes] == ["clause", "budget_line"]
    assert changes[0]["after"]["body"] == {"ar": "Durée selon le second (وهمي)", "fr": "Durée selon le second (fictif)"}
    assert changes[0]["before"]["body"]["fr"] == await it.clause()

    # Both are approved and numbered; the second has its first signature when the first is applied.
    first, second = await it.approve(seats), await it.approve(money)
    reference = it.agreement["reference"]
    assert [first["reference"], second["reference"]] == [f"{reference}/A1", f"{reference}/A2"]
    ministry = next(each for each in second["parties"] if each["organisation_id"] == str(MINISTRY_ID))
    signature = {"party_id": ministry["party_id"], "content_hash": second["content_hash"]}
    await client.post(MINISTRY, f"amendments/{money}/signatures", signature)
    assert (await it.sign_all(first))["state"] == "applied"
    assert await it.clause() == "Durée selon le premier (fictif)"
    assert [each["number"] for each in (await it.now())["amendments"]] == [1]

    # The second is on an agreement that is no more: nobody signs it, and nothing of it is lost.
    behind = await it.read(money)
    assert behind["state"] == "rebase_needed"
    assert "rebase_amendment" in behind["available_actions"]
    assert [each["signature"] for each in behind["parties"]] == [None, None, None]
    assert await refusal(client.post(MINISTRY, f"amendments/{money}/signatures", signature)) == "not-allowed-now"
    (conflict,) = (await it.read(money, "/conflicts"))["items"]
    assert (conflict["part"], conflict["key"]) == ("clause", "duration")
    assert conflict["current"]["body"]["fr"] == "Durée selon le premier (fictif)"
    assert conflict["branch"]["body"]["fr"] == "Durée selon le second (fictif)"
    with pytest.raises(Refused) as refused:
        await it.step(money, "rebase", {})
    assert refused.value.slug == "rebase-conflicts" and "« Durée »" in str(refused.value)

    # One side stands by decision; then it is approved, sealed by all and applied under the number it had.
    rebased = await it.step(money, "rebase", {"resolved": [RESOLUTION | {"side": "branch"}]})
    assert (rebased["state"], rebased["number"]) == ("proposed", 2)
    changes = (await it.read(money, "/changes"))["items"]
    assert [each["part"] for each in changes] == ["clause", "budget_line"]
    assert changes[0]["before"]["body"]["fr"] == "Durée selon le premier (fictif)"
    applied = await it.sign_all(await it.approve(money), "advanced")
    assert applied["state"] == "applied"
    assert [each["signature"]["level"] for each in applied["parties"]] == ["advanced"] * 3
    page = await it.verified(applied)
    assert "Avenant n° 2 :" in page and "un exemplaire signé de ce document" in page
    assert page.count("Elle vaut : intacte") == 3 and applied["parties"][0]["signature"]["person"] not in page

    amended = await it.now()
    assert await it.clause() == "Durée selon le second (fictif)"
    assert [each["funded_seats"] for each in amended["centers"]] == [80], "what the first one brought"
    assert [each["amount"]["amount"] for each in amended["budget"]] == ["5000.00"], "what the second one brought"
    assert amended["duties"] == it.agreement["duties"] and amended["state"] == "in_force"
    listed = await client.all(OFFICER, f"agreements/{amended['id']}/amendments")
    assert [each["reference"] for each in listed] == [f"{reference}/A1", f"{reference}/A2"]
    (edition,) = await client.all(OFFICER, f"agreements/{amended['id']}/editions")
    assert (edition["funded_seats"], edition["amount"]["amount"]) == (80, "5000.00")

    # The center has its seats, the past is as it was, and the academy was told each step in its order.
    async def seats_of_the_center() -> bool:
        centers = await client.all(MINISTRY, "centers")
        return [each["funded_seats"] for each in centers] == [80]

    await eventually(seats_of_the_center)

    async def told() -> list[str]:
        items = await client.all(SYSTEM, "notifications/feed")
        steps = [each["type"].split(".")[2:4] for each in items if each["data"].get("amendment_id") == money]
        return [verb for subject, verb in steps if subject == "amendment"]

    async def everything_was_told() -> bool:
        return "applied" in await told()

    await eventually(everything_was_told)
    to_approval = ["submitted", "step_approved", "agreed"]
    until_overtaken = ["proposed", "revised", *to_approval, "party_signed", "approvals_voided", "rebase_needed"]
    assert await told() == [*until_overtaken, "rebased", *to_approval, *["party_signed"] * 3, "signed", "applied"]
    (last,) = [
        each["summary"]
        for each in await client.all(SYSTEM, "notifications/feed")
        if each["type"] == "ma.mithaq.agreement.amended.v1" and each["data"]["number"] == 2
    ]
    assert reference in last
