"""What an amendment makes of days: those of the ledger, and of a renewal."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.agreements.agreement import Agreement, ObligationState
from services.agreements.errors.editions import RenewalNotDue
from services.agreements.terms import Duty
from services.agreements.tests.amended import MONTHLY, OCTOBER, START, amended, amending, at_work, every, once
from services.agreements.tests.builders import DECISION
from shared.clock import months_after

YEAR_END = date(2025, 9, 1)
"""The last day of the first edition; the agreement goes on for two more years."""
DAY = timedelta(days=1)


def ledger(agreement: Agreement) -> list[tuple[int, str, str]]:
    """Its entries, briefly."""
    return [(each.occurrence, each.due_on.isoformat(), each.state.value) for each in agreement.obligations]


MET = [(1, "2024-09-10", "due"), (2, "2024-10-10", "due")]
"""What had fallen due of the monthly duty when it is amended in October."""


def test_a_duty_that_came_back_and_is_owed_once_is_due_on_that_day() -> None:
    agreement = amended(at_work(MONTHLY, until=OCTOBER), OCTOBER, once(date(2024, 12, 28)))
    assert ledger(agreement) == [*MET, (3, "2024-12-28", "pending")]
    agreement.evolve(agreement.pass_time(YEAR_END))
    assert len(agreement.obligations) == 3, "once is once"


def test_a_duty_with_another_rhythm_is_next_due_on_the_first_day_of_the_new_one() -> None:
    agreement = amended(at_work(MONTHLY, until=OCTOBER), OCTOBER, every(3, date(2024, 12, 18)))
    assert ledger(agreement) == [*MET, (3, "2024-12-18", "pending")]
    agreement.evolve(agreement.pass_time(YEAR_END))
    days = [each.due_on.isoformat() for each in agreement.obligations[2:]]
    assert days == ["2024-12-18", "2025-03-18", "2025-06-18"], "no occurrence is left out"


def test_days_of_a_new_rhythm_that_are_past_are_not_owed() -> None:
    agreement = amended(at_work(MONTHLY, until=OCTOBER), OCTOBER, every(1, date(2024, 9, 5)))
    assert ledger(agreement) == [*MET, (3, "2024-11-05", "pending")]


def test_what_was_met_before_its_day_is_not_owed_again() -> None:
    agreement = at_work(MONTHLY, until=OCTOBER)
    early = agreement.obligations[-1]
    agreement.evolve(agreement.claim(early.obligation_id, early.occurrence, evidence="e", documents=(), today=OCTOBER))
    amended(agreement, OCTOBER, every(1, date(2024, 9, 8)))
    assert ledger(agreement)[2:] == [(3, "2024-11-10", "claimed"), (4, "2024-12-08", "pending")]


def test_a_duty_that_was_owed_once_and_comes_back_goes_on() -> None:
    agreement = amended(at_work(once(date(2024, 10, 1)), until=OCTOBER), OCTOBER, every(6, date(2025, 1, 15)))
    assert ledger(agreement) == [(1, "2025-01-15", "pending")]
    agreement.evolve(agreement.pass_time(YEAR_END))
    assert [each.due_on.isoformat() for each in agreement.obligations] == ["2025-01-15", "2025-07-15"]


def test_what_is_due_and_gets_a_later_day_is_due_on_that_day() -> None:
    blocking = once(OCTOBER) | {"blocks": ("renewal",)}
    agreement = at_work(blocking, until=OCTOBER)
    assert agreement.unmet("renewal")
    later = date(2025, 3, 1)
    amended(agreement, OCTOBER, once(later))
    assert ledger(agreement) == [(1, "2025-03-01", "pending")]
    assert not agreement.unmet("renewal")
    agreement.evolve(agreement.pass_time(later))
    assert ledger(agreement) == [(1, "2025-03-01", "due")]


def test_what_is_due_and_gets_another_day_that_is_past_stays_due() -> None:
    agreement = amended(at_work(once(OCTOBER), until=OCTOBER), OCTOBER, once(date(2024, 10, 5)))
    assert ledger(agreement) == [(1, "2024-10-05", "due")]


def test_what_rests_gets_its_new_day_when_it_goes_on() -> None:
    agreement = at_work(once(OCTOBER), until=OCTOBER)
    rest: dict[str, Any] = {"effective_on": OCTOBER, "today": OCTOBER}
    agreement.evolve(agreement.suspend(scope="money", centers=(), **DECISION, **rest))
    amended(agreement, OCTOBER, once(date(2025, 3, 1)))
    assert ledger(agreement) == [(1, "2025-03-01", "frozen")]
    agreement.evolve(agreement.resume(reason="(fictif)", **rest))
    assert ledger(agreement) == [(1, "2025-03-01", "pending")]


def test_a_duty_in_other_words_keeps_its_days() -> None:
    agreement = at_work(MONTHLY, until=OCTOBER)
    early = agreement.obligations[-1]
    agreement.evolve(agreement.waive(early.obligation_id, early.occurrence, reason="r", today=OCTOBER))
    before = ledger(agreement)
    amended(agreement, OCTOBER, {"survives": True})
    assert ledger(agreement) == before


def test_what_comes_back_ends_and_goes_on_with_the_term() -> None:
    agreement = at_work(MONTHLY, until=OCTOBER)
    amended(agreement, OCTOBER, {}, effective_until=date(2024, 11, 1))
    assert ledger(agreement) == [*MET, (3, "2024-11-10", "cancelled")]
    amended(agreement, OCTOBER, {}, effective_until=YEAR_END)
    assert ledger(agreement)[3:] == [(4, "2024-11-10", "pending")]


def test_what_was_amended_while_occurrences_kept_their_place_is_told_so_for_good() -> None:
    agreement = at_work(MONTHLY, until=OCTOBER)
    (event,) = amending(agreement, agreement.duties[0].model_copy(update=every(3, date(2024, 12, 18))), today=OCTOBER)
    kept = {name: value for name, value in event.detail.items() if name not in ("by_day", "anew")}
    agreement.evolve([event.model_copy().keeping(**kept)])
    assert [day for _, day, _ in ledger(agreement)] == ["2024-12-18", "2025-03-18", "2025-06-18"]


def renewing(agreement: Agreement) -> str | None:
    """Where the renewal stands, if there is one."""
    return agreement.renewal.state.value if agreement.renewal else None


def test_a_renewal_lapses_when_the_term_is_amended_to_end_with_its_edition_or_before() -> None:
    day = YEAR_END - 60 * DAY
    for end in (YEAR_END, YEAR_END - 10 * DAY):
        agreement = at_work({}, until=day)
        assert renewing(agreement) == "due"
        amended(agreement, day, {}, effective_until=end)
        assert (renewing(agreement), agreement.renewal_deadline_on) == ("lapsed", None)
        assert isinstance(agreement.refusal_of("evaluate_renewal"), RenewalNotDue)
        agreement.evolve(agreement.pass_time(YEAR_END + DAY))
        assert (agreement.effective_until, renewing(agreement)) == (end, "lapsed")


def test_a_renewal_stays_open_when_the_term_is_amended_to_end_later() -> None:
    day = YEAR_END - 60 * DAY
    agreement = amended(at_work({}, until=day), day, {}, effective_until=YEAR_END + DAY)
    assert (renewing(agreement), agreement.renewal_deadline_on) == ("due", YEAR_END)


def test_a_renewal_that_lapsed_with_the_term_falls_due_again_when_that_goes_on() -> None:
    day = YEAR_END - 60 * DAY
    agreement = at_work({}, until=day)
    until = agreement.effective_until
    amended(agreement, day, {}, effective_until=YEAR_END)
    amended(agreement, day, {}, effective_until=until)
    agreement.evolve(agreement.pass_time(day))
    assert (renewing(agreement), agreement.renewal_deadline_on) == ("due", YEAR_END)


DAYS = st.dates(START, YEAR_END)
RHYTHMS = st.one_of(DAYS.map(once), st.builds(every, st.integers(1, 12), DAYS))


def days_of(duty: Duty) -> list[date]:
    """Its days in the first year."""
    months = range(0, 13, duty.recurrence.every_months) if duty.recurrence else [0]
    return [day for each in months if (day := months_after(duty.first_due_on(START), each)) <= YEAR_END]


@settings(max_examples=100, deadline=None, database=None)
@given(before=RHYTHMS, after=RHYTHMS, today=DAYS, until=DAYS)
def test_a_duty_is_owed_on_its_days_until_it_is_amended_and_then_on_its_new_ones(
    before: dict[str, Any], after: dict[str, Any], today: date, until: date
) -> None:
    agreement = at_work(before, until=today)
    past = [each.due_on for each in agreement.obligations if each.due_on <= today and before["recurrence"]]
    amended(agreement, today, after)
    (duty,) = agreement.duties
    coming = days_of(duty)
    # Past days of a rhythm are not owed; a single day is, unless it comes before one that was.
    coming = [day for day in coming if day > max(past, default=START - DAY) and (day >= today or not duty.recurrence)]
    for day in (today, max(until, today)):
        agreement.evolve(agreement.pass_time(day))
        due, pending = (
            [each.due_on for each in agreement.obligations if each.state == state]
            for state in (ObligationState.due, ObligationState.pending)
        )
        assert sorted(due) == sorted([*past, *(each for each in coming if each <= day)])
        assert pending == [each for each in coming if each > day][:1]
