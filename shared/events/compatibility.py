"""Compatibility: what in a newer schema of the same event type would break who reads it, or the log.

Within a version only optional fields and further members of an enumeration may be added. Anything else is a new
version: a new class, and an upcaster for the old one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

TEXTS = {"$schema", "$id", "$defs", "title", "description", "examples", "default"}
"""What a schema tells people; the shape does not depend on it."""
COMPARED = {"properties", "required", "items", "anyOf", "enum", "const"}
"""What is compared by its own rule; everything else must stay as it is."""


def breaks(committed: Schema, current: Schema) -> list[str]:
    """Every breaking difference, in words; none means that the newer schema may replace the committed one."""
    return list(_breaks(committed, current, committed, current, ""))


def _breaks(old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str) -> Iterator[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    here = at or "the data"
    if missing := _members(old) - _members(new):
        yield f"{here} can no longer be {', '.join(sorted(map(repr, missing)))}"
    for key in sorted((old.keys() | new.keys()) - TEXTS - COMPARED):
        if old.get(key) != new.get(key):
            yield f"{here} is retyped: {key} was {old.get(key)!r}, is {new.get(key)!r}"
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before:
        if name not in after:
            yield f"{_inside(at, name)} is removed"
        else:
            yield from _breaks(before[name], after[name], old_root, new_root, _inside(at, name))
    required, required_now = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(required_now - required):
        yield f"{_inside(at, name)} is newly required"
    for name in sorted((required - required_now) & after.keys()):
        yield f"{_inside(at, name)} is no longer sure to be there"
    variants, variants_now = old.get("anyOf", []), new.get("anyOf", [])
    if len(variants) != len(variants_now):
        yield f"{here} is retyped: it had {len(variants)} variants, has {len(variants_now)}"
    for one, other in zip(variants, variants_now, strict=False):
        yield from _breaks(one, other, old_root, new_root, at)
    if "items" in old and "items" in new:
        yield from _breaks(old["items"], new["items"], old_root, new_root, f"{at}[]")
    elif "items" in old or "items" in new:
        yield f"{here} is retyped: it {'was' if 'items' in old else 'is'} a list"


def _inside(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _members(schema: Schema) -> set[Any]:
    """The values of an enumeration; a single one is written as `const`."""
    return {schema["const"]} if "const" in schema else set(schema.get("enum", ()))


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema
