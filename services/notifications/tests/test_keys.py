"""Secrets at rest."""

import base64
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from services.notifications.keys import CannotOpen, KeyRing, new_secret, shown
from services.notifications.tests.builders import settings
from shared.ids import new_id
from shared.settings import PlatformSettings

OLD, NEW = secrets.token_bytes(32), secrets.token_bytes(32)


def test_a_sealed_secret_opens_in_its_place_only() -> None:
    ring, secret, place = KeyRing([OLD]), new_secret(), new_id()
    sealed = ring.seal(secret, place)
    assert ring.open(sealed, place) == secret
    with pytest.raises(CannotOpen):
        ring.open(sealed, new_id())


def test_what_is_at_rest_does_not_hold_the_secret() -> None:
    ring, secret = KeyRing([OLD]), new_secret()
    sealed = ring.seal(secret, new_id())
    assert secret not in sealed.ciphertext and secret not in sealed.wrapped_key
    assert shown(secret).encode() not in ring.hide(shown(secret).encode())


def test_an_altered_secret_does_not_open() -> None:
    ring, place = KeyRing([OLD]), new_id()
    sealed = ring.seal(new_secret(), place)
    broken = bytes([sealed.ciphertext[-1] ^ 1])
    with pytest.raises(CannotOpen):
        ring.open(replace(sealed, ciphertext=sealed.ciphertext[:-1] + broken), place)


def test_another_installation_s_key_opens_nothing() -> None:
    place = new_id()
    with pytest.raises(CannotOpen):
        KeyRing([NEW]).open(KeyRing([OLD]).seal(new_secret(), place), place)


def test_a_new_key_seals_and_the_old_one_behind_it_still_opens() -> None:
    ring, secret, place = KeyRing([NEW, OLD]), new_secret(), new_id()
    assert ring.open(KeyRing([OLD]).seal(secret, place), place) == secret
    assert KeyRing([NEW]).open(ring.seal(secret, place), place) == secret


def test_a_secret_is_wrapped_anew_and_the_old_key_may_go() -> None:
    secret, place = new_secret(), new_id()
    old = KeyRing([OLD]).seal(secret, place)
    anew = KeyRing([NEW, OLD]).rewrap(old, place)
    assert KeyRing([NEW]).open(anew, place) == secret
    assert anew.ciphertext == old.ciphertext
    with pytest.raises(CannotOpen):
        KeyRing([OLD]).open(anew, place)


def test_hidden_answers_are_revealed_by_the_ring_that_hid_them() -> None:
    hidden = KeyRing([OLD]).hide(b"answer")
    assert KeyRing([NEW, OLD]).reveal(hidden) == b"answer"
    with pytest.raises(CannotOpen):
        KeyRing([NEW]).reveal(hidden)


def test_an_installation_makes_its_key_once_and_keeps_it_to_itself(tmp_path: Path) -> None:
    place = new_id()
    sealed = settings(tmp_path).key_ring.seal(b"secret", place)
    assert settings(tmp_path).key_ring.open(sealed, place) == b"secret"
    assert (tmp_path / "notifications.key").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as starting:
        made = list(starting.map(KeyRing.in_file, [tmp_path / "data" / "notifications.key"] * 8))
    assert len({ring.current for ring in made}) == 1
    assert [each.name for each in (tmp_path / "data").iterdir()] == ["notifications.key"]


def test_production_demands_a_key(tmp_path: Path) -> None:
    production = PlatformSettings(data_dir=tmp_path, profile="production")
    with pytest.raises(ValueError, match="KEY_ENCRYPTION_KEY"):
        _ = settings(tmp_path).on(production).key_ring


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(b"x" * 31).decode()])
def test_only_32_bytes_make_a_key(text: str) -> None:
    with pytest.raises(ValueError):
        KeyRing.from_base64(text)
