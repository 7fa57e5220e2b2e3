"""A ceremony's rules, without I/O."""

from uuid import UUID

import pytest

from services.agreements.ceremony import CeremonyState
from services.agreements.errors import LobbyNotReady
from services.agreements.tests.builders import AT, opened, person, planned
from shared.actor import Role
from shared.ids import new_id
from shared.refusals import NotAllowedNow

MINUTES = {"ar": "a" * 64, "fr": "b" * 64}


def test_the_lobby_waits_for_texts_mandates_and_accreditations() -> None:
    ceremony = planned()
    for missing in ("not_frozen", "without_mandate", "not_accredited"):
        lists: dict[str, list[UUID]] = {"not_frozen": [], "without_mandate": [], "not_accredited": []}
        lists[missing].append(new_id())
        with pytest.raises(LobbyNotReady):
            ceremony.prepare(**lists)


def test_a_ceremony_opens_from_its_lobby_only() -> None:
    with pytest.raises(NotAllowedNow):
        planned().open(AT)


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
