"""The past: from when each event of an agreement counts, and what the agreement was at an instant.

An event counts from the day on which it says that it took effect, if that day was over or had begun when it was
recorded; any other counts from its recording. Nothing counts before what it rests on.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from services.agreements.agreement import Agreement
from shared.aggregate import Recorded
from shared.clock import start_of
from shared.events.agreements import (
    AgreementAmended,
    AgreementApproved,
    AgreementArchived,
    AgreementCameIntoForce,
    AgreementClosed,
    AgreementDocumentAttached,
    AgreementDocumentExpired,
    AgreementEditionEnded,
    AgreementEditionOpened,
    AgreementExpired,
    AgreementNotRenewed,
    AgreementObligationClaimed,
    AgreementObligationFellDue,
    AgreementObligationFulfilled,
    AgreementRenewalFellDue,
    AgreementRenewed,
    AgreementResumed,
    AgreementSignatureOfferExpired,
    AgreementSignatureOfferRenewed,
    AgreementSigned,
    AgreementSuspended,
    AgreementTerminated,
    AgreementVisaRecorded,
)
from shared.events.base import DomainEvent


class Effect(NamedTuple):
    """From which day an event counts."""

    day: Callable[[Any], date | None]
    """What the event says of it; None: the moment of its recording."""
    after: tuple[type[DomainEvent], ...]
    """What it rests on: it does not count before the last of these that was recorded before it."""


ONE_DAY = timedelta(days=1)
COUNTING = (AgreementCameIntoForce, AgreementResumed, AgreementAmended)
"""The days of obligations and editions count from these on."""
EFFECTS: dict[type[DomainEvent], Effect] = {
    AgreementSignatureOfferExpired: Effect(
        lambda it: it.offered_until + ONE_DAY, (AgreementApproved, AgreementSignatureOfferRenewed)
    ),
    # What was signed after its start date, or waited for its visa, bound nobody before.
    AgreementCameIntoForce: Effect(lambda it: it.in_force_on, (AgreementSigned, AgreementVisaRecorded)),
    AgreementSuspended: Effect(lambda it: it.effective_on, (AgreementCameIntoForce,)),
    AgreementResumed: Effect(lambda it: it.effective_on, (AgreementSuspended,)),
    AgreementTerminated: Effect(lambda it: it.effective_on, (AgreementSigned, AgreementCameIntoForce)),
    AgreementExpired: Effect(lambda it: it.expired_on, (AgreementCameIntoForce,)),
    AgreementArchived: Effect(lambda it: it.archived_on, (AgreementClosed,)),
    AgreementEditionOpened: Effect(lambda it: it.starts_on, (*COUNTING, AgreementRenewed)),
    AgreementEditionEnded: Effect(lambda it: it.ended_on + ONE_DAY, (AgreementEditionOpened, AgreementAmended)),
    AgreementRenewalFellDue: Effect(lambda it: it.due_on, (AgreementEditionOpened, AgreementAmended)),
    AgreementRenewed: Effect(lambda it: it.starts_on if it.tacit else None, (AgreementRenewalFellDue,)),
    AgreementNotRenewed: Effect(
        lambda it: it.effective_until + ONE_DAY if it.how == "lapsed" else None, (AgreementRenewalFellDue,)
    ),
    AgreementObligationFellDue: Effect(lambda it: it.due_on, (*COUNTING, AgreementRenewed)),
    AgreementObligationClaimed: Effect(lambda it: it.claimed_on, COUNTING),
    AgreementObligationFulfilled: Effect(lambda it: it.fulfilled_on, COUNTING),
    AgreementDocumentExpired: Effect(lambda it: it.expires_on + ONE_DAY, (AgreementDocumentAttached,)),
}
"""The events that may be recorded after the day on which they took effect. Any other is an act of its moment."""


def counting_from(life: Iterable[Recorded]) -> Iterator[tuple[datetime, Recorded]]:
    """Each event of a life with the instant from which it counts, in the order of their recording."""
    last: dict[type[DomainEvent], datetime] = {}
    for each in life:
        since, effect = each.at, EFFECTS.get(type(each.event))
        day = effect.day(each.event) if effect else None
        if effect and day is not None:
            bases = [last[base] for base in effect.after if base in last]
            since = min(each.at, max([start_of(day), *bases]))
        last[type(each.event)] = since
        yield since, each


def as_of(id: UUID, life: Iterable[Recorded], instant: datetime | None) -> Agreement:
    """The agreement at an instant, by these events; None: after all of them. Its version is the last that counts.

    What counts is folded in the order of its recording, in which it was decided one upon the other: of two decisions
    on the same days the later one holds. At the last instant the past is therefore the present.
    """
    found, version = Agreement(id=id), 0
    for since, each in counting_from(life):
        if instant is None or since <= instant:
            found.apply(each.event)
            version = each.version
    found.version = version
    return found
