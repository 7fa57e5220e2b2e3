"""Signing secrets: made here, kept sealed, opened only to sign.

Envelope encryption with AES-256-GCM: every secret has a data key of its own, which the installation's key-encryption
key wraps. A new key-encryption key goes first, the old one stays listed until all data keys are wrapped anew.
"""

import base64
import hashlib
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = "whsec_"
KEY_BYTES = 32
NONCE_BYTES = 12
KEK_ID_LENGTH = 16
NOWHERE = UUID(int=0)


class CannotOpen(Exception):
    """A sealed secret does not belong to this row, was altered, or its key-encryption key is not here."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret at rest."""

    kek_id: str
    """Which key-encryption key wraps the data key."""
    wrapped_key: bytes
    ciphertext: bytes


class KeyRing:
    """The key-encryption keys of this installation: the first one seals, all of them open."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = {key_id(key): AESGCM(key) for key in keys}
        self.current = next(iter(self._keys))

    @classmethod
    def from_base64(cls, keys: str) -> Self:
        """Keys of 32 bytes in base64, separated by commas, the current one first. ValueError for anything else."""
        decoded = [base64.b64decode(key, validate=True) for key in keys.replace("\n", "").split(",")]
        if any(len(key) != KEY_BYTES for key in decoded):
            raise ValueError(f"a key-encryption key is {KEY_BYTES} bytes in base64")
        return cls(decoded)

    @classmethod
    def in_file(cls, path: Path) -> Self:
        """The keys in this file, which is made with a random one, readable by its owner only, if it is missing."""
        if not path.exists():
            _make(path)
        return cls.from_base64(path.read_text())

    def __contains__(self, kek_id: str) -> bool:
        """Whether this key-encryption key is here."""
        return kek_id in self._keys

    def seal(self, secret: bytes, place: UUID) -> Sealed:
        """Seal a secret so that it opens only under the id of its place."""
        data_key = AESGCM.generate_key(KEY_BYTES * 8)
        return Sealed(
            kek_id=self.current,
            wrapped_key=_encrypt(self._keys[self.current], data_key, place),
            ciphertext=_encrypt(AESGCM(data_key), secret, place),
        )

    def open(self, sealed: Sealed, place: UUID) -> bytes:
        """The secret. Raises CannotOpen."""
        return _decrypt(AESGCM(self._unwrap(sealed, place)), sealed.ciphertext, place)

    def rewrap(self, sealed: Sealed, place: UUID) -> Sealed:
        """The same secret under the current key; the secret itself is not opened. Raises CannotOpen."""
        wrapped = _encrypt(self._keys[self.current], self._unwrap(sealed, place), place)
        return Sealed(self.current, wrapped, sealed.ciphertext)

    def hide(self, text: bytes) -> bytes:
        """Bytes that may lie about anywhere: the text under the current key."""
        return self.current.encode() + _encrypt(self._keys[self.current], text, NOWHERE)

    def reveal(self, hidden: bytes) -> bytes:
        """What `hide` hid. Raises CannotOpen."""
        kek_id = hidden[:KEK_ID_LENGTH].decode()
        if kek_id not in self._keys:
            raise CannotOpen(f"the key-encryption key {kek_id} is not here")
        return _decrypt(self._keys[kek_id], hidden[KEK_ID_LENGTH:], NOWHERE)

    def _unwrap(self, sealed: Sealed, place: UUID) -> bytes:
        if sealed.kek_id not in self._keys:
            raise CannotOpen(f"the key-encryption key {sealed.kek_id} is not here")
        return _decrypt(self._keys[sealed.kek_id], sealed.wrapped_key, place)


def new_secret() -> bytes:
    """A fresh signing secret of 32 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def shown(secret: bytes) -> str:
    """The secret as its receiver is given it, once: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secret).decode()


def key_id(key: bytes) -> str:
    """The name of a key-encryption key, which tells nothing about it."""
    return hashlib.sha256(b"mithaq key-encryption key " + key).hexdigest()[:KEK_ID_LENGTH]


def _make(path: Path) -> None:
    """Make a file with a random key, whole or not at all; of several who start at once, one makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def _encrypt(cipher: AESGCM, clear: bytes, place: UUID) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, clear, place.bytes)


def _decrypt(cipher: AESGCM, sealed: bytes, place: UUID) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.bytes)
    except InvalidTag:
        raise CannotOpen("the sealed secret does not belong here, or was altered") from None
