"""Agreements are signed, on the screen and on paper."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS, SignatureBatchRow
from services.agreements.tests.builders import LEGAL, attached, mandate, signer
from services.agreements.tests.visits.made import WHY, Made, Own, organisation_for
from shared.actor import NATIONAL, Actor
from shared.clock import now, today
from shared.ids import new_id
from tests.web.routes import Arrange, Visit

Make = Callable[[Actor], Awaitable[Agreement]]


def visits(made: Made) -> dict[str, Arrange]:
    """A visit per action."""
    database = made.database

    def signing(path: str, of: Make = made.frozen, **more: str) -> Arrange:
        make = made.kept(of)

        async def arrange(by: Actor) -> Visit:
            agreement = await make(by)
            organisation = organisation_for(by)
            async with database.transaction(NATIONAL) as tx:
                tx.add(mandate(organisation, by))
            party = next(each for each in agreement.parties if each.organisation_id == organisation)
            body = {"party_id": str(party.party_id), "text_hash": agreement.text_hash, **more}
            return Visit(f"/api/v1/agreements/{agreement.id}/{path}", body, agreement)

        return arrange

    async def contested(by: Actor) -> Agreement:
        agreement = await made.in_force(by)
        for each in agreement.signatures:
            await commands.contest_signatures(database, agreement.id, each.mandate_id, ended_on=each.day)
        async with database.transaction(NATIONAL) as tx:
            return await AGREEMENTS.read(tx, agreement.id)

    async def delegate_signing(by: Actor) -> Visit:
        signature = await delegating(by)
        del signature.body["text_hash"]
        until = (today() + timedelta(days=7)).isoformat()
        body = signature.body | {
            "delegate": "https://identity.example#x",
            "valid_until": until,
            "document": "ACTE-EXEMPLE-1",
        }
        return replace(signature, body=body)

    async def withdraw_delegation(by: Actor) -> Visit:
        visit = await to_withdraw(by)
        agreement, body = visit.aggregate, {"party_id": visit.body["party_id"], **WHY}
        assert isinstance(agreement, Agreement)
        if PERMISSIONS.may(by, "delegate_signing", agreement):
            agreement = await commands.delegate_signing(
                database,
                agreement.id,
                party_id=UUID(body["party_id"]),
                delegate="https://identity.example#x",
                valid_until=today(),
                document="ACTE-EXEMPLE-1",
                by=by,
            )
        return replace(visit, body=body, aggregate=agreement, version=agreement.version)

    def scan_of(agreement: Agreement, file_hash: str) -> dict[str, Any]:
        second = agreement.parties[1]
        return {
            "party_id": second.party_id,
            "text_hash": agreement.text_hash,
            "person": signer(second.organisation_id).person,
            "file_hash": file_hash,
            "signed_on": today(),
        }

    async def with_a_scan(by: Actor) -> Agreement:
        return await attached(database, await made.frozen(by), "signed_copy")

    async def record_scan(by: Actor) -> Visit:
        agreement = await to_scan(by)
        body = to_jsonable_python(scan_of(agreement, agreement.documents[-1].hash))
        return Visit(f"/api/v1/agreements/{agreement.id}/scans", body, agreement)

    async def scanned(by: Actor) -> Agreement:
        agreement = await with_a_scan(by)
        body = scan_of(agreement, agreement.documents[-1].hash)
        return await commands.record_scan(database, agreement.id, **body, by=LEGAL)

    def on_a_scan(path: str, **more: str) -> Arrange:
        make = made.kept(scanned)

        async def arrange(by: Actor) -> Visit:
            agreement = await make(by)
            body = {"party_id": str(agreement.parties[1].party_id), **more}
            return Visit(f"/api/v1/agreements/{agreement.id}/scans/{path}", body, agreement, agreement.version)

        return arrange

    async def no_longer_offered(by: Actor) -> Agreement:
        agreement = await made.frozen(by)
        assert agreement.offered_until
        return await commands.let_time_pass(database, agreement.id, on=agreement.offered_until + timedelta(days=1))

    async def sign_batch(by: Actor) -> Visit:
        signature = await signing_in_a_batch(by)
        assert signature.aggregate
        item = {"agreement_id": str(signature.aggregate.id), **signature.body}
        return Visit("/api/v1/signature-batches", {"items": [item]})

    async def read_signature_batch(by: Actor) -> Visit:
        batch = SignatureBatchRow(
            id=new_id(),
            visible_to=[by.jurisdiction],
            person=by.person,
            actor={},
            level="simple",
            items=[],
            created_at=now(),
            finished_at=now(),
        )
        async with database.transaction(NATIONAL) as tx:
            tx.add(batch)
        return Visit(f"/api/v1/signature-batches/{batch.id}", aggregate=Own(id=batch.id, home=by.jurisdiction))

    to_scan = made.kept(with_a_scan)
    signing_in_a_batch, delegating = signing("signatures"), signing("delegations")
    to_withdraw = signing("delegations/withdrawal")
    agreements = "agreements"
    return {
        "sign_agreement": signing("signatures"),
        "decline_agreement": signing("refusals", made.frozen, **WHY),
        "delegate_signing": delegate_signing,
        "withdraw_delegation": withdraw_delegation,
        "confirm_signature": signing("confirmations", contested),
        "record_scan": record_scan,
        "accept_scan": on_a_scan("acceptance"),
        "return_scan": on_a_scan("return", **WHY),
        "renew_offer": made.on(agreements, no_longer_offered, "/offer"),
        "sign_batch": sign_batch,
        "read_signature_batch": read_signature_batch,
    }
