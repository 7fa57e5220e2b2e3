"""Kinds of agreement over HTTP: what each asks, and the text that it proposes."""

from fastapi import APIRouter, Response

from services.agreements.kinds import KINDS
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.kinds import KindAnswer
from shared.web import CurrentActor, FullPage, Listing, page

router = APIRouter(prefix="/api/v1/agreement-kinds", tags=["agreements"])


@router.get("", response_model=Listing[KindAnswer])
async def read_kinds(wanted: FullPage, by: CurrentActor) -> Response:
    """Every kind there is."""
    PERMISSIONS.allow(by, "read_kinds")
    return page(wanted, *wanted.within([KindAnswer.of(each) for each in KINDS.values()], lambda each: (each.id,)))
