"""The published language on paper: JSON Schemas, examples and the AsyncAPI document in docs/events.

`python -m shared.events.generate` writes them, unless a type changed in a way that breaks its readers; with `--check`
it writes nothing and fails if anything is out of date.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.events.base import DomainEvent
from shared.events.catalog import ALL, PUBLISHERS, TOPICS, UPCASTERS
from shared.events.compatibility import breaks
from shared.messaging.envelope import to_message

DOCS = Path(__file__).parents[2] / "docs" / "events"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
AUDIENCE = "every service; of the academies those named in ce_audience, and none when it is absent"
HEADERS: dict[str, Any] = {
    "type": "object",
    "description": "CloudEvents 1.0 in binary mode, with Mithaq's extensions.",
    "required": [
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_subject",
        "ce_time",
        "ce_aggregateversion",
        "ce_correlationid",
        "ce_actor",
        "content-type",
    ],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {
            "type": "string",
            "format": "uuid",
            "description": "The event's id: the same whenever it is repeated.",
        },
        "ce_source": {"type": "string", "description": "The publishing service."},
        "ce_type": {"type": "string", "description": "The wire name, with its version."},
        "ce_subject": {"type": "string", "format": "uuid", "description": "The aggregate's id; also the record's key."},
        "ce_time": {"type": "string", "format": "date-time", "description": "When it happened, in UTC."},
        "ce_aggregateversion": {
            "type": "string",
            "pattern": "^[1-9][0-9]*$",
            "description": "The aggregate's version after the event: 1, 2, 3 … without gaps.",
        },
        "ce_correlationid": {"type": "string", "format": "uuid", "description": "The story it is part of."},
        "ce_causationid": {"type": "string", "format": "uuid", "description": "The event that caused it, if one did."},
        "ce_actor": {"type": "string", "description": "Issuer and subject of who acted, joined by #."},
        "ce_audience": {"type": "string", "description": "Codes of the academies concerned, joined by commas."},
        "ce_traceparent": {"type": "string", "description": "W3C Trace Context."},
        "traceparent": {"type": "string", "description": "The same, for tools that look for it without the prefix."},
        "content-type": {"type": "string", "const": "application/json"},
    },
}


def schema_of(event: type[DomainEvent]) -> dict[str, Any]:
    """The JSON Schema of an event's data: what a reader may rely on, open to further fields."""
    return {"$schema": DIALECT, "$id": f"urn:mithaq:schema:{event.type}", **event.model_json_schema()}


def example_of(event: type[DomainEvent]) -> dict[str, Any]:
    """One message of this type as it is on the broker."""
    aggregate = event.type.split(".")[2]
    message = to_message(
        {
            "event_id": UUID("01920000-0000-7000-8000-0000000000e1"),
            "type": event.type,
            "aggregate_id": UUID(event.example[f"{aggregate}_id"]),
            "aggregate_version": 1,
            "occurred_at": datetime(2024, 8, 30, 10, 0, tzinfo=UTC),
            "audience": ["MA-06"],
            "actor": "mithaq#system",
            "correlation": UUID("01920000-0000-7000-8000-0000000000c0"),
            "causation": None,
            "traceparent": None,
            "data": event.example,
        }
    )
    return {"topic": message.topic, "key": message.key, "headers": message.headers, "value": json.loads(message.value)}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document of all topics."""
    schemas: dict[str, Any] = {"CloudEventsHeaders": HEADERS}
    for event in ALL:
        schema = event.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[event.__name__] = schema
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Mithaq events",
            "version": "1",
            "description": "What happens to associations, agreements and centers. Records are delivered at least once, "
            "in order per key; events are thin and never carry a learner's data.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic) for topic in TOPICS},
        "operations": {
            f"publish.{topic}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{topic}"},
                "summary": f"The {_owner(topic)} service publishes what happens to its {topic.partition('.')[2]}s.",
            }
            for topic in TOPICS
        },
        "components": {"messages": {event.type: _message(event) for event in ALL}, "schemas": schemas},
    }


def _channel(topic: str) -> dict[str, Any]:
    return {
        "address": topic,
        "title": topic,
        "messages": {
            event.type: {"$ref": f"#/components/messages/{event.type}"} for event in ALL if event.topic == topic
        },
        "bindings": {"kafka": {"topic": topic, "bindingVersion": "0.5.0"}},
        "x-owner": _owner(topic),
        "x-audience": AUDIENCE,
    }


def _message(event: type[DomainEvent]) -> dict[str, Any]:
    example = example_of(event)
    return {
        "name": event.type,
        "title": " ".join(re.findall("[A-Z][a-z]*", event.__name__)).capitalize(),
        "summary": (event.__doc__ or "").strip(),
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/CloudEventsHeaders"},
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "format": "uuid", "description": "The aggregate's id."},
                "bindingVersion": "0.5.0",
            }
        },
        "examples": [{"headers": example["headers"], "payload": example["value"]}],
        "x-owner": _owner(event.topic),
        "x-audience": AUDIENCE,
    }


def _owner(topic: str) -> str:
    (owner,) = (name for name, module in PUBLISHERS.items() if topic in _topics_of(module))
    return owner


def _topics_of(module: object) -> set[str]:
    return {event.topic for event in vars(module).values() if isinstance(event, type) and event in ALL}


def files() -> Iterator[tuple[Path, str]]:
    """Every generated file: its path below the folder, and its text."""
    for event in ALL:
        yield Path("schemas", f"{event.type}.json"), _text(schema_of(event))
        yield Path("examples", f"{event.type}.json"), _text(example_of(event))
    yield Path("asyncapi.json"), _text(asyncapi())


def broken(committed: Path) -> list[str]:
    """What breaks the readers of the committed schemas, in words."""
    current = {event.type: schema_of(event) for event in ALL}
    found = []
    for file in sorted((committed / "schemas").glob("*.json")):
        name = file.stem
        if name in current:
            found += [f"{name}: {each}" for each in breaks(json.loads(file.read_text("utf-8")), current[name])]
        elif name not in UPCASTERS:
            found.append(f"{name}: the type is gone and nothing upcasts it")
    return found


def stale(committed: Path) -> list[str]:
    """The files that are missing or say something else than the code."""
    return [
        str(path)
        for path, text in files()
        if not (committed / path).is_file() or (committed / path).read_text("utf-8") != text
    ]


def main(docs: Path = DOCS) -> int:
    """Write or check the files; the process's exit code."""
    parser = argparse.ArgumentParser(description="Writes docs/events: schemas, examples and the AsyncAPI document.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if anything is out of date")
    check = parser.parse_args().check
    if problems := broken(docs):
        problems.append("a breaking change is a new version: a new class, and an upcaster for the old type")
    elif check:
        problems = [f"{path} is out of date: run python -m shared.events.generate" for path in stale(docs)]
    else:
        for path, text in files():
            (docs / path).parent.mkdir(parents=True, exist_ok=True)
            (docs / path).write_text(text, "utf-8")
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
