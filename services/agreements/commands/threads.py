"""Comments on agreements and amendments: a thread is opened on a point, answered, resolved, reopened."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlmodel import select

from services.agreements.amendment import Amendment
from services.agreements.commands.loading import contents_of
from services.agreements.commands.participants import File, acted, commented, mandated, parties_of, place_of, present
from services.agreements.conditions import may_settle
from services.agreements.errors.negotiation import TextMovedOn
from services.agreements.errors.threads import (
    ClauseUnknown,
    NotToBeMentioned,
    NotYourThread,
    ObligationUnknown,
    PointsFull,
)
from services.agreements.jurisdiction import represented
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS, AMENDMENTS, THREADS
from services.agreements.tables.threads import on_file
from services.agreements.text import get_table
from services.agreements.thread import MOST_OPEN, Point, Remark, Thread, ThreadState
from shared.actor import NATIONAL, Actor
from shared.clock import business_date, now
from shared.database import Transaction, Work
from shared.ids import new_id
from shared.refusals import NotFound
from shared.territory import ACADEMIES

Of = Literal["agreement", "amendment"]
"""What is discussed."""


async def open_thread(
    db: Work,
    file_id: UUID,
    *,
    of: Of = "agreement",
    clause: str | None,
    obligation_id: UUID | None = None,
    text_hash: str | None,
    body: str,
    organisations: Sequence[UUID] = (),
    people: Sequence[str] = (),
    by: Actor,
    at: datetime | None = None,
) -> Thread:
    """Make a comment on an agreement or an amendment, or on a clause or an obligation of it as it stands.

    Refuses TextMovedOn if another text is named, ClauseUnknown, ObligationUnknown, PointsFull, NotToBeMentioned.
    """
    async with db.transaction(by.scope) as tx:
        file = await discussed(tx, file_id, "open_thread", by, of=of)
        if text_hash and text_hash != text_of(file):
            raise TextMovedOn(current=text_of(file), named=text_hash)
        clauses, obligations = await _points(tx, file)
        if clause is not None and clause not in clauses:
            raise ClauseUnknown(clause=clause)
        if obligation_id is not None and obligation_id not in obligations:
            raise ObligationUnknown(obligation=obligation_id)
        await _require_room(tx, file)
        events = Thread.open(
            id := new_id(),
            await _remark(tx, file, body, organisations, people, by, at or now()),
            point=Point.model_validate({**place_of(file), "clause": clause, "obligation_id": obligation_id}),
            academies=_academies(file),
            parties=parties_of(file),
            text_hash=text_of(file),
        )
        return await THREADS.record(tx, Thread(id=id), events, by=by)


async def answer_thread(
    db: Work,
    file_id: UUID,
    thread_id: UUID,
    *,
    of: Of = "agreement",
    body: str,
    organisations: Sequence[UUID] = (),
    people: Sequence[str] = (),
    by: Actor,
    at: datetime | None = None,
) -> Thread:
    """Make another comment. Refuses NotToBeMentioned, ThreadFull."""
    async with db.transaction(by.scope) as tx:
        file = await discussed(tx, file_id, "answer_thread", by, of=of)
        thread = hanging_on(file, await THREADS.load(tx, thread_id))
        remark = await _remark(tx, file, body, organisations, people, by, at or now())
        return await THREADS.record(tx, thread, thread.answer(remark, parties=parties_of(file)), by=by)


async def resolve_thread(
    db: Work, file_id: UUID, thread_id: UUID, *, of: Of = "agreement", by: Actor, expected: int | None = None
) -> Thread:
    """Say that the point is settled, for who opened it or who keeps the agreement."""
    async with db.transaction(by.scope) as tx:
        file, thread = await _own(tx, file_id, thread_id, "resolve_thread", by, expected, of)
        events = thread.resolve(represented(by), parties=parties_of(file))
        return await THREADS.record(tx, thread, events, by=by)


async def reopen_thread(
    db: Work, file_id: UUID, thread_id: UUID, *, of: Of = "agreement", by: Actor, expected: int | None = None
) -> Thread:
    """Say that it is not, for the same. Refuses PointsFull."""
    async with db.transaction(by.scope) as tx:
        file, thread = await _own(tx, file_id, thread_id, "reopen_thread", by, expected, of)
        await _require_room(tx, file)
        events = thread.reopen(represented(by), parties=parties_of(file))
        return await THREADS.record(tx, thread, events, by=by)


def action_on(of: Of, action: str) -> str:
    """What the action is called where it is taken: `open_thread` on an amendment is `open_amendment_thread`."""
    return action if of == "agreement" else action.replace("_", "_amendment_", 1)


async def discussed(tx: Transaction, id: UUID, action: str, by: Actor, *, of: Of) -> File:
    """What is discussed, if this person may take the action on it. Raises NotFound, Forbidden."""
    file: File = await (AGREEMENTS if of == "agreement" else AMENDMENTS).read(tx, id)
    PERMISSIONS.allow(by, action_on(of, action), file)
    return file


def hanging_on(file: File, thread: Thread) -> Thread:
    """The thread, if it hangs on this. Raises NotFound."""
    if file.id != (thread.amendment_id or thread.agreement_id):
        raise NotFound()
    return thread


def text_of(file: File) -> str | None:
    """The hash of the text that is discussed: the agreement's, or the amendment's branch."""
    return file.content_hash if isinstance(file, Amendment) else file.text_hash


async def _points(tx: Transaction, file: File) -> tuple[set[str], set[UUID]]:
    """The keys of the clauses and the ids of the obligations that can be discussed."""
    if isinstance(file, Amendment):
        # What it takes away is discussed as well.
        sides = await contents_of(tx, file)
        clauses = {each.key for side in sides for each in side.clauses}
        return clauses, {each.obligation_id for side in sides for each in side.obligations}
    table = await get_table(tx, file.text_hash) if file.text_hash else ()
    return {each.key for each in table}, {each.obligation_id for each in file.duties}


async def _require_room(tx: Transaction, file: File) -> None:
    row = THREADS.table.c
    open = select(row.id).where(*on_file(file), row.status == ThreadState.open).limit(MOST_OPEN)
    if len((await tx.execute(open)).all()) >= MOST_OPEN:
        raise PointsFull(most=MOST_OPEN)


async def _own(
    tx: Transaction, file_id: UUID, id: UUID, action: str, by: Actor, expected: int | None, of: Of
) -> tuple[File, Thread]:
    file = await discussed(tx, file_id, action, by, of=of)
    thread = hanging_on(file, await THREADS.load(tx, id, expected=expected))
    if not may_settle(by, file, thread):
        raise NotYourThread()
    return file, thread


async def _remark(
    tx: Transaction,
    file: File,
    body: str,
    organisations: Sequence[UUID],
    people: Sequence[str],
    by: Actor,
    at: datetime,
) -> Remark:
    if strangers := [each for each in organisations if each not in present(file)]:
        raise NotToBeMentioned(named=strangers)
    if people and (unknown := sorted(set(people) - await _known(tx, file, at))):
        raise NotToBeMentioned(named=unknown)
    return Remark(
        body=body,
        person=by.person,
        name=by.name,
        organisation_id=represented(by),
        organisations=tuple(organisations),
        people=tuple(people),
        at=at,
    )


def _academies(file: File) -> list[str]:
    there = present(file)
    return [code for code, academy in ACADEMIES.items() if academy.organisation_id in there]


async def _known(tx: Transaction, file: File, at: datetime) -> set[str]:
    """The people of whom we know that they see it: they acted or commented, or hold a party's mandate."""
    # Whoever comments need not see the mandates of whom they mention.
    async with tx.widened(NATIONAL):
        holders = await mandated(tx, file, business_date(at))
    return {*await acted(tx, file), *await commented(tx, file), *holders}
