"""The rules of a mandate, without input or output."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.network.errors import MandateDatesReversed, MandateEndsOutsideItself
from services.network.mandate import MandateState
from services.network.tests.builders import mandate
from shared.refusals import NotAllowedNow

FIRST, LAST = date(2024, 9, 1), date(2025, 8, 31)
DAY = timedelta(days=1)


def test_a_mandate_is_active_on_its_first_and_its_last_day() -> None:
    one = mandate()
    assert one.state_on(FIRST - DAY) is MandateState.elected
    assert one.state_on(FIRST) is one.state_on(LAST) is MandateState.active
    assert one.state_on(LAST + DAY) is MandateState.ended


def test_a_mandate_does_not_end_before_it_begins() -> None:
    with pytest.raises(MandateDatesReversed):
        mandate(valid_until=FIRST - DAY)


def test_from_the_day_it_ends_early_the_person_signs_no_more() -> None:
    one = mandate()
    on = date(2025, 2, 3)
    one.evolve(one.end(on=on, how="resigned", today=date(2025, 1, 20)))
    assert one.state_on(on - DAY) is MandateState.active
    assert one.state_on(on) is MandateState.resigned


def test_a_mandate_never_ends_in_the_past() -> None:
    with pytest.raises(MandateEndsOutsideItself):
        mandate().end(on=date(2025, 1, 19), how="revoked", today=date(2025, 1, 20))


def test_a_mandate_that_ran_out_is_not_ended_again() -> None:
    with pytest.raises(MandateEndsOutsideItself):
        mandate().end(on=LAST + DAY, how="revoked", today=LAST + DAY)


def test_a_mandate_ends_early_once() -> None:
    one = mandate()
    one.evolve(one.end(on=FIRST, how="revoked", today=FIRST))
    with pytest.raises(NotAllowedNow):
        one.end(on=FIRST, how="revoked", today=FIRST)


def test_a_mandate_covers_all_agreements_unless_some_are_named() -> None:
    assert (mandate().agreement_types, mandate().academies, mandate().agreements) == ((), (), ())
    one = UUID(int=9)
    narrow = mandate(agreement_types=["regional"], academies=["MA-06"], agreements=[one])
    assert (narrow.agreement_types, narrow.academies, narrow.agreements) == (("regional",), ("MA-06",), (one,))


def test_the_holders_name_is_not_published() -> None:
    one = mandate()
    (event,) = one.record(one.id, **one.model_dump(exclude={"id", "version", "state"}))
    assert one.holder not in event.model_dump_json()


@given(day=st.dates(FIRST - 10 * DAY, LAST + 10 * DAY), today=st.dates(FIRST, LAST), early=st.dates(FIRST, LAST))
def test_a_person_may_sign_on_a_day_only_between_both_ends(day: date, today: date, early: date) -> None:
    one = mandate()
    if early >= today:
        one.evolve(one.end(on=early, how="resigned", today=today))
        assert (one.state_on(day) is MandateState.active) == (FIRST <= day < early)
    else:
        assert (one.state_on(day) is MandateState.active) == (FIRST <= day <= LAST)
