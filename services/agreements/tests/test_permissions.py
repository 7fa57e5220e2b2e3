"""Every route of agreements, tried by everybody, and by nobody; and every convention on every route."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from pydantic_core import to_jsonable_python

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.ceremony import Ceremony
from services.agreements.permissions import PERMISSIONS, acts_for
from services.agreements.tables import (
    AGREEMENTS,
    AMENDMENTS,
    CEREMONIES,
    CalendarRow,
    CenterFactRow,
    SavedSearchRow,
    SignatureBatchRow,
)
from services.agreements.terms import Terms
from services.agreements.tests.builders import (
    AT,
    DECISION,
    LEGAL,
    MINISTRY,
    accept_for_all,
    approved,
    ask_for_a_visa,
    attached,
    body_of,
    bound,
    clauses,
    current,
    current_network,
    drafted,
    fill,
    head_of,
    keeper,
    mandate,
    officer,
    owing,
    party,
    pdf,
    plan,
    reviewed,
    sign_for,
    signed_by_all,
    signer,
    suspend,
    terminate,
)
from services.agreements.tests.visits import visits_to_amendments
from shared.actor import NATIONAL, Actor
from shared.aggregate import Aggregate
from shared.clock import now, today
from shared.database import Database
from shared.ids import new_id
from shared.territory import ACADEMIES, DIRECTORATES, MINISTRY_ID
from tests.fixtures.identity import Issuer
from tests.web.conventions import every_refusal_has_wording, keeps_conventions
from tests.web.routes import ASSOCIATION, Arrange, Visit
from tests.web.walk import every_route_has_a_permission, walk

ACTIONS = sorted(PERMISSIONS)
OFFICE = DIRECTORATES["DP-CAS-ANFA"].organisation_id
STORES = {each.aggregate.kind: each for each in (AGREEMENTS, AMENDMENTS, CEREMONIES)}
WHY = {"reason": "(fictif) motif"}
VISA = {"visa_number": "VISA-EXEMPLE-2", "granted_on": today().isoformat()}
COMMENT = {"body": "(fictif) remarque"}
SUBSTITUTE = {
    "substitute": "x#y",
    "valid_from": today().isoformat(),
    "valid_until": (today() + timedelta(days=7)).isoformat(),
} | WHY
SEAT = {"organisation_id": str(MINISTRY_ID), "name": "(fictif)"}
TITLE = {"ar": "حفل (وهمي)", "fr": "Cérémonie (fictif)"}


class Own(Aggregate):
    """What is a person's own (a batch, a calendar) as the walk needs it: seen where the person is at home."""

    kind = "own"
    home: str = ""

    def visible_to(self) -> tuple[str, ...]:
        """Its person's jurisdiction."""
        return (self.home,)


@pytest.fixture(autouse=True)
def some_kinds_ask_for_a_visa(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each keeper's."""
    for kind in ("academy-association", "ministry-network"):
        ask_for_a_visa(monkeypatch, kind)


def terms_for(by: Actor) -> Terms:
    """Terms of an agreement that is the actor's to keep, if anybody's: the network's, or one of MA-06."""
    if by.jurisdiction == "national":
        return current_network()
    return current(operator=ASSOCIATION, others=(party(OFFICE, "territorial_supervisor"),))


def organisation_for(by: Actor) -> Any:
    """The party the actor would sign for."""
    homes = {"national": MINISTRY_ID, "MA-06": ACADEMIES["MA-06"].organisation_id, "DP-CAS-ANFA": OFFICE}
    return homes.get(by.jurisdiction, ASSOCIATION)


def kept(
    database: Database,
    make: Callable[[Actor], Awaitable[Any]],
    home_of: Callable[[Actor], Any] = lambda by: by.jurisdiction == "national",
) -> Callable[[Actor], Awaitable[Any]]:
    """The same, but what nobody has changed since is used again: most visits of a walk are refused."""
    made: dict[Any, Any] = {}

    async def again(by: Actor) -> Any:
        home = home_of(by)
        if home in made:
            store: Any = STORES[made[home].kind]
            async with database.transaction(NATIONAL) as tx:
                if (await store.read(tx, made[home].id)).version == made[home].version:
                    return made[home]
        made[home] = await make(by)
        return made[home]

    return again


def arranged(database: Database) -> dict[str, Arrange]:
    """A visit per action; each makes what it needs."""

    async def draft(by: Actor) -> Agreement:
        keeper = MINISTRY if by.jurisdiction == "national" else officer()
        return await commands.draft_agreement(database, terms_for(by), clauses=clauses(), by=keeper)

    async def negotiated(by: Actor) -> Agreement:
        agreement = await draft(by)
        keeper = officer() if agreement.academy else MINISTRY
        return await commands.open_negotiation(database, agreement.id, by=keeper)

    async def in_turn(by: Actor) -> Agreement:
        """In the hands of the actor's party, if it has one."""
        agreement = await negotiated(by)
        own = next((each for each in agreement.parties if acts_for(by, each.organisation_id)), agreement.keeper)
        if agreement.turn is None or own.party_id == agreement.turn.party_id:
            return agreement
        keeper = officer() if agreement.academy else MINISTRY
        return await commands.pass_turn(database, agreement.id, party_id=own.party_id, by=keeper)

    async def agreed(by: Actor) -> Agreement:
        agreement = await negotiated(by)
        await accept_for_all(database, agreement)
        return await read(agreement.id)

    async def read(id: UUID) -> Agreement:
        async with database.transaction(NATIONAL) as tx:
            return await AGREEMENTS.read(tx, id)

    async def in_review(by: Actor) -> Agreement:
        return await reviewed(database, terms_for(by))

    async def frozen(by: Actor) -> Agreement:
        return await approved(database, terms_for(by))

    async def in_force(by: Actor) -> Agreement:
        return await bound(database, terms_for(by))

    async def sealed(by: Actor) -> Agreement:
        agreement = await frozen(by)
        return await sign_for(database, agreement, agreement.parties[0].organisation_id, level="advanced")

    async def without_a_visa(by: Actor) -> Agreement:
        terms = terms_for(by)
        return await signed_by_all(
            database, terms.model_copy(update={"agreement_kind": f"{terms.agreement_kind}-visa"})
        )

    async def suspended(by: Actor) -> Agreement:
        return await suspend(database, await in_force(by))

    async def announced(by: Actor) -> Agreement:
        return await terminate(database, await in_force(by), notified_on=today())

    async def settled(by: Actor) -> Agreement:
        agreement = await terminate(database, await in_force(by))
        async with database.transaction(NATIONAL) as tx:
            for each in agreement.centers:
                fact = each.model_dump(include={"province", "funded_seats", "unfunded_seats"})
                here = {"id": each.center_id, "agreement_id": agreement.id, "academy": "MA-06", "state": "closed"}
                tx.add(CenterFactRow(**fact, **here))
        return agreement

    async def close_agreement(by: Actor) -> Visit:
        agreement = await ended(by)
        body = {"confirmed": agreement.to_confirm, "document": "COMPTE-EXEMPLE-1"}
        return Visit(f"/api/v1/agreements/{agreement.id}/closing", body, agreement, agreement.version)

    def decided(action: Any, path: str, **more: str) -> Arrange:
        """A decision whose impact was looked at."""
        make = kept(database, in_force)

        async def arrange(by: Actor) -> Visit:
            agreement = await make(by)
            looked = await queries.impact(
                database,
                agreement.id,
                action=action,
                scope="money",
                notified_on=DECISION["notified_on"],
                by=head_of(agreement),
            )
            body = to_jsonable_python(DECISION) | {"acknowledgement": looked.fingerprint, **more}
            return Visit(f"/api/v1/agreements/{agreement.id}{path}", body, agreement, agreement.version)

        return arrange

    async def planned(_: Actor) -> Ceremony:
        return await plan(database, (await approved(database, current(operator=ASSOCIATION))).id)

    async def postponed(by: Actor) -> Ceremony:
        return await commands.postpone_ceremony(database, (await planned(by)).id, reason="r", by=MINISTRY)

    async def lobby(by: Actor) -> Ceremony:
        return await commands.prepare_ceremony(database, (await planned(by)).id, by=MINISTRY)

    async def seated(by: Actor) -> Ceremony:
        return await fill(database, await planned(by))

    async def opened(by: Actor) -> Ceremony:
        return await commands.open_ceremony(database, (await seated(by)).id, by=MINISTRY)

    async def interrupted(by: Actor) -> Ceremony:
        return await commands.interrupt_ceremony(database, (await opened(by)).id, reason="r", by=MINISTRY)

    async def closed(by: Actor) -> Ceremony:
        return await commands.close_ceremony(database, (await opened(by)).id, by=MINISTRY)

    def on(resource: str, make: Any, path: str = "", body: Any = None, *, reads: bool = False) -> Arrange:
        make = kept(database, make)

        async def arrange(by: Actor) -> Visit:
            made = await make(by)
            version = None if reads else made.version
            return Visit(f"/api/v1/{resource}/{made.id}{path}", body, made, version)

        return arrange

    def ledger(path: str, body: Any, *, owes: bool, claimed: bool) -> Arrange:
        """A visit to an obligation that the actor's organisation owes, or is owed."""

        async def make(by: Actor) -> Agreement:
            terms, own = terms_for(by), organisation_for(by)
            mine = next(each.party_id for each in terms.parties if each.organisation_id == own)
            other = next(each for each in terms.parties if each.party_id != mine)
            between = (
                {"debtor": mine, "creditor": other.party_id} if owes else {"debtor": other.party_id, "creditor": mine}
            )
            agreement = await bound(database, owing(terms, between))
            if claimed:
                named = agreement.duties[0].obligation_id
                debtor = signer(own if owes else other.organisation_id)
                return await commands.claim_obligation(database, agreement.id, named, evidence="(fictif)", by=debtor)
            return agreement

        made = kept(database, make, organisation_for)

        async def arrange(by: Actor) -> Visit:
            agreement = await made(by)
            named = agreement.duties[0].obligation_id
            address = f"/api/v1/agreements/{agreement.id}/obligations/{named}/{path}"
            return Visit(address, body, agreement, agreement.version)

        return arrange

    async def renewable(by: Actor) -> Agreement:
        agreement = await in_force(by)
        due_on = agreement.editions[0].ends_on - timedelta(days=90)
        return await commands.let_time_pass(database, agreement.id, on=due_on)

    async def evaluated(by: Actor) -> Agreement:
        agreement = await renewable(by)
        keeper = officer() if agreement.academy else MINISTRY
        return await commands.evaluate_renewal(database, agreement.id, outcome="favourable", reason="r", by=keeper)

    async def over(by: Actor) -> Agreement:
        agreement = await in_force(by)
        day = agreement.editions[0].ends_on + timedelta(days=1)
        return await commands.let_time_pass(database, agreement.id, on=day)

    async def renew_agreement(by: Actor) -> Visit:
        agreement = await to_renew(by)
        (edition,) = agreement.editions
        body = edition.model_dump(mode="json", exclude={"number", "starts_on", "state"})
        body["ends_on"] = str(edition.ends_on + timedelta(days=300))
        return Visit(f"/api/v1/agreements/{agreement.id}/renewal", body, agreement, agreement.version)

    async def calendar_of(by: Actor) -> Own:
        calendar = CalendarRow(
            id=new_id(),
            visible_to=[by.jurisdiction],
            person=by.person,
            jurisdiction=by.jurisdiction,
            language="fr",
            digest=str(new_id()),
            created_at=now(),
        )
        async with database.transaction(NATIONAL) as tx:
            tx.add(calendar)
        return Own(id=calendar.id, home=by.jurisdiction)

    async def create_calendar(_: Actor) -> Visit:
        return Visit("/api/v1/calendars", {"language": "fr"}, unsaid=("path",))

    async def open_screen(by: Actor) -> Visit:
        return replace(await on(ceremonies, planned, "/screens", reads=True)(by), unsaid=("path",))

    async def read_calendars(by: Actor) -> Visit:
        return Visit("/api/v1/calendars?limit=100", aggregate=await calendar_of(by))

    async def revoke_calendar(by: Actor) -> Visit:
        calendar = await calendar_of(by)
        return Visit(f"/api/v1/calendars/{calendar.id}/revocation", aggregate=calendar)

    async def read_obligations(_: Actor) -> Visit:
        return Visit("/api/v1/obligations?limit=100")

    def listing(resource: str, make: Any) -> Arrange:
        make = kept(database, make)

        async def arrange(by: Actor) -> Visit:
            return Visit(f"/api/v1/{resource}?limit=100", aggregate=await make(by))

        return arrange

    async def draft_agreement(by: Actor) -> Visit:
        terms = terms_for(by)
        return Visit("/api/v1/agreements", body_of(terms), drafted(terms))

    def signing(path: str, **more: str) -> Arrange:
        make = kept(database, frozen)

        async def arrange(by: Actor) -> Visit:
            agreement = await make(by)
            organisation = organisation_for(by)
            async with database.transaction(NATIONAL) as tx:
                tx.add(mandate(organisation, by))
            party = next(each for each in agreement.parties if each.organisation_id == organisation)
            body = {"party_id": str(party.party_id), "text_hash": agreement.text_hash, **more}
            return Visit(f"/api/v1/agreements/{agreement.id}/{path}", body, agreement)

        return arrange

    async def plan_ceremony(by: Actor) -> Visit:
        agreement = await frozen(by) if PERMISSIONS.may(by, "plan_ceremony") else Agreement(id=new_id())
        body = {"title": TITLE, "planned_for": AT.isoformat(), "agreements": [str(agreement.id)]}
        return Visit("/api/v1/ceremonies", body)

    def on_its_first(make: Any, path: str, *, versioned: bool, **more: str) -> Arrange:
        make = kept(database, make)

        async def arrange(by: Actor) -> Visit:
            ceremony = await make(by)
            body = {"agreement_id": str(ceremony.agreements[0]), **more}
            return Visit(
                f"/api/v1/ceremonies/{ceremony.id}{path}", body, ceremony, ceremony.version if versioned else None
            )

        return arrange

    async def planned_for_two(_: Actor) -> Ceremony:
        both = [await approved(database, current(operator=ASSOCIATION)) for _ in range(2)]
        return await plan(database, *(each.id for each in both))

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

    def at(path: str, body: Any = None) -> Arrange:
        async def arrange(_: Actor) -> Visit:
            return Visit(path, body)

        return arrange

    async def proven(by: Actor) -> Agreement:
        agreement = await draft(by)
        # An hour ends between one and the next.
        await commands.publish_checkpoint(database, at=now() + next(hours) * timedelta(hours=1))
        return agreement

    async def kept_search(by: Actor) -> Visit:
        row = SavedSearchRow(
            id=new_id(), visible_to=[by.jurisdiction], person=by.person, name=str(new_id()), search={"q": "casa"}
        )
        async with database.transaction(NATIONAL) as tx:
            tx.add(row)
        return Visit(f"/api/v1/saved-searches/{row.id}", aggregate=Own(id=row.id, home=by.jurisdiction))

    async def revise_terms(by: Actor) -> Visit:
        agreement, terms = await to_revise(by), terms_for(by)
        body = {
            name: value
            for name, value in body_of(terms).items()
            if name not in ("agreement_kind", "academy", "clauses")
        }
        return Visit(f"/api/v1/agreements/{agreement.id}/terms", body, agreement, agreement.version)

    async def pass_turn(by: Actor) -> Visit:
        agreement = await discussed(by)
        body = {"party_id": str(agreement.parties[-1].party_id), "note": "(fictif)"}
        if agreement.turn and agreement.turn.party_id == agreement.parties[-1].party_id:
            body["party_id"] = str(agreement.parties[0].party_id)
        return Visit(f"/api/v1/agreements/{agreement.id}/turn", body, agreement, agreement.version)

    async def accept_text(by: Actor) -> Visit:
        agreement = await discussed(by)
        body = {"party_id": str(party_for(by, agreement)), "text_hash": agreement.text_hash}
        return Visit(f"/api/v1/agreements/{agreement.id}/acceptances", body, agreement)

    def party_for(by: Actor, agreement: Agreement) -> UUID:
        organisation = organisation_for(by)
        return next(each.party_id for each in agreement.parties if each.organisation_id == organisation)

    async def approve_as_substitute(by: Actor) -> Visit:
        agreement = await waiting(by)
        days: dict[str, Any] = {"valid_from": today(), "valid_until": today() + timedelta(days=1)}
        await commands.grant_substitution(database, substitute=by.person, reason="(fictif)", by=LEGAL, **days)
        path = f"/api/v1/agreements/{agreement.id}/substituted-approval"
        return Visit(path, {"person": LEGAL.person}, agreement, agreement.version)

    async def revoke_substitution(by: Actor) -> Visit:
        granting = by if PERMISSIONS.may(by, "grant_substitution") else officer()
        days: dict[str, Any] = {"valid_from": today(), "valid_until": today() + timedelta(days=1)}
        made = await commands.grant_substitution(database, substitute="x#y", reason="(fictif)", by=granting, **days)
        return Visit(f"/api/v1/substitutions/{made.id}/revocation", None, made, made.version)

    async def delegate_signing(by: Actor) -> Visit:
        signature = await delegating(by)
        del signature.body["text_hash"]
        until = (today() + timedelta(days=7)).isoformat()
        body = signature.body | {"delegate": "x#y", "valid_until": until, "document": "ACTE-EXEMPLE-1"}
        return replace(signature, body=body)

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
        return await attached(database, await frozen(by), "signed_copy")

    async def record_scan(by: Actor) -> Visit:
        agreement = await to_scan(by)
        body = to_jsonable_python(scan_of(agreement, agreement.documents[-1].hash))
        return Visit(f"/api/v1/agreements/{agreement.id}/scans", body, agreement)

    async def scanned(by: Actor) -> Agreement:
        agreement = await with_a_scan(by)
        body = scan_of(agreement, agreement.documents[-1].hash)
        return await commands.record_scan(database, agreement.id, **body, by=LEGAL)

    def on_a_scan(path: str, **more: str) -> Arrange:
        make = kept(database, scanned)

        async def arrange(by: Actor) -> Visit:
            agreement = await make(by)
            body = {"party_id": str(agreement.parties[1].party_id), **more}
            return Visit(f"/api/v1/agreements/{agreement.id}/scans/{path}", body, agreement, agreement.version)

        return arrange

    async def with_a_paper(by: Actor) -> Agreement:
        bringing = by if PERMISSIONS.may(by, "attach_document", made := await draft(by)) else keeper(made)
        return await attached(database, made, "annex", by=bringing)

    async def attach_document(by: Actor) -> Visit:
        path = f"/api/v1/agreements/{(agreement := await draft(by)).id}/documents?category=annex&name=exemple.pdf"
        return Visit(path, aggregate=agreement, file=pdf(str(new_id())))

    async def read_document_file(by: Actor) -> Visit:
        agreement = await with_a_paper(by)
        path = f"/documents/{agreement.documents[-1].document_id}/file"
        return Visit(f"/api/v1/agreements/{agreement.id}{path}", aggregate=agreement)

    async def withdraw_document(by: Actor) -> Visit:
        agreement = await with_a_paper(by)
        path = f"/documents/{agreement.documents[-1].document_id}/withdrawal"
        return Visit(f"/api/v1/agreements/{agreement.id}{path}", WHY, agreement, agreement.version)

    def on_a_thread(path: str = "", body: Any = None, *, resolved: bool = False, versioned: bool = False) -> Arrange:
        async def arrange(by: Actor) -> Visit:
            agreement = await draft(by)
            opening = by if PERMISSIONS.may(by, "open_thread", agreement) else keeper(agreement)
            thread = await commands.open_thread(
                database, agreement.id, clause=None, text_hash=None, body="(fictif)", by=opening
            )
            if resolved:
                thread = await commands.resolve_thread(database, agreement.id, thread.id, by=opening)
            address = f"/api/v1/agreements/{agreement.id}/threads/{thread.id}{path}"
            return Visit(address, body, agreement, thread.version if versioned else None)

        return arrange

    async def no_longer_offered(by: Actor) -> Agreement:
        agreement = await frozen(by)
        assert agreement.offered_until
        return await commands.let_time_pass(database, agreement.id, on=agreement.offered_until + timedelta(days=1))

    ended, waiting, to_renew = kept(database, settled), kept(database, in_review), kept(database, evaluated)
    to_revise, discussed, to_scan = kept(database, draft), kept(database, negotiated), kept(database, with_a_scan)
    signing_in_a_batch, delegating = signing("signatures"), signing("delegations")
    hours = count(1)
    agreements, ceremonies = "agreements", "ceremonies"
    return {
        "draft_agreement": draft_agreement,
        "read_agreements": listing(agreements, draft),
        "read_agreement": on(agreements, draft, reads=True),
        "export_agreements": at("/api/v1/agreements/export"),
        "read_changes": on(agreements, draft, f"/changes?from={AT:%Y-%m-%dT%H:%M:%SZ}", reads=True),
        "read_proof": on(agreements, proven, "/proof", reads=True),
        "read_checkpoints": at("/api/v1/checkpoints"),
        "save_search": at("/api/v1/saved-searches", {"name": "(fictif)", "search": {"sort": "-updated_at"}}),
        "read_saved_searches": at("/api/v1/saved-searches"),
        "read_saved_search": kept_search,
        "forget_search": kept_search,
        "read_text": on(agreements, draft, "/text", reads=True),
        "read_signatures": on(agreements, draft, "/signatures", reads=True),
        "read_agreement_history": on(agreements, draft, "/history", reads=True),
        "revise_text": on(agreements, in_turn, "/text", {"clauses": [clauses(3)[2].model_dump()]}),
        "open_negotiation": on(agreements, draft, "/negotiation"),
        "read_kinds": at("/api/v1/agreement-kinds"),
        "revise_terms": revise_terms,
        "pass_turn": pass_turn,
        "accept_text": accept_text,
        "unlock_text": on(agreements, agreed, "/unlocking", WHY),
        "approve_as_substitute": approve_as_substitute,
        "grant_substitution": at("/api/v1/substitutions", SUBSTITUTE),
        "read_substitutions": at("/api/v1/substitutions"),
        "revoke_substitution": revoke_substitution,
        "delegate_signing": delegate_signing,
        "record_scan": record_scan,
        "accept_scan": on_a_scan("acceptance"),
        "return_scan": on_a_scan("return", **WHY),
        "renew_offer": on(agreements, no_longer_offered, "/offer"),
        "submit_for_review": on(agreements, agreed, "/review"),
        "return_with_remarks": on(agreements, in_review, "/remarks", {"remarks": "(fictif)"}),
        "approve_agreement": on(agreements, in_review, "/approval"),
        "reopen_text": on(agreements, frozen, "/reopening", WHY),
        "sign_agreement": signing("signatures"),
        "decline_agreement": signing("refusals", **WHY),
        "record_visa": on(agreements, without_a_visa, "/visa", VISA),
        "suspend_agreement": decided("suspend_agreement", "/suspension", scope="money"),
        "resume_agreement": on(agreements, suspended, "/resumption", {}),
        "terminate_agreement": decided("terminate_agreement", "/termination"),
        "read_impact": on(agreements, in_force, "/impact?action=terminate_agreement", reads=True),
        "withdraw_announcement": on(agreements, announced, "/announcement/withdrawal", WHY),
        "close_agreement": close_agreement,
        "cancel_agreement": on(agreements, draft, "/cancellation", WHY),
        "read_obligations": read_obligations,
        "read_agreement_obligations": on(agreements, in_force, "/obligations", reads=True),
        "claim_obligation": ledger("claim", {"evidence": "(fictif) PV"}, owes=True, claimed=False),
        "return_obligation": ledger("return", WHY, owes=False, claimed=True),
        "confirm_obligation": ledger("confirmation", {}, owes=False, claimed=True),
        "waive_obligation": ledger("waiver", WHY, owes=False, claimed=False),
        "attach_document": attach_document,
        "read_documents": on(agreements, draft, "/documents", reads=True),
        "read_document_file": read_document_file,
        "withdraw_document": withdraw_document,
        **visits_to_amendments(database, in_force, organisation_for, on, lambda make: kept(database, make)),
        "open_thread": on(agreements, draft, "/threads", COMMENT, reads=True),
        "read_threads": on(agreements, draft, "/threads", reads=True),
        "read_open_points": on(agreements, draft, "/open-points", reads=True),
        "read_thread": on_a_thread(),
        "answer_thread": on_a_thread("/comments", COMMENT),
        "resolve_thread": on_a_thread("/resolution", versioned=True),
        "reopen_thread": on_a_thread("/reopening", resolved=True, versioned=True),
        "read_editions": on(agreements, in_force, "/editions", reads=True),
        "evaluate_renewal": on(agreements, renewable, "/renewal/evaluation", WHY | {"outcome": "favourable"}),
        "return_renewal": on(agreements, evaluated, "/renewal/return", WHY),
        "renew_agreement": renew_agreement,
        "decline_renewal": on(agreements, evaluated, "/renewal/refusal", WHY),
        "close_edition": on(agreements, over, "/editions/1/closing"),
        "create_calendar": create_calendar,
        "read_calendars": read_calendars,
        "revoke_calendar": revoke_calendar,
        "plan_ceremony": plan_ceremony,
        "read_ceremonies": listing(ceremonies, planned),
        "read_ceremony": on(ceremonies, planned, reads=True),
        "read_minutes": on(ceremonies, closed, "/minutes", reads=True),
        "read_agreement_paper": on(agreements, draft, "/document?language=fr", reads=True),
        "read_certificate": on(agreements, in_force, "/certificate", reads=True),
        "read_sealed_paper": on(agreements, sealed, "/sealed", reads=True),
        "read_minutes_paper": on(ceremonies, closed, "/minutes.pdf?language=ar", reads=True),
        "read_lobby": on(ceremonies, planned, "/lobby", reads=True),
        "name_chair": on(ceremonies, planned, "/chair", SEAT),
        "admit_attendee": on(ceremonies, lobby, "/attendees", SEAT),
        "strike_agreement": on_its_first(planned_for_two, "/strikes", versioned=True, **WHY),
        "call_agreement": on_its_first(opened, "/calls", versioned=False),
        "open_screen": open_screen,
        "close_screens": on(ceremonies, planned, "/screens", reads=True),
        "postpone_ceremony": on(ceremonies, planned, "/postponement", WHY),
        "reschedule_ceremony": on(ceremonies, postponed, "/rescheduling", {"planned_for": AT.isoformat()}),
        "prepare_ceremony": on(ceremonies, planned, "/lobby"),
        "open_ceremony": on(ceremonies, seated, "/opening"),
        "interrupt_ceremony": on(ceremonies, opened, "/interruption", WHY),
        "resume_ceremony": on(ceremonies, interrupted, "/resumption"),
        "close_ceremony": on(ceremonies, opened, "/closing"),
        "adopt_minutes": on(ceremonies, closed, "/minutes"),
        "cancel_ceremony": on(ceremonies, planned, "/cancellation", WHY),
        "sign_batch": sign_batch,
        "read_signature_batch": read_signature_batch,
    }


def test_every_route_is_in_the_table(app: FastAPI, database: Database) -> None:
    every_route_has_a_permission(app, PERMISSIONS, arranged(database))


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_route_admits_whom_the_table_admits(
    app: FastAPI, database: Database, issuer: Issuer, action: str
) -> None:
    await walk(app, PERMISSIONS, issuer, action, arranged(database)[action])


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_route_keeps_the_conventions(app: FastAPI, database: Database, issuer: Issuer, action: str) -> None:
    await keeps_conventions(app, PERMISSIONS, issuer, action, arranged(database)[action])


def test_every_refusal_can_be_explained(app: FastAPI) -> None:
    every_refusal_has_wording(app, "services.agreements.errors")
