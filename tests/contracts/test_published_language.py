"""The published language: what is written down in docs/events is what is on the broker."""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from shared.events.base import DomainEvent
from shared.events.catalog import ALL, PUBLISHERS, TOPICS, UPCASTERS, UndecodableEvent, UnknownEventType, decode
from shared.events.centers import CenterPlanned
from shared.events.generate import DOCS, example_of, schema_of, stale
from shared.messaging.broker import Message
from shared.messaging.envelope import open_envelope

EVERY_TYPE = pytest.mark.parametrize("event", ALL, ids=lambda event: event.type)
PERSONAL = re.compile(
    r"learner|pupil|student|child|birth|age$|gender|guardian|parent|massar|cni|passport|health|disab|phone|mail|address"
)
"""Parts of field names that would speak of a learner."""


def read(*path: str) -> Any:
    """A committed file of docs/events."""
    return json.loads(DOCS.joinpath(*path).read_text("utf-8"))


def test_the_committed_files_are_up_to_date() -> None:
    assert stale(DOCS) == []


@EVERY_TYPE
def test_a_type_is_named_after_its_topics_aggregate(event: type[DomainEvent]) -> None:
    service, aggregate = event.topic.split(".")
    assert re.fullmatch(rf"ma\.mithaq\.{aggregate}\.[a-z_]+\.v[1-9]", event.type)
    assert f"{event.__module__}.".startswith(f"{PUBLISHERS[service].__name__}.")


@EVERY_TYPE
def test_the_committed_example_is_read_back_as_the_event(event: type[DomainEvent]) -> None:
    example = read("examples", f"{event.type}.json")
    value = json.dumps(example["value"]).encode()
    found = open_envelope(Message(example["topic"], example["key"], example["headers"], value)).occurrence()
    assert type(found.event) is event
    assert found.event.model_dump(mode="json") == example["value"]
    assert (found.subject, found.audience) == (UUID(example["key"]), ("MA-06",))


@EVERY_TYPE
def test_the_committed_schema_accepts_the_example_and_what_later_versions_add(event: type[DomainEvent]) -> None:
    schema = read("schemas", f"{event.type}.json")
    Draft202012Validator.check_schema(schema)
    reader = Draft202012Validator(schema, format_checker=FormatChecker())
    example = example_of(event)["value"]
    reader.validate(example)
    reader.validate(example | {"added_later": 1})
    assert not reader.is_valid({})


@EVERY_TYPE
def test_an_event_speaks_of_no_learner(event: type[DomainEvent]) -> None:
    assert [name for name in field_names(schema_of(event)) if PERSONAL.search(name)] == []


def field_names(schema: Any) -> Iterator[str]:
    """Every field of a schema, however deep."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from field_names(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from field_names(part)


def test_an_event_of_an_old_version_is_read_through_its_upcaster(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_kinds_of_seats(data: dict[str, Any]) -> dict[str, Any]:
        seats = data.pop("seats")
        return data | {"funded_seats": seats, "unfunded_seats": 0}

    oldest, old = "ma.mithaq.center.foreseen.v1", "ma.mithaq.center.planned.v0"
    monkeypatch.setitem(UPCASTERS, oldest, (old, lambda data: data | {"seats": 80}))
    monkeypatch.setitem(UPCASTERS, old, (CenterPlanned.type, with_kinds_of_seats))
    data = {name: value for name, value in CenterPlanned.example.items() if not name.endswith("_seats")}

    event = decode(oldest, data)

    assert isinstance(event, CenterPlanned)
    assert (event.funded_seats, event.unfunded_seats) == (80, 0)
    assert "seats" not in data


def test_an_event_of_an_unknown_type_or_version_is_not_guessed_at() -> None:
    with pytest.raises(UnknownEventType):
        decode("ma.mithaq.center.planned.v9", CenterPlanned.example)


def test_undecodable_data_is_told_by_field_names_only() -> None:
    with pytest.raises(UndecodableEvent, match=r"center\.planned\.v1: funded_seats$") as refused:
        decode(CenterPlanned.type, CenterPlanned.example | {"funded_seats": "a secret"})
    assert "secret" not in str(refused.value)


def test_the_asyncapi_document_has_every_topic_every_message_and_no_dangling_reference() -> None:
    document = read("asyncapi.json")
    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= document["info"].keys()
    assert tuple(document["channels"]) == TOPICS
    assert set(document["components"]["messages"]) == {event.type for event in ALL}
    for reference in references(document):
        assert resolve(document, reference) is not None
    for operation in document["operations"].values():
        assert operation["action"] == "send"
        assert operation["channel"]["$ref"].startswith("#/channels/")


def test_every_channel_and_message_names_its_key_headers_owner_and_audience() -> None:
    document = read("asyncapi.json")
    for address, channel in document["channels"].items():
        assert channel["address"] == address
        assert channel["x-owner"] == address.partition(".")[0] and channel["x-audience"]
        for name, reference in channel["messages"].items():
            message = resolve(document, reference["$ref"])
            assert message["name"] == name
            assert message["bindings"]["kafka"]["key"]["format"] == "uuid"
            assert message["x-owner"] == channel["x-owner"] and message["x-audience"]


@EVERY_TYPE
def test_a_messages_examples_fit_its_headers_and_its_payload(event: type[DomainEvent]) -> None:
    document = read("asyncapi.json")
    message = document["components"]["messages"][event.type]
    for part in ("headers", "payload"):
        schema = {"$ref": message[part]["$ref"], "components": document["components"]}
        for example in message["examples"]:
            Draft202012Validator(schema, format_checker=FormatChecker()).validate(example[part])


def references(part: Any) -> Iterator[str]:
    """Every `$ref` in a document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def resolve(document: Any, reference: str) -> Any:
    """What a reference within the document points at."""
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document
