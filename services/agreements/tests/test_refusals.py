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
FOR_PROGRAMS = frozenset(
    (
        *("agreement", "agreement_id", "agreements", "awaited", "ceremony", "center", "centers", "children", "frozen"),
        *("ids", "jurisdiction", "known", "named", "obligation", "obligations", "organisation", "organisations"),
        *("parent", "part", "parts", "party", "person", "province"),
    )
)
"""Names of values that are ids and codes: no sentence tells them."""
SAID: dict[str, Any] = dict.fromkeys(
    ("document", "documents", "name", "names", "parties", "reason", "step", "title", "visa", "where"), NAME
) | {
    "action": "sign_agreement",
    "allowed": ["sign_agreement"],
    "amendment_type": "correction",
    "announced": "suspension",
    "changed": ["ceremonies"],
    "kind": "agreement",
    "least": "handwritten_scan",
    "level": "qualified",
    "missing": ["balances_zero"],
    "offered": ["simple", "advanced"],
    "planned_for": datetime(2026, 9, 1, 10, tzinfo=UTC),
    "roles": ["granting_authority", "academy_director"],
    "standing": "under_verification",
    "state": "in_force",
    "states": ["in_force", "suspended"],
    "which": "network",
}
"""Values as they are raised that a sentence tells by their names. Any other is told as it is: a day, a number."""


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
    told = frozenset().union(*asked)
    assert told.isdisjoint(FOR_PROGRAMS)
    assert list(flaws(named(slug, **(dict.fromkeys(told, 3) | SAID)))) == []


@pytest.mark.parametrize("name", [None, *[NAME]])
def test_an_organisation_is_told_by_its_name_or_as_one_that_nobody_knows(name: dict[str, str] | None) -> None:
    assert list(flaws(named("party-repeated", organisation=new_id(), name=name))) == []


@pytest.mark.parametrize("day", [new_id(), "under_review", ...])
def test_what_only_programs_read_is_found_out(day: Any) -> None:
    assert list(flaws(named("day-not-possible", first=DAY, last=DAY, **({} if day is ... else {"day": day}))))
