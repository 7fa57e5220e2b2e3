"""When e-mails are due: by Morocco's clock, through Ramadan and back."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.notifications.preferences import Preferences
from shared.clock import CASABLANCA

TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 30]))
# A year, and often the nights in which Morocco's clocks go back and forward (10 March and 14 April 2024).
SECONDS = st.integers(1_704_067_200, 1_735_603_200) | st.integers(1_710_025_200, 1_710_039_600)
INSTANTS = (SECONDS | st.integers(1_713_049_200, 1_713_063_600)).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
LONGEST = {"immediate": 25, "daily": 50, "weekly": 7 * 24 + 26}
"""Hours: the longest wait for the hour of a digest, and then for the end of the quiet ones."""


def local(*parts: int) -> datetime:
    """An instant by Morocco's clock."""
    return datetime(*parts, tzinfo=CASABLANCA).astimezone(UTC)  # type: ignore[arg-type, misc]


def test_what_is_immediate_is_due_at_once() -> None:
    assert Preferences(email="immediate").email_due(local(2024, 9, 2, 10)) == local(2024, 9, 2, 10)


def test_what_is_off_is_never_due() -> None:
    assert Preferences().email_due(local(2024, 9, 2, 10)) is None


def test_a_day_and_a_week_are_gathered_until_the_hour_that_was_chosen() -> None:
    daily = Preferences(email="daily", digest_at=time(7, 30))
    assert daily.email_due(local(2024, 9, 2, 7, 29)) == local(2024, 9, 2, 7, 30)
    assert daily.email_due(local(2024, 9, 2, 7, 30)) == local(2024, 9, 3, 7, 30)
    weekly = Preferences(email="weekly", digest_day=6)
    assert weekly.email_due(local(2024, 9, 2, 9)) == local(2024, 9, 8, 8)


def test_quiet_hours_may_span_midnight() -> None:
    night = Preferences(email="immediate", quiet_from=time(20), quiet_until=time(7))
    assert night.email_due(local(2024, 9, 2, 21)) == local(2024, 9, 3, 7)
    assert night.email_due(local(2024, 9, 3, 3)) == local(2024, 9, 3, 7)
    assert night.email_due(local(2024, 9, 3, 7)) == local(2024, 9, 3, 7)


@pytest.mark.parametrize(
    ("evening", "morning", "hours"),
    [((2024, 3, 9, 22), (2024, 3, 10, 8), 11), ((2024, 4, 13, 22), (2024, 4, 14, 8), 9)],
)
def test_the_night_is_an_hour_longer_when_ramadan_begins_and_shorter_when_it_ends(
    evening: Any, morning: Any, hours: int
) -> None:
    due = Preferences(email="daily").email_due(local(*evening))
    assert due == local(*morning)
    assert (due - local(*evening)).total_seconds() == hours * 3600


@pytest.mark.parametrize(("told", "due"), [((0, 59), (1, 30)), ((1, 10), (1, 30)), ((2, 10), (2, 30))])
def test_quiet_hours_end_twice_in_the_night_whose_hour_is_repeated(told: Any, due: Any) -> None:
    night = Preferences(email="immediate", quiet_from=time(22), quiet_until=time(2, 30))
    # At 03:00 it was 02:00 again.
    at, then = (datetime.combine(date(2024, 3, 10), time(*each), UTC) for each in (told, due))
    assert night.email_due(at) == then


def test_quiet_hours_that_end_in_the_hour_that_is_left_out_end_after_it() -> None:
    night = Preferences(email="immediate", quiet_from=time(22), quiet_until=time(2, 30))
    assert night.email_due(datetime(2024, 4, 14, 1, 10, tzinfo=UTC)) == datetime(2024, 4, 14, 2, 30, tzinfo=UTC)


@given(at=INSTANTS, timing=st.sampled_from(["immediate", "daily", "weekly"]), begin=TIMES, end=TIMES, digest=TIMES)
def test_no_e_mail_is_due_in_quiet_hours_nor_in_the_past(
    at: datetime, timing: Any, begin: time, end: time, digest: time
) -> None:
    quiet: Any = {} if begin == end else {"quiet_from": begin, "quiet_until": end}
    wanted = Preferences(email=timing, digest_at=digest, **quiet)
    due = wanted.email_due(at)
    assert due is not None
    assert due >= at
    assert not wanted.is_quiet(due)
    assert due - at <= timedelta(hours=LONGEST[timing])


@pytest.mark.parametrize(
    "wrong",
    [{"quiet_from": "20:00"}, {"quiet_from": "20:00", "quiet_until": "20:00"}, {"digest_at": "08:00:30"}, {"more": 1}],
)
def test_half_a_preference_is_none(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        Preferences(**wrong)
