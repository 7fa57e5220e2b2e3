"""Calendar feeds: an address that a person gives to their calendar program."""

import secrets
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select, update

from services.agreements.errors.calendars import CalendarRevoked, TooManyCalendars
from services.agreements.parameters import parameters
from services.agreements.permissions import PERMISSIONS, heads_people
from services.agreements.tables import CalendarRow, MandateRow
from shared.actor import NATIONAL, Actor
from shared.clock import now
from shared.database import Transaction, Work
from shared.ids import new_id
from shared.refusals import NotFound
from shared.store import digest
from shared.territory import jurisdiction_of

MOST = 20
"""Feeds of a person that answer; those that were revoked, have lapsed or rest do not count."""


class IssuedCalendar(NamedTuple):
    """A new feed with its token, which is shown this once and kept as a digest only."""

    calendar: CalendarRow
    token: str


def answers_until(calendar: CalendarRow) -> datetime | None:
    """When the feed lapses unless it is renewed; none when it rests already."""
    return calendar.renewed_at + timedelta(days=parameters().calendar_days) if calendar.renewed_at else None


async def create_calendar(db: Work, *, language: str, organisation_id: UUID | None = None, by: Actor) -> IssuedCalendar:
    """A feed of what the person may see, or of one party's part of it; who has its address reads it.

    Refuses TooManyCalendars.
    """
    PERMISSIONS.allow(by, "create_calendar")
    token = secrets.token_urlsafe(24)
    calendar = CalendarRow(
        id=new_id(),
        visible_to=[by.jurisdiction],
        person=by.person,
        jurisdiction=by.jurisdiction,
        organisation_id=organisation_id,
        language=language,
        digest=digest(token),
        created_at=now(),
        renewed_at=now(),
    )
    async with db.transaction(by.scope) as tx:
        tx.add(calendar)
        await tx.flush()
        await _require_room(tx, by)
    return IssuedCalendar(calendar, token)


async def _require_room(tx: Transaction, by: Actor) -> None:
    answering = select(func.count()).where(
        col(CalendarRow.person) == by.person,
        col(CalendarRow.revoked_at).is_(None),
        col(CalendarRow.renewed_at) > now() - timedelta(days=parameters().calendar_days),
    )
    # Some may be from where the person was at home before.
    async with tx.widened(NATIONAL):
        if (await tx.exec(answering)).one() > MOST:
            raise TooManyCalendars(most=MOST)


async def renew_calendar(db: Work, id: UUID, *, by: Actor) -> CalendarRow:
    """Let a feed of one's own go on, or answer again: who does so is still at home where the feed is.

    Raises NotFound; refuses CalendarRevoked, TooManyCalendars.
    """
    PERMISSIONS.allow(by, "renew_calendar")
    own = col(CalendarRow.person) == by.person, col(CalendarRow.jurisdiction) == by.jurisdiction
    query = select(CalendarRow).where(col(CalendarRow.id) == id, *own)
    async with db.transaction(by.scope) as tx:
        calendar = (await tx.exec(query.with_for_update())).first()
        if calendar is None:
            raise NotFound()
        if calendar.revoked_at:
            raise CalendarRevoked()
        calendar.renewed_at = now()
        await tx.flush()
        await _require_room(tx, by)
    return calendar


async def rest_calendars(tx: Transaction, mandate_id: UUID, *, today: date) -> None:
    """A mandate ended before its time: who held it may have left, and their feeds there rest until they renew them.

    Whoever holds another mandate of that organisation is still there.
    """
    ended = await tx.get(MandateRow, mandate_id)
    if ended is None:
        return
    others = select(MandateRow).where(
        col(MandateRow.organisation_id) == ended.organisation_id,
        col(MandateRow.person) == ended.person,
        col(MandateRow.id) != mandate_id,
        col(MandateRow.valid_until) >= today,
    )
    if (await tx.exec(others.limit(1))).first() is None:
        theirs = (
            col(CalendarRow.person) == ended.person,
            col(CalendarRow.jurisdiction) == jurisdiction_of(ended.organisation_id),
        )
        await tx.execute(update(CalendarRow).where(*theirs).values(renewed_at=None))


async def revoke_calendar(db: Work, id: UUID, *, by: Actor) -> CalendarRow:
    """Let a feed answer no more, one's own or that of somebody whose people one heads. Raises NotFound.

    Revoking it again changes nothing.
    """
    PERMISSIONS.allow(by, "revoke_calendar")
    query = select(CalendarRow).where(col(CalendarRow.id) == id)
    if not heads_people(by):
        query = query.where(col(CalendarRow.person) == by.person)
    async with db.transaction(by.scope) as tx:
        calendar = (await tx.exec(query.with_for_update())).first()
        if calendar is None:
            raise NotFound()
        calendar.revoked_at = calendar.revoked_at or now()
        await tx.flush()
    return calendar
