"""How one edition follows the other: when a renewal is decided, on what conditions, and what it carries over."""

from datetime import date, timedelta

import pytest

from services.agreements.agreement import Agreement
from services.agreements.errors import NotAParty, RolesMissing, TermOver
from services.agreements.errors.editions import (
    BudgetYearOutsideEdition,
    EditionOutsideTerm,
    EditionsExhausted,
    PartyNotCarried,
    RenewalNotAllowedNow,
    RenewalNotDue,
    RenewalNotFavourable,
    SchoolYearPassed,
)
from services.agreements.errors.obligations import ObligationsUnmet
from services.agreements.kinds import KINDS, DocumentRule, EditionRule
from services.agreements.terms import Recurrence
from services.agreements.tests.builders import DECISION, NAME, change_kind, owing, party
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
    seats,
    states,
)
from shared.events.agreements import AgreementExpired, AgreementRenewed
from shared.ids import new_id
from shared.money import Money
from shared.refusals import NotFound

TACIT = EditionRule(most=3, tacit=True, lead_days=90)


def test_a_central_agreement_is_renewed_twice_and_not_a_third_time() -> None:
    agreement = running()
    centers = agreement.centers
    renewed(agreement)
    passing(agreement, date(2025, 9, 2))
    assert states(agreement) == ["under_review", "running"]
    renewed(agreement)
    passing(agreement, date(2026, 9, 2))
    assert states(agreement) == ["under_review", "under_review", "running"]
    assert [each.school_year for each in agreement.editions] == ["2024/2025", "2025/2026", "2026/2027"]
    with pytest.raises(EditionsExhausted) as refused:
        agreement.evaluate(outcome="favourable", reason="r")
    assert refused.value.values == {"most": 3}
    assert isinstance(agreement.refusal_of("renew_agreement"), EditionsExhausted)
    assert passing(agreement, agreement.effective_until).renewal == agreement.renewal, "none falls due"
    assert agreement.centers == centers, "renewal keeps the centers"


def test_a_renewal_names_the_centers_it_keeps() -> None:
    agreement = evaluated(running())
    (event,) = agreement.renew(**carried(agreement))
    assert isinstance(event, AgreementRenewed)
    assert event.centers == tuple(each.center_id for each in agreement.centers) and not event.tacit


def test_a_renewal_falls_due_so_many_days_before_the_end() -> None:
    agreement = running()
    assert passing(agreement, FIRST_END - LEAD - timedelta(days=1)).renewal is None
    passing(agreement, FIRST_END - LEAD)
    assert agreement.renewal
    assert (agreement.renewal.state, agreement.renewal.deadline_on) == ("due", FIRST_END)


def test_there_is_no_renewal_before_it_is_due() -> None:
    agreement = running()
    with pytest.raises(RenewalNotDue) as refused:
        agreement.evaluate(outcome="favourable", reason="r")
    assert refused.value.values == {"due_on": FIRST_END - LEAD}


def test_what_is_not_evaluated_is_not_renewed() -> None:
    agreement = passing(running(), FIRST_END - LEAD)
    with pytest.raises(RenewalNotAllowedNow) as refused:
        agreement.renew(**carried(agreement))
    assert refused.value.values["allowed"] == ["evaluate_renewal"]


def test_an_evaluation_may_be_returned() -> None:
    agreement = evaluated(running())
    agreement.evolve(agreement.return_evaluation(reason="incomplet"))
    assert agreement.renewal
    assert (agreement.renewal.state, agreement.renewal.outcome, agreement.renewal.reason) == ("due", None, "incomplet")


def test_an_unfavourable_evaluation_is_not_renewed() -> None:
    agreement = evaluated(running(), "unfavourable")
    with pytest.raises(RenewalNotFavourable):
        agreement.renew(**carried(agreement))


def test_what_blocks_the_renewal_must_be_met_first() -> None:
    agreement = evaluated(running(owing(central(), {"blocks": ("renewal",)})))
    owed = agreement.obligations[0]
    with pytest.raises(ObligationsUnmet):
        agreement.renew(**carried(agreement))
    agreement.evolve(agreement.waive(owed.obligation_id, 1, reason="r", today=FIRST_END))
    assert agreement.renew(**carried(agreement))


def test_an_agreement_that_is_not_renewed_ends_with_its_edition() -> None:
    agreement = evaluated(running(), "unfavourable")
    agreement.evolve(agreement.decline_renewal(reason="r"))
    assert agreement.renewal and agreement.renewal.state == "not_renewed"
    assert agreement.effective_until == FIRST_END
    expired = agreement.expire(FIRST_END + timedelta(days=1))
    assert isinstance(expired[0], AgreementExpired)


def test_a_renewal_that_nobody_decides_lapses_after_its_deadline() -> None:
    agreement = passing(running(), FIRST_END)
    assert agreement.renewal and agreement.renewal.state == "due"
    passing(agreement, FIRST_END + timedelta(days=1))
    assert (agreement.renewal.state, agreement.effective_until, states(agreement)) == (
        "lapsed",
        FIRST_END,
        ["under_review"],
    )


def test_a_tacit_renewal_takes_everything_over_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    change_kind(monkeypatch, "ministry-association", editions=TACIT)
    agreement = running(owing(central(), {}))
    passing(agreement, FIRST_END + timedelta(days=1))
    first, second = agreement.editions
    assert (second.school_year, second.budget_year) == ("2025/2026", 2025)
    assert (second.parties, second.obligations, second.funded_seats) == (first.parties, first.obligations, 100)
    assert states(agreement) == ["under_review", "running"]


def test_what_refuses_a_renewal_refuses_a_tacit_one(monkeypatch: pytest.MonkeyPatch) -> None:
    change_kind(monkeypatch, "ministry-association", editions=TACIT)
    unfavourable = evaluated(running(), "unfavourable")
    owes = running(owing(central(), {"blocks": ("renewal",)}))
    paper = DocumentRule(category="insurance_certificate", name=NAME, before="renew_agreement", expires=True)
    change_kind(monkeypatch, "ministry-association", documents=(*KINDS["ministry-association"].documents, paper))
    uninsured = running()
    uninsured.evolve(uninsured.withdraw(uninsured.documents[-1].document_id, reason="r"))
    for agreement in (unfavourable, owes, uninsured):
        passing(agreement, FIRST_END + timedelta(days=1))
        assert agreement.renewal and agreement.renewal.state == "lapsed"
        assert (states(agreement), agreement.effective_until) == (["under_review"], FIRST_END)


def test_what_is_carried_over_is_chosen() -> None:
    terms = owing(central(), {}, {"due_days": 60}, {"recurrence": Recurrence(first_due_on=START, every_months=6)})
    agreement = running(terms)
    kept, dropped, returning = (each.obligation_id for each in agreement.duties)
    renewed(agreement, obligations=[kept], **seats(agreement, 10, 20), amount=Money(centimes=1))
    second = agreement.editions[1]
    assert (second.funded_seats, second.amount, second.obligations) == (30, Money(centimes=1), (kept,))
    passing(agreement, date(2026, 6, 1))
    owed = [(each.obligation_id, each.due_on) for each in agreement.obligations if each.due_on > FIRST_END]
    assert owed == [(kept, date(2025, 10, 2))], "a year after the first time; the others are owed no more"
    assert {each.obligation_id for each in agreement.obligations} == {kept, dropped, returning}


def test_an_obligation_that_comes_back_goes_on_in_the_next_edition() -> None:
    recurrence = Recurrence(first_due_on=date(2024, 12, 31), every_months=6)
    agreement = running(owing(central(), {"recurrence": recurrence}))
    renewed(agreement)
    passing(agreement, date(2026, 8, 1))
    days = [date(2024, 12, 31), date(2025, 6, 30), date(2025, 12, 31), date(2026, 6, 30)]
    assert [each.due_on for each in agreement.obligations] == days


@pytest.mark.parametrize(
    "ends_on", [date(2025, 9, 1), date(2026, 9, 2), date(2027, 9, 1)], ids=["no-day", "over-a-year", "over-the-end"]
)
def test_the_next_edition_fits_into_a_year_and_the_term(ends_on: date) -> None:
    agreement = evaluated(running())
    with pytest.raises(EditionOutsideTerm):
        agreement.renew(**carried(agreement, ends_on=ends_on))


def test_the_parties_that_are_needed_are_carried_over() -> None:
    terms = central()
    terms = terms.model_copy(update={"parties": (*terms.parties, party(new_id(), "funder"))})
    agreement = evaluated(running(owing(terms, {})))
    ministry, operator, _ = (each.party_id for each in agreement.parties)
    assert agreement.renew(**carried(agreement, parties=[ministry, operator]))
    with pytest.raises(RolesMissing):
        agreement.renew(**carried(agreement, parties=[ministry]))
    with pytest.raises(NotAParty):
        agreement.renew(**carried(agreement, parties=[ministry, operator, new_id()]))
    with pytest.raises(NotFound):
        agreement.renew(**carried(agreement, obligations=[new_id()]))


def test_who_owes_in_the_next_edition_takes_part_in_it() -> None:
    terms = central()
    terms = terms.model_copy(update={"parties": (*terms.parties, party(new_id(), "funder"))})
    agreement = evaluated(running(owing(terms, {"debtor": terms.parties[2].party_id})))
    with pytest.raises(PartyNotCarried) as refused:
        agreement.renew(**carried(agreement, parties=[each.party_id for each in terms.parties[:2]]))
    assert refused.value.values["parties"] == [terms.parties[2].party_id]


def test_who_runs_a_center_that_goes_on_is_carried_over() -> None:
    terms = central()
    second = party(new_id(), "operator")
    center = terms.centers[0].model_copy(update={"center_id": new_id(), "operator_id": second.organisation_id})
    changes = {"parties": (*terms.parties, second), "centers": (*terms.centers, center)}
    agreement = evaluated(running(terms.model_copy(update=changes)))
    with pytest.raises(PartyNotCarried) as refused:
        agreement.renew(**carried(agreement, parties=[each.party_id for each in terms.parties]))
    assert refused.value.values["parties"] == [second.party_id]


@pytest.mark.parametrize("year", [2024, 2027])
def test_the_budget_year_is_one_of_those_in_which_the_edition_runs(year: int) -> None:
    agreement = evaluated(running())
    with pytest.raises(BudgetYearOutsideEdition) as refused:
        agreement.renew(**carried(agreement, budget_year=year))
    assert refused.value.values == {"first": 2025, "last": 2026}
    assert agreement.renew(**carried(agreement, budget_year=2026))


def test_the_next_edition_is_of_a_later_school_year() -> None:
    agreement = evaluated(running())
    for school_year in ("2024/2025", "2023/2024"):
        with pytest.raises(SchoolYearPassed) as refused:
            agreement.renew(**carried(agreement, school_year=school_year))
        assert refused.value.values == {"school_year": school_year, "last": "2024/2025"}


def test_an_amendment_that_brings_more_time_brings_the_renewal_back() -> None:
    agreement = evaluated(running())
    agreement.evolve(agreement.decline_renewal(reason="r"))
    amended(agreement, date(2025, 7, 1), effective_until=date(2027, 8, 31))
    passing(agreement, date(2025, 7, 1))
    assert agreement.renewal and agreement.renewal.state == "due"
    assert states(passing(renewed(agreement), date(2025, 9, 2))) == ["under_review", "running"]


def at_rest_over_an_edition() -> Agreement:
    """Suspended before its second edition begins."""
    agreement = renewed(running())
    day = FIRST_END - timedelta(days=1)
    return agreement.evolve(agreement.suspend(scope="money", centers=(), **DECISION, effective_on=day, today=day))


def test_an_agreement_at_rest_is_renewed_while_its_planned_edition_would_run() -> None:
    agreement = at_rest_over_an_edition()
    renewed(agreement)
    assert states(agreement) == ["under_review", "planned", "planned"]
    day = date(2026, 9, 10)
    agreement.evolve(agreement.resume(reason="(fictif)", effective_on=day, today=day))
    assert states(passing(agreement, day)) == ["under_review", "under_review", "running"]
    assert agreement.effective_until == date(2027, 8, 31)


def test_a_renewal_that_nobody_decides_at_rest_lapses_too() -> None:
    agreement = passing(at_rest_over_an_edition(), date(2026, 9, 2))
    assert agreement.renewal and (agreement.renewal.edition, agreement.renewal.state) == (2, "lapsed")
    assert agreement.effective_until == date(2026, 9, 1)
    agreement.evolve(agreement.expire(date(2026, 9, 2)))
    assert states(agreement) == ["under_review", "cancelled"]


def test_what_ended_at_rest_is_not_resumed_though_nobody_looked() -> None:
    agreement, day = at_rest_over_an_edition(), date(2026, 9, 10)
    with pytest.raises(TermOver) as refused:
        agreement.resume(reason="(fictif)", effective_on=day, today=day)
    assert refused.value.values == {"effective_until": date(2026, 9, 1)}


def test_an_open_renewal_lapses_when_the_agreement_ends() -> None:
    agreement = evaluated(running())
    agreement.evolve(agreement.terminate(**DECISION, effective_on=FIRST_END, today=FIRST_END))
    assert agreement.renewal and agreement.renewal.state == "lapsed"
