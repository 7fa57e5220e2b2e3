"""What differs between two states of the same thing, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, Field

KEYS = ("party_id", "obligation_id", "center_id", "line_id", "amendment_id", "document_id", "key", "id")
"""What names an entry of a list, so that it is the same entry wherever it stands; an obligation may name a center."""


class Change(BaseModel):
    """One field that is not what it was."""

    path: str = Field(
        description="JSON Pointer (RFC 6901); an entry that has an id is named by it", examples=["/state"]
    )
    before: Any = Field(description="null if it was not there")
    after: Any = Field(description="null if it is there no more")


def changes(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """The smallest fields that differ between two JSON values: in the order of the later one, what is gone last.

    Of a list whose entries stand in another order, the order comes first, as their names.
    """
    if before == after:
        return
    ours, theirs = _entries(before), _entries(after)
    if type(before) is not type(after) or ours is None or theirs is None:
        yield Change(path=path, before=before, after=after)
        return
    stay = [name for name in ours if name in theirs], [name for name in theirs if name in ours]
    if isinstance(after, list) and stay[0] != stay[1]:
        yield Change(path=path, before=stay[0], after=stay[1])
    for name in (*theirs, *(name for name in ours if name not in theirs)):
        step = f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}"
        yield from changes(ours.get(name), theirs.get(name), step)


def _entries(value: Any) -> Mapping[str, Any] | None:
    """What an object holds by name, and a list by the ids of its entries if each has its own; None for other values."""
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        return None
    for key in KEYS:
        if value and len({each[key] for each in value if key in each}) == len(value):
            return {str(each[key]): each for each in value}
    return None if value else {}
