"""Refusals are for people: what they say has neither ids nor codes, whichever there are."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

import services.agreements.routes  # noqa: F401 - all refusals that there are
from services.agreements.tests.saying import WORDS, flaws
from shared.ids import new_id
from shared.refusals import Refusal

NAME = {"ar": "مثال", "fr": "exemple"}
DAY = date(2026, 9, 1)
VALUES: dict[Any, tuple[str, ...]] = {
    "sign_agreement": ("action", "allowed"),
    "agreement": ("kind",),
    "in_force": ("state", "states"),
    "2026-1": ("agreement_kind", "category", "clause", "keys", "reference", "references", "school_year", "visa_number"),
    "a1b2c3": ("expected", "hash", "trace_id"),
    "application/pdf": ("found", "said", "taken"),
    "correction": ("amendment_type",),
    "suspension": ("announced",),
    "ceremonies": ("changed",),
    "ﷺ": ("characters",),
    "handwritten_scan": ("least", "level", "offered"),
    "balances_zero": ("missing",),
    "granting_authority": ("roles",),
    "under_verification": ("standing",),
    "network": ("which",),
    datetime(2026, 9, 1, 10, tzinfo=UTC): ("planned_for", "since"),
    3: ("days", "edition", "editions", "limit", "most", "retry_after"),
    DAY: (
        *("day", "due_on", "earliest", "effective_from", "effective_on", "effective_until", "expires_on", "first"),
        *("granted_on", "last", "latest", "notified_on", "offered_until", "recorded_on", "starts_on", "suspended_on"),
        *("today", "until", "valid_from", "valid_until"),
    ),
}
SAID = {name: value for value, names in VALUES.items() for name in names} | dict.fromkeys(
    ("document", "documents", "name", "names", "parties", "reason", "step", "title", "visa", "where"), NAME
)
"""A value for every name that a wording may ask for, as it is raised. What has an id for its value is not among them:
`party`, `organisation`, `ceremony`, `centers` and the like are for programs."""


def refusals() -> Iterator[type[Refusal]]:
    """Those of this service and those of all."""
    pending = [Refusal]
    while pending:
        for each in pending.pop().__subclasses__():
            pending.append(each)
            if each.__module__.startswith("services.agreements.") or f"refusals.{each.slug}.title" in WORDS:
                yield each


def named(slug: str, **values: Any) -> Refusal:
    """The refusal of this name, looked at and raised by nobody."""
    kind = next(each for each in refusals() if each.slug == slug)
    refusal = kind.__new__(kind)
    refusal.values = values
    return refusal


@pytest.mark.parametrize("slug", sorted({each.slug for each in refusals()}))
def test_a_refusal_says_nothing_that_only_programs_read(slug: str) -> None:
    asked = [WORDS.placeholders(f"refusals.{slug}.{part}", "ar") for part in ("title", "detail")]
    assert frozenset().union(*asked) <= SAID.keys(), "a name that people are told, or a value for it above"
    assert list(flaws(named(slug, **SAID))) == []


@pytest.mark.parametrize("name", [None, *[NAME]])
def test_an_organisation_is_told_by_its_name_or_as_one_that_nobody_knows(name: dict[str, str] | None) -> None:
    assert list(flaws(named("party-repeated", organisation=new_id(), name=name))) == []


@pytest.mark.parametrize("day", [new_id(), "under_review", ...])
def test_what_only_programs_read_is_found_out(day: Any) -> None:
    assert list(flaws(named("day-not-possible", first=DAY, last=DAY, **({} if day is ... else {"day": day}))))
