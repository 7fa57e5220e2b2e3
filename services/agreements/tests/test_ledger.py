"""The ledger over the years: what each edition lists is owed in it, and nothing of an agreement that is over."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.agreements.agreement import Agreement
from services.agreements.errors.editions import EditionUnsettled
from services.agreements.errors.obligations import ObligationsUnmet
from services.agreements.terms import Fulfilling, Recurrence
from services.agreements.tests.builders import DECISION, owing
from services.agreements.tests.years import (
    FIRST_END,
    LEAD,
    START,
    carried,
    central,
    evaluated,
    passing,
    renewed,
    running,
)
from shared.events.agreements import AgreementObligationFellDue, AgreementObligationReminded

SECOND_END = date(2026, 9, 1)
DAY = timedelta(days=1)


def rows(agreement: Agreement) -> list[tuple[date, str]]:
    """The days of the ledger, and where each entry stands."""
    return sorted((each.due_on, each.state.value) for each in agreement.obligations)


@pytest.mark.parametrize("due_on", [date(2025, 3, 15), date(2025, 8, 15)], ids=["before the decision", "after it"])
def test_what_is_owed_once_a_year_is_owed_in_each_edition_that_lists_it(due_on: date) -> None:
    agreement = renewed(running(owing(central(), {"due_on": due_on})))
    passing(agreement, due_on.replace(year=2026))
    assert rows(agreement) == [(due_on, "due"), (due_on.replace(year=2026), "due")]


def test_what_is_given_up_before_its_day_is_owed_again_in_the_next_edition() -> None:
    agreement = evaluated(running(owing(central(), {"due_on": date(2025, 8, 15)})))
    agreement.evolve(agreement.renew(**carried(agreement)))
    owed = agreement.obligations[0]
    agreement.evolve(agreement.waive(owed.obligation_id, 1, reason="r", today=date(2025, 8, 1)))
    passing(agreement, date(2025, 9, 2))
    assert rows(agreement) == [(date(2025, 8, 15), "waived"), (date(2026, 8, 15), "pending")]


def test_what_the_next_edition_does_not_list_is_owed_no_more() -> None:
    agreement = renewed(running(owing(central(), {"due_on": date(2025, 8, 15)})), obligations=[])
    passing(agreement, SECOND_END)
    assert rows(agreement) == [(date(2025, 8, 15), "due")]


def test_an_edition_that_opens_after_a_rest_owes_what_it_lists() -> None:
    agreement = renewed(running(owing(central(), {"due_on": date(2025, 8, 15)})))
    rest: dict[str, Any] = {"effective_on": date(2025, 7, 1), "today": date(2025, 7, 1)}
    agreement.evolve(agreement.suspend(scope="money", centers=(), **DECISION, **rest))
    passing(agreement, date(2025, 10, 1))
    agreement.evolve(agreement.resume(reason="(fictif)", effective_on=date(2025, 10, 1), today=date(2025, 10, 1)))
    passing(agreement, date(2025, 10, 1))
    assert rows(agreement) == [(date(2025, 8, 15), "due"), (date(2026, 8, 15), "pending")]


@settings(max_examples=60, deadline=None, database=None)
@given(
    first=st.integers(0, 364),
    months=st.sampled_from([None, 1, 5, 12]),
    decided=st.tuples(st.integers(0, 90), st.integers(0, 90)),
    looks=st.sets(st.integers(0, 1094), max_size=5),
)
def test_whatever_an_edition_lists_is_owed_in_it_once(
    first: int, months: int | None, decided: tuple[int, int], looks: set[int]
) -> None:
    """Whenever a renewal is decided in its time, and however seldom anybody looked."""
    due_on = START + timedelta(first)
    when = {"recurrence": Recurrence(first_due_on=due_on, every_months=months)} if months else {"due_on": due_on}
    agreement = running(owing(central(), when))
    end = agreement.effective_until
    for ahead, ends_on in zip(decided, (FIRST_END, SECOND_END), strict=True):
        decision = ends_on - timedelta(ahead)
        for look in sorted(looks):
            if START + timedelta(look) < decision:
                passing(agreement, START + timedelta(look))
        passing(agreement, decision)
        agreement.evolve(agreement.evaluate(outcome="favourable", reason="r"))
        agreement.evolve(agreement.renew(**carried(agreement)))
    passing(agreement, end)
    assert len(agreement.editions) == 3
    days = [each.due_on for each in agreement.obligations]
    for edition in agreement.editions:
        wanted = [day for day in _days(due_on, months or 12, end) if edition.starts_on <= day <= edition.ends_on]
        assert [day for day in sorted(days) if edition.starts_on <= day <= edition.ends_on] == wanted


def _days(first: date, months: int, end: date) -> list[date]:
    """The days of a schedule, counted out of hand."""
    found: list[date] = []
    number = 0
    while True:
        year, month = divmod(first.month - 1 + number * months, 12)
        last = (date(first.year + year + (month == 11), (month + 1) % 12 + 1, 1) - DAY).day
        day = date(first.year + year, month + 1, min(first.day, last))
        if day > end:
            return found
        found.append(day)
        number += 1


def due_and_renewed(**duty: Any) -> Agreement:
    """An agreement with a duty that is due in its first edition and not met, and that is renewed."""
    return renewed(running(owing(central(), {"due_on": date(2024, 11, 1)} | duty)))


def at_rest(agreement: Agreement, since: date) -> Agreement:
    """The agreement, suspended from a day on."""
    rest: dict[str, Any] = {"effective_on": since, "today": since}
    return agreement.evolve(agreement.suspend(scope="money", centers=(), **DECISION, **rest))


@pytest.mark.parametrize("due_on", [date(2024, 11, 1), date(2025, 8, 25)], ids=["due", "pending"])
def test_an_edition_with_something_frozen_is_closed_after_the_rest_and_fails_it(due_on: date) -> None:
    agreement = at_rest(due_and_renewed(due_on=due_on), date(2025, 8, 20))
    passing(agreement, date(2025, 9, 10))
    assert isinstance(agreement.refusal_of("close_edition"), EditionUnsettled)
    with pytest.raises(EditionUnsettled):
        agreement.close_edition(1, today=date(2025, 9, 10))
    agreement.evolve(agreement.resume(reason="(fictif)", effective_on=date(2025, 9, 20), today=date(2025, 9, 20)))
    agreement.evolve(agreement.close_edition(1, today=date(2025, 9, 20)))
    assert rows(agreement)[0] == (due_on, "failed"), "though nobody has looked since"


def test_an_edition_with_an_open_claim_is_closed_once_the_claim_is_decided() -> None:
    agreement = due_and_renewed()
    owed = agreement.obligations[0].obligation_id
    agreement.evolve(agreement.claim(owed, 1, evidence="e", documents=(), today=date(2025, 7, 1)))
    passing(agreement, date(2025, 9, 5))
    with pytest.raises(EditionUnsettled) as refused:
        agreement.close_edition(1, today=date(2025, 9, 5))
    assert refused.value.values["obligations"] == [owed]
    agreement.evolve(agreement.return_claim(owed, 1, reason="r"))
    agreement.evolve(agreement.close_edition(1, today=date(2025, 9, 5)))
    assert rows(agreement)[0] == (date(2024, 11, 1), "failed")


def test_what_is_not_due_yet_blocks_a_renewal_at_rest_as_little_as_in_force() -> None:
    blocking = {"blocks": ("renewal",)}
    later = evaluated(running(owing(central(), {"due_on": date(2026, 3, 1)} | blocking)))
    assert later.refusal_of("renew_agreement") is None
    assert at_rest(later, date(2025, 6, 20)).refusal_of("renew_agreement") is None
    due = evaluated(running(owing(central(), {"due_on": date(2025, 3, 1)} | blocking)))
    assert isinstance(due.refusal_of("renew_agreement"), ObligationsUnmet)
    assert isinstance(at_rest(due, date(2025, 6, 20)).refusal_of("renew_agreement"), ObligationsUnmet)


def test_what_failed_in_an_earlier_edition_blocks_no_later_renewal() -> None:
    agreement = renewed(running(owing(central(), {"due_on": date(2025, 8, 15), "blocks": ("renewal",)})))
    passing(agreement, date(2025, 9, 2))
    assert isinstance(evaluated(agreement.model_copy()).refusal_of("renew_agreement"), ObligationsUnmet)
    agreement.evolve(agreement.close_edition(1, today=date(2025, 9, 2)))
    assert rows(agreement)[0] == (date(2025, 8, 15), "failed")
    assert evaluated(agreement).refusal_of("renew_agreement") is None


@pytest.mark.parametrize("decided", [True, False], ids=["declined", "lapsed"])
def test_what_is_due_after_the_end_of_an_agreement_that_is_not_renewed_is_owed_no_more(decided: bool) -> None:
    later, term_end = {"due_on": date(2026, 3, 1)}, central().effective_until
    agreement = evaluated(running(owing(central(), {"due_on": date(2025, 8, 15)}, later, later | {"survives": True})))
    if decided:
        agreement.evolve(agreement.decline_renewal(reason="r"))
    passing(agreement, FIRST_END + DAY)
    agreement.evolve(agreement.expire(FIRST_END + DAY))
    assert rows(agreement) == [
        (date(2025, 8, 15), "due"),
        (date(2026, 3, 1), "cancelled"),
        (date(2026, 3, 1), "pending"),
    ]
    told = agreement.pass_time(term_end)
    owed = {each.obligation_id for each in told if isinstance(each, AgreementObligationFellDue)}
    assert owed == {agreement.duties[2].obligation_id}, "what survives is owed beyond the end"


@settings(max_examples=40, deadline=None, database=None)
@given(first=st.integers(0, 1000), decided=st.booleans(), looks=st.sets(st.integers(0, 1400), max_size=6))
def test_nothing_is_told_of_what_is_due_after_the_end(first: int, decided: bool, looks: set[int]) -> None:
    agreement = evaluated(running(owing(central(), {"due_on": START + timedelta(first)})))
    if decided:
        agreement.evolve(agreement.decline_renewal(reason="r"))
    for look in sorted({*looks, 1400}):
        day = max(START + timedelta(look), FIRST_END - LEAD)
        events = agreement.pass_time(day)
        agreement.evolve(events)
        for each in events:
            if isinstance(each, AgreementObligationFellDue | AgreementObligationReminded):
                assert each.due_on <= agreement.effective_until
        if agreement.refusal_of("expire_agreement") is None:
            agreement.evolve(agreement.expire(day))
    assert agreement.state == "expired"
    assert "pending" not in [state for _, state in rows(agreement)]


def test_nobody_is_reminded_of_what_lies_beyond_an_end_that_is_decided() -> None:
    agreement = evaluated(running(owing(central(), {"due_on": date(2026, 3, 1)})))
    agreement.evolve(agreement.decline_renewal(reason="r"))
    assert rows(passing(agreement, FIRST_END)) == [(date(2026, 3, 1), "pending")]
    assert agreement.next_on() == FIRST_END + DAY


def awaiting(what: Fulfilling, **duty: Any) -> tuple[Agreement, UUID]:
    """An agreement in its first edition with a duty that its center fulfils by this, and the center."""
    terms = central()
    center_id = terms.centers[0].center_id
    return running(owing(terms, {"fulfilled_by": what, "center_id": center_id} | duty)), center_id


def told_again(agreement: Agreement, center_id: UUID, what: Fulfilling, day: date, **known: Any) -> list[str | None]:
    """When each entry is settled, once what the center did on a day was looked at again and again."""
    for _ in range(4):
        agreement.evolve(agreement.follow_center(center_id, {what: day}, **known))
    settled = sorted(agreement.obligations, key=lambda each: each.due_on)
    return [str(each.settled_on) if each.settled_on else None for each in settled]


QUARTERLY = {"recurrence": Recurrence(first_due_on=date(2024, 12, 31), every_months=3)}


def test_seats_that_are_filled_in_one_period_fulfil_none_that_is_to_come() -> None:
    agreement, center_id = awaiting("center_filled", **QUARTERLY)
    first, second = date(2024, 10, 5), date(2025, 1, 10)
    assert told_again(agreement, center_id, "center_filled", first, today=first) == ["2024-10-05", None]
    passing(agreement, second)
    assert told_again(agreement, center_id, "center_filled", first, today=second) == ["2024-10-05", None]
    told = told_again(agreement, center_id, "center_filled", second, today=second)
    assert told == ["2024-10-05", "2025-01-10", None]


def test_a_center_that_stays_open_fulfils_each_period_from_its_first_day_on() -> None:
    agreement, center_id = awaiting("center_opened", **QUARTERLY)
    opened = date(2024, 10, 5)
    assert told_again(agreement, center_id, "center_opened", opened, today=opened) == ["2024-10-05", None]
    told = told_again(agreement, center_id, "center_opened", opened, today=date(2025, 1, 10))
    assert told == ["2024-10-05", "2025-01-01", None]


@pytest.mark.parametrize("what", ["center_opened", "center_visa_granted"])
def test_what_lasts_fulfils_the_next_edition_once_that_begins_while_the_center_lasts(what: Fulfilling) -> None:
    agreement, center_id = awaiting(what, due_on=date(2024, 10, 15))
    day, begins = date(2024, 10, 1), FIRST_END + DAY
    told_again(agreement, center_id, what, day, today=day)
    renewed(agreement)
    assert told_again(agreement, center_id, what, day, today=FIRST_END) == ["2024-10-01", None]
    closed = passing(agreement.model_copy(), begins)
    assert told_again(closed, center_id, what, day, lasts=False, today=begins) == ["2024-10-01", None]
    assert told_again(agreement, center_id, what, day, today=begins) == ["2024-10-01", "2025-09-02"]


def test_what_a_center_did_in_its_time_counts_though_it_is_closed_when_that_is_looked_at() -> None:
    agreement, center_id = awaiting("center_opened")
    day = date(2024, 10, 1)
    told = told_again(agreement, center_id, "center_opened", day, lasts=False, today=date(2025, 1, 1))
    assert told == ["2024-10-01"]
