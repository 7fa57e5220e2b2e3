"""One agreement, year after year."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.agreements.agreement import Agreement
from services.agreements.bilingual import Bilingual
from services.agreements.content import Content
from services.agreements.errors import CenterNotInAgreement, CenterWithoutSeats, NotAParty, RolesMissing, TermOver
from services.agreements.errors.editions import (
    BudgetYearOutsideEdition,
    EditionNotUnderReview,
    EditionOutsideTerm,
    EditionsExhausted,
    EndAnnounced,
    NoEditions,
    PartyNotCarried,
    RenewalNotAllowedNow,
    RenewalNotDue,
    RenewalNotFavourable,
    SchoolYearPassed,
    SeatsNotPlaced,
    TermBeyondEditions,
)
from services.agreements.errors.force import EffectiveOutOfOrder
from services.agreements.errors.obligations import ObligationsUnmet
from services.agreements.kinds import KINDS, DocumentRule, EditionRule
from services.agreements.terms import BudgetLine, Recurrence, Terms, check_terms
from services.agreements.tests.builders import (
    DECISION,
    NAME,
    change_kind,
    in_force,
    network_terms,
    owing,
    party,
    regional,
    signed,
)
from shared.events.agreements import AgreementEditionOpened, AgreementExpired, AgreementRenewed, CenterSeats
from shared.ids import new_id
from shared.money import Money
from shared.refusals import NotAllowedNow, NotFound
from shared.territory import MINISTRY_ID

START, FIRST_END = date(2024, 9, 2), date(2025, 9, 1)
LEAD = timedelta(days=90)
TACIT = EditionRule(most=3, tacit=True, lead_days=90)


def central(**changes: Any) -> Terms:
    """Terms between the ministry and an association, on two centers."""
    terms = regional()
    parties = (
        party(MINISTRY_ID, "granting_authority", "supervising_ministry"),
        terms.parties[1],
    )
    centers = tuple(
        each.model_copy(update={"center_id": new_id(), "funded_seats": seats})
        for each in terms.centers
        for seats in (40, 60)
    )
    central = {"agreement_kind": "ministry-association", "academy": None, "parties": parties, "centers": centers}
    return terms.model_copy(update=central | changes)


def passing(agreement: Agreement, until: date) -> Agreement:
    """The agreement on a later day."""
    return agreement.evolve(agreement.pass_time(until))


def running(terms: Terms | None = None) -> Agreement:
    """An agreement in its first edition."""
    return passing(in_force(terms or central()), START)


def evaluated(agreement: Agreement, outcome: Any = "favourable") -> Agreement:
    """The agreement with its renewal due and its last edition evaluated."""
    passing(agreement, agreement.editions[-1].ends_on - LEAD)
    return agreement.evolve(agreement.evaluate(outcome=outcome, reason="r"))


def carried(agreement: Agreement, **changes: Any) -> dict[str, Any]:
    """The next edition, with everything taken over and by name."""
    last = agreement.editions[-1]
    starts = int(last.school_year[:4]) + 1
    everything = {
        "school_year": f"{starts}/{starts + 1}",
        "budget_year": last.budget_year + 1,
        "ends_on": min(last.ends_on + timedelta(days=365), agreement.effective_until),
        "funded_seats": last.funded_seats,
        "unfunded_seats": last.unfunded_seats,
        "amount": last.amount,
        "parties": last.parties,
        "obligations": last.obligations,
    }
    return everything | changes


def renewed(agreement: Agreement, **changes: Any) -> Agreement:
    """The agreement once its last edition is evaluated and renewed."""
    evaluated(agreement)
    return agreement.evolve(agreement.renew(**carried(agreement, **changes)))


def seats(agreement: Agreement, *funded: int) -> dict[str, Any]:
    """What a renewal says of so many funded seats in each center, and no unfunded ones."""
    named = [
        CenterSeats(center_id=center.center_id, funded_seats=number, unfunded_seats=0)
        for center, number in zip(agreement.centers, funded, strict=True)
    ]
    return {"seats": named, "funded_seats": sum(funded), "unfunded_seats": 0}


def granted(event: Any) -> list[int]:
    """The funded seats of each center, as it follows the event."""
    return [each.funded_seats for each in getattr(event, "granted", None) or event.centers]


def amended(agreement: Agreement, today: date, **changes: Any) -> Agreement:
    """The agreement once an amendment is applied."""
    content = agreement.content(()).model_copy(update=changes)
    return agreement.evolve(amending(agreement, content, today))


def amending(agreement: Agreement, content: Content, today: date) -> list[Any]:
    """An amendment's own event."""
    what: dict[str, Any] = {"amendment_id": new_id(), "number": len(agreement.amendments) + 1, "names": {}}
    return agreement.amend(content, text_hash="cd" * 32, amendment_type="scope", signatures=(), today=today, **what)


def opening(agreement: Agreement, day: date) -> Any:
    """What is told when an edition opens on this day."""
    events = agreement.pass_time(day)
    agreement.evolve(events)
    return next(each for each in events if isinstance(each, AgreementEditionOpened))


def states(agreement: Agreement) -> list[str]:
    """Where each edition stands."""
    return [each.state.value for each in agreement.editions]


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


def test_the_next_edition_is_of_a_later_school_year() -> None:
    agreement = evaluated(running())
    for school_year in ("2024/2025", "2023/2024"):
        with pytest.raises(SchoolYearPassed) as refused:
            agreement.renew(**carried(agreement, school_year=school_year))
        assert refused.value.values == {"school_year": school_year, "last": "2024/2025"}


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


def test_an_amendment_that_brings_more_time_brings_the_renewal_back() -> None:
    agreement = evaluated(running())
    agreement.evolve(agreement.decline_renewal(reason="r"))
    amended(agreement, date(2025, 7, 1), effective_until=date(2027, 8, 31))
    passing(agreement, date(2025, 7, 1))
    assert agreement.renewal and agreement.renewal.state == "due"
    assert states(passing(renewed(agreement), date(2025, 9, 2))) == ["under_review", "running"]


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


def test_no_edition_is_planned_that_an_announced_termination_would_not_let_begin() -> None:
    next_start = FIRST_END + timedelta(days=1)
    for effective_on, refused in ((next_start, True), (next_start + timedelta(days=1), False)):
        agreement = evaluated(running())
        told = DECISION | {"notified_on": date(2025, 6, 10), "today": date(2025, 6, 10)}
        agreement.evolve(agreement.terminate(**told, effective_on=effective_on))
        assert isinstance(agreement.refusal_of("renew_agreement"), EndAnnounced) == refused
        assert agreement.refusal_of("decline_renewal") is None


def test_an_edition_tells_the_seats_that_it_grants_each_center() -> None:
    agreement = running()
    assert granted(opening(in_force(central()), START)) == [40, 60]
    renewed(agreement, **seats(agreement, 30, 60))
    assert granted(opening(agreement, date(2025, 9, 2))) == [30, 60]
    (again,) = evaluated(agreement).renew(**carried(agreement, funded_seats=100, unfunded_seats=40))
    agreement.evolve([again])
    assert granted(opening(agreement, date(2026, 9, 2))) == [40, 60], "as agreed again, where nothing else is said"


def test_the_seats_of_an_edition_are_those_of_its_centers() -> None:
    agreement = evaluated(running())
    wrong = seats(agreement, 30, 60) | {"funded_seats": 100}
    with pytest.raises(SeatsNotPlaced) as refused:
        agreement.renew(**carried(agreement, **wrong))
    assert refused.value.values == {"funded_seats": 90, "unfunded_seats": 0}
    with pytest.raises(SeatsNotPlaced):
        agreement.renew(**carried(agreement, funded_seats=90))
    with pytest.raises(CenterWithoutSeats):
        agreement.renew(**carried(agreement, **seats(agreement, 0, 0)))
    foreign = CenterSeats(center_id=new_id(), funded_seats=1, unfunded_seats=0)
    with pytest.raises(CenterNotInAgreement):
        agreement.renew(**carried(agreement, seats=[foreign]))


def test_the_seats_of_an_edition_with_one_center_are_its() -> None:
    agreement = renewed(running(regional(agreement_kind="academy-association")), funded_seats=70)
    assert granted(opening(agreement, date(2025, 9, 2))) == [70]


def test_what_is_amended_of_seats_and_money_holds_for_a_renewed_edition_and_the_rest_stays() -> None:
    year, terms = 2025, central()
    line = {"line_id": new_id(), "payer": terms.parties[0].party_id, "heading": Bilingual(ar="منحة", fr="Subvention")}
    budget = BudgetLine(**line, kind="cash", amount=Money(centimes=100), budget_year=year)
    agreement = running(terms.model_copy(update={"budget": (budget,)}))
    renewed(agreement, **seats(agreement, 5, 5), budget_year=year, amount=Money(centimes=80))
    agreed = agreement.centers
    fewer = (agreed[0].model_copy(update={"funded_seats": 20}), agreed[1])
    cut = (budget.model_copy(update={"amount": Money(centimes=10)}),)

    def second() -> tuple[int, int]:
        return agreement.editions[1].funded_seats, agreement.editions[1].amount.centimes

    amended(agreement, date(2025, 7, 1), title=Bilingual(ar="عنوان", fr="Titre"))
    assert second() == (10, 80), "nothing was said of them"
    amended(agreement, date(2025, 7, 2), centers=fewer, budget=cut)
    assert second() == (25, 10), "twenty as amended, five as renewed"
    amended(agreement, date(2025, 7, 3), centers=agreed, budget=(budget,))
    assert second() == (45, 100), "what is undone is what is agreed"


def test_an_amendment_tells_the_seats_that_the_edition_under_way_grants() -> None:
    agreement = running()
    renewed(agreement, **seats(agreement, 5, 5))
    passing(agreement, date(2025, 9, 2))
    day, more = date(2025, 9, 3), agreement.centers[1].model_copy(update={"funded_seats": 90})
    for centers, told in ((agreement.centers, [5, 5]), ((agreement.centers[0], more), [5, 90])):
        content = agreement.content(()).model_copy(update={"centers": centers})
        (event,) = amending(agreement, content, day)
        assert [each.funded_seats for each in event.centers] == [each.funded_seats for each in centers], "as agreed"
        assert granted(event) == told


def test_an_edition_planned_before_seats_were_told_goes_up_and_down_with_what_is_agreed() -> None:
    agreement = renewed(running())
    first, second = agreement.editions
    agreement.editions = (first, second.model_copy(update={"seats": None, "funded_seats": 10}))
    more = tuple(each.model_copy(update={"funded_seats": each.funded_seats + 5}) for each in agreement.centers)
    amended(agreement, date(2025, 7, 1), centers=more)
    assert agreement.editions[1].funded_seats == 20


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


def test_an_open_renewal_lapses_when_the_agreement_ends() -> None:
    agreement = evaluated(running())
    agreement.evolve(agreement.terminate(**DECISION, effective_on=FIRST_END, today=FIRST_END))
    assert agreement.renewal and agreement.renewal.state == "lapsed"


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
