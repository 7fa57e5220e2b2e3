"""The rules of a center, without input or output."""

from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.centers.center import BEFORE_OPENING, RUNNING, TAUGHT, Center, CenterState
from services.centers.errors import (
    AgreementRests,
    CountDatedAhead,
    CountDatedBack,
    CountOutsideSeats,
    LearnersStillEnrolled,
    NoSeats,
    ProvinceOutsideAcademy,
    VisaDatedAhead,
)
from services.centers.tests.builders import AGREEMENT, DAY, OPERATOR, center, decisions, planned, provided
from shared.events.base import DomainEvent
from shared.events.catalog import decode
from shared.events.centers import CenterPlanned
from shared.refusals import NotAllowedNow, Refusal

TO_OPENING = ("start_fitting_out", "grant_visa", "open_center")


def test_a_center_opens_only_with_its_visa() -> None:
    with pytest.raises(NotAllowedNow):
        center("start_fitting_out").open(on=DAY)
    assert center(*TO_OPENING).state is CenterState.opened


def test_a_visa_is_recorded_once_it_is_granted() -> None:
    with pytest.raises(VisaDatedAhead):
        center("start_fitting_out").grant_visa(visa_number="(fictif)", granted_on=DAY + timedelta(days=1), today=DAY)


@pytest.mark.parametrize(("province", "academy"), [("MA-NOU", "MA-04"), ("MA-XXX", "MA-06"), ("MA-XXX", None)])
def test_a_center_lies_in_a_province_of_the_agreements_academy(province: str, academy: str | None) -> None:
    with pytest.raises(ProvinceOutsideAcademy):
        Center.plan(provided(province=province), agreement_id=AGREEMENT, academy=academy)


def test_a_center_of_a_national_agreement_belongs_to_its_provinces_academy() -> None:
    one = provided(province="MA-NOU")
    assert Center.fold(one.center_id, Center.plan(one, agreement_id=AGREEMENT, academy=None)).academy == "MA-06"


@pytest.mark.parametrize("seats", [(0, 0), (-1, 20), (60, -1)])
def test_a_center_has_seats(seats: tuple[int, int]) -> None:
    with pytest.raises(NoSeats):
        Center.plan(provided(funded_seats=seats[0], unfunded_seats=seats[1]), agreement_id=AGREEMENT, academy="MA-06")


def test_a_center_may_have_unfunded_seats_only() -> None:
    events = Center.plan(provided(funded_seats=0), agreement_id=AGREEMENT, academy="MA-06")
    assert [type(event) for event in events] == [CenterPlanned]


def test_a_center_that_rests_with_its_agreement_resumes_only_with_it() -> None:
    resting = center(*TO_OPENING, "rest_with_agreement")
    with pytest.raises(AgreementRests):
        resting.resume()
    assert resting.evolve(resting.resume_with_agreement()).state is CenterState.opened


def test_a_center_suspended_by_decision_does_not_resume_with_the_agreement() -> None:
    assert center(*TO_OPENING, "suspend_center").resume_with_agreement() == []


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ((), CenterState.abandoned),
        (("start_fitting_out",), CenterState.abandoned),
        (("start_fitting_out", "grant_visa"), CenterState.abandoned),
        (TO_OPENING, CenterState.handing_over),
        ((*TO_OPENING, "suspend_center"), CenterState.handing_over),
        ((*TO_OPENING, "rest_with_agreement"), CenterState.handing_over),
        ((*TO_OPENING, "close_center"), CenterState.closed),
        (("abandon_center",), CenterState.abandoned),
    ],
)
def test_when_its_agreement_ends_a_center_is_handed_over_or_abandoned(
    steps: tuple[str, ...], state: CenterState
) -> None:
    ended = center(*steps)
    assert ended.evolve(ended.end_with_agreement()).state is state


def test_a_reason_stays_in_the_service() -> None:
    (event,) = center(*TO_OPENING).suspend(reason="travaux")
    assert "travaux" not in event.model_dump_json()


def test_a_center_is_seen_by_its_academy_its_directorates_and_its_operator() -> None:
    assert {"MA-06", "DP-CAS-ANFA", "DP-CAS-FIDA", f"org:{OPERATOR}"} <= set(planned().visible_to())
    assert center().audience() == ("MA-06",)


def count(center: Center, funded: int, unfunded: int = 0, *, on: date = DAY) -> Center:
    """So many are enrolled, told the day after the opening."""
    today = DAY + timedelta(days=1)
    events = center.report_enrolled(funded_enrolled=funded, unfunded_enrolled=unfunded, counted_on=on, today=today)
    return center.evolve(events)


def enrolled(center: Center) -> tuple[int | None, int | None]:
    """On funded and on unfunded seats, as last told."""
    return center.funded_enrolled, center.unfunded_enrolled


def test_a_center_tells_no_number_until_somebody_counted() -> None:
    opened = center(*TO_OPENING)
    assert enrolled(opened) == (None, None)
    assert enrolled(count(opened, 0)) == (0, 0)


@pytest.mark.parametrize("steps", [(), ("start_fitting_out", "grant_visa"), (*TO_OPENING, "close_center")])
def test_learners_are_counted_only_where_they_are_taught(steps: tuple[str, ...]) -> None:
    with pytest.raises(NotAllowedNow):
        count(center(*steps), 1)


@pytest.mark.parametrize("step", ["suspend_center", "rest_with_agreement", "end_with_agreement"])
def test_learners_stay_enrolled_and_are_counted_through_a_suspension_and_a_hand_over(step: str) -> None:
    taught = count(center(*TO_OPENING), 30, 5)
    taught.evolve(decisions(taught)[step]())
    assert enrolled(taught) == (30, 5)
    assert enrolled(count(taught, 29, 5)) == (29, 5)


@pytest.mark.parametrize(("funded", "unfunded"), [(61, 0), (0, 21), (-1, 0), (0, -1)])
def test_a_count_fits_the_seats_of_each_kind(funded: int, unfunded: int) -> None:
    with pytest.raises(CountOutsideSeats) as refused:
        count(center(*TO_OPENING), funded, unfunded)
    assert refused.value.values == {"funded": 60, "unfunded": 20}
    assert enrolled(count(center(*TO_OPENING), 60, 20)) == (60, 20)


def test_who_sits_where_an_amendment_took_seats_away_is_still_counted_but_nobody_more() -> None:
    full = count(center(*TO_OPENING), 60, 0)
    full.evolve(full.follow_agreement(provided(center_id=full.id, funded_seats=40)))
    assert enrolled(count(full, 58)) == (58, 0)
    with pytest.raises(CountOutsideSeats):
        count(full, 59)
    assert enrolled(count(full, 40)) == (40, 0)
    with pytest.raises(CountOutsideSeats):
        count(full, 41)


def test_a_count_is_neither_ahead_nor_older_than_the_last_nor_than_the_opening() -> None:
    taught = center(*TO_OPENING)
    with pytest.raises(CountDatedBack):
        count(taught, 30, on=DAY - timedelta(days=1))
    with pytest.raises(CountDatedAhead):
        count(taught, 30, on=DAY + timedelta(days=2))
    count(taught, 30, on=DAY + timedelta(days=1))
    with pytest.raises(CountDatedBack):
        count(taught, 31, on=DAY)
    assert enrolled(count(taught, 31, on=DAY + timedelta(days=1))) == (31, 0), "the same day's count is put right"


@pytest.mark.parametrize("learners", [(1, 0), (0, 1)])
def test_a_center_does_not_close_while_learners_are_enrolled(learners: tuple[int, int]) -> None:
    taught = count(center(*TO_OPENING), *learners)
    with pytest.raises(LearnersStillEnrolled) as refused:
        taught.close(on=DAY, reason="(fictif)")
    assert refused.value.values["counted_on"] == DAY
    assert "close_center" not in [action for action in Center.ALLOWED if taught.refusal_of(action) is None]
    emptied = count(taught, 0)
    assert emptied.evolve(emptied.close(on=DAY, reason="(fictif)")).state is CenterState.closed


def test_a_count_is_numbers_and_nothing_else() -> None:
    (event,) = center(*TO_OPENING).report_enrolled(funded_enrolled=3, unfunded_enrolled=1, counted_on=DAY, today=DAY)
    assert set(event.model_dump()) == {"center_id", "academy", "counted_on", "funded_enrolled", "unfunded_enrolled"}
    assert event.detail == {}


class Life(RuleBasedStateMachine):
    """Whatever happens in whatever order: only allowed steps succeed, and the state is the fold of the events."""

    def __init__(self) -> None:
        super().__init__()
        self.center = planned()
        self.events: list[DomainEvent] = Center.plan(
            provided(center_id=self.center.id), agreement_id=AGREEMENT, academy="MA-06"
        )

    @rule(action=st.sampled_from(sorted(decisions(planned()))))
    def attempt(self, action: str) -> None:
        """Try any decision: it is refused, or it leads where the domain says."""
        state = self.center.state
        decide = decisions(self.center)[action]
        if state not in Center.ALLOWED.get(action, frozenset(CenterState)):
            with pytest.raises(NotAllowedNow):
                decide()
            return
        if action == "resume_center" and self.center.suspended_because == "agreement_suspended":
            with pytest.raises(AgreementRests):
                decide()
            return
        if action == "close_center" and any(enrolled(self.center)):
            with pytest.raises(LearnersStillEnrolled):
                decide()
            return
        if action == "report_enrolled" and (self.center.counted_on or DAY) > DAY:
            with pytest.raises(CountDatedBack):
                decide()
            return
        events = decide()
        self.events += events
        self.center.evolve(events)
        assert self.center.state in LEADS_TO[state] or not events or action == "report_enrolled"

    @rule(funded=st.integers(-1, 61), unfunded=st.integers(-1, 21), later=st.integers(-1, 2))
    def count(self, funded: int, unfunded: int, later: int) -> None:
        """Count any number of learners on any day: it is told where it fits state, day and seats, and only there."""
        on, today = DAY + timedelta(days=later), DAY + timedelta(days=1)
        fits = 0 <= funded <= 60 and 0 <= unfunded <= 20 and (self.center.counted_on or DAY) <= on <= today
        counted = partial(
            self.center.report_enrolled, funded_enrolled=funded, unfunded_enrolled=unfunded, counted_on=on, today=today
        )
        if not fits or self.center.state not in TAUGHT:
            with pytest.raises(Refusal):
                counted()
            return
        events = counted()
        self.events += events
        self.center.evolve(events)
        assert enrolled(self.center) == (funded, unfunded)

    @invariant()
    def a_count_fits_the_seats_and_a_closed_center_has_none(self) -> None:
        """Counts are told where learners are taught, and are gone before it closes."""
        funded, unfunded = enrolled(self.center)
        assert (funded is None) == (unfunded is None) == (self.center.counted_on is None)
        assert 0 <= (funded or 0) <= 60 and 0 <= (unfunded or 0) <= 20
        if self.center.state not in TAUGHT:
            assert not funded and not unfunded

    @invariant()
    def state_is_the_fold_of_what_was_published_and_kept(self) -> None:
        """Also when every event went through its stored form."""
        stored = [decode(event.type, event.model_dump(mode="json")).keeping(**event.detail) for event in self.events]
        assert Center.fold(self.center.id, stored).model_dump() == self.center.model_dump()

    @invariant()
    def only_a_suspended_center_knows_why_it_was_suspended(self) -> None:
        """The cause comes and goes with the state."""
        assert (self.center.suspended_because is not None) == (self.center.state is CenterState.suspended)

    @invariant()
    def seats_are_never_negative_and_a_center_that_opened_says_since_when(self) -> None:
        """Seats stay as planned; the opening day stays known."""
        assert (self.center.funded_seats, self.center.unfunded_seats) == (60, 20)
        if self.center.state in RUNNING | {CenterState.handing_over}:
            assert self.center.opened_on == DAY
        if self.center.state in BEFORE_OPENING:
            assert self.center.opened_on is None


LEADS_TO: dict[Any, set[CenterState]] = {
    CenterState.planned: {CenterState.fitting_out, CenterState.abandoned},
    CenterState.fitting_out: {CenterState.ready, CenterState.abandoned},
    CenterState.ready: {CenterState.opened, CenterState.abandoned},
    CenterState.opened: {CenterState.suspended, CenterState.handing_over, CenterState.closed},
    CenterState.suspended: {CenterState.opened, CenterState.handing_over, CenterState.closed},
    CenterState.handing_over: {CenterState.closed},
    CenterState.closed: set(),
    CenterState.abandoned: set(),
}

TestLife = Life.TestCase
