"""An agreement at rest and at its end: notice, grounds, announcements, the closing and the archive."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.agreements.agreement import Agreement, AgreementState, EditionState, ObligationState
from services.agreements.agreement.family import Parent
from services.agreements.errors import CenterNotInAgreement, EffectiveDateAhead
from services.agreements.errors.force import (
    AlreadyAnnounced,
    AnnouncementDue,
    ConfirmationsMissing,
    DecisionWithoutDocument,
    EditionsUnderReview,
    EffectiveAfterTerm,
    EffectiveBeforeSuspension,
    EffectiveOutOfOrder,
    NothingAnnounced,
    NoticeAhead,
    NoticeTooShort,
    ObligationsUnsettled,
    ResumptionWithoutReason,
)
from services.agreements.kinds import KINDS
from services.agreements.terms import Terms
from services.agreements.tests.builders import (
    DECISION,
    attached,
    bound,
    current,
    director,
    in_force,
    network_terms,
    owing,
    regional,
    signed,
    suspend,
)
from shared.clock import today
from shared.database import Database
from shared.events.agreements import (
    AgreementAmended,
    AgreementArchived,
    AgreementObligationFellDue,
    AgreementSuspended,
    AgreementTerminated,
)
from shared.ids import new_id
from shared.refusals import NotAllowedNow, Refusal

S = AgreementState
DAY = date(2025, 1, 13)
NOTICE = KINDS["academy-association"].notice_days
SHORTER = KINDS["academy-association"].suspension_notice_days


def at_work(terms: Terms | None = None) -> Agreement:
    """In force, as time has made it by DAY."""
    agreement = in_force(terms)
    return agreement.evolve(agreement.pass_time(DAY))


def suspended(agreement: Agreement | None = None, **changes: Any) -> Agreement:
    """At rest since DAY, unless told otherwise."""
    agreement = agreement or at_work()
    what = DECISION | {"scope": "money", "centers": (), "today": DAY}
    return agreement.evolve(agreement.suspend(**(what | changes)))


def terminated(agreement: Agreement | None = None, **changes: Any) -> Agreement:
    """Ended on DAY, unless told otherwise."""
    agreement = agreement or at_work()
    return agreement.evolve(agreement.terminate(**(DECISION | {"today": DAY} | changes)))


def after(days: int) -> date:
    """So many days after DAY."""
    return DAY + timedelta(days=days)


def test_a_suspension_of_centers_names_them_all_unless_told() -> None:
    agreement = suspended(scope="centers")
    assert agreement.suspension and agreement.suspension.centers == (agreement.centers[0].center_id,)


def test_a_suspension_of_money_names_no_center() -> None:
    agreement = suspended()
    assert agreement.suspension and agreement.suspension.centers == ()
    agreement.evolve(agreement.resume(reason="(fictif)", effective_on=after(9), today=after(9)))
    assert agreement.state == AgreementState.in_force and agreement.suspension is None


def test_a_suspension_names_own_centers_only() -> None:
    with pytest.raises(CenterNotInAgreement):
        suspended(scope="centers", centers=[new_id()])


def test_a_suspension_has_two_ways_out() -> None:
    for way_out in ("resume_agreement", "terminate_agreement"):
        assert suspended().refusal_of(way_out) is None
    assert terminated(suspended()).state == AgreementState.terminated


def test_a_suspended_agreement_never_goes_back_to_its_draft() -> None:
    agreement = suspended()
    for action in ("open_negotiation", "reopen_text", "revise_text", "cancel_agreement"):
        assert isinstance(agreement.refusal_of(action), NotAllowedNow), action


def test_a_suspension_is_lifted_for_a_reason() -> None:
    with pytest.raises(ResumptionWithoutReason):
        suspended().resume(reason=None, effective_on=DAY, today=DAY)


async def test_who_lifts_a_suspension_without_a_reason_is_told_so_and_the_history_tells_the_reason(
    as_: Any, database: Database
) -> None:
    agreement = await attached(database, await bound(database, current(effective_from=today())), "suspension_decision")
    agreement = await suspend(database, agreement)
    by, path, version = as_(director()), f"/agreements/{agreement.id}", {"If_Match": f'"{agreement.version}"'}
    refused = await by.post(f"{path}/resumption", {"document": "DECISION-EXEMPLE-2"}, **version)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/resumption-without-reason")
    resumed = await by.post(f"{path}/resumption", {"reason": "Réserves levées (fictif)"}, **version)
    assert resumed.json()["state"] == "in_force"
    told = (await by.get(f"{path}/history", limit=100)).json()["items"]
    why = {each["type"].split(".")[3]: each["reason"] for each in told}
    assert (why["suspended"], why["resumed"], why["signed"]) == ("(fictif)", "Réserves levées (fictif)", None)
    assert "Réserves levées" not in str([each["data"] for each in told]), "what is published has no words of people's"


def test_a_suspension_is_not_lifted_ahead_of_its_day() -> None:
    with pytest.raises(EffectiveDateAhead):
        suspended().resume(reason="(fictif)", effective_on=after(1), today=DAY)


def test_a_suspension_is_not_lifted_before_it_began() -> None:
    with pytest.raises(EffectiveBeforeSuspension):
        suspended().resume(reason="(fictif)", effective_on=after(-1), today=after(1))


@pytest.mark.parametrize("decide", [suspended, terminated])
def test_a_decision_stands_on_a_document_or_its_file(decide: Any) -> None:
    with pytest.raises(DecisionWithoutDocument):
        decide(document=None)
    agreement = decide(document=None, document_hash="ab" * 32)
    stands_on = agreement.suspension or agreement.ending
    assert (stands_on.document_hash, stands_on.notified_on) == ("ab" * 32, DECISION["notified_on"])


@pytest.mark.parametrize(("decide", "days"), [(suspended, SHORTER), (terminated, NOTICE)])
def test_a_decision_takes_effect_after_the_notice_of_its_kind(decide: Any, days: int) -> None:
    with pytest.raises(NoticeTooShort) as refused:
        decide(notified_on=DAY, effective_on=after(days - 1))
    assert refused.value.values["earliest"] == after(days)
    agreement = decide(notified_on=DAY)
    assert agreement.state == AgreementState.in_force
    assert agreement.announcement and agreement.announcement.effective_on == after(days) == agreement.next_on()
    assert decide(notified_on=after(-days)).announcement is None


def test_notice_is_given_before_it_counts() -> None:
    with pytest.raises(NoticeAhead):
        terminated(notified_on=after(1))


def test_nothing_is_decided_for_a_day_on_which_the_agreement_is_over() -> None:
    with pytest.raises(EffectiveAfterTerm):
        terminated(effective_on=date(2027, 9, 1))


@pytest.mark.parametrize("decide", [suspended, terminated])
def test_nothing_is_decided_for_a_day_before_the_agreement_was_in_force(decide: Any) -> None:
    since = at_work().in_force_on
    assert since
    with pytest.raises(EffectiveOutOfOrder) as refused:
        decide(effective_on=since - timedelta(days=1))
    assert refused.value.values["since"] == since
    assert decide(effective_on=since).state in (S.suspended, S.terminated)


def test_a_suspension_does_not_reach_back_into_the_one_before() -> None:
    agreement = suspended()
    agreement.evolve(agreement.resume(reason="(fictif)", effective_on=after(9), today=after(20)))

    def again(day: date) -> Any:
        return agreement.suspension_on(
            scope="money", centers=(), notified_on=DECISION["notified_on"], effective_on=day, today=after(20)
        )

    with pytest.raises(EffectiveOutOfOrder):
        again(after(8))
    assert again(after(9)).effective_on == after(9)


def test_what_rests_does_not_end_before_it_rested() -> None:
    with pytest.raises(EffectiveOutOfOrder):
        terminated(suspended(), effective_on=after(-1))
    assert terminated(suspended(), effective_on=DAY).state == S.terminated


@pytest.mark.parametrize("standing", [signed, at_work, suspended])
def test_a_day_that_was_not_kept_is_derived(standing: Any) -> None:
    agreement = standing()
    since, agreement.stands_since = agreement.stands_since, None
    assert since and agreement.stood_since == since


@pytest.mark.parametrize("standing", [at_work, suspended])
def test_nothing_is_decided_for_a_day_before_one_that_was_derived(standing: Any) -> None:
    agreement = standing()
    since, agreement.stands_since = agreement.stands_since, None
    with pytest.raises(EffectiveOutOfOrder) as refused:
        terminated(agreement, effective_on=since - timedelta(days=1))
    assert refused.value.values["since"] == since
    assert terminated(agreement, effective_on=since).state == S.terminated


def test_what_is_announced_takes_effect_on_its_day_with_its_grounds() -> None:
    agreement = terminated(notified_on=DAY)
    assert agreement.pass_time(after(NOTICE - 1)) == []
    (ended,) = agreement.pass_time(after(NOTICE))
    assert isinstance(ended, AgreementTerminated) and ended.effective_on == after(NOTICE)
    agreement.evolve([ended])
    assert agreement.state == AgreementState.terminated and agreement.announcement is None
    assert agreement.ending and agreement.ending.document == DECISION["document"]


def test_an_announced_suspension_rests_the_centers_it_named() -> None:
    agreement = suspended(notified_on=DAY, scope="centers")
    (rests,) = agreement.pass_time(after(SHORTER))
    assert isinstance(rests, AgreementSuspended)
    assert (rests.scope, rests.centers) == ("centers", (agreement.centers[0].center_id,))


@pytest.mark.parametrize(
    ("days", "what"),
    [({}, {"scope": "centers"}), ({"notified_on": DAY}, {"scope": "centers"}), ({}, {"scope": "money"})],
)
def test_a_center_that_an_amendment_adds_rests_if_all_the_others_do(days: dict[str, Any], what: dict[str, Any]) -> None:
    agreement = suspended(**days, **what)
    first, new = agreement.centers[0], agreement.centers[0].model_copy(update={"center_id": new_id()})
    content = agreement.content(()).model_copy(update={"centers": (first, new)})
    details: dict[str, Any] = {"amendment_id": new_id(), "number": 1, "names": {}, "signatures": (), "today": DAY}
    (amended,) = agreement.amend(content, text_hash="cd" * 32, amendment_type="seats", **details)
    assert isinstance(amended, AgreementAmended)
    assert amended.resting == ((new.center_id,) if agreement.suspension and what["scope"] == "centers" else ())
    agreement.evolve([amended])
    rest = agreement.suspension or agreement.announcement
    assert rest and rest.centers == (() if what["scope"] == "money" else (first.center_id, new.center_id))


def test_after_an_outage_what_fell_due_before_the_end_comes_before_it() -> None:
    agreement = at_work(owing(regional(), {"due_on": after(5)}, {"due_on": after(NOTICE + 5)}))
    terminated(agreement, notified_on=DAY)
    events = [event for event in agreement.pass_time(after(400)) if "reminded" not in event.type]
    assert [type(event) for event in events[:2]] == [AgreementObligationFellDue, AgreementTerminated]
    agreement.evolve(events)
    assert {each.state for each in agreement.obligations} == {ObligationState.cancelled}


def test_what_is_announced_is_withdrawn_before_its_day_only() -> None:
    agreement = terminated(notified_on=DAY)
    with pytest.raises(AnnouncementDue):
        agreement.withdraw_announcement(reason="r", today=after(NOTICE))
    agreement.evolve(agreement.withdraw_announcement(reason="r", today=after(NOTICE - 1)))
    assert agreement.announcement is None and agreement.state == AgreementState.in_force
    assert agreement.pass_time(after(NOTICE)) == []
    with pytest.raises(NothingAnnounced):
        agreement.withdraw_announcement(reason="r", today=DAY)


def test_one_thing_is_announced_at_a_time() -> None:
    agreement = suspended(notified_on=DAY)
    for action in ("suspend_agreement", "terminate_agreement"):
        assert isinstance(agreement.refusal_of(action), AlreadyAnnounced)


def test_an_announced_termination_outlives_a_suspension() -> None:
    agreement = terminated(suspended(), notified_on=DAY)
    agreement.evolve(agreement.resume(reason="(fictif)", effective_on=DAY, today=DAY))
    agreement.evolve(agreement.pass_time(after(NOTICE)))
    assert agreement.state == AgreementState.terminated


def test_an_agreement_that_is_to_end_before_its_start_never_binds() -> None:
    agreement = signed(regional(effective_from=after(NOTICE)))
    terminated(agreement, notified_on=DAY)
    assert agreement.bring_into_force(after(NOTICE)) == []
    agreement.evolve(agreement.pass_time(after(NOTICE)))
    assert agreement.state == AgreementState.terminated and not agreement.obligations


def test_an_announced_end_comes_before_the_term_whichever_is_looked_at_first() -> None:
    agreement = terminated(notified_on=DAY)
    agreement.evolve(agreement.expire(date(2028, 1, 1)))
    assert agreement.state == AgreementState.terminated


def test_a_child_ends_with_its_parent_though_something_else_is_announced_of_it() -> None:
    parent, child = terminated(), suspended(notified_on=DAY)
    child.evolve(child.catch_up(DAY, Parent(parent)))
    assert child.state == AgreementState.terminated and child.announcement is None


def test_a_child_ends_on_the_day_of_its_parent_whenever_that_is_looked_at() -> None:
    parent, child = terminated(), at_work()
    child.evolve(child.pass_time(after(4)))
    child.evolve(child.catch_up(after(4), Parent(parent)))
    assert child.ending and child.ending.effective_on == DAY


def test_a_child_that_stood_otherwise_after_its_parents_day_ends_then() -> None:
    parent, child = terminated(), suspended(today=after(3))
    child.evolve(child.catch_up(after(3), Parent(parent)))
    assert child.ending and child.ending.effective_on == after(3)


def test_a_childs_own_end_comes_before_its_parents_whichever_is_looked_at_first() -> None:
    parent = terminated(at_work(regional(effective_until=after(900))), today=after(800))
    shorter = at_work(regional(effective_until=after(700)))
    announced = terminated(shorter.model_copy(), notified_on=DAY)
    for child, end in ((announced, S.terminated), (shorter, S.expired)):
        events = child.catch_up(after(801), Parent(parent))
        child.evolve(events)
        assert child.state == end and "parent_ended" not in {getattr(each, "because", None) for each in events}


def settled(agreement: Agreement | None = None) -> Agreement:
    """Terminated, with its edition reviewed."""
    agreement = terminated(agreement)
    return agreement.evolve(agreement.close_edition(1, today=DAY))


def close(agreement: Agreement, **changes: Any) -> Agreement:
    """Close the file with all confirmations."""
    what: dict[str, Any] = {"confirmed": agreement.to_confirm, "document": "COMPTE-EXEMPLE-1", "today": after(1)}
    return agreement.evolve(agreement.close(**(what | changes)))


def test_an_ended_agreement_is_closed_once_all_is_confirmed() -> None:
    agreement = close(settled())
    assert agreement.state == AgreementState.closed and agreement.closed_file
    assert agreement.closed_file.closed_on == after(1)
    assert isinstance(agreement.refusal_of("terminate_agreement"), NotAllowedNow)


@pytest.mark.parametrize("left_out", in_force().to_confirm)
def test_each_confirmation_is_needed(left_out: str) -> None:
    agreement = settled()
    confirmed = [each for each in agreement.to_confirm if each != left_out]
    with pytest.raises(ConfirmationsMissing) as refused:
        close(agreement, confirmed=confirmed)
    assert refused.value.values["missing"] == [left_out]


def test_a_closing_stands_on_a_document() -> None:
    with pytest.raises(DecisionWithoutDocument):
        close(settled(), document=None)


def test_where_there_is_no_center_nothing_is_handed_over() -> None:
    agreement = terminated(at_work(network_terms()))
    assert not [each for each in agreement.to_confirm if each.endswith("handed_over")]


def test_a_file_is_not_closed_while_something_is_owed() -> None:
    agreement = settled(at_work(owing(regional(), {"due_on": after(40), "survives": True})))
    agreement.evolve(agreement.pass_time(after(40)))
    (owed,) = agreement.obligations
    _refuses_to_close(agreement, ObligationsUnsettled)
    agreement.evolve(agreement.waive(owed.obligation_id, 1, reason="r", today=DAY))
    assert close(agreement).state == AgreementState.closed


@pytest.mark.parametrize("blocks", [(), ("closing",)])
def test_what_is_due_later_outlives_the_file_unless_it_blocks_the_closing(blocks: tuple[Any, ...]) -> None:
    late = {"due_on": date(2030, 1, 1), "survives": True, "blocks": blocks}
    agreement = settled(at_work(owing(regional(), late)))
    if blocks:
        _refuses_to_close(agreement, ObligationsUnsettled)
    else:
        close(agreement)
        agreement.evolve(agreement.pass_time(date(2030, 1, 1)))
        assert agreement.obligations[0].state == ObligationState.due


def test_a_file_is_not_closed_while_a_year_is_reviewed() -> None:
    agreement = terminated()
    assert agreement.editions[0].state == EditionState.under_review
    _refuses_to_close(agreement, EditionsUnderReview)


def test_a_closed_file_is_archived_after_the_time_of_its_kind() -> None:
    agreement = close(settled())
    archived_on = after(1 + KINDS["academy-association"].archive_days)
    assert agreement.next_on() == archived_on
    (archived,) = agreement.pass_time(archived_on + timedelta(days=3))
    assert isinstance(archived, AgreementArchived) and archived.archived_on == archived_on
    agreement.evolve([archived])
    assert agreement.state == AgreementState.closed, "archived is a date"
    assert agreement.next_on() is None


def _refuses_to_close(agreement: Agreement, refusal: type[Refusal]) -> None:
    assert isinstance(agreement.refusal_of("close_agreement"), refusal)
    with pytest.raises(refusal):
        close(agreement)
