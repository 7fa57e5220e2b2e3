"""Obligations over HTTP: the ledger of an agreement, and what is owed across agreements."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.agreements import commands, queries
from services.agreements.routes.lists import FILE, file_of, nearer, wording_of
from services.agreements.schemas.agreements import AgreementAnswer
from services.agreements.schemas.obligations import (
    ClaimObligation,
    ConfirmObligation,
    DecideObligation,
    ObligationAnswer,
    Owed,
    OwedAnswer,
    OwedExport,
)
from services.agreements.sheets import Cell
from services.agreements.tables import ObligationRow
from shared.clock import today
from shared.language import Wording
from shared.territory import ACADEMIES
from shared.web import CurrentActor, Db, FullPage, IfMatch, Language, Listing, Once, Page, page

router = APIRouter(prefix="/api/v1", tags=["agreements"])

COLUMNS = (
    "reference",
    "title_ar",
    "title_fr",
    "academy",
    "what_ar",
    "what_fr",
    "debtor",
    "creditor",
    "due_on",
    "state",
    "late_since",
)


@router.get("/obligations", response_model=Listing[OwedAnswer])
async def read_obligations(owed: Annotated[Owed, Query()], by: CurrentActor, db: Db, wanted: Page) -> Response:
    """What is owed under the agreements within one's jurisdiction, what is due first at the top."""
    day = today()
    found, next = await queries.obligations(db, owed, today=day, page=wanted, by=by)
    return page(wanted, [OwedAnswer.of(each, today=day) for each in found], next)


@router.get("/obligations/export", response_class=Response, responses=FILE)
async def export_obligations(
    wanted: Annotated[OwedExport, Query()], request: Request, language: Language, by: CurrentActor, db: Db
) -> Response:
    """The whole list of what is owed as a file, in the reader's language."""
    wording, day = wording_of(request), today()
    found = await queries.exported_obligations(db, wanted, today=day, by=by)
    rows = [_cells(*each, wording, language, day) for each in found]
    return await file_of(request, language, "obligations", COLUMNS, rows, format=wanted.format)


@router.get("/agreements/{id}/obligations", response_model=Listing[ObligationAnswer])
async def read_agreement_obligations(id: UUID, wanted: FullPage, by: CurrentActor, db: Db) -> Response:
    """Who owes what under the agreement, and where it stands, what is due first at the top; to every party alike."""
    found = await queries.agreement(db, id, action="read_agreement_obligations", by=by)
    ledger = ObligationAnswer.all_of(found, by, today=today())
    items, next = wanted.within(ledger, lambda each: (each.obligation_id, each.occurrence))
    return page(wanted, items, next, version=found.version)


@router.post("/agreements/{id}/obligations/{obligation_id}/claim", response_model=AgreementAnswer)
async def claim_obligation(
    id: UUID, obligation_id: UUID, body: ClaimObligation, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Say for the debtor that the obligation is met, with the evidence."""
    return await once(
        lambda tx: commands.claim_obligation(tx, id, obligation_id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/agreements/{id}/obligations/{obligation_id}/return", response_model=AgreementAnswer)
async def return_obligation(
    id: UUID, obligation_id: UUID, body: DecideObligation, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Send the evidence back for a creditor."""
    return await once(
        lambda tx: commands.return_obligation(tx, id, obligation_id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/agreements/{id}/obligations/{obligation_id}/confirmation", response_model=AgreementAnswer)
async def confirm_obligation(
    id: UUID, obligation_id: UUID, body: ConfirmObligation, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Take the evidence, for a creditor or as keeper of the agreement."""
    return await once(
        lambda tx: commands.confirm_obligation(tx, id, obligation_id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/agreements/{id}/obligations/{obligation_id}/waiver", response_model=AgreementAnswer)
async def waive_obligation(
    id: UUID, obligation_id: UUID, body: DecideObligation, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Give the obligation up for its creditor."""
    return await once(
        lambda tx: commands.waive_obligation(tx, id, obligation_id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


def _cells(entry: ObligationRow, row: Any, wording: Wording, language: str, today: date) -> Sequence[Cell]:
    """An entry, with a row of its agreement, as COLUMNS has it."""
    owed: OwedAnswer = OwedAnswer.of(entry, today=today)
    debtor, creditor = (row.names.get(str(each)) if each else None for each in (owed.debtor_id, owed.creditor_id))
    return (
        row.reference,
        row.title["ar"],
        row.title["fr"],
        getattr(ACADEMIES[row.academy], f"name_{language}") if row.academy else None,
        owed.what.ar,
        owed.what.fr,
        debtor and nearer(debtor, language),
        creditor and nearer(creditor, language),
        owed.due_on,
        wording.text(f"states.obligation.{owed.state}", language),
        owed.late_since,
    )
