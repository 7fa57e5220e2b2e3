"""Named refusals: each knows its HTTP status and its slug; its wording lives in wording/{ar,fr,en}.toml."""

from functools import partial
from typing import Any, ClassVar


class Refusal(Exception):
    """A rule said no. Nothing was changed.

    `values` fill the placeholders of the wording and become members of the problem answer (RFC 9457).
    """

    status: ClassVar[int] = 409
    slug: ClassVar[str]

    def __init__(self, **values: Any) -> None:
        super().__init__(self.slug, values)
        self.values = values

    def __reduce__(self) -> tuple[Any, ...]:
        # The worker's refusals come back whole.
        return partial(type(self), **self.values), ()


class Malformed(Refusal):
    """The request cannot be understood."""

    status = 422
    slug = "malformed"


class Unauthenticated(Refusal):
    """No identity, or one that does not verify."""

    status = 401
    slug = "unauthenticated"


class Forbidden(Refusal):
    """Within the jurisdiction, but not for this role."""

    status = 403
    slug = "forbidden"


class NotFound(Refusal):
    """No such thing, or not in this jurisdiction: the answer is the same on purpose."""

    status = 404
    slug = "not-found"


class NotAllowedNow(Refusal):
    """The state does not allow the action. Values: kind, action, state, allowed."""

    slug = "not-allowed-now"


class ConcurrentChange(Refusal):
    """Somebody changed the same thing in the same instant; the request may be repeated."""

    slug = "concurrent-change"


class StaleVersion(Refusal):
    """If-Match names an older version.

    Values: expected, current, changes (the first events since: version, type, time, actor).
    """

    status = 412
    slug = "stale-version"


class PreconditionRequired(Refusal):
    """The request must say which version it changes (If-Match)."""

    status = 428
    slug = "precondition-required"


class IdempotencyKeyReused(Refusal):
    """The same Idempotency-Key came with another request."""

    status = 422
    slug = "idempotency-key-reused"


class IdempotencyKeyInFlight(Refusal):
    """The first request with this Idempotency-Key is still running."""

    slug = "idempotency-key-in-flight"


class Unavailable(Refusal):
    """A part the service needs (database, broker) is away for a moment."""

    status = 503
    slug = "unavailable"
