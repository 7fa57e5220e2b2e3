"""Morocco's clock: the pinned package says it, whatever the machine says; and no test runs on two of its days."""

import subprocess
import sys
from collections.abc import Generator
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from shared.clock import CASABLANCA, business_date, end_of, now, start_of, today
from tests.fixtures.days import clock_ahead, pytest_collection, pytest_runtest_protocol
from tests.fixtures.run import ROOT

EVENING = datetime(2024, 8, 30, 18, tzinfo=UTC)

ASKED = f"""
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import get_timezone

EVENING = datetime.fromisoformat("{EVENING.isoformat()}")
print(EVENING.astimezone(ZoneInfo("Africa/Casablanca")).strftime("%H:%M"))

from shared.clock import CASABLANCA, business_date
from shared.language import instant

for zone in (CASABLANCA, ZoneInfo("Africa/Casablanca"), get_timezone("Africa/Casablanca")):
    print(EVENING.astimezone(zone).strftime("%H:%M"))
print(business_date(EVENING), instant(EVENING, "en"), sep="\\n")
"""
"""Somebody makes the zone before our clock does, and others after it."""


def test_morocco_s_clock_goes_by_the_pinned_package_not_by_the_machine(tmp_path: Path) -> None:
    machine = tmp_path / "Africa" / "Casablanca"
    machine.parent.mkdir()
    machine.write_bytes(files("tzdata").joinpath("zoneinfo/Asia/Tokyo").read_bytes())
    told = subprocess.run(
        [sys.executable, "-c", ASKED],
        env={"PYTHONTZPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    before, *after = told.stdout.splitlines()
    assert before == "03:00", "the machine's data are found where nobody says otherwise"
    assert after == ["19:00", "19:00", "19:00", "2024-08-30", "30 August 2024, 19:00"]


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2025, 2, 22), 1),  # before Ramadan, during it, after it
        (date(2025, 3, 15), 0),
        (date(2025, 4, 7), 1),
        (date(2026, 9, 19), 1),  # before the autumn of 2026, and since (IANA 2026f)
        (date(2026, 9, 21), 0),
        (date(2026, 11, 28), 0),
    ],
)
def test_a_day_begins_and_ends_when_morocco_s_clocks_say_so(day: date, hours: int) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=hours)
    assert start_of(day) == midnight and CASABLANCA.utcoffset(start_of(day)) == timedelta(hours=hours)
    assert business_date(midnight) == business_date(end_of(day)) == day
    assert business_date(midnight - timedelta(microseconds=1)) == day - timedelta(days=1)
    assert business_date(end_of(day) + timedelta(microseconds=1)) == day + timedelta(days=1)


def test_only_the_clock_makes_morocco_s_zone_and_no_sql_reckons_in_it() -> None:
    ours = (each for top in ("services", "shared", "cli") for each in (ROOT / top).rglob("*.py"))
    texts = {each.relative_to(ROOT): each.read_text().lower() for each in ours if "tests" not in each.parts}
    assert [str(path) for path, text in texts.items() if "africa/casablanca" in text] == ["shared/clock.py"]
    assert [str(path) for path, text in texts.items() if "at time zone" in text] == []


def test_a_test_that_might_see_midnight_begins_after_it(request: pytest.FixtureRequest) -> None:
    to_evening = end_of(today()) - timedelta(seconds=0.2) - now()
    with clock_ahead(lambda: to_evening):
        evening = today()
        for _ in ("in the evening", "in the morning"):
            next(pytest_runtest_protocol(request.node))
            assert (today(), now() - start_of(today()) < timedelta(seconds=20)) == (evening + timedelta(days=1), True)


def test_no_module_of_tests_reckons_from_the_day_on_which_it_is_collected() -> None:
    collecting: Generator[None, None, None] = pytest_collection()
    next(collecting)
    for clock in (now, today):
        with pytest.raises(AssertionError, match="maybe on another day"):
            clock()
    collecting.close()
    assert business_date(now()) == today()
