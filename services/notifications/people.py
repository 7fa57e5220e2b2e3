"""People: who reads an inbox. Who they are and where they belong is what their latest access token says."""

from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from services.notifications.preferences import Preferences
from shared.actor import EVERYONE, Actor, Scope

PEOPLE = uuid5(NAMESPACE_URL, "urn:mithaq:people")
"""The namespace of people's ids (UUIDv5): a name of an identity provider holds any character, a code must not."""
PREFERRED = ("language", "inbox", "email", "address", "digest_at", "digest_day", "quiet_from", "quiet_until", "by_type")
"""The columns of a person that are their preferences."""


def person_id(person: str) -> UUID:
    """The id of a person (`Actor.person`)."""
    return uuid5(PEOPLE, person)


def code_of(id: UUID) -> str:
    """The code on rows that only this person may see."""
    return f"person:{id}"


def own_scope(by: Actor) -> Scope:
    """The rows of a person's own transactions: their own ones and those of their jurisdiction, nobody else's.

    A national person's is no exception: that they may see all regions does not open other people's inboxes to them.
    """
    return frozenset({code_of(person_id(by.person)), by.jurisdiction, EVERYONE})


def preferences_of(row: Any) -> Preferences:
    """The preferences of a person's row."""
    return Preferences(**{name: getattr(row, name) for name in PREFERRED})
