"""Agreements are drafted, talked over and approved."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.jurisdiction import acts_for
from services.agreements.permissions import PERMISSIONS
from services.agreements.tests.builders import LEGAL, MINISTRY, body_of, clauses, drafted, keeper, officer
from services.agreements.tests.visits.made import WHY, Made, at, organisation_for, terms_for
from shared.actor import Actor
from shared.clock import today
from shared.ids import new_id
from tests.web.routes import Arrange, Visit

COMMENT = {"body": "(fictif) remarque"}


def visits(made: Made) -> dict[str, Arrange]:
    """A visit per action."""
    database = made.database
    week = {"valid_from": today().isoformat(), "valid_until": (today() + timedelta(days=7)).isoformat()}

    async def draft_agreement(by: Actor) -> Visit:
        terms = terms_for(by)
        return Visit("/api/v1/agreements", body_of(terms), drafted(terms))

    async def in_turn(by: Actor) -> Agreement:
        """In the hands of the actor's party, if it has one."""
        return await handed(by, await made.negotiated(by))

    async def handed(by: Actor, agreement: Agreement) -> Agreement:
        own = next((each for each in agreement.parties if acts_for(by, each.organisation_id)), agreement.keeper)
        if agreement.turn is None or own.party_id == agreement.turn.party_id:
            return agreement
        keeper = officer() if agreement.academy else MINISTRY
        return await commands.pass_turn(database, agreement.id, party_id=own.party_id, by=keeper)

    async def revise_terms(by: Actor) -> Visit:
        agreement, terms = await to_revise(by), terms_for(by)
        body = {
            name: value
            for name, value in body_of(terms).items()
            if name not in ("agreement_kind", "academy", "clauses")
        }
        return Visit(f"/api/v1/agreements/{agreement.id}/terms", body, agreement, agreement.version)

    async def outdated(by: Actor) -> Agreement:
        """In the hands of the actor's party, with a school year that its text does not say."""
        keeper, terms = MINISTRY if by.jurisdiction == "national" else officer(), terms_for(by)
        agreement = await commands.draft_agreement(database, terms, by=keeper)
        await commands.open_negotiation(database, agreement.id, by=keeper)
        other = terms.model_copy(update={"school_year": "2030/2031"})
        return await handed(by, await commands.revise_terms(database, agreement.id, other, by=keeper))

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

    async def withdraw_acceptance(by: Actor) -> Visit:
        agreement, body = await discussed(by), {"party_id": str(new_id()), **WHY}
        if PERMISSIONS.may(by, "accept_text", agreement):
            party_id = party_for(by, agreement)
            agreement = await commands.accept_text(
                database, agreement.id, party_id=party_id, text_hash=agreement.text_hash or "", by=by
            )
            body["party_id"] = str(party_id)
        return Visit(f"/api/v1/agreements/{agreement.id}/acceptances/withdrawal", body, agreement, agreement.version)

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
        given = await commands.grant_substitution(
            database, substitute="https://identity.example#x", reason="(fictif)", by=granting, **days
        )
        return Visit(f"/api/v1/substitutions/{given.id}/revocation", None, given, given.version)

    def on_a_thread(path: str = "", body: Any = None, *, resolved: bool = False, versioned: bool = False) -> Arrange:
        async def arrange(by: Actor) -> Visit:
            agreement = await made.draft(by)
            opening = by if PERMISSIONS.may(by, "open_thread", agreement) else keeper(agreement)
            thread = await commands.open_thread(
                database, agreement.id, clause=None, text_hash=None, body="(fictif)", by=opening
            )
            if resolved:
                thread = await commands.resolve_thread(database, agreement.id, thread.id, by=opening)
            address = f"/api/v1/agreements/{agreement.id}/threads/{thread.id}{path}"
            return Visit(address, body, agreement, thread.version if versioned else None)

        return arrange

    to_revise, discussed, waiting = made.kept(made.draft), made.kept(made.negotiated), made.kept(made.in_review)
    agreements = "agreements"
    return {
        "draft_agreement": draft_agreement,
        "open_negotiation": made.on(agreements, made.draft, "/negotiation"),
        "revise_text": made.on(agreements, in_turn, "/text", {"clauses": [clauses(3)[2].model_dump()]}),
        "revise_terms": revise_terms,
        "redraw_clauses": made.on(agreements, outdated, "/redrawing"),
        "pass_turn": pass_turn,
        "accept_text": accept_text,
        "withdraw_acceptance": withdraw_acceptance,
        "unlock_text": made.on(agreements, made.agreed, "/unlocking", WHY),
        "submit_for_review": made.on(agreements, made.agreed, "/review"),
        "return_with_remarks": made.on(agreements, made.in_review, "/remarks", {"remarks": "(fictif)"}),
        "approve_agreement": made.on(agreements, made.in_review, "/approval"),
        "reopen_text": made.on(agreements, made.frozen, "/reopening", WHY),
        "approve_as_substitute": approve_as_substitute,
        "grant_substitution": at("/api/v1/substitutions", {"substitute": "https://identity.example#x"} | week | WHY),
        "read_substitutions": at("/api/v1/substitutions"),
        "revoke_substitution": revoke_substitution,
        "open_thread": made.on(agreements, made.draft, "/threads", COMMENT, reads=True),
        "read_threads": made.on(agreements, made.draft, "/threads", reads=True),
        "read_participants": made.on(agreements, made.draft, "/participants", reads=True),
        "read_open_points": made.on(agreements, made.draft, "/open-points", reads=True),
        "read_thread": on_a_thread(),
        "answer_thread": on_a_thread("/comments", COMMENT),
        "resolve_thread": on_a_thread("/resolution", versioned=True),
        "reopen_thread": on_a_thread("/reopening", resolved=True, versioned=True),
    }
