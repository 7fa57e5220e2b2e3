"""Comments on agreements: a thread is opened on a point, answered, resolved, reopened."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from services.agreements.agreement import Agreement
from services.agreements.errors.negotiation import TextMovedOn
from services.agreements.errors.threads import ClauseUnknown, NotToBeMentioned, NotYourThread, PointsFull
from services.agreements.permissions import PERMISSIONS, may_settle, represented
from services.agreements.tables import AGREEMENTS, THREADS, MandateRow
from services.agreements.text import get_table
from services.agreements.thread import MOST_OPEN, Remark, Thread, ThreadState
from shared.actor import NATIONAL, Actor
from shared.clock import business_date, now
from shared.database import Transaction, Work
from shared.ids import new_id
from shared.refusals import NotFound
from shared.territory import ACADEMIES, MINISTRY_ID


async def open_thread(
    db: Work,
    agreement_id: UUID,
    *,
    clause: str | None,
    text_hash: str | None,
    body: str,
    organisations: Sequence[UUID] = (),
    people: Sequence[str] = (),
    by: Actor,
    at: datetime | None = None,
) -> Thread:
    """Make a comment on a clause of the agreement's present text, or on the agreement.

    Refuses TextMovedOn if another text is named, ClauseUnknown, PointsFull, NotToBeMentioned.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, agreement_id, "open_thread", by)
        if text_hash and text_hash != agreement.text_hash:
            raise TextMovedOn(current=agreement.text_hash, named=text_hash)
        if clause is not None:
            table = await get_table(tx, agreement.text_hash) if agreement.text_hash else ()
            if clause not in {each.key for each in table}:
                raise ClauseUnknown(clause=clause)
        await _require_room(tx, agreement_id)
        id = new_id()
        events = Thread.open(
            id,
            await _remark(tx, agreement, body, organisations, people, by, at or now()),
            agreement_id=agreement_id,
            academies=_academies(agreement),
            parties=_parties(agreement),
            clause=clause,
            text_hash=agreement.text_hash,
        )
        return await THREADS.record(tx, Thread(id=id), events, by=by)


async def answer_thread(
    db: Work,
    agreement_id: UUID,
    thread_id: UUID,
    *,
    body: str,
    organisations: Sequence[UUID] = (),
    people: Sequence[str] = (),
    by: Actor,
    at: datetime | None = None,
) -> Thread:
    """Make another comment. Refuses NotToBeMentioned, ThreadFull."""
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, agreement_id, "answer_thread", by)
        thread = await _thread(tx, agreement_id, thread_id)
        remark = await _remark(tx, agreement, body, organisations, people, by, at or now(), thread)
        return await THREADS.record(tx, thread, thread.answer(remark, parties=_parties(agreement)), by=by)


async def resolve_thread(
    db: Work, agreement_id: UUID, thread_id: UUID, *, by: Actor, expected: int | None = None
) -> Thread:
    """Say that the point is settled, for who opened it or who keeps the agreement."""
    async with db.transaction(by.scope) as tx:
        agreement, thread = await _own(tx, agreement_id, thread_id, "resolve_thread", by, expected)
        events = thread.resolve(represented(by), parties=_parties(agreement))
        return await THREADS.record(tx, thread, events, by=by)


async def reopen_thread(
    db: Work, agreement_id: UUID, thread_id: UUID, *, by: Actor, expected: int | None = None
) -> Thread:
    """Say that it is not, for the same. Refuses PointsFull."""
    async with db.transaction(by.scope) as tx:
        agreement, thread = await _own(tx, agreement_id, thread_id, "reopen_thread", by, expected)
        await _require_room(tx, agreement_id)
        events = thread.reopen(represented(by), parties=_parties(agreement))
        return await THREADS.record(tx, thread, events, by=by)


async def _agreement(tx: Transaction, id: UUID, action: str, by: Actor) -> Agreement:
    agreement = await AGREEMENTS.read(tx, id)
    PERMISSIONS.allow(by, action, agreement)
    return agreement


async def _require_room(tx: Transaction, agreement_id: UUID) -> None:
    row = THREADS.table.c
    open = select(row.id).where(row.agreement_id == agreement_id, row.status == ThreadState.open).limit(MOST_OPEN)
    if len((await tx.execute(open)).all()) >= MOST_OPEN:
        raise PointsFull(most=MOST_OPEN)


async def _thread(tx: Transaction, agreement_id: UUID, id: UUID, expected: int | None = None) -> Thread:
    thread = await THREADS.load(tx, id, expected=expected)
    if thread.agreement_id != agreement_id:
        raise NotFound()
    return thread


async def _own(
    tx: Transaction, agreement_id: UUID, id: UUID, action: str, by: Actor, expected: int | None
) -> tuple[Agreement, Thread]:
    agreement = await _agreement(tx, agreement_id, action, by)
    thread = await _thread(tx, agreement_id, id, expected)
    if not may_settle(by, agreement, thread):
        raise NotYourThread()
    return agreement, thread


async def _remark(
    tx: Transaction,
    agreement: Agreement,
    body: str,
    organisations: Sequence[UUID],
    people: Sequence[str],
    by: Actor,
    at: datetime,
    thread: Thread | None = None,
) -> Remark:
    if strangers := [each for each in organisations if each not in _present(agreement)]:
        raise NotToBeMentioned(named=strangers)
    if people and (unknown := sorted(set(people) - await _known(tx, agreement, thread, at))):
        raise NotToBeMentioned(named=unknown)
    return Remark(
        body=body,
        person=by.person,
        organisation_id=represented(by),
        organisations=tuple(organisations),
        people=tuple(people),
        at=at,
    )


def _present(agreement: Agreement) -> set[UUID]:
    """The organisations that see the agreement and have something to do with it."""
    keeping = {ACADEMIES[agreement.academy].organisation_id} if agreement.academy else set()
    return keeping | {MINISTRY_ID} | {party.organisation_id for party in agreement.parties}


def _parties(agreement: Agreement) -> list[UUID]:
    return [party.organisation_id for party in agreement.parties]


def _academies(agreement: Agreement) -> list[str]:
    present = _present(agreement)
    return [code for code, academy in ACADEMIES.items() if academy.organisation_id in present]


async def _known(tx: Transaction, agreement: Agreement, thread: Thread | None, at: datetime) -> set[str]:
    """The people of whom we know that they see the agreement: they acted or commented, or hold a party's mandate."""
    parties, today = _parties(agreement), business_date(at)
    mandated = select(col(MandateRow.person)).where(
        col(MandateRow.organisation_id).in_(parties),
        col(MandateRow.valid_from) <= today,
        col(MandateRow.valid_until) >= today,
    )
    signers = {each.person for each in agreement.signatures}
    acted = {*agreement.authors, *(each.person for each in agreement.acceptances)} | signers
    # Whoever comments need not see the mandates of whom they mention.
    async with tx.widened(NATIONAL):
        holders = (await tx.exec(mandated)).all()
    commented = {remark.person for remark in thread.comments} if thread else set()
    return acted | commented | {*holders}
