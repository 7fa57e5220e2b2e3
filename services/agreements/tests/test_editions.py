"""An agreement year after year: how its editions are planned, run, end and are closed, within its term."""

from datetime import date, timedelta

import pytest

from services.agreements.bilingual import Bilingual
from services.agreements.errors import TermOver
from services.agreements.errors.editions import (
    EditionNotUnderReview,
    EditionsExhausted,
    EndAnnounced,
    NoEditions,
    TermBeyondEditions,
)
from services.agreements.errors.force import EffectiveOutOfOrder
from services.agreements.kinds import KINDS
from services.agreements.terms import BudgetLine, check_terms
from services.agreements.tests.builders import DECISION, in_force, network_terms, owing, signed
from services.agreements.tests.years import (
    FIRST_END,
    LEAD,
    START,
    amended,
    carried,
    central,
    evaluated,
    passing,
    renewed,
    running,
    states,
)
from shared.events.agreements import AgreementExpired
from shared.ids import new_id
from shared.money import Money
from shared.refusals import NotAllowedNow, NotFound


def test_the_first_edition_is_what_was_drafted() -> None:
    terms = central()
    year = {"line_id": new_id(), "payer": terms.parties[0].party_id, "heading": Bilingual(ar="منحة", fr="Subvention")}
    budget = (
        BudgetLine(**year, kind="cash", amount=Money(centimes=10_000_00), budget_year=2025),
        BudgetLine(**year, kind="cash", amount=Money(centimes=5_000_00), budget_year=2025),
        BudgetLine(**year, kind="in_kind", amount=Money(centimes=7_000_00), budget_year=2025),
        BudgetLine(**year, kind="cash", amount=Money(centimes=9_000_00), budget_year=2026),
    )
    agreement = signed(terms.model_copy(update={"budget": budget}))
    (edition,) = agreement.editions
    assert (edition.school_year, edition.budget_year) == ("2024/2025", 2025), "two labels, each for itself"
    assert (edition.starts_on, edition.ends_on) == (START, FIRST_END)
    assert (edition.funded_seats, edition.unfunded_seats) == (100, 40)
    assert edition.amount == Money(centimes=15_000_00)
    assert edition.state == "planned"


def test_an_edition_runs_once_the_agreement_is_in_force_and_its_start_is_reached() -> None:
    agreement = signed(central())
    assert passing(agreement, START).editions[0].state == "planned"
    agreement.evolve(agreement.bring_into_force(START))
    assert passing(agreement, START).editions[0].state == "running"


def test_a_kind_without_editions_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    single = KINDS["framework"].model_copy(update={"editions": None})
    monkeypatch.setitem(KINDS, "ministry-association", single)
    agreement = passing(in_force(central()), START)
    assert agreement.editions == () and agreement.next_on() is None
    assert isinstance(agreement.refusal_of("renew_agreement"), EditionsExhausted)


def test_a_term_is_no_longer_than_the_editions_that_may_be() -> None:
    three_years = date(2027, 9, 1)
    check_terms(central(effective_until=three_years))
    with pytest.raises(TermBeyondEditions) as refused:
        check_terms(central(effective_until=three_years + timedelta(days=1)))
    assert refused.value.values == {"most": 3, "latest": three_years}


def test_an_amendment_makes_the_term_no_longer_than_the_editions_that_may_be() -> None:
    agreement = renewed(running(), ends_on=date(2026, 6, 30))
    assert agreement.latest_until == date(2027, 6, 30), "the second is short, a third may follow"
    longer = agreement.content(()).model_copy(update={"effective_until": date(2027, 9, 2)})
    with pytest.raises(TermBeyondEditions):
        agreement.check_amended(longer)
    agreement.check_amended(longer.model_copy(update={"effective_until": agreement.effective_until}))
    declined = evaluated(running())
    declined.evolve(declined.decline_renewal(reason="r"))
    declined.check_amended(declined.content(()).model_copy(update={"effective_until": date(2027, 9, 1)}))


def test_nothing_ends_before_an_edition_that_has_begun() -> None:
    agreement = passing(renewed(running()), date(2025, 10, 15))
    told = DECISION | {"notified_on": date(2024, 10, 1), "today": date(2025, 10, 15)}
    begun = agreement.editions[-1].starts_on
    with pytest.raises(EffectiveOutOfOrder) as refused:
        agreement.terminate(**told, effective_on=begun - timedelta(days=1))
    assert refused.value.values == {"effective_on": begun - timedelta(days=1), "since": begun}
    assert agreement.terminate(**told, effective_on=begun)


def test_an_agreement_ends_with_the_last_edition_that_may_be() -> None:
    agreement = running()
    for ends_on in (date(2026, 6, 30), date(2027, 5, 31)):
        renewed(agreement, ends_on=ends_on)
        passing(agreement, agreement.editions[-1].starts_on)
    assert states(agreement) == ["under_review", "under_review", "running"]
    assert agreement.effective_until == date(2027, 5, 31), "told when the last one begins"
    assert isinstance(agreement.expire(date(2027, 6, 1))[0], AgreementExpired)
    amended(agreement, date(2027, 5, 1), effective_until=date(2027, 6, 30))
    assert agreement.editions[-1].ends_on == date(2027, 6, 30), "which an amendment still puts off, within its year"


def test_what_is_over_is_not_amended() -> None:
    agreement = evaluated(running())
    agreement.evolve(agreement.decline_renewal(reason="r"))
    with pytest.raises(TermOver) as refused:
        amended(agreement, FIRST_END + timedelta(days=1), effective_until=date(2027, 8, 31))
    assert refused.value.values == {"effective_until": FIRST_END}


def test_an_edition_that_an_amendment_gave_up_may_be_followed_by_another() -> None:
    agreement = renewed(running())
    amended(agreement, date(2025, 7, 1), effective_until=FIRST_END)
    assert states(agreement) == ["running", "cancelled"]
    amended(agreement, date(2025, 7, 2), effective_until=date(2027, 8, 31))
    passing(agreement, date(2025, 7, 2))
    assert agreement.renewal and (agreement.renewal.edition, agreement.renewal.state) == (1, "due")
    agreement.evolve(agreement.evaluate(outcome="favourable", reason="r"))
    agreement.evolve(agreement.renew(**carried(agreement, school_year="2025/2026", budget_year=2025)))
    passing(agreement, date(2025, 9, 2))
    assert [(each.number, each.state) for each in agreement.editions[1:]] == [(2, "cancelled"), (3, "running")]
    renewed(agreement)
    assert states(passing(agreement, date(2026, 9, 2)))[-1] == "running", "the third that ran, under the number four"
    assert isinstance(agreement.refusal_of("renew_agreement"), EditionsExhausted)


def test_no_edition_is_planned_that_an_announced_termination_would_not_let_begin() -> None:
    next_start = FIRST_END + timedelta(days=1)
    for effective_on, refused in ((next_start, True), (next_start + timedelta(days=1), False)):
        agreement = evaluated(running())
        told = DECISION | {"notified_on": date(2025, 6, 10), "today": date(2025, 6, 10)}
        agreement.evolve(agreement.terminate(**told, effective_on=effective_on))
        assert isinstance(agreement.refusal_of("renew_agreement"), EndAnnounced) == refused
        assert agreement.refusal_of("decline_renewal") is None


def test_a_termination_sends_the_running_edition_under_review_and_cancels_the_planned_one() -> None:
    agreement = renewed(running())
    day = FIRST_END - timedelta(days=30)
    agreement.evolve(agreement.terminate(**DECISION, effective_on=day, today=day))
    assert states(agreement) == ["under_review", "cancelled"]
    with pytest.raises(NotAllowedNow):
        agreement.decline_renewal(reason="r")


def test_a_termination_before_the_start_cancels_the_edition() -> None:
    agreement = signed(central())
    agreement.evolve(agreement.terminate(**DECISION, effective_on=START, today=START))
    assert states(agreement) == ["cancelled"]


def test_a_suspended_agreement_opens_no_edition_until_it_is_resumed() -> None:
    agreement = renewed(running())
    day = FIRST_END - timedelta(days=1)
    agreement.evolve(agreement.suspend(scope="money", centers=(), **DECISION, effective_on=day, today=day))
    assert states(passing(agreement, date(2025, 10, 1))) == ["under_review", "planned"]
    agreement.evolve(agreement.resume(reason="(fictif)", effective_on=date(2025, 10, 1), today=date(2025, 10, 1)))
    assert states(passing(agreement, date(2025, 10, 1))) == ["under_review", "running"]


def test_what_goes_by_no_editions_has_none_to_close() -> None:
    assert isinstance(in_force(network_terms(agreement_kind="framework")).refusal_of("close_edition"), NoEditions)


def test_an_edition_is_closed_after_its_review() -> None:
    agreement = renewed(running())
    with pytest.raises(EditionNotUnderReview):
        agreement.close_edition(1, today=FIRST_END)
    passing(agreement, date(2025, 9, 2))
    with pytest.raises(EditionNotUnderReview):
        agreement.close_edition(2, today=FIRST_END)
    with pytest.raises(NotFound):
        agreement.close_edition(3, today=FIRST_END)
    agreement.evolve(agreement.close_edition(1, today=date(2025, 9, 30)))
    assert states(agreement) == ["closed", "running"]


def test_after_an_outage_of_a_year_time_catches_up_in_order() -> None:
    agreement = in_force(central())
    kinds = [event.type.split(".")[3] for event in agreement.pass_time(date(2025, 9, 2))]
    assert kinds == ["edition_opened", "renewal_fell_due", "not_renewed", "edition_ended"]


def test_the_next_day_to_look_at_an_agreement_is_the_first_on_which_something_happens() -> None:
    agreement = in_force(owing(central(), {"due_days": 60}))
    days = []
    while (day := agreement.next_on()) and day < FIRST_END:
        days.append(day)
        assert agreement.pass_time(day - timedelta(days=1)) == []
        assert agreement.pass_time(day)
        passing(agreement, day)
    assert days[0] == START and FIRST_END - LEAD in days and START + timedelta(days=60) in days
