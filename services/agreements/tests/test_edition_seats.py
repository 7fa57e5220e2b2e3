"""The seats that an edition grants, as drafted, renewed and amended."""

from datetime import date

import pytest

from services.agreements.bilingual import Bilingual
from services.agreements.errors import CenterNotInAgreement, CenterWithoutSeats
from services.agreements.errors.editions import SeatsNotPlaced
from services.agreements.terms import BudgetLine
from services.agreements.tests.builders import in_force, regional
from services.agreements.tests.years import (
    START,
    amended,
    amending,
    carried,
    central,
    evaluated,
    granted,
    opening,
    passing,
    renewed,
    running,
    seats,
)
from shared.events.agreements import CenterSeats
from shared.ids import new_id
from shared.money import Money


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
