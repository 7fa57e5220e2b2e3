"""The event types there are, as an academy's system needs to know them."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from uuid import UUID

from services.notifications.kinds import kinds
from services.notifications.notice import Notice, name_told_by
from services.notifications.permissions import PERMISSIONS
from services.notifications.schemas.event_types import EventTypeAnswer
from shared.actor import Actor
from shared.clock import now
from shared.events.catalog import ALL, BY_TYPE
from shared.web import PageRequest

NOBODY = UUID(int=0)


def event_types(
    *, types: Sequence[str], language: str, page: PageRequest, by: Actor
) -> tuple[list[EventTypeAnswer], str | None]:
    """The event types that fit one of the patterns, or all, by name."""
    PERMISSIONS.allow(by, "read_event_types")
    fitting = (type for type in BY_TYPE if not types or any(fnmatchcase(type, pattern) for pattern in types))
    found, next = page.within(sorted(fitting), lambda type: (type,))
    return [_described(type, language) for type in found], next


def example_of(type: str) -> Notice:
    """The notice of a type's example, with the names that the examples tell."""
    event = BY_TYPE[type].model_validate(BY_TYPE[type].example)
    return Notice(NOBODY, type, NOBODY, 1, now(), event.model_dump(mode="json"), _names())


@cache
def _names() -> Mapping[str, Mapping[str, str]]:
    told = (name_told_by(each.model_validate(each.example)) for each in reversed(ALL))
    return {str(name[0]): {"ar": name[1], "fr": name[2]} for name in told if name}


def _described(type: str, language: str) -> EventTypeAnswer:
    kind, notice = kinds().of(type), example_of(type)
    return EventTypeAnswer(
        type=type,
        importance=kind.importance,
        statutory=kind.statutory,
        receipt=kind.receipt,
        queue=kind.queue,
        summary=notice.summary(language),
        example=dict(notice.outward),
        data_schema=BY_TYPE[type].model_json_schema(),
    )
