"""What we publish is what other CloudEvents libraries read, and the other way round."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, to_binary_event
from cloudevents.core.v1.event import CloudEvent

from shared.events.base import DomainEvent
from shared.events.catalog import ALL, UndecodableEvent, UnknownEventType
from shared.ids import new_id
from shared.messaging.broker import Message
from shared.messaging.envelope import BadEnvelope, open_envelope, to_message

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
AT = datetime(2024, 8, 30, 9, 30, 15, 123456, UTC)
EVERY_EVENT = pytest.mark.parametrize("event", ALL, ids=lambda event: event.type)


def row(event: type[DomainEvent] = ALL[0], **changes: Any) -> dict[str, Any]:
    return {
        "event_id": new_id(),
        "aggregate_id": new_id(),
        "aggregate_version": 3,
        "type": event.type,
        "audience": ["MA-06", "MA-07"],
        "actor": "https://identity.example/realms/mithaq#مديرة",
        "occurred_at": AT,
        "data": event.example,
        "correlation": new_id(),
        "causation": new_id(),
        "traceparent": TRACE,
        **changes,
    }


def as_kafka(message: Message) -> KafkaMessage:
    headers = {name: value.encode() for name, value in message.headers.items()}
    return KafkaMessage(headers=headers, key=message.key.encode(), value=message.value)


@EVERY_EVENT
def test_another_library_reads_what_we_publish(event: type[DomainEvent]) -> None:
    published = row(event)
    read = from_binary_event(as_kafka(to_message(published)))
    assert read.get_specversion() == "1.0"
    assert read.get_id() == str(published["event_id"])
    assert read.get_type() == event.type
    assert read.get_source() == f"/mithaq/{event.topic.split('.')[0]}"
    assert read.get_subject() == read.get_extension("partitionkey") == str(published["aggregate_id"])
    assert read.get_time() == AT
    assert read.get_datacontenttype() == "application/json"
    assert read.get_data() == event.example
    assert read.get_extension("aggregateversion") == "3"
    assert read.get_extension("correlationid") == str(published["correlation"])
    assert read.get_extension("causationid") == str(published["causation"])
    assert read.get_extension("audience") == "MA-06,MA-07"
    assert read.get_extension("actor") == published["actor"]
    assert read.get_extension("traceparent") == TRACE


@EVERY_EVENT
def test_we_read_what_another_library_publishes(event: type[DomainEvent]) -> None:
    id, subject, correlation = new_id(), new_id(), new_id()
    attributes = {
        "id": str(id),
        "source": "/elsewhere",
        "type": event.type,
        "subject": str(subject),
        "time": AT,
        "datacontenttype": "application/json",
        "aggregateversion": "1",
        "correlationid": str(correlation),
        "actor": "somebody",
        "audience": "MA-01",
        "traceparent": TRACE,
        "partitionkey": str(subject),
    }
    sent = to_binary_event(CloudEvent(attributes, event.example))
    assert isinstance(sent.key, str)
    headers = {name: value.decode() for name, value in sent.headers.items()}
    occurrence = open_envelope(Message(event.topic, sent.key, headers, sent.value)).occurrence()
    assert occurrence.event == event.model_validate(event.example)
    assert (occurrence.id, occurrence.subject, occurrence.version) == (id, subject, 1)
    assert (occurrence.time, occurrence.correlation, occurrence.causation) == (AT, correlation, None)
    assert (occurrence.audience, occurrence.actor, occurrence.traceparent) == (("MA-01",), "somebody", TRACE)


@EVERY_EVENT
def test_what_we_publish_we_read_again(event: type[DomainEvent]) -> None:
    published = row(event)
    message = to_message(published)
    occurrence = open_envelope(message).occurrence()
    assert (message.topic, message.key) == (event.topic, str(published["aggregate_id"]))
    assert occurrence.event == event.model_validate(event.example)
    assert occurrence.version == 3
    assert occurrence.audience == ("MA-06", "MA-07")
    assert occurrence.causation == published["causation"]


def test_nothing_is_said_about_what_is_not_there() -> None:
    message = to_message(row(audience=[], causation=None, traceparent=None))
    assert not {"ce_audience", "ce_causationid", "ce_traceparent", "traceparent"} & message.headers.keys()
    envelope = open_envelope(message)
    assert (envelope.audience, envelope.causation, envelope.traceparent) == ((), None, None)


def test_the_trace_goes_on_without_the_prefix_too() -> None:
    assert to_message(row()).headers["traceparent"] == TRACE


def test_data_that_was_read_as_text_is_published_unparsed() -> None:
    published = row()
    text = json.dumps(published["data"], indent=1)
    assert to_message({**published, "data": text}).value == text.encode()


def test_an_instant_keeps_its_moment_whatever_its_offset() -> None:
    in_rabat = AT.astimezone(timezone(timedelta(hours=1)))
    assert open_envelope(to_message(row(occurred_at=in_rabat))).time == AT


def test_a_type_nobody_knows_has_no_topic() -> None:
    with pytest.raises(UnknownEventType):
        to_message(row(type="ma.mithaq.unheard.of.v1"))


@pytest.mark.parametrize(
    "header", ["ce_id", "ce_type", "ce_subject", "ce_aggregateversion", "ce_actor", "ce_time", "ce_correlationid"]
)
def test_an_envelope_without_one_of_its_headers_is_bad(header: str) -> None:
    message = to_message(row())
    del message.headers[header]
    with pytest.raises(BadEnvelope, match=header):
        open_envelope(message)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ce_specversion", "0.3"),
        ("ce_id", "7"),
        ("ce_subject", "agreement"),
        ("ce_aggregateversion", "one"),
        ("ce_time", "yesterday"),
        ("ce_time", "2024-08-30T09:30:15"),
    ],
)
def test_an_envelope_with_a_wrong_header_is_bad(header: str, value: str) -> None:
    message = to_message(row())
    message.headers[header] = value
    with pytest.raises(BadEnvelope):
        open_envelope(message)


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"\xff", b"null"])
def test_a_value_that_is_no_json_object_is_undecodable(value: bytes) -> None:
    message = to_message(row())
    with pytest.raises(UndecodableEvent):
        open_envelope(Message(message.topic, message.key, message.headers, value)).occurrence()


def test_the_envelope_opens_without_the_event() -> None:
    message = to_message(row(event_id=UUID(int=7), type=ALL[0].type, data="not JSON"))
    assert open_envelope(message).id == UUID(int=7)
