"""Which failures pass by themselves, which never will, and what an operator is told about them."""

from asyncpg import InternalClientError
from asyncpg.exceptions import DeadlockDetectedError, SerializationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.events import catalog
from shared.messaging.broker import BrokerAway
from shared.refusals import Refusal

PAUSES = (0.05, 0.2, 0.8, 2.0, 5.0)
"""Seconds before the next try; the last one repeats."""


class TooEarly(Exception):
    """What came is about something that has not been heard of yet.

    It waits, and nothing has failed: whoever raises this sees to it that it is released once the rest is known.
    """


def passes_by_itself(error: BaseException) -> bool:
    """Whether trying again is all it takes: a deadlock, a lost connection."""
    # An internal error is what asyncpg raises between a server's farewell and the end of its connection.
    if isinstance(error, InternalClientError | BrokerAway | OSError | TimeoutError | PoolTimeout | InterfaceError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    cause = getattr(error.orig, "__cause__", None)
    return (
        error.connection_invalidated
        or isinstance(error, OperationalError)
        or isinstance(cause, DeadlockDetectedError | SerializationError | OSError)
        or str(getattr(cause, "sqlstate", "") or "").startswith(("08", "57P", "53"))
    )


def failed(error: BaseException) -> bool:
    """Whether an attempt counts that ended so: what waits or passes by itself does not."""
    return not (isinstance(error, TooEarly) or passes_by_itself(error))


def is_hopeless(error: BaseException) -> bool:
    """Whether no retry can help: what came cannot be understood by this version."""
    return isinstance(error, catalog.UnknownEventType | catalog.UndecodableEvent)


def reason_of(error: BaseException) -> str:
    """What an operator reads about a parked event: the kind of failure, never the event's data."""
    if is_hopeless(error):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, Refusal):
        return f"refused: {error.slug}"
    return f"{type(error).__module__}.{type(error).__qualname__}"
