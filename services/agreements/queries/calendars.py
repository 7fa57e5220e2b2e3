"""What a calendar feed tells, and whose feeds there are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, and_, func, or_, text
from sqlalchemy import select as select_columns
from sqlmodel import col, select

from services.agreements.agreement import AgreementState
from services.agreements.agreement.documents import DocumentState
from services.agreements.amendment import AmendmentState
from services.agreements.bilingual import Bilingual
from services.agreements.calendar import Appointment, Sitting
from services.agreements.ceremony import CeremonyState
from services.agreements.commands.calendars import answers_until
from services.agreements.permissions import PERMISSIONS, heads_people
from services.agreements.queries.searches import BY_INDEX, found_by, sees_many
from services.agreements.tables import AGREEMENTS, AMENDMENTS, CEREMONIES, CalendarRow, ObligationRow
from services.agreements.waiting import awaits_visa
from shared.actor import NATIONAL, Actor, scope_of
from shared.clock import business_date, now
from shared.database import Database, Work
from shared.messaging.tables import JournalRow
from shared.refusals import Forbidden, NotFound
from shared.store import digest
from shared.web import PageRequest

PAST, AHEAD = timedelta(days=30), timedelta(days=400)
"""How far back and ahead a feed reaches."""
MOST = 500
"""Most appointments of each kind in a feed that are ahead, and as many that are past: those nearest to today."""
LASTS = timedelta(hours=2)
"""How long a ceremony is shown that has not been closed: nobody says how long it will take."""
# How many rows a reader may see the planner guesses too low: it would read all in the window to put them in order.
IN_ORDER = text("select set_config('enable_sort', 'off', true)")


class Source(NamedTuple):
    """Where appointments are found: each in the order of an index over the days, of which nobody's are read whole."""

    rows: Select[Any]
    day: ColumnElement[date]
    """The column of a row's day; of several, the first that is ahead."""
    told: Callable[[Any], Iterator[Appointment]]
    moved_by: Table
    """The files with whose versions it moves."""
    agreement: ColumnElement[UUID] | None = None
    """By which the few agreements of one party are looked up; none where who is yet to join sees it too."""


async def calendars(
    db: Work, *, person: str | None = None, page: PageRequest, by: Actor
) -> tuple[Sequence[CalendarRow], str | None]:
    """A page of a person's feeds, oldest first, and the next one's cursor; the actor's own if nobody is named.

    Of another person it tells those of the actor's jurisdiction. Refuses Forbidden to who heads nobody.
    """
    PERMISSIONS.allow(by, "read_calendars")
    person = person or by.person
    if person != by.person and not heads_people(by):
        raise Forbidden(action="read_calendars")
    query = page.select(select(CalendarRow).where(col(CalendarRow.person) == person), CalendarRow.id)
    async with db.transaction(by.scope) as tx:
        found = (await tx.execute(query)).scalars().all()
    return page.cut(found, lambda each: [each.id])


async def feed_of(db: Database, token: str, *, today: date) -> tuple[CalendarRow, list[Appointment]]:
    """The feed of a token and what it tells today. Raises NotFound for one that is unknown, revoked or has lapsed."""
    known = select(CalendarRow).where(col(CalendarRow.digest) == digest(token), col(CalendarRow.revoked_at).is_(None))
    async with db.transaction(NATIONAL) as tx:
        if (calendar := (await tx.exec(known)).first()) is None:
            raise NotFound()
    ends = answers_until(calendar)
    if ends is None or ends <= now():
        raise NotFound()
    # From here on within the jurisdiction of whoever made it, and nobody else's.
    scope = scope_of(calendar.jurisdiction)
    seen_by = [] if scope == NATIONAL else [sorted(scope)]
    if calendar.organisation_id:
        seen_by.append([f"org:{calendar.organisation_id}"])
    party = f"org:{calendar.organisation_id}" if calendar.organisation_id else calendar.jurisdiction
    first, last = today - PAST, today + AHEAD
    appointments = [_end_of(calendar, ends)]
    async with db.transaction(scope) as tx:
        await tx.execute(BY_INDEX)
        if sees_many(party):
            await tx.execute(IN_ORDER)
        for rows, day, told, moved_by, agreement in (source() for source in SOURCES):
            seen = rows.add_columns(*_revision(moved_by))
            seen = seen.where(*(rows.selected_columns.visible_to.overlap(codes) for codes in seen_by)).limit(MOST)
            if agreement is not None and not sees_many(party):
                seen = seen.where(found_by(party, agreement))
            ahead = seen.where(day.between(today, last)).order_by(day)
            past = seen.where(day < today, day >= first).order_by(day.desc())
            for near in ahead, past:
                found = [
                    replace(each, version=row.version, changed_at=row.changed_at)
                    for row in (await tx.execute(near)).all()
                    for each in told(row)
                ]
                within = (each for each in found if first <= each.on <= last)
                appointments += sorted(within, key=lambda each: (abs(each.on - today), each.uid))[:MOST]
    return calendar, sorted(appointments, key=lambda each: (each.on, each.uid))


def _end_of(calendar: CalendarRow, ends: datetime) -> Appointment:
    """That the feed itself lapses, so that whoever reads it renews it."""
    renewed = calendar.renewed_at or calendar.created_at
    # Grows with each renewal, and fits 32 bits.
    version = int(renewed.timestamp()) // 60
    return Appointment(f"feed-{calendar.id}", business_date(ends), "feed", version=version, changed_at=renewed)


def _revision(moved_by: Table) -> tuple[ColumnElement[int], ColumnElement[datetime]]:
    """The version of a file, and since when it is."""
    row, written = moved_by.c, JournalRow.__table__.c  # type: ignore[attr-defined]
    if "updated_at" in row:
        return row.version, row.updated_at.label("changed_at")
    last = select_columns(written.recorded_at).where(
        written.aggregate_id == row.id, written.aggregate_version == row.version
    )
    return row.version, last.correlate(moved_by).scalar_subquery().label("changed_at")


def _ceremonies() -> Source:
    row = CEREMONIES.table.c
    of = [row.state[name].label(name) for name in ("title", "place", "opened_at", "closed_at")]
    number = func.cardinality(row.agreements).label("number")
    query = select_columns(row.id, row.planned_for, row.visible_to, number, *of).where(
        row.status.not_in([CeremonyState.postponed, CeremonyState.cancelled])
    )

    def told(found: Any) -> Iterator[Appointment]:
        # What was opened stands where it began, whatever had been planned: so does its row from then on.
        start = datetime.fromisoformat(found.opened_at) if found.opened_at else found.planned_for
        end = datetime.fromisoformat(found.closed_at) if found.closed_at else start + LASTS
        place = Bilingual.model_validate(found.place) if found.place else None
        # An event ends after its start (RFC 5545, 3.8.2.2), which a feed tells to the second.
        sitting = Sitting(start, max(end, start + timedelta(minutes=1)), place)
        values: dict[str, str | Bilingual] = {
            "title": Bilingual.model_validate(found.title),
            "number": str(found.number),
        }
        yield Appointment(f"ceremony-{found.id}", business_date(start), "ceremony", values, sitting)

    return Source(query, row.planned_for, told, CEREMONIES.table)


def _obligations() -> Source:
    row, agreement = ObligationRow.__table__.c, AGREEMENTS.table.c
    of = (row.debtor_id, row.what_ar, row.what_fr, agreement.reference, agreement.state["names"].label("names"))
    query = select_columns(row.obligation_id, row.occurrence, row.due_on, row.visible_to, *of).where(
        row.agreement_id == agreement.id, row.state.in_(["pending", "due", "claimed"])
    )

    def told(found: Any) -> Iterator[Appointment]:
        uid = f"obligation-{found.obligation_id}-{found.occurrence}"
        what = Bilingual(ar=found.what_ar, fr=found.what_fr)
        values: dict[str, str | Bilingual] = {"what": what, "reference": found.reference}
        if name := found.names.get(str(found.debtor_id)):
            values["debtor"] = Bilingual.model_validate(name)
        yield Appointment(uid, found.due_on, "obligation", values)

    return Source(query, row.due_on, told, AGREEMENTS.table, row.agreement_id)


def _offers() -> Source:
    row = AGREEMENTS.table.c
    query = select_columns(row.id, row.offered_until, row.visible_to, row.reference)

    def told(found: Any) -> Iterator[Appointment]:
        yield Appointment(f"offer-{found.id}", found.offered_until, "offer", {"reference": found.reference})

    return Source(query, row.offered_until, told, AGREEMENTS.table, row.id)


def _approvals() -> Source:
    row = AGREEMENTS.table.c
    query = select_columns(row.id, row.approval_due_on, row.visible_to, row.reference)

    def told(found: Any) -> Iterator[Appointment]:
        # A text that is approved for the first time has no reference yet.
        values = {"reference": found.reference or str(found.id)}
        yield Appointment(f"approval-{found.id}", found.approval_due_on, "approval", values)

    return Source(query, row.approval_due_on, told, AGREEMENTS.table, row.id)


def _amendment_approvals() -> Source:
    row, agreement = AMENDMENTS.table.c, AGREEMENTS.table.c
    # A party that the amendment brings in sees the amendment, not the agreement.
    both = AMENDMENTS.table.outerjoin(AGREEMENTS.table, row.agreement_id == agreement.id)
    query = select_columns(row.id, row.approval_due_on, row.visible_to, row.agreement_id, agreement.reference)

    def told(found: Any) -> Iterator[Appointment]:
        values = {"reference": found.reference or str(found.agreement_id)}
        yield Appointment(f"amendment-{found.id}", found.approval_due_on, "amendment", values)

    return Source(query.select_from(both), row.approval_due_on, told, AMENDMENTS.table)


def _amendment_offers() -> Source:
    row = AMENDMENTS.table.c
    query = select_columns(row.id, row.offered_until, row.visible_to, row.state["reference"].astext.label("reference"))

    def told(found: Any) -> Iterator[Appointment]:
        uid = f"amendment-offer-{found.id}"
        yield Appointment(uid, found.offered_until, "amendment_offer", {"reference": found.reference})

    return Source(query, row.offered_until, told, AMENDMENTS.table)


def _starts() -> Source:
    row = AGREEMENTS.table.c
    query = select_columns(row.id, row.effective_from, row.visible_to, row.reference).where(_begins())

    def told(found: Any) -> Iterator[Appointment]:
        yield Appointment(f"start-{found.id}", found.effective_from, "start", {"reference": found.reference})

    return Source(query, row.effective_from, told, AGREEMENTS.table, row.id)


def _announcements() -> Source:
    row = AGREEMENTS.table.c
    # An end that was brought forward since comes first.
    query = select_columns(row.id, row.announced, row.announced_on, row.visible_to, row.reference).where(
        row.announced_on <= row.effective_until
    )

    def told(found: Any) -> Iterator[Appointment]:
        # A termination moves the end that the calendar has.
        uid = f"expiry-{found.id}" if found.announced == "termination" else f"suspension-{found.id}"
        yield Appointment(uid, found.announced_on, found.announced, {"reference": found.reference})

    return Source(query, row.announced_on, told, AGREEMENTS.table, row.id)


def _renewals() -> Source:
    row = AGREEMENTS.table.c
    query = select_columns(row.id, row.renewal_deadline_on, row.visible_to, row.reference)

    def told(found: Any) -> Iterator[Appointment]:
        uid = f"renewal-{found.id}-{found.renewal_deadline_on}"
        yield Appointment(uid, found.renewal_deadline_on, "renewal", {"reference": found.reference})

    return Source(query, row.renewal_deadline_on, told, AGREEMENTS.table, row.id)


def _expiries() -> Source:
    row = AGREEMENTS.table.c
    query = select_columns(row.id, row.effective_until, row.visible_to, row.reference).where(
        row.status.in_([AgreementState.in_force, AgreementState.suspended]),
        or_(row.announced.is_distinct_from("termination"), row.announced_on > row.effective_until),
    )

    def told(found: Any) -> Iterator[Appointment]:
        yield Appointment(f"expiry-{found.id}", found.effective_until, "expiry", {"reference": found.reference})

    return Source(query, row.effective_until, told, AGREEMENTS.table, row.id)


def _documents() -> Source:
    row = AGREEMENTS.table.c
    papers = row.state["documents"].label("papers")
    query = select_columns(row.id, row.papers_until, row.visible_to, row.reference, papers)

    def told(found: Any) -> Iterator[Appointment]:
        # Papers are there from the draft on, which has no reference yet.
        values = {"reference": found.reference or str(found.id)}
        for paper in found.papers:
            if paper["state"] == DocumentState.current and paper["expires_on"]:
                uid, until = f"document-{paper['document_id']}", date.fromisoformat(paper["expires_on"])
                yield Appointment(uid, until, "document", values)

    return Source(query, row.papers_until, told, AGREEMENTS.table, row.id)


def _amended() -> Source:
    row = AMENDMENTS.table.c
    reference = row.state["reference"].astext.label("reference")
    return Source(
        select_columns(row.id, row.applied_on, row.visible_to, reference), row.applied_on, _counts, AMENDMENTS.table
    )


def _to_be_amended() -> Source:
    """What all have signed before the agreement begins counts from its first day on."""
    row, agreement = AMENDMENTS.table.c, AGREEMENTS.table.c
    reference, day = row.state["reference"].astext.label("reference"), agreement.effective_from
    query = select_columns(row.id, day, row.visible_to, reference).where(
        row.agreement_id == agreement.id, row.status == AmendmentState.signed, _begins()
    )
    return Source(query, day, _counts, AMENDMENTS.table, row.agreement_id)


def _counts(found: Any) -> Iterator[Appointment]:
    yield Appointment(f"amended-{found.id}", found[1], "amended", {"reference": found.reference})


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
    _amended,
    _to_be_amended,
    _renewals,
    _announcements,
    _expiries,
    _documents,
)
