"""The event documentation, out of the AsyncAPI document, in the form that the page shows."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an event's data."""

    name: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Message:
    """One event type."""

    type: str
    summary: str
    fields: tuple[Field, ...]
    example: str


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic with the event types that it carries."""

    topic: str
    description: str
    messages: tuple[Message, ...]


def channels(document: Schema) -> list[Channel]:
    """The topics of an AsyncAPI 3 document, in its order."""
    return [
        Channel(
            topic=channel.get("address", name),
            description=channel.get("description", ""),
            messages=tuple(_message(document, each) for each in channel.get("messages", {}).values()),
        )
        for name, channel in document["channels"].items()
    ]


def envelope(document: Schema) -> tuple[Field, ...]:
    """What the headers of every event say."""
    headers = document.get("components", {}).get("schemas", {}).get("CloudEventsHeaders", {})
    return tuple(_fields(document, headers))


def _message(document: Schema, reference: Schema) -> Message:
    message = _resolved(document, reference)
    payload = _resolved(document, message.get("payload", {}))
    # AsyncAPI 3 may wrap a schema together with the name of its language.
    payload = _resolved(document, payload.get("schema", payload))
    examples = message.get("examples") or [{}]
    return Message(
        type=message.get("name", message.get("title", "")),
        summary=message.get("summary") or message.get("description", ""),
        fields=tuple(_fields(document, payload)),
        example=json.dumps(examples[0].get("payload", {}), ensure_ascii=False, indent=2),
    )


def _fields(document: Schema, payload: Schema) -> Iterator[Field]:
    required = payload.get("required", [])
    for name, schema in payload.get("properties", {}).items():
        description = schema.get("description") or _resolved(document, schema).get("description", "")
        yield Field(name, _kind(document, schema, payload), name in required, description)


def _kind(document: Schema, schema: Schema, payload: Schema) -> str:
    """What a value looks like, in a few words."""
    schema = _resolved(document, schema, payload)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " | ".join(_kind(document, each, payload) for each in schema[choice])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"[{_kind(document, schema.get('items', {}), payload)}]"
    if kind == "object":
        return str(schema.get("title", kind))
    return str(schema.get("format", kind))


def _resolved(document: Schema, schema: Schema, local: Schema | None = None) -> Schema:
    """What a `$ref` stands for, inside the document or inside the event's own schema."""
    while isinstance(reference := schema.get("$ref"), str):
        found = _at(document, reference) or _at(local or {}, reference)
        if found is None:
            return {}
        schema = found
    return schema


def _at(document: Schema, reference: str) -> Schema | None:
    place: Any = document
    for part in reference.removeprefix("#/").split("/"):
        place = place.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(place, Mapping) else None
    return place if isinstance(place, Mapping) else None
