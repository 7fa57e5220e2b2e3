"""The ledger of who owes what."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.agreements.agreement import Agreement, ObligationState
from services.agreements.errors.obligations import (
    NothingOwed,
    ObligationNotAllowedNow,
    ObligationOfAnotherCenter,
    ObligationOutsideTerm,
    ObligationPartyUnknown,
    ObligationToOneself,
)
from services.agreements.terms import Duty, Fulfilling, Recurrence
from services.agreements.tests.builders import (
    DECISION,
    drafted,
    in_force,
    owing,
    regional,
    signed,
)
from shared.events.agreements import (
    AgreementCameIntoForce,
    AgreementObligationClaimed,
    AgreementObligationFellDue,
    AgreementObligationReminded,
    AgreementObligationReturned,
)
from shared.ids import new_id
from shared.refusals import NotAllowedNow, NotFound

START = date(2024, 9, 2)
QUARTERLY = Recurrence(first_due_on=date(2024, 12, 31), every_months=3)


def at_work(*duties: dict[str, Any], **changes: Any) -> Agreement:
    """An agreement in force since its start, with a duty for each of these changes."""
    return in_force(owing(regional(**changes), *duties))


def states(agreement: Agreement) -> list[str]:
    """Where each entry of the ledger stands."""
    return [each.state.value for each in agreement.obligations]


def first(agreement: Agreement) -> tuple[UUID, int]:
    """The first entry's names."""
    return agreement.obligations[0].obligation_id, agreement.obligations[0].occurrence


def claimed(agreement: Agreement, entry: int = 0, *, day: date = START, documents: tuple[str, ...] = ()) -> Agreement:
    """The agreement once the debtor of an entry says that it is met."""
    owed = agreement.obligations[entry]
    return agreement.evolve(
        agreement.claim(owed.obligation_id, owed.occurrence, evidence="(fictif) PV", documents=documents, today=day)
    )


def on(day: date) -> dict[str, Any]:
    """A decision of this day."""
    return {"effective_on": day, "today": day}


def later(days: int) -> date:
    """So many days after the coming into force."""
    return START + timedelta(days=days)


def test_nothing_is_owed_before_the_agreement_is_in_force() -> None:
    agreement = signed(owing(regional(), {}))
    assert agreement.obligations == () and len(agreement.duties) == 1
    with pytest.raises(NotAllowedNow):
        agreement.claim(agreement.duties[0].obligation_id, 1, evidence="e", documents=(), today=START)


def test_an_obligation_is_due_some_days_after_the_coming_into_force() -> None:
    agreement = at_work({})
    assert agreement.obligations[0].due_on == later(30)
    agreement.evolve(agreement.pass_time(later(29)))
    assert states(agreement) == ["pending"]
    agreement.evolve(agreement.pass_time(later(30)))
    assert states(agreement) == ["due"]


def test_time_that_passed_once_changes_nothing_again() -> None:
    agreement = at_work({}, {"recurrence": QUARTERLY})
    agreement.evolve(agreement.pass_time(later(200)))
    assert agreement.pass_time(later(200)) == []


def test_late_is_derived_from_the_date() -> None:
    agreement = at_work({})
    agreement.evolve(agreement.pass_time(later(30)))
    (owed,) = agreement.obligations
    assert owed.late_since(later(30)) is None
    assert owed.late_since(later(31)) == later(31)
    assert owed.late_since(later(300)) == later(31)


def test_what_is_claimed_is_not_late() -> None:
    agreement = at_work({})
    agreement.evolve(agreement.pass_time(later(40)))
    claimed(agreement, day=later(40))
    assert agreement.obligations[0].late_since(later(50)) is None


def test_a_claim_is_confirmed_by_its_evidence() -> None:
    agreement = at_work({})
    agreement.evolve(agreement.pass_time(later(30)))
    agreement.evolve(
        agreement.claim(*first(agreement), evidence="(fictif) PV", documents=("ab" * 32,), today=later(31))
    )
    claim = agreement.obligations[0].claim
    assert claim and (claim.evidence, claim.documents, claim.claimed_on) == ("(fictif) PV", ("ab" * 32,), later(31))
    agreement.evolve(agreement.confirm(*first(agreement), today=later(32)))
    assert states(agreement) == ["fulfilled"] and agreement.obligations[0].settled_on == later(32)


def test_the_evidence_stays_out_of_the_published_event() -> None:
    agreement = at_work({})
    events = agreement.claim(*first(agreement), evidence="secret", documents=(), today=later(1))
    assert all("secret" not in event.model_dump_json() for event in events)


def test_what_is_met_before_its_day_falls_due_with_the_claim() -> None:
    agreement = at_work({})
    events = agreement.claim(*first(agreement), evidence="e", documents=(), today=later(1))
    assert [type(event).__name__ for event in events] == ["AgreementObligationFellDue", "AgreementObligationClaimed"]


def test_a_returned_claim_is_due_again_with_its_reason() -> None:
    agreement = at_work({})
    claimed(agreement)
    agreement.evolve(agreement.return_claim(*first(agreement), reason="illisible"))
    assert states(agreement) == ["due"] and agreement.obligations[0].reason == "illisible"


def test_a_claim_returned_at_rest_is_due_again_after_the_rest() -> None:
    agreement = at_work({})
    claimed(agreement)
    grounds: dict[str, Any] = {"reason": "r", "document": "D", "notified_on": START}
    agreement.evolve(agreement.suspend(scope="money", centers=(), **grounds, today=later(90)))
    agreement.evolve(agreement.return_claim(*first(agreement), reason="illisible"))
    assert states(agreement) == ["frozen"] and agreement.obligations[0].reason == "illisible"
    agreement.evolve(agreement.resume(reason="(fictif)", effective_on=later(91), today=later(91)))
    assert states(agreement) == ["due"]


def test_a_waiver_keeps_its_reason() -> None:
    agreement = at_work({})
    agreement.evolve(agreement.waive(*first(agreement), reason="force majeure", today=later(1)))
    assert states(agreement) == ["waived"] and agreement.obligations[0].reason == "force majeure"


@pytest.mark.parametrize("action", ["return_claim", "confirm"])
def test_what_was_not_claimed_is_neither_returned_nor_confirmed(action: str) -> None:
    agreement = at_work({}, {})
    claimed(agreement)
    other = agreement.obligations[1].obligation_id
    more: dict[str, Any] = {"reason": "r"} if action == "return_claim" else {"today": later(1)}
    with pytest.raises(ObligationNotAllowedNow) as refused:
        getattr(agreement, action)(other, 1, **more)
    assert refused.value.values["allowed"] == ["claim_obligation", "waive_obligation"]


def test_what_is_settled_is_claimed_no_more() -> None:
    agreement = at_work({})
    agreement.evolve(agreement.waive(*first(agreement), reason="r", today=later(1)))
    assert isinstance(agreement.refusal_of("claim_obligation"), NothingOwed)
    with pytest.raises(NothingOwed):
        agreement.claim(*first(agreement), evidence="e", documents=(), today=later(1))


def test_an_unknown_obligation_is_not_found() -> None:
    agreement = at_work({})
    with pytest.raises(NotFound):
        agreement.claim(new_id(), 1, evidence="e", documents=(), today=later(1))
    with pytest.raises(NotFound):
        agreement.claim(first(agreement)[0], 2, evidence="e", documents=(), today=later(1))


def test_an_obligation_that_comes_back_opens_an_occurrence_per_period() -> None:
    agreement = at_work({"recurrence": QUARTERLY})
    assert [each.due_on for each in agreement.obligations] == [date(2024, 12, 31)]
    agreement.evolve(agreement.pass_time(date(2025, 4, 1)))
    assert [each.due_on for each in agreement.obligations] == [date(2024, 12, 31), date(2025, 3, 31), date(2025, 6, 30)]
    assert states(agreement) == ["due", "due", "pending"]


def test_a_waived_occurrence_does_not_end_the_recurrence() -> None:
    agreement = at_work({"recurrence": QUARTERLY})
    agreement.evolve(agreement.waive(*first(agreement), reason="r", today=START))
    assert states(agreement) == ["waived", "pending"]


def test_periods_before_the_coming_into_force_are_not_owed() -> None:
    agreement = signed(owing(regional(), {"recurrence": QUARTERLY}))
    late = AgreementCameIntoForce(agreement_id=agreement.id, academy="MA-06", in_force_on=date(2025, 2, 1))
    agreement.evolve([late])
    assert [(each.occurrence, each.due_on) for each in agreement.obligations] == [(2, date(2025, 3, 31))]


def test_an_obligation_comes_back_within_its_edition_only() -> None:
    agreement = at_work({"recurrence": QUARTERLY})
    agreement.evolve(agreement.pass_time(date(2025, 7, 1)))
    assert [each.due_on for each in agreement.obligations][-1] == date(2025, 6, 30), "the next is the next edition's"


def test_the_opening_of_its_center_fulfils_an_obligation() -> None:
    terms = regional()
    center_id = terms.centers[0].center_id
    agreement = in_force(owing(terms, {"fulfilled_by": "center_opened", "center_id": center_id}, {}))
    agreement.evolve(agreement.follow_center(center_id, {"center_opened": later(10)}, today=later(10)))
    assert states(agreement) == ["fulfilled", "pending"]
    assert agreement.obligations[0].settled_on == later(10)
    assert agreement.follow_center(center_id, {"center_opened": later(10)}, today=later(10)) == [], (
        "an effect happens once"
    )


def test_an_obligation_waits_for_what_it_names_and_for_nothing_else() -> None:
    terms = regional()
    center_id = terms.centers[0].center_id
    agreement = in_force(owing(terms, {"fulfilled_by": "center_visa_granted", "center_id": center_id}))
    others: dict[Fulfilling, date] = {"center_opened": later(10), "center_filled": later(10)}
    assert agreement.follow_center(center_id, others, today=later(10)) == []
    assert len(agreement.follow_center(center_id, others | {"center_visa_granted": later(9)}, today=later(10))) == 3


def test_seats_are_filled_anew_in_each_edition() -> None:
    terms = regional()
    center_id = terms.centers[0].center_id
    agreement = in_force(owing(terms, {"fulfilled_by": "center_filled", "center_id": center_id}))
    (first,) = agreement.obligations
    (edition,) = agreement.editions
    assert agreement.owed_within(first.due_on) == (edition.starts_on, edition.ends_on)
    again = first.model_copy(update={"due_on": first.due_on.replace(year=first.due_on.year + 1)})
    starts_on, ends_on = edition.ends_on + timedelta(days=1), edition.ends_on + timedelta(days=365)
    following = edition.model_copy(update={"number": 2, "starts_on": starts_on, "ends_on": ends_on})
    agreement.editions, agreement.obligations = (edition, following), (again,)
    assert agreement.follow_center(center_id, {"center_filled": edition.ends_on}, today=edition.ends_on) == []
    assert agreement.follow_center(center_id, {"center_filled": following.starts_on}, today=following.starts_on) != []


def test_seats_filled_in_a_later_edition_fulfil_no_earlier_one() -> None:
    terms = regional()
    center_id = terms.centers[0].center_id
    agreement = in_force(owing(terms, {"fulfilled_by": "center_filled", "center_id": center_id}))
    (edition,) = agreement.editions
    assert (
        agreement.follow_center(
            center_id, {"center_filled": edition.ends_on + timedelta(days=1)}, today=edition.ends_on + timedelta(days=1)
        )
        == []
    )
    assert agreement.follow_center(center_id, {"center_filled": edition.ends_on}, today=edition.ends_on) != []


def test_the_opening_of_another_center_fulfils_nothing() -> None:
    terms = regional()
    agreement = in_force(owing(terms, {"fulfilled_by": "center_opened", "center_id": terms.centers[0].center_id}))
    assert agreement.follow_center(new_id(), {"center_opened": later(10)}, today=later(10)) == []


def test_reminders_come_before_and_after_the_day_each_once() -> None:
    agreement = at_work({"due_days": 60})
    told = []
    for day in range(120):
        events = agreement.pass_time(later(day))
        agreement.evolve(events)
        told += [(day, event.days) for event in events if isinstance(event, AgreementObligationReminded)]
    assert told == [(30, -30), (53, -7), (61, 1), (75, 15), (90, 30)]


def test_who_owes_is_asked_up_to_the_day_and_all_are_told_of_what_is_late() -> None:
    agreement = at_work({"due_days": 60})
    asked = {}
    for day in (30, 53, 60, 61):
        events = agreement.pass_time(later(day))
        agreement.evolve(events)
        told = (AgreementObligationFellDue, AgreementObligationReminded)
        asked[day] = [event.awaited for event in events if isinstance(event, told)]
    debtor = (agreement.obligations[0].debtor_id,)
    assert asked == {30: [debtor], 53: [debtor], 60: [debtor], 61: [()]}


def test_who_is_owed_is_asked_to_look_at_the_evidence_and_who_owes_to_bring_better() -> None:
    agreement = at_work({})
    owed, (obligation, occurrence) = agreement.obligations[0], first(agreement)
    fell_due, shown = agreement.claim(obligation, occurrence, evidence="(fictif) PV", documents=(), today=START)
    assert isinstance(shown, AgreementObligationClaimed) and isinstance(fell_due, AgreementObligationFellDue)
    assert frozenset(shown.awaited) == agreement.creditors(owed) and fell_due.awaited == (owed.debtor_id,)
    assert owed.debtor_id not in shown.awaited
    agreement.evolve([fell_due, shown])
    (returned,) = agreement.return_claim(obligation, occurrence, reason="r")
    assert isinstance(returned, AgreementObligationReturned) and returned.awaited == (owed.debtor_id,)


def test_after_an_outage_only_the_latest_reminder_is_sent() -> None:
    agreement = at_work({"due_days": 60})
    events = agreement.pass_time(later(80))
    assert [event.days for event in events if isinstance(event, AgreementObligationReminded)] == [15]
    assert [event for event in events if isinstance(event, AgreementObligationFellDue)]


def test_nobody_is_reminded_of_what_is_claimed_or_settled() -> None:
    agreement = at_work({}, {})
    claimed(agreement)
    agreement.evolve(agreement.waive(agreement.obligations[1].obligation_id, 1, reason="r", today=START))
    agreement.evolve(agreement.pass_time(START))
    before = [event for event in agreement.pass_time(later(80)) if isinstance(event, AgreementObligationReminded)]
    assert before == []


def test_a_suspension_freezes_what_is_owed_until_it_is_lifted() -> None:
    agreement = at_work({}, {"due_days": 60}, {"due_days": 90})
    agreement.evolve(agreement.pass_time(later(40)))
    agreement.evolve(
        agreement.claim(agreement.obligations[2].obligation_id, 1, evidence="e", documents=(), today=START)
    )
    agreement.evolve(agreement.suspend(scope="money", centers=(), **DECISION, **on(later(41))))
    assert states(agreement) == ["frozen", "frozen", "claimed"]
    assert agreement.obligations[0].late_since(later(50)) is None
    assert not [event for event in agreement.pass_time(later(70)) if "obligation" in event.type]
    agreement.evolve(agreement.resume(reason="(fictif)", **on(later(50))))
    assert states(agreement) == ["due", "pending", "claimed"]
    assert agreement.obligations[0].late_since(later(50)) == later(31)


def test_a_termination_cancels_what_is_owed_unless_it_survives() -> None:
    agreement = at_work({}, {"survives": True}, {"due_days": 60})
    agreement.evolve(
        agreement.claim(agreement.obligations[2].obligation_id, 1, evidence="e", documents=(), today=START)
    )
    agreement.evolve(agreement.terminate(**DECISION, **on(later(5))))
    assert states(agreement) == ["cancelled", "pending", "cancelled"]
    agreement.evolve(agreement.pass_time(later(30)))
    assert states(agreement) == ["cancelled", "due", "cancelled"]
    survivor = agreement.obligations[1].obligation_id
    claimed(agreement, 1)
    agreement.evolve(agreement.confirm(survivor, 1, today=later(31)))


def test_what_survives_a_termination_from_suspension_thaws() -> None:
    agreement = at_work({"survives": True}, {})
    agreement.evolve(agreement.suspend(scope="money", centers=(), **DECISION, **on(START)))
    agreement.evolve(agreement.terminate(**DECISION, **on(later(5))))
    assert states(agreement) == ["pending", "cancelled"]
    assert [each.frozen_from for each in agreement.obligations] == [None, None]


def test_the_closing_of_the_edition_fails_what_was_due_in_it() -> None:
    agreement = at_work({}, {"due_on": date(2025, 10, 1)})
    agreement.evolve(agreement.pass_time(date(2025, 9, 2)))
    agreement.evolve(agreement.close_edition(1, today=date(2025, 9, 30)))
    assert states(agreement) == ["failed", "pending"]


def test_what_is_amended_is_owed_as_amended() -> None:
    agreement = at_work({}, {"due_days": 60})
    kept, gone = agreement.duties
    changed = kept.model_copy(update={"due_days": 45})
    new = kept.model_copy(update={"obligation_id": new_id(), "due_days": 70})
    agreement.follow([changed, new], since=later(10))
    assert [(each.state, each.due_on) for each in agreement.obligations] == [
        (ObligationState.pending, later(45)),
        (ObligationState.cancelled, later(60)),
        (ObligationState.pending, later(70)),
    ]
    assert gone not in agreement.duties


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"debtor": new_id()}, ObligationPartyUnknown),
        ({"creditor": new_id()}, ObligationPartyUnknown),
        ({"due_on": date(2024, 9, 1)}, ObligationOutsideTerm),
        ({"due_on": date(2027, 9, 1)}, ObligationOutsideTerm),
        ({"due_days": 3000}, ObligationOutsideTerm),
        ({"fulfilled_by": "center_opened", "center_id": new_id()}, ObligationOfAnotherCenter),
    ],
)
def test_an_obligation_outside_the_agreement_is_refused(changes: dict[str, Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        drafted(owing(regional(), changes))


def test_a_party_owes_itself_nothing() -> None:
    terms = regional()
    with pytest.raises(ObligationToOneself):
        drafted(owing(terms, {"creditor": terms.parties[1].party_id}))


def test_what_survives_may_be_due_after_the_end() -> None:
    assert drafted(owing(regional(), {"due_on": date(2027, 10, 1), "survives": True})).duties


def test_an_obligation_is_due_in_one_way() -> None:
    with pytest.raises(ValueError, match="due on a day"):
        Duty(**(owing(regional(), {}).obligations[0].model_dump() | {"due_on": START}))
