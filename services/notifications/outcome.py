"""Outcome: how one attempt to deliver went, and when the next one is due."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

from shared.clock import now

Result = Literal["delivered", "failed", "gone", "refused"]
"""failed is tried again; gone disables the endpoint; refused is this message's end, and no other's."""
Code = Literal[
    "taken",
    "redirected",
    "gone",
    "not_accepted",
    "too_many",
    "receiver_failed",
    "timeout",
    "connection_refused",
    "not_connected",
    "headers_too_long",
    "connection_lost",
    "name_not_resolved",
    "not_http",
    "own_fault",
    "not_written",
    "mail_refused",
    "mail_deferred",
    "mail_sign_in",
    "tls_failed",
    "tls_authority",
    "tls_not_yet",
    "tls_expired",
    "tls_self_signed",
    "tls_other_name",
    "tls_other_address",
    "tls_version",
    "tls_not_spoken",
    "tls_broken_off",
    "tls_ours_refused",
    "tls_ours_missing",
    "tls_not_agreed",
    "address_no_url",
    "address_with_user",
    "address_with_fragment",
    "address_no_https",
    "address_port",
    "address_private",
    "address_loopback",
    "address_link_local",
    "address_metadata",
    "address_multicast",
    "address_tunnel",
    "address_reserved",
    "address_no_email",
]
"""Why it went so: `reasons` says each in words."""

LONGEST_WAIT = 86400.0
"""Most seconds that a receiver's Retry-After is honoured."""
JITTER = 0.2
LONGEST_EXCERPT = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt, with the receiver's answer if there was one."""

    result: Result
    code: Code
    status: int | None = None
    excerpt: str | None = None
    wait: float | None = None
    """Seconds that the receiver asks us to wait."""
    bounced: bool = False
    """Whether a mail server said that the address itself takes nothing, now or later."""
    more: str = ""
    """What there is to add to the code, in every language alike."""

    @property
    def reason(self) -> str:
        """The code with what there is to add, as it is kept."""
        return f"{self.code} {self.more}".strip()

    @property
    def ours(self) -> bool:
        """Whether the fault is our own: it says nothing of the receiver, and ends no endpoint."""
        return self.code in ("own_fault", "not_written")

    def delay(self, attempts: int, schedule: Sequence[float]) -> float | None:
        """Seconds until the next attempt after this one, the `attempts`-th; None when the schedule is exhausted."""
        if attempts > len(schedule):
            return None
        spread = schedule[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)
        return max(spread, self.wait or 0)


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header (RFC 9110, 10.2.3) asks for; None if it says nothing we understand."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now().timestamp())


def excerpt_of(answer: bytes) -> str | None:
    """The beginning of an answer as text that can be stored."""
    return answer[:LONGEST_EXCERPT].decode("utf-8", "replace").replace("\x00", "\ufffd") or None
