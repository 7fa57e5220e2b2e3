"""Figures over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from services.reporting import queries
from services.reporting.schemas import AgreementsByState, Capacity, Indicator, SignatureEntry
from shared.clock import now
from shared.territory import AcademyCode
from shared.web import CurrentActor, Db, FullPage, Listing, Page, page

router = APIRouter(prefix="/api/v1/indicators", tags=["reporting"])

Region = Annotated[AcademyCode | None, Query(description="only this academy's")]


@router.get("/agreements-by-state", response_model=Indicator[AgreementsByState])
async def read_agreements_by_state(by: CurrentActor, db: Db, wanted: FullPage, academy: Region = None) -> Response:
    """Agreements by academy and state."""
    found, next = await queries.agreements_by_state(db, academy=academy, page=wanted, by=by)
    return page(wanted, found, next, **_about("agreements_by_state"))


@router.get("/capacity", response_model=Indicator[Capacity])
async def read_capacity(by: CurrentActor, db: Db, wanted: FullPage, academy: Region = None) -> Response:
    """Centers and their seats by province, funded and unfunded."""
    found, next = await queries.capacity(db, academy=academy, page=wanted, by=by)
    return page(wanted, found, next, **_about("capacity"))


@router.get("/signatures", response_model=Listing[SignatureEntry])
async def read_signature_timeline(by: CurrentActor, db: Db, wanted: Page) -> Response:
    """Who signed what, and when, oldest first."""
    found, next = await queries.signatures(db, page=wanted, by=by)
    return page(wanted, found, next)


def _about(indicator: str) -> dict[str, Any]:
    return {"indicator": indicator, "definition_version": 1, "as_of": now()}
