"""Whose notices are meant, and which rows lie within one's jurisdiction."""

from typing import Any

from sqlalchemy import ColumnElement

from services.notifications.errors import AcademyNotNamed
from shared.actor import Actor
from shared.refusals import Forbidden, NotFound
from shared.territory import ACADEMIES


def academy_meant(academy: str | None, by: Actor) -> str:
    """The academy an actor asks about: its own, or the one a national actor names.

    Raises NotFound for another academy, AcademyNotNamed, and Forbidden for who belongs to none.
    """
    if by.jurisdiction == "national":
        if academy is None:
            raise AcademyNotNamed()
        return academy
    if by.jurisdiction not in ACADEMIES:
        raise Forbidden()
    if academy not in (None, by.jurisdiction):
        raise NotFound()
    return by.jurisdiction


def within(column: Any, by: Actor) -> list[ColumnElement[bool]]:
    """The condition that a row is of the actor's academy; none for a national actor."""
    return [] if by.jurisdiction == "national" else [column == by.jurisdiction]
