"""Negotiation and approval over HTTP: turns, acceptances, substitutes."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.agreements import commands, queries
from services.agreements.schemas.agreements import AgreementAnswer
from services.agreements.schemas.negotiation import (
    AcceptText,
    ApproveAsSubstitute,
    GrantSubstitution,
    PassTurn,
    SubstitutionAnswer,
)
from services.agreements.schemas.words import Because
from shared.web import CurrentActor, Db, IfMatch, Listing, Once, Page, page

router = APIRouter(prefix="/api/v1", tags=["agreements"])


@router.post("/agreements/{id}/turn", response_model=AgreementAnswer)
async def pass_turn(id: UUID, body: PassTurn, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Put the text into another party's hands."""
    return await once(
        lambda tx: commands.pass_turn(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/agreements/{id}/acceptances", status_code=201, response_model=AgreementAnswer)
async def accept_text(id: UUID, body: AcceptText, by: CurrentActor, once: Once) -> Response:
    """Accept the text for one's party. The text's hash stands in for If-Match: parties do not wait for one another."""
    return await once(
        lambda tx: commands.accept_text(tx, id, **body.model_dump(), by=by),
        answer=lambda found: AgreementAnswer.of(found, by),
        location=lambda found: f"/api/v1/agreements/{found.id}",
    )


@router.post("/agreements/{id}/unlocking", response_model=AgreementAnswer)
async def unlock_text(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Give a text that all have accepted free for revision; they are asked to accept again."""
    return await once(
        lambda tx: commands.unlock_text(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/agreements/{id}/substituted-approval", response_model=AgreementAnswer)
async def approve_as_substitute(
    id: UUID, body: ApproveAsSubstitute, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Approve the current step in the place of somebody who named the sender their substitute."""
    return await once(
        lambda tx: commands.approve_as_substitute(tx, id, person=body.person, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/substitutions", status_code=201, response_model=SubstitutionAnswer)
async def grant_substitution(body: GrantSubstitution, by: CurrentActor, once: Once) -> Response:
    """Name somebody who approves in one's place between two days."""
    return await once(
        lambda tx: commands.grant_substitution(tx, **body.model_dump(), by=by),
        answer=lambda found: SubstitutionAnswer.of(found, by),
        location=lambda found: f"/api/v1/substitutions/{found.id}",
    )


@router.get("/substitutions", response_model=Listing[SubstitutionAnswer])
async def read_substitutions(by: CurrentActor, db: Db, wanted: Page) -> Response:
    """Who approves in whose place, within one's jurisdiction."""
    found, next = await queries.substitutions(db, page=wanted, by=by)
    return page(wanted, [SubstitutionAnswer.of(each, by) for each in found], next)


@router.post("/substitutions/{id}/revocation", response_model=SubstitutionAnswer)
async def revoke_substitution(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Take one's own substitution back; what was approved meanwhile stands."""
    return await once(
        lambda tx: commands.revoke_substitution(tx, id, by=by, expected=expected),
        answer=lambda found: SubstitutionAnswer.of(found, by),
    )
