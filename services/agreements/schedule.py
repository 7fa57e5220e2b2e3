"""What time makes agreements do: begin, end, and go on with what a crash left."""

from collections.abc import Awaitable
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import Date
from sqlmodel import and_, case, col, column, exists, func, or_, select, true

from services.agreements import commands
from services.agreements.agreement import Agreement, AgreementState
from services.agreements.agreement.family import OVER
from services.agreements.agreement.obligations import COUNTING
from services.agreements.amendment import BEING_SIGNED, OPEN, AmendmentState
from services.agreements.tables import (
    AGREEMENTS,
    AMENDMENTS,
    CENTER_DAYS,
    OWED,
    AgreementTermRow,
    CenterFactRow,
    ObligationRow,
    SignatureBatchRow,
)
from services.agreements.touched import DONE
from services.agreements.waiting import awaits_visa
from services.agreements.words import TEXT
from shared.actor import NATIONAL
from shared.clock import now, today
from shared.database import Database
from shared.messaging.retrying import passes_by_itself
from shared.messaging.schedule import Schedule
from shared.refusals import Refusal
from shared.web import forget_answers

log = structlog.get_logger(__name__)
schedule = Schedule("agreements")

BESIDE = timedelta(days=1)
"""How long a version may run beside the one that replaces it."""
PORTION = 200
"""Agreements that a job looks into at a time while others wait for it."""
LEFT_BEHIND = timedelta(seconds=15)
"""How old a batch is before we no longer expect the request that brought it to finish it."""


@schedule.every(seconds=30, id="bring-into-force")
async def bring_into_force(database: Database) -> None:
    """Signed agreements bind from their start date on; who waits for a visa is not looked at before it is recorded."""
    row, day = AGREEMENTS.table.c, today()
    awaiting = select(row.id).where(awaits_visa()).correlate(None)
    started = row.status == AgreementState.signed, row.effective_from <= day
    due = select(row.id).where(*started, row.id.not_in(awaiting))
    async with database.transaction(NATIONAL) as tx:
        ids = (await tx.execute(due.order_by(row.id))).scalars().all()
    for id in ids:
        await _alone(commands.bring_into_force(database, id, on=day), id)


@schedule.every(seconds=60, id="expire")
async def expire(database: Database) -> None:
    """Agreements end after their end date, also those that never bound."""
    row, day = AGREEMENTS.table.c, today()
    ending = row.status.in_(Agreement.ALLOWED["expire_agreement"])
    async with database.transaction(NATIONAL) as tx:
        over = select(row.id).where(ending, row.effective_until < day).order_by(row.id)
        ids = (await tx.execute(over)).scalars().all()
    for id in ids:
        await _alone(commands.let_time_pass(database, id, on=day), id)


@schedule.every(seconds=60, id="end-with-parents")
async def end_with_parents(database: Database) -> None:
    """What follows a framework agreement does not outlive its termination."""
    row, parent = AGREEMENTS.table.c, AGREEMENTS.table.alias("parent").c
    alive = row.status.in_([AgreementState.signed, AgreementState.in_force, AgreementState.suspended])
    ended = parent.status.in_([AgreementState.terminated, AgreementState.closed])
    async with database.transaction(NATIONAL) as tx:
        orphans = select(row.id).where(row.parent_id == parent.id, alive, ended).order_by(row.id)
        ids = (await tx.execute(orphans)).scalars().all()
    for id in ids:
        await _alone(commands.let_time_pass(database, id, on=today()), id)


@schedule.every(seconds=30, id="apply-amendments")
async def apply_amendments(database: Database) -> None:
    """What was signed before the agreement was in force amends it now; what nothing is left of to amend ends."""
    row, agreement = AMENDMENTS.table.c, AGREEMENTS.table.c
    of_theirs = select(row.id).where(agreement.id == row.agreement_id).order_by(row.id)
    left = of_theirs.where(row.status.in_(OPEN), agreement.status.in_(OVER))
    async with database.transaction(NATIONAL) as tx:
        orphans = (await tx.execute(left)).scalars().all()
    await _apply_amendments(database, hindered=False)
    for id in orphans:
        await _alone(commands.end_amendment(database, id), id)


@schedule.every(seconds=3600, id="try-hindered-amendments")
async def try_hindered_amendments(database: Database) -> None:
    """What hindered a signed amendment may be gone: a child that ended, say."""
    await _apply_amendments(database, hindered=True)


@schedule.every(seconds=3600, id="recall-amendments")
async def recall_amendments(database: Database) -> None:
    """The last day to sign an amendment is recalled before it comes, and told once it has passed."""
    row = AMENDMENTS.table.c
    offered = select(row.id).where(row.status.in_(BEING_SIGNED), row.state["offered_until"].astext.is_not(None))
    async with database.transaction(NATIONAL) as tx:
        ids = (await tx.execute(offered.order_by(row.id))).scalars().all()
    for id in ids:
        await _alone(commands.let_amendment_time_pass(database, id, on=today()), id)


@schedule.every(seconds=60, id="let-time-pass")
async def let_time_pass(database: Database) -> None:
    """Obligations fall due and are recalled, editions follow one another; what an outage missed is caught up with."""
    row, day = AGREEMENTS.table.c, today()
    async with database.transaction(NATIONAL) as tx:
        due = select(row.id).where(row.next_on <= day).order_by(row.next_on, row.id)
        ids = (await tx.execute(due)).scalars().all()
    for id in ids:
        await _alone(commands.let_time_pass(database, id, on=day), id)


@schedule.every(seconds=300, id="note-open-centers")
async def note_open_centers(database: Database) -> None:
    """What a center did before the agreement was in force or an edition began, or during a rest, fulfils what waits."""
    row, center = AGREEMENTS.table.c, CenterFactRow.__table__.c
    owed = select(ObligationRow).where(OWED).subquery().c
    awaited = func.coalesce(owed.fulfilled_by, "center_opened")
    day = case(*((awaited == what, center[column]) for what, column in CENTER_DAYS.items()))
    # As Agreement.follow_center has it: none is locked while it rests, nor for what is out of its occurrence's period.
    days = column("starts_on", Date), column("ends_on", Date)
    each = func.jsonb_to_recordset(row.state["editions"]).table_valued(*days).render_derived(with_types=True).c
    started = select(each.starts_on, each.ends_on).where(each.starts_on <= owed.due_on)
    edition = started.order_by(each.starts_on.desc()).limit(1).lateral()
    entry = ObligationRow.__table__.alias().c
    before = select(func.max(entry.due_on) + 1).where(
        entry.obligation_id == owed.obligation_id, entry.occurrence < owed.occurrence, entry.state != "cancelled"
    )
    first = func.greatest(func.coalesce(edition.c.starts_on, row.effective_from), before.scalar_subquery())
    last = func.coalesce(edition.c.ends_on, row.effective_until)
    stays = and_(awaited != "center_filled", center.state.not_in(DONE))
    counts = or_(day.between(first, last), and_(stays, first <= func.greatest(day, today())))
    waiting = (
        select(owed.agreement_id, center.id)
        .join(CenterFactRow, owed.center_id == center.id)
        .join(AGREEMENTS.table, owed.agreement_id == row.id)
        .outerjoin(edition, true())
        .where(row.status.in_(COUNTING), day.is_not(None), counts)
    )
    async with database.transaction(NATIONAL) as tx:
        found = (await tx.execute(waiting.distinct())).all()
    for agreement_id, center_id in found:
        await _alone(commands.follow_center(database, agreement_id, center_id, on=today()), agreement_id)


@schedule.every(seconds=300, id="report-overdue")
async def report_overdue(database: Database) -> None:
    """Approvals that wait too long escalate, once per level: those of agreements, and those of amendments."""
    row, branch = AGREEMENTS.table.c, AMENDMENTS.table.c
    waiting = select(row.id).where(row.status == AgreementState.legal_review).order_by(row.id)
    amending = select(branch.id).where(branch.status == AmendmentState.under_review).order_by(branch.id)
    async with database.transaction(NATIONAL) as tx:
        agreements = (await tx.execute(waiting)).scalars().all()
        amendments = (await tx.execute(amending)).scalars().all()
    for id in agreements:
        await _alone(commands.report_overdue(database, id, at=now()), id)
    for id in amendments:
        await _alone(commands.report_amendment_overdue(database, id, at=now()), id)


@schedule.every(seconds=5, id="resume-batches")
async def resume_batches(database: Database) -> None:
    """Give the signatures that a crashed or overlong request left pending."""
    left = select(SignatureBatchRow).where(
        col(SignatureBatchRow.finished_at).is_(None), col(SignatureBatchRow.created_at) < now() - LEFT_BEHIND
    )
    async with database.transaction(NATIONAL) as tx:
        batches = (await tx.exec(left.order_by(col(SignatureBatchRow.id)))).all()
    for batch in batches:
        await _alone(commands.resume_batch(database, batch), batch.id)


@schedule.every(seconds=300, id="find-by-clauses")
async def find_by_clauses(database: Database) -> None:
    """What a version before clauses were terms wrote, while it ran beside this one, is found by them too.

    Only agreements whose terms are not those of their text: on most days none.
    """
    row, there = AGREEMENTS.table.c, AgreementTermRow.__table__.c
    text_hash = row.state["text_hash"].astext
    found = exists().where(there.agreement_id == row.id, there.term == TEXT + text_hash)
    lacking = select(row.id).where(row.updated_at > now() - BESIDE, text_hash.is_not(None), ~found)
    async with database.transaction(NATIONAL) as tx:
        ids = (await tx.execute(lacking.order_by(row.updated_at, row.id).limit(PORTION))).scalars().all()
    for id in ids:
        await _alone(commands.find_by_clauses(database, id), id)


@schedule.every(seconds=60, id="publish-checkpoint")
async def publish_checkpoint(database: Database) -> None:
    """Bind what was recorded, once in every hour."""
    await commands.publish_checkpoint(database, at=now())


@schedule.every(seconds=3600, id="forget-answers")
async def forget(database: Database) -> None:
    """Stored answers are replayed for a day."""
    await forget_answers(database)


async def _apply_amendments(database: Database, *, hindered: bool) -> None:
    row, agreement = AMENDMENTS.table.c, AGREEMENTS.table.c
    hindrance = row.state["hindrance"].astext
    signed = select(row.id).where(
        row.status == AmendmentState.signed,
        hindrance.is_not(None) if hindered else hindrance.is_(None),
        agreement.id == row.agreement_id,
        agreement.status.in_(Agreement.ALLOWED["amend_agreement"]),
    )
    async with database.transaction(NATIONAL) as tx:
        ids = (await tx.execute(signed.order_by(row.id))).scalars().all()
    for id in ids:
        await _alone(commands.apply_amendment(database, id, at=now()), id)


async def _alone(command: Awaitable[object], id: UUID) -> None:
    """Somebody may have decided otherwise since we looked; and one in trouble must not keep the others waiting."""
    try:
        await command
    except Refusal as refusal:
        log.info("not any more", id=str(id), refusal=refusal.slug)
    except Exception as error:
        if passes_by_itself(error):  # the job's turn comes again soon
            raise
        log.exception("one fails", id=str(id))
