"""Whose a file is, and for whom an actor acts."""

from functools import lru_cache
from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.ceremony import Ceremony
from shared.actor import Actor
from shared.territory import MINISTRY_ID, OFFICES


def owns(actor: Actor, file: Agreement | Amendment | Ceremony) -> bool:
    """An academy keeps its own agreements, the ministry the national ones; neither changes the other's.

    A ceremony is an academy's if that keeps all of its agreements.
    """
    return actor.jurisdiction == (file.academy or "national")


def owns_or_supervises(actor: Actor, file: Agreement | Amendment | Ceremony) -> bool:
    """The owner, and the ministry for all."""
    return actor.jurisdiction == "national" or owns(actor, file)


def may_represent(actor: Actor, file: Agreement | Amendment) -> bool:
    """Whether a party's organisation lies in the actor's jurisdiction, so that a mandate for it may be theirs."""
    if actor.jurisdiction == "national":
        return True
    return any(party.organisation_id == organisation_of(actor) for party in file.parties)


def organisation_of(actor: Actor) -> UUID | None:
    """The organisation that the actor acts for; none for a jurisdiction that is nobody's."""
    return _organisation_in(actor.jurisdiction)


@lru_cache(2_000)
def _organisation_in(jurisdiction: str) -> UUID | None:
    """Kept: each action that a party may take asks whose party it is."""
    if jurisdiction == "national":
        return MINISTRY_ID
    if jurisdiction in OFFICES:
        return OFFICES[jurisdiction].organisation_id
    kind, _, id = jurisdiction.partition(":")
    return UUID(id) if kind == "org" else None


def represented(actor: Actor) -> UUID:
    """The same, for actions that the table leaves to those who act for one."""
    found = organisation_of(actor)
    assert found is not None, "nobody else is let in"
    return found


def acts_for(actor: Actor, organisation: UUID) -> bool:
    """Whether the actor acts for this organisation."""
    return organisation_of(actor) == organisation
