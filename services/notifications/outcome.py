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

LONGEST_WAIT = 86400.0
"""Most seconds that a receiver's Retry-After is honoured."""
JITTER = 0.2
LONGEST_EXCERPT = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt, with the receiver's answer if there was one."""

    result: Result
    reason: str
    """A code of `reasons`, and what there is to add to it."""
    status: int | None = None
    excerpt: str | None = None
    wait: float | None = None
    """Seconds that the receiver asks us to wait."""
    bounced: bool = False
    """Whether a mail server said that the address itself takes nothing, now or later."""

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
