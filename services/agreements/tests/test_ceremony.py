"""A ceremony's rules, without I/O."""

import pytest

from services.agreements.ceremony import SEATS_EACH, CeremonyState, Missing
from services.agreements.errors.ceremonies import (
    AgreementsMissing,
    LobbyNotReady,
    NoChair,
    NoSeatLeft,
    NotInTheCeremony,
    NotSeated,
    OrderLeavesOut,
    SeatsNotQuorate,
)
from services.agreements.tests.builders import AT, CHAIR, opened, person, planned
from shared.actor import Role
from shared.ids import new_id
from shared.refusals import NotAllowedNow

MINUTES = {"ar": "a" * 64, "fr": "b" * 64}


@pytest.mark.parametrize("what", ["text", "tampered", "offer", "parent", "mandate", "accreditation"])
def test_the_lobby_waits_for_all_that_a_signature_needs(what: str) -> None:
    ceremony, organisation = planned(), new_id()
    with pytest.raises(LobbyNotReady) as refused:
        ceremony.prepare({ceremony.agreements[0]: {what: [organisation]}})
    assert refused.value.values["missing"] == [
        {"agreement": ceremony.agreements[0], "what": what, "organisations": [organisation]}
    ]


def test_seats_are_taken_in_the_lobby_and_counted_at_the_opening() -> None:
    ceremony = planned()
    missing: Missing = {ceremony.agreements[0]: {"seat": [new_id()]}}
    ceremony.evolve(ceremony.prepare(missing))
    ceremony.evolve(ceremony.name_chair(CHAIR))
    with pytest.raises(SeatsNotQuorate):
        ceremony.open(missing, AT)
    assert ceremony.evolve(ceremony.open({}, AT)).state == CeremonyState.open


def test_what_went_wrong_since_the_lobby_keeps_the_ceremony_closed() -> None:
    ceremony = planned()
    ceremony.evolve(ceremony.prepare({}))
    ceremony.evolve(ceremony.name_chair(CHAIR))
    with pytest.raises(LobbyNotReady):
        ceremony.open({ceremony.agreements[0]: {"mandate": [new_id()]}}, AT)


def test_nobody_opens_a_ceremony_without_a_chair() -> None:
    ceremony = planned()
    ceremony.evolve(ceremony.prepare({}))
    assert isinstance(ceremony.refusal_of("open_ceremony"), NoChair)
    with pytest.raises(NoChair):
        ceremony.open({}, AT)


def test_who_is_seated_is_seated_once() -> None:
    ceremony = planned()
    ceremony.evolve(ceremony.prepare({}))
    ceremony.evolve(ceremony.admit(CHAIR))
    assert ceremony.admit(CHAIR) == []
    assert ceremony.attendees == (CHAIR,)


def test_who_is_seated_again_in_another_function_has_one_seat() -> None:
    ceremony = opened()
    ceremony.evolve(ceremony.admit(CHAIR))
    ceremony.evolve(ceremony.admit(CHAIR.model_copy(update={"function": "Directrice (fictif)"})))
    assert [each.function for each in ceremony.attendees] == ["Directrice (fictif)"]


def test_a_seat_is_released_and_then_counts_no_more() -> None:
    ceremony = opened()
    ceremony.evolve(ceremony.admit(CHAIR))
    (released,) = ceremony.release(CHAIR)
    assert released.model_dump(exclude={"ceremony_id"}) == {"attendees": 0}
    assert ceremony.evolve([released]).attendees == ()
    with pytest.raises(NotSeated):
        ceremony.release(CHAIR)


def test_an_organisation_has_so_many_seats_and_no_more() -> None:
    ceremony = opened()
    for at in range(SEATS_EACH):
        ceremony.evolve(ceremony.admit(CHAIR.model_copy(update={"name": f"{at} (fictif)"})))
    with pytest.raises(NoSeatLeft):
        ceremony.admit(CHAIR)
    ceremony.evolve(ceremony.release(ceremony.attendees[0]))
    assert len(ceremony.evolve(ceremony.admit(CHAIR)).attendees) == SEATS_EACH


def test_a_new_order_of_business_adds_and_moves_and_leaves_nothing_out() -> None:
    ceremony = planned()
    first, second = ceremony.agreements
    third = new_id()
    with pytest.raises(OrderLeavesOut):
        ceremony.change_order({second: ("MA-06",), third: ("MA-07",)})
    order = {third: ("MA-07",), second: ("MA-06",), first: ("MA-06",)}
    (changed,) = ceremony.change_order(order)
    about = {"agreements": 3, "planned_for": ceremony.planned_for}
    assert changed.model_dump(exclude={"ceremony_id", "parties"}) == about, "which ones is not published"
    ceremony.evolve([changed])
    assert ceremony.agreements == (third, second, first) and ceremony.audience() == ("MA-06", "MA-07")
    assert ceremony.change_order(order) == []
    with pytest.raises(NotAllowedNow):
        opened().change_order(order)


def test_a_struck_agreement_is_not_in_the_order_any_more() -> None:
    ceremony = planned()
    first, second = ceremony.agreements
    ceremony.evolve(ceremony.strike(first, reason="(fictif)"))
    assert ceremony.agreements == (second,)
    with pytest.raises(NotInTheCeremony):
        ceremony.strike(first, reason="(fictif)")
    with pytest.raises(AgreementsMissing):
        ceremony.strike(second, reason="(fictif)")


def test_a_call_tells_the_place_in_the_order_and_not_the_agreement() -> None:
    ceremony = opened()
    (called,) = ceremony.call(ceremony.agreements[1])
    assert called.model_dump(exclude={"ceremony_id"}) == {"position": 2}
    ceremony.evolve([called])
    assert ceremony.called == ceremony.agreements[1]
    assert ceremony.call(ceremony.agreements[1]) == []


def test_a_ceremony_opens_from_its_lobby_only() -> None:
    with pytest.raises(NotAllowedNow):
        planned().open({}, AT)


def test_an_interrupted_ceremony_resumes_before_it_closes() -> None:
    ceremony = opened()
    ceremony.evolve(ceremony.interrupt("panne (fictif)"))
    with pytest.raises(NotAllowedNow):
        ceremony.close(signed=[], minutes=MINUTES, at=AT)
    ceremony.evolve(ceremony.resume())
    assert (ceremony.state, ceremony.reason) == (CeremonyState.open, None)


def test_closing_tells_what_was_signed_in_the_order_of_business() -> None:
    first, second, third = (new_id() for _ in range(3))
    ceremony = opened((first, second, third))
    ceremony.evolve(ceremony.close(signed={third, first}, minutes=MINUTES, at=AT))
    assert (ceremony.signed, ceremony.unsigned) == ((first, third), (second,))
    ceremony.evolve(ceremony.adopt_minutes("c" * 64))
    assert ceremony.state == CeremonyState.minutes_adopted


def test_a_postponed_ceremony_is_planned_again() -> None:
    ceremony = planned()
    ceremony.evolve(ceremony.postpone("intempéries (fictif)"))
    ceremony.evolve(ceremony.reschedule(AT))
    assert (ceremony.state, ceremony.reason) == (CeremonyState.planned, None)


def test_an_open_ceremony_is_not_cancelled() -> None:
    with pytest.raises(NotAllowedNow):
        opened().cancel("r")


def test_a_reader_sees_only_their_agreements_in_the_order() -> None:
    ceremony = planned()
    assert ceremony.seen_by(person("a", Role.academy_officer, "MA-06")) == set(ceremony.agreements)
    assert ceremony.seen_by(person("a", Role.academy_officer, "MA-07")) == set()
    assert ceremony.audience() == ("MA-06",)
