"""Calendar feeds: an address that a person gives to their calendar program."""

import secrets
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select

from services.agreements.errors.calendars import TooManyCalendars
from services.agreements.permissions import PERMISSIONS, heads_people
from services.agreements.tables import CalendarRow
from shared.actor import NATIONAL, Actor
from shared.clock import now
from shared.database import Work
from shared.ids import new_id
from shared.refusals import NotFound
from shared.store import digest

MOST = 20
"""Feeds of a person that answer; those that were revoked do not count."""


class IssuedCalendar(NamedTuple):
    """A new feed with its token, which is shown this once and kept as a digest only."""

    calendar: CalendarRow
    token: str


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
    )
    own = select(func.count()).where(col(CalendarRow.person) == by.person, col(CalendarRow.revoked_at).is_(None))
    # Some may be from where the person was at home before.
    async with db.transaction(by.scope) as tx, tx.widened(NATIONAL):
        tx.add(calendar)
        await tx.flush()
        if (await tx.exec(own)).one() > MOST:
            raise TooManyCalendars(most=MOST)
    return IssuedCalendar(calendar, token)


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
