"""Every event type there is, and how a stored or received one becomes its class again."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from shared.events import agreements, centers, network, notifications
from shared.events.base import DomainEvent

PUBLISHERS = {
    "network": network,
    "agreements": agreements,
    "centers": centers,
    "notifications": notifications,
}
"""Publishing service -> the module of its published language."""

ALL: tuple[type[DomainEvent], ...] = tuple(
    event
    for module in PUBLISHERS.values()
    for event in vars(module).values()
    if isinstance(event, type) and issubclass(event, DomainEvent) and event is not DomainEvent
)
BY_TYPE: Mapping[str, type[DomainEvent]] = {event.type: event for event in ALL}
TOPICS: tuple[str, ...] = tuple(dict.fromkeys(event.topic for event in ALL))

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTERS: dict[str, tuple[str, Upcaster]] = {}
"""An old wire name -> the wire name that replaced it, and how old data becomes new data."""


class UnknownEventType(Exception):
    """No class and no upcaster knows this wire name: another version of Mithaq published it."""


class UndecodableEvent(Exception):
    """The data does not fit the event's class."""


def newest(name: str) -> type[DomainEvent]:
    """The class that events of this wire name become. Raises UnknownEventType."""
    while upcaster := UPCASTERS.get(name):
        name = upcaster[0]
    if name not in BY_TYPE:
        raise UnknownEventType(name)
    return BY_TYPE[name]


def decode(type: str, data: Mapping[str, Any], detail: dict[str, Any] | None = None) -> DomainEvent:
    """The event of this wire name and data, brought up to its newest version, with the detail stored beside it.

    Raises UnknownEventType or UndecodableEvent.
    """
    event = newest(type)
    fields = dict(data)
    while upcaster := UPCASTERS.get(type):
        type, change = upcaster
        fields = change(fields)
    try:
        found = event.model_validate(fields)
    except ValidationError as error:
        fields_at_fault = sorted({".".join(map(str, each["loc"])) for each in error.errors()})
        raise UndecodableEvent(f"{type}: {', '.join(fields_at_fault)}") from None
    found._detail = detail or {}
    return found
