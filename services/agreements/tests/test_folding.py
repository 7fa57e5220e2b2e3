"""Folding: which parts of agreements and amendments follow which events."""

from itertools import chain

import pytest

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from shared.events.agreements import AgreementApprovalsVoided, AgreementVisaAwaited, AmendmentApprovalsVoided
from shared.events.base import DomainEvent
from shared.events.catalog import ALL

TWO = pytest.mark.parametrize("aggregate", [Agreement, Amendment])
UNFOLLOWED = {AgreementApprovalsVoided, AgreementVisaAwaited, AmendmentApprovalsVoided}
"""What only tells others: the event beside it changes the agreement."""


def own(aggregate: type[Agreement | Amendment]) -> list[type[DomainEvent]]:
    return [event for event in ALL if event.topic == f"agreements.{aggregate.kind}"]


@TWO
def test_every_event_of_its_own_changes_it(aggregate: type[Agreement | Amendment]) -> None:
    assert {event for event in own(aggregate) if not aggregate.changes_by(event)} == UNFOLLOWED & {*own(aggregate)}


@TWO
def test_an_event_of_another_aggregate_is_refused(aggregate: type[Agreement | Amendment]) -> None:
    for event in {*ALL} - {*own(aggregate)}:
        with pytest.raises(TypeError, match=event.type):
            aggregate.changes_by(event)


@TWO
def test_what_a_part_does_after_an_event_has_a_name_of_its_own(aggregate: type[Agreement | Amendment]) -> None:
    for change in {*chain(*map(aggregate.changes_by, own(aggregate)))}:
        assert [part for part in aggregate.__mro__ if change.__name__ in vars(part)] == [
            part for part in aggregate.__mro__ if change in vars(part).values()
        ]
