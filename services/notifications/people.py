"""People: who reads an inbox. Who they are and where they belong is what their latest access token says."""

from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import text

from services.notifications.preferences import Preferences
from shared.actor import EVERYONE, Actor, Scope
from shared.database import Transaction

PEOPLE = uuid5(NAMESPACE_URL, "urn:mithaq:people")
"""The namespace of people's ids (UUIDv5): a name of an identity provider holds any character, a code must not."""
PREFERRED = ("language", "inbox", "email", "address", "digest_at", "digest_day", "quiet_from", "quiet_until", "by_type")
"""The columns of a person that are their preferences."""

MEET = text("""
    insert into person (id, person, jurisdiction, roles, language, inbox, email, digest_at, digest_day, bounces)
    values (:id, :person, :jurisdiction, cast(:roles as text[]), 'ar', 'immediate', 'off', '08:00', 0, 0)
    on conflict (id) do update set jurisdiction = excluded.jurisdiction, roles = excluded.roles
""")
RECOGNISE = text("""
    update person set jurisdiction = :jurisdiction, roles = cast(:roles as text[])
    where id = :id and (jurisdiction, roles) is distinct from (:jurisdiction, cast(:roles as text[]))
""")


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


async def meet(tx: Transaction, by: Actor) -> UUID:
    """Know this person from now on, as their token describes them today; gives their id."""
    await tx.execute(MEET, _token(by) | {"person": by.person})
    return person_id(by.person)


async def recognise(tx: Transaction, by: Actor) -> UUID:
    """Note where a known person belongs today; a stranger stays one. Gives the id."""
    await tx.execute(RECOGNISE, _token(by))
    return person_id(by.person)


def preferences_of(row: Any) -> Preferences:
    """The preferences of a person's row."""
    return Preferences(**{name: getattr(row, name) for name in PREFERRED})


def _token(by: Actor) -> dict[str, Any]:
    return {"id": person_id(by.person), "jurisdiction": by.jurisdiction, "roles": sorted(by.roles)}
