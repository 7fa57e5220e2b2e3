"""What a calendar feed tells, and whose feeds there are."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, Text, Uuid, and_, case, cast, column, func, or_
from sqlalchemy import select as select_columns
from sqlmodel import col, select

from services.agreements.agreement import AgreementState
from services.agreements.agreement.documents import LIVING, DocumentState
from services.agreements.amendment import BEING_SIGNED, AmendmentState
from services.agreements.calendar import Appointment
from services.agreements.ceremony import CeremonyState
from services.agreements.permissions import PERMISSIONS
from services.agreements.queries.searches import PLAN_ANEW, found_by, sees_many
from services.agreements.tables import AGREEMENTS, AMENDMENTS, CEREMONIES, CalendarRow, ObligationRow
from services.agreements.waiting import awaits_visa
from shared.actor import NATIONAL, Actor, scope_of
from shared.clock import CASABLANCA
from shared.database import Database, Work
from shared.refusals import NotFound
from shared.store import digest
from shared.web import PageRequest

PAST, AHEAD = timedelta(days=30), timedelta(days=400)
"""How far back and ahead a feed reaches."""
MOST = 500
"""Most appointments of each kind in a feed that are ahead, and as many that are past: those nearest to today."""
Source = tuple[Select[Any], ColumnElement[Any], Callable[[Any], Appointment]]
"""Rows that carry an appointment, the column of their day, and the appointment of a row."""


async def calendars(db: Work, *, page: PageRequest, by: Actor) -> tuple[Sequence[CalendarRow], str | None]:
    """A page of the actor's own feeds, oldest first, and the next one's cursor."""
    PERMISSIONS.allow(by, "read_calendars")
    query = page.select(select(CalendarRow).where(col(CalendarRow.person) == by.person), CalendarRow.id)
    async with db.transaction(by.scope) as tx:
        found = (await tx.execute(query)).scalars().all()
    return page.cut(found, lambda each: [each.id])


async def feed_of(db: Database, token: str, *, today: date) -> tuple[CalendarRow, list[Appointment]]:
    """The feed of a token and what it tells today. Raises NotFound for a token that is unknown or revoked."""
    known = select(CalendarRow).where(col(CalendarRow.digest) == digest(token), col(CalendarRow.revoked_at).is_(None))
    async with db.transaction(NATIONAL) as tx:
        if (calendar := (await tx.exec(known)).first()) is None:
            raise NotFound()
    # From here on within the jurisdiction of whoever made it, and nobody else's.
    scope = scope_of(calendar.jurisdiction)
    seen_by = [] if scope == NATIONAL else [sorted(scope)]
    if calendar.organisation_id:
        seen_by.append([f"org:{calendar.organisation_id}"])
    party = f"org:{calendar.organisation_id}" if calendar.organisation_id else calendar.jurisdiction
    sources = [source() for source in SOURCES]
    if not sees_many(party):
        sources += [source(party) for source in OF_PARTIES]
    appointments: list[Appointment] = []
    async with db.transaction(scope) as tx:
        await tx.execute(PLAN_ANEW)
        for query, day, told in sources:
            seen = query.where(*(query.selected_columns.visible_to.overlap(codes) for codes in seen_by)).limit(MOST)
            ahead = seen.where(day.between(today, today + AHEAD)).order_by(day)
            past = seen.where(day < today, day >= today - PAST).order_by(day.desc())
            for near in ahead, past:
                appointments += map(told, (await tx.execute(near)).all())
    return calendar, sorted(appointments, key=lambda each: (each.on, each.uid))


def _ceremonies() -> Source:
    row = CEREMONIES.table.c
    query = select_columns(row.id, row.planned_for, row.visible_to).where(
        row.status.not_in([CeremonyState.postponed, CeremonyState.cancelled])
    )

    def told(found: Any) -> Appointment:
        local = found.planned_for.astimezone(CASABLANCA)
        return Appointment(f"ceremony-{found.id}", local.date(), "ceremony", {"time": f"{local:%H:%M}"})

    return query, row.planned_for, told


def _obligations() -> Source:
    row, agreement = ObligationRow.__table__.c, AGREEMENTS.table.c
    query = select_columns(row.obligation_id, row.occurrence, row.due_on, row.visible_to, agreement.reference).where(
        row.agreement_id == agreement.id, row.state.in_(["pending", "due", "claimed"])
    )

    def told(found: Any) -> Appointment:
        uid = f"obligation-{found.obligation_id}-{found.occurrence}"
        return Appointment(uid, found.due_on, "obligation", {"reference": found.reference})

    return query, row.due_on, told


def _offers() -> Source:
    row = AGREEMENTS.table.c
    query = select_columns(row.id, row.offered_until, row.visible_to, row.reference)

    def told(found: Any) -> Appointment:
        return Appointment(f"offer-{found.id}", found.offered_until, "offer", {"reference": found.reference})

    return query, row.offered_until, told


def _approvals() -> Source:
    row = AGREEMENTS.table.c
    query = select_columns(row.id, row.approval_due_on, row.visible_to, row.reference)

    def told(found: Any) -> Appointment:
        # A text that is approved for the first time has no reference yet.
        values = {"reference": found.reference or str(found.id)}
        return Appointment(f"approval-{found.id}", found.approval_due_on, "approval", values)

    return query, row.approval_due_on, told


def _amendment_approvals() -> Source:
    row, agreement = AMENDMENTS.table.c, AGREEMENTS.table.c
    # A party that the amendment brings in sees the amendment, not the agreement.
    both = AMENDMENTS.table.outerjoin(AGREEMENTS.table, row.agreement_id == agreement.id)
    query = select_columns(row.id, row.approval_due_on, row.visible_to, row.agreement_id, agreement.reference)

    def told(found: Any) -> Appointment:
        values = {"reference": found.reference or str(found.agreement_id)}
        return Appointment(f"amendment-{found.id}", found.approval_due_on, "amendment", values)

    return query.select_from(both), row.approval_due_on, told


def _amendment_offers() -> Source:
    row = AMENDMENTS.table.c
    until = cast(row.state["offered_until"].astext, Date)
    query = select_columns(
        row.id, until.label("offered_until"), row.visible_to, row.state["reference"].astext.label("reference")
    ).where(row.status.in_(BEING_SIGNED), row.state["offer_over"].astext == "false")

    def told(found: Any) -> Appointment:
        uid = f"amendment-offer-{found.id}"
        return Appointment(uid, found.offered_until, "amendment_offer", {"reference": found.reference})

    return query, until, told


def _starts() -> Source:
    row = AGREEMENTS.table.c
    query = select_columns(row.id, row.effective_from, row.visible_to, row.reference).where(_begins())

    def told(found: Any) -> Appointment:
        return Appointment(f"start-{found.id}", found.effective_from, "start", {"reference": found.reference})

    return query, row.effective_from, told


def _announcements() -> Source:
    row = AGREEMENTS.table.c
    # An end that was brought forward since is the earlier of the two.
    query = select_columns(row.id, row.announced, row.announced_on, row.visible_to, row.reference).where(
        or_(row.announced != "termination", row.announced_on <= row.effective_until)
    )

    def told(found: Any) -> Appointment:
        # A termination moves the end that the calendar has.
        uid = f"expiry-{found.id}" if found.announced == "termination" else f"suspension-{found.id}"
        return Appointment(uid, found.announced_on, found.announced, {"reference": found.reference})

    return query, row.announced_on, told


def _renewals() -> Source:
    row = AGREEMENTS.table.c
    query = select_columns(row.id, row.renewal_deadline_on, row.visible_to, row.reference)

    def told(found: Any) -> Appointment:
        uid = f"renewal-{found.id}-{found.renewal_deadline_on}"
        return Appointment(uid, found.renewal_deadline_on, "renewal", {"reference": found.reference})

    return query, row.renewal_deadline_on, told


def _expiries() -> Source:
    row = AGREEMENTS.table.c
    query = select_columns(row.id, row.effective_until, row.visible_to, row.reference).where(
        row.status.in_([AgreementState.in_force, AgreementState.suspended]),
        or_(row.announced.is_distinct_from("termination"), row.announced_on > row.effective_until),
    )

    def told(found: Any) -> Appointment:
        return Appointment(f"expiry-{found.id}", found.effective_until, "expiry", {"reference": found.reference})

    return query, row.effective_until, told


def _documents(party: str) -> Source:
    row = AGREEMENTS.table.c
    named = column("document_id", Uuid), column("state", Text), column("expires_on", Date)
    papers = func.jsonb_to_recordset(row.state["documents"]).table_valued(*named, joins_implicitly=True)
    paper = papers.render_derived(with_types=True).c
    query = select_columns(row.id, paper.document_id, paper.expires_on, row.visible_to, row.reference).where(
        found_by(party), row.status.in_(LIVING), paper.state == DocumentState.current
    )

    def told(found: Any) -> Appointment:
        # Papers are there from the draft on, which has no reference yet.
        values = {"reference": found.reference or str(found.id)}
        return Appointment(f"document-{found.document_id}", found.expires_on, "document", values)

    return query, paper.expires_on, told


def _amended(party: str) -> Source:
    row, agreement = AMENDMENTS.table.c, AGREEMENTS.table.c
    # What all have signed before the agreement begins counts from its first day on.
    ahead = and_(row.status == AmendmentState.signed, _begins())
    applied = row.status == AmendmentState.applied
    day = case((applied, cast(row.state["applied_on"].astext, Date)), else_=agreement.effective_from)
    reference = row.state["reference"].astext.label("reference")
    query = select_columns(row.id, day.label("day"), row.visible_to, reference).where(
        row.agreement_id == agreement.id, found_by(party, row.agreement_id), or_(applied, ahead)
    )

    def told(found: Any) -> Appointment:
        return Appointment(f"amended-{found.id}", found.day, "amended", {"reference": found.reference})

    return query, day, told


def _begins() -> ColumnElement[bool]:
    """That the agreement binds from its first day on: all have signed, no visa is waited for, and it ends later."""
    row = AGREEMENTS.table.c
    lasts = or_(row.announced_on.is_(None), row.announced_on > row.effective_from)
    return and_(row.status == AgreementState.signed, ~awaits_visa(), lasts)


SOURCES = (
    _ceremonies,
    _obligations,
    _approvals,
    _offers,
    _amendment_approvals,
    _amendment_offers,
    _starts,
    _renewals,
    _announcements,
    _expiries,
)
OF_PARTIES = (_documents, _amended)
"""What is read out of states, and so of the agreements of one party only: an office has more than can be read."""
