"""Figures over HTTP."""

from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from services.reporting import queries
from services.reporting.schemas import AgreementsByState, Capacity, Indicator, SignatureEntry
from shared.clock import now
from shared.territory import AcademyCode
from shared.web import CurrentActor, Db, Listing, Page, answer, page

router = APIRouter(prefix="/api/v1/indicators", tags=["reporting"])

Region = Annotated[AcademyCode | None, Query(description="only this academy's")]
Figure = TypeVar("Figure", bound=BaseModel)


@router.get("/agreements-by-state", response_model=Indicator[AgreementsByState])
async def read_agreements_by_state(by: CurrentActor, db: Db, academy: Region = None) -> Response:
    """Agreements by academy and state."""
    return _indicator("agreements_by_state", await queries.agreements_by_state(db, academy=academy, by=by))


@router.get("/capacity", response_model=Indicator[Capacity])
async def read_capacity(by: CurrentActor, db: Db, academy: Region = None) -> Response:
    """Centers and their seats by province, funded and unfunded."""
    return _indicator("capacity", await queries.capacity(db, academy=academy, by=by))


@router.get("/signatures", response_model=Listing[SignatureEntry])
async def read_signature_timeline(by: CurrentActor, db: Db, wanted: Page) -> Response:
    """Who signed what, and when, oldest first."""
    found, next = await queries.signatures(db, page=wanted, by=by)
    return page(wanted, found, next)


def _indicator(name: str, figures: list[Figure]) -> Response:
    return answer(Indicator[Figure](indicator=name, definition_version=1, as_of=now(), items=figures))
