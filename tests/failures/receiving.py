"""One academy's webhook receiver, and what it made of what arrived."""

import base64
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

TOLERANCE = 300
"""Seconds that a timestamp may be off, as the standard's own verifiers have it."""


@dataclass
class Key:
    """What a receiver verifies with: a secret of `v1`, or a public key of `v1a`."""

    shown: str
    lives_until: float = float("inf")
    """Until then it surely signs; seconds since the epoch."""
    ends_by: float = float("inf")
    """From then on it surely does not."""
    verified: int = 0
    """How many signatures it explained."""

    def explains(self, signature: str, headers: dict[str, str], body: bytes) -> bool:
        """Whether it made this signature of these bytes."""
        if self.shown.startswith("whpk_"):
            scheme, _, value = signature.partition(",")
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.shown.removeprefix("whpk_")))
            content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            with suppress(InvalidSignature):
                public.verify(base64.b64decode(value), content)
                return scheme == "v1a"
            return False
        with suppress(WebhookVerificationError):
            Webhook(self.shown).verify(body, headers | {"webhook-signature": signature})
            return True
        return False


@dataclass
class Receiver:
    """One academy's webhook receiver, and what it made of what arrived."""

    academy: str
    endpoint_id: UUID
    keys: list[Key]
    got: list[UUID] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Why requests were not believed."""
    foreign: int = 0
    """Messages for another academy."""
    unexplained: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    """Signatures, with what they are of, that no known key made. A new key may be told of after its first ones."""

    def take(self, headers: dict[str, str], body: bytes) -> bool:
        """Verify as receivers do, and every signature besides; keep the id of what is believed."""
        at = int(headers["webhook-timestamp"])
        if reason := self._doubts(headers, body, at):
            self.refused.append(reason)
            return False
        self.got.append(UUID(headers["webhook-id"]))
        self.foreign += json.loads(body)["academy"] != self.academy
        return True

    def learn(self, key: Key, *, lives_until: float, ends_by: float) -> None:
        """Verify with this key too; those before it sign beside it for a while, and none for longer."""
        for old in self.keys:
            old.lives_until, old.ends_by = min(old.lives_until, lives_until), min(old.ends_by, ends_by)
        self.keys.append(key)
        self.unexplained = [each for each in self.unexplained if not key.explains(*each)]

    def violations(self, owed: Sequence[UUID], *, in_order: bool = True) -> Iterator[str]:
        """What does not hold of what it got, of what it is owed; nothing when all is well."""
        got = list(dict.fromkeys(self.got))
        if missing := set(owed) - set(got):
            yield f"{self.academy} never got {len(missing)} of {len(owed)}"
        if set(got) - set(owed):
            yield f"{self.academy} got what it was not owed"
        if in_order and not missing and got != list(owed):
            yield f"{self.academy} got them in another order than its feed's"
        if self.foreign:
            yield f"{self.academy} got {self.foreign} messages of others"
        if self.refused:
            yield f"{self.academy} did not believe {len(self.refused)}: {self.refused[0]}"
        if self.unexplained:
            yield f"{self.academy} got {len(self.unexplained)} signatures that none of its keys made"

    def _doubts(self, headers: dict[str, str], body: bytes, at: int) -> str | None:
        if abs(time.time() - at) > TOLERANCE:
            return "signed too long ago, or too soon"
        signing = []
        for signature in headers["webhook-signature"].split(" "):
            made_by = [key for key in self.keys if key.explains(signature, headers, body)]
            signing += made_by
            if not made_by:
                self.unexplained.append((signature, headers, body))
        if not signing:
            return "no live secret signed it"
        # It was signed within the second that its timestamp begins.
        if any(key.ends_by <= at for key in signing):
            return "a secret still signs that had ended"
        if any(key not in signing and at + 1 <= key.lives_until < float("inf") for key in self.keys):
            return "a secret that lives on did not sign"
        for key in signing:
            key.verified += 1
        return None
