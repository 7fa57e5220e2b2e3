"""Standard Webhooks 1.0: the headers that prove who sent these very bytes."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from services.notifications.endpoint import Scheme

PUBLIC_PREFIX = "whpk_"


class Signer(Protocol):
    """Signs with one secret."""

    def sign(self, content: bytes) -> str:
        """The signature as it stands in the header, with its scheme."""
        ...


class Shared:
    """`v1`: HMAC-SHA256 with a secret that the receiver has too."""

    def __init__(self, secret: bytes) -> None:
        self._keyed = HMAC(secret, SHA256())

    def sign(self, content: bytes) -> str:
        """`v1,` and the signature in base64."""
        mac = self._keyed.copy()
        mac.update(content)
        return "v1," + base64.b64encode(mac.finalize()).decode()


class Public:
    """`v1a`: ed25519 with a private key; receivers verify with the public one and cannot sign themselves."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)

    def sign(self, content: bytes) -> str:
        """`v1a,` and the signature in base64."""
        return "v1a," + base64.b64encode(self._key.sign(content)).decode()

    @property
    def public_key(self) -> str:
        """What receivers verify with: `whpk_` and 32 bytes in base64."""
        return PUBLIC_PREFIX + base64.b64encode(self._key.public_key().public_bytes_raw()).decode()


def signer(scheme: Scheme, secret: bytes) -> Signer:
    """What signs so with a secret of 32 bytes."""
    return Shared(secret) if scheme == "v1" else Public(secret)


def headers(message_id: UUID, at: datetime, body: bytes, signers: Sequence[Signer]) -> dict[str, str]:
    """`webhook-id`, `webhook-timestamp` (of the attempt) and one signature per live secret.

    The id stays the same over all attempts: it is the receiver's key for dropping duplicates.
    """
    timestamp = str(int(at.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": str(message_id),
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(each.sign(content) for each in signers),
    }
