"""Subscribing: which events are what somebody asked for, and of which it is foretold how many people they are told to.

One rule for the service that tells and for the one that says beforehand who will be told.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from fnmatch import fnmatchcase
from typing import Protocol

from shared.events.agreements import (
    AgreementSuspended,
    AgreementSuspensionAnnounced,
    AgreementTerminated,
    AgreementTerminationAnnounced,
    AmendmentWithdrawn,
)
from shared.events.centers import CenterAbandoned, CenterHandoverStarted, CenterSuspended

FORETOLD = tuple(
    event.type
    for event in (
        AgreementSuspended,
        AgreementSuspensionAnnounced,
        AgreementTerminated,
        AgreementTerminationAnnounced,
        AmendmentWithdrawn,
        CenterAbandoned,
        CenterHandoverStarted,
        CenterSuspended,
    )
)
"""The types of event that the suspension or the end of an agreement publishes, in agreements and in centers."""


class Asked(Protocol):
    """What somebody asks for: all conditions hold; an empty one always does."""

    @property
    def types(self) -> Sequence[str]:
        """Patterns of event types, `*` standing for anything."""

    @property
    def academies(self) -> Sequence[str]:
        """Of the event's audience."""

    @property
    def provinces(self) -> Sequence[str]:
        """In which its subject lies."""

    @property
    def agreement_types(self) -> Sequence[str]:
        """Of the agreement it is about."""

    @property
    def parties(self) -> Sequence[str]:
        """Organisations that it concerns, as `org:<id>`."""


class Told(Protocol):
    """An event as far as it is or is not what somebody asked for."""

    @property
    def type(self) -> str:
        """Its wire name."""

    @property
    def audience(self) -> AbstractSet[str]:
        """Academies."""

    @property
    def codes(self) -> AbstractSet[str]:
        """All whose jurisdiction it lies in."""

    @property
    def provinces(self) -> AbstractSet[str]:
        """Those that its subject lies in."""

    @property
    def agreement_type(self) -> str | None:
        """Of the agreement it is about; None: of no single one, or it is not known."""


def unmet(asked: Asked, event: Told) -> Iterator[str]:
    """The conditions that the event does not meet. One of an agreement's type is met by none that is not known."""
    if asked.types and not any(fnmatchcase(event.type, pattern) for pattern in asked.types):
        yield "types"
    if asked.academies and event.audience.isdisjoint(asked.academies):
        yield "academies"
    if asked.provinces and event.provinces.isdisjoint(asked.provinces):
        yield "provinces"
    if asked.agreement_types and event.agreement_type not in asked.agreement_types:
        yield "agreement_types"
    if asked.parties and event.codes.isdisjoint(asked.parties):
        yield "parties"
