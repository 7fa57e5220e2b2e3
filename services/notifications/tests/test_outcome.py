"""When the next attempt is due."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from services.notifications.outcome import LONGEST_EXCERPT, Outcome, excerpt_of, retry_after
from services.notifications.settings import RETRIES
from shared.clock import now


def test_the_schedule_is_the_standard_s_with_jitter() -> None:
    assert sum(RETRIES) == pytest.approx(75.6 * 3600, rel=0.01)
    for attempt, usual in enumerate(RETRIES, start=1):
        delays = [Outcome("failed", "receiver_failed", 500).delay(attempt, RETRIES) or 0 for _ in range(50)]
        assert min(delays) >= usual * 0.8 and max(delays) <= usual * 1.2
        assert len(set(delays)) > 1


def test_the_schedule_ends() -> None:
    assert Outcome("failed", "receiver_failed", 500).delay(len(RETRIES) + 1, RETRIES) is None


def test_a_receiver_may_ask_for_more_time_but_not_for_less() -> None:
    assert Outcome("failed", "too_many", 429, wait=600).delay(1, RETRIES) == 600
    assert Outcome("failed", "too_many", 429, wait=1).delay(2, RETRIES) != 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("99999999999999", 999999999),
        ("soon", None),
        ("-1", None),
        ("", None),
        (None, None),
        ("²", None),
    ],
)
def test_a_retry_after_in_seconds_is_understood(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_a_retry_after_as_a_date_is_understood() -> None:
    later = retry_after(format_datetime(now() + timedelta(minutes=5), usegmt=True))
    assert later == pytest.approx(300, abs=2)
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0


def test_an_excerpt_can_always_be_stored() -> None:
    assert excerpt_of(b"") is None
    text = excerpt_of(bytes(range(256)) * 10)
    assert text is not None
    assert "\x00" not in text and len(text) <= LONGEST_EXCERPT
    text.encode()
