"""The endpoint decides and evolves, without a database."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.notifications.endpoint import MOST_LIVE_KEYS, Endpoint, EndpointState, Identity, Pace, SigningKey
from services.notifications.errors import NothingToSecure, NothingToSign, SecretsStillOverlap
from services.notifications.tests.builders import AT, URL, endpoint
from shared.events.base import DomainEvent
from shared.events.catalog import decode
from shared.events.notifications import EndpointDisabled, EndpointRegistered
from shared.ids import new_id
from shared.refusals import NotAllowedNow


def _key(scheme: Any = "v1") -> SigningKey:
    return SigningKey(key_id=new_id(), scheme=scheme)


def test_an_endpoint_is_active_from_its_registration_on() -> None:
    assert endpoint().state is EndpointState.active


def test_only_its_own_academy_sees_it_and_hears_of_it() -> None:
    assert endpoint().visible_to() == endpoint().audience() == ("MA-06",)


def test_neither_address_nor_keys_are_published() -> None:
    built = Endpoint(id=new_id())
    (event,) = built.register(academy="MA-06", channel="webhook", pace=Pace(address=URL), key=_key())
    assert event.model_dump().keys() == {"endpoint_id", "academy", "channel"}


def test_a_new_secret_signs_beside_the_old_one_until_the_overlap_ends() -> None:
    built = endpoint()
    old, new = built.keys[0].key_id, _key()
    built.evolve(built.rotate(key=new, at=AT, overlap_until=AT + timedelta(hours=24)))
    assert [key.key_id for key in built.live_keys(AT)] == [new.key_id, old]
    assert [key.key_id for key in built.live_keys(AT + timedelta(hours=24))] == [new.key_id]


def test_secrets_that_no_longer_sign_are_forgotten_at_the_next_rotation() -> None:
    built = endpoint("rotate_secret")
    built.evolve(built.rotate(key=_key(), at=AT + timedelta(seconds=1), overlap_until=AT + timedelta(days=1)))
    assert len(built.keys) == 2


def test_few_secrets_sign_at_the_same_time() -> None:
    built = endpoint()
    for _ in range(MOST_LIVE_KEYS - 1):
        built.evolve(built.rotate(key=_key(), at=AT, overlap_until=AT + timedelta(days=1)))
    with pytest.raises(SecretsStillOverlap) as refusal:
        built.rotate(key=_key(), at=AT, overlap_until=AT + timedelta(days=1))
    assert refusal.value.values["until"] == AT + timedelta(days=1)


def test_no_secret_outlives_the_overlap_that_was_chosen_last() -> None:
    """Also those that were being replaced already, and also when as many sign as may: one of them may have leaked."""
    built = endpoint()
    for _ in range(MOST_LIVE_KEYS - 1):
        built.evolve(built.rotate(key=_key(), at=AT, overlap_until=AT + timedelta(days=1)))
    new = _key()
    built.evolve(built.rotate(key=new, at=AT, overlap_until=AT))
    assert built.live_keys(AT) == (new,)


def test_an_e_mail_address_has_no_secret() -> None:
    built = endpoint(channel="email")
    assert built.keys == ()
    with pytest.raises(NothingToSign):
        built.rotate(key=_key(), at=AT, overlap_until=AT)


def test_disabling_says_why() -> None:
    (event,) = endpoint().disable("gone")
    assert isinstance(event, EndpointDisabled)
    assert event.because == "gone"


def test_what_is_owed_to_a_paused_endpoint_is_still_asked_for_and_to_a_disabled_one_is_not() -> None:
    paused, disabled = endpoint("pause_endpoint"), endpoint("disable_endpoint")
    assert paused.refusal_of("recover_missed") is None
    assert isinstance(disabled.refusal_of("recover_missed"), NotAllowedNow)


def test_a_change_that_changes_nothing_is_no_event() -> None:
    built = endpoint()
    assert built.change(built.pace) == []
    (event,) = built.change(built.pace.model_copy(update={"rate": 2.0}))
    assert event.model_dump()["changed"] == ("rate",)


def test_an_e_mail_address_shows_no_certificate() -> None:
    with pytest.raises(NothingToSecure):
        endpoint(channel="email").secure(None)


def test_registrations_of_the_first_version_are_still_understood() -> None:
    id, key_id = new_id(), new_id()
    old = EndpointRegistered(endpoint_id=id, academy="MA-06", channel="webhook")
    built = Endpoint.fold(id, [old.keeping(address=URL, language="ar", keys=[key_id])])
    assert built.keys == (SigningKey(key_id=key_id),) and built.pace == Pace(address=URL, language="ar")


class Life(RuleBasedStateMachine):
    """Whatever is tried in whatever order: only allowed steps happen, and the state is the fold of the events."""

    def __init__(self) -> None:
        super().__init__()
        self.at = AT
        self.endpoint = Endpoint(id=new_id())
        self.events: list[DomainEvent] = []
        self.newest = _key()
        self._take(self.endpoint.register(academy="MA-06", channel="webhook", pace=Pace(address=URL), key=self.newest))

    def _take(self, events: list[DomainEvent]) -> None:
        self.events += events
        self.endpoint.evolve(events)

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.at += timedelta(hours=hours)

    @rule(action=st.sampled_from([action for action in Endpoint.ALLOWED if action != "rotate_secret"]))
    def take(self, action: str) -> None:
        period: Any = {"since": AT, "until": self.at + timedelta(hours=1), "deliveries": 1}
        decide: dict[str, Callable[[], list[DomainEvent]]] = {
            "change_endpoint": lambda: self.endpoint.change(Pace(address=URL, concurrency=len(self.events), rate=2.5)),
            "secure_endpoint": lambda: self.endpoint.secure(Identity(key_id=new_id(), authority="ab")),
            "pause_endpoint": self.endpoint.pause,
            "resume_endpoint": self.endpoint.resume,
            "disable_endpoint": lambda: self.endpoint.disable("decision"),
            "enable_endpoint": self.endpoint.enable,
            "send_test": self.endpoint.test,
            "redeliver": lambda: self.endpoint.redeliver(new_id()),
            "recover_missed": lambda: self.endpoint.replay("missed", **period),
            "replay_feed": lambda: self.endpoint.replay("everything", **period),
        }
        if self.endpoint.state not in Endpoint.ALLOWED[action]:
            with pytest.raises(NotAllowedNow):
                decide[action]()
            return
        self._take(decide[action]())

    @rule(scheme=st.sampled_from(["v1", "v1a"]))
    def rotate(self, scheme: Any) -> None:
        key = _key(scheme)
        try:
            events = self.endpoint.rotate(key=key, at=self.at, overlap_until=self.at + timedelta(hours=24))
        except SecretsStillOverlap:
            assert len(self.endpoint.live_keys(self.at)) == MOST_LIVE_KEYS
            return
        self._take(events)
        self.newest = key

    @invariant()
    def the_newest_secret_always_signs_first(self) -> None:
        assert self.endpoint.live_keys(self.at)[0] == self.newest
        assert len(self.endpoint.live_keys(self.at)) <= MOST_LIVE_KEYS

    @invariant()
    def state_is_the_fold_of_what_was_published_and_kept(self) -> None:
        stored = [decode(event.type, event.model_dump(mode="json")).keeping(**event.detail) for event in self.events]
        assert Endpoint.fold(self.endpoint.id, stored) == self.endpoint
        assert self.endpoint.version == len(self.events)


TestLife = Life.TestCase
