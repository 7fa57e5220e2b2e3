"""Substitutions over HTTP: who approves in whose place."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.agreements import commands, queries
from services.agreements.schemas.negotiation import GrantSubstitution, SubstitutionAnswer
from shared.web import CurrentActor, Db, IfMatch, Listing, Once, Page, page

router = APIRouter(prefix="/api/v1/substitutions", tags=["agreements"])


@router.post("", status_code=201, response_model=SubstitutionAnswer)
async def grant_substitution(body: GrantSubstitution, by: CurrentActor, once: Once) -> Response:
    """Name somebody who approves in one's place between two days."""
    return await once(
        lambda tx: commands.grant_substitution(tx, **body.model_dump(), by=by),
        answer=lambda found: SubstitutionAnswer.of(found, by),
        location=lambda found: f"/api/v1/substitutions/{found.id}",
    )


@router.get("", response_model=Listing[SubstitutionAnswer])
async def read_substitutions(by: CurrentActor, db: Db, wanted: Page) -> Response:
    """Who approves in whose place, within one's jurisdiction."""
    found, next = await queries.substitutions(db, page=wanted, by=by)
    return page(wanted, [SubstitutionAnswer.of(each, by) for each in found], next)


@router.post("/{id}/revocation", response_model=SubstitutionAnswer)
async def revoke_substitution(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Take one's own substitution back; what was approved meanwhile stands."""
    return await once(
        lambda tx: commands.revoke_substitution(tx, id, by=by, expected=expected),
        answer=lambda found: SubstitutionAnswer.of(found, by),
    )
