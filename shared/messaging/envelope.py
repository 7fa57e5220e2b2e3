"""CloudEvents 1.0 in binary mode: the envelope of a published event is in the headers, its data is the value."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from shared.events.base import DomainEvent, Occurrence
from shared.events.catalog import BY_TYPE, UPCASTERS, UndecodableEvent, UnknownEventType, decode
from shared.messaging.broker import Message


class BadEnvelope(Exception):
    """The headers are not those of an event of ours; the message says which one is missing or wrong."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Everything about an event but the event: who, what, when, and the undecoded data."""

    id: UUID
    type: str
    subject: UUID
    version: int
    audience: tuple[str, ...]
    actor: str
    time: datetime
    correlation: UUID
    causation: UUID | None
    traceparent: str | None
    value: bytes

    def occurrence(self) -> Occurrence[DomainEvent]:
        """The event with its envelope. Raises UnknownEventType or UndecodableEvent."""
        try:
            data = json.loads(self.value)
        except ValueError:
            raise UndecodableEvent(f"{self.type}: the value is not JSON") from None
        if not isinstance(data, dict):
            raise UndecodableEvent(f"{self.type}: the value is not a JSON object")
        return Occurrence(
            event=decode(self.type, data),
            id=self.id,
            subject=self.subject,
            version=self.version,
            audience=self.audience,
            actor=self.actor,
            time=self.time,
            correlation=self.correlation,
            causation=self.causation,
            traceparent=self.traceparent,
        )


@cache
def topic_of(type: str) -> str:
    """The topic where events of this wire name are published, old names included. Raises UnknownEventType."""
    newest = type
    while newest in UPCASTERS:
        newest = UPCASTERS[newest][0]
    if newest not in BY_TYPE:
        raise UnknownEventType(type)
    return BY_TYPE[newest].topic


@cache
def source_of(topic: str) -> str:
    """The CloudEvents source of a topic: its publishing service."""
    return f"/mithaq/{topic.partition('.')[0]}"


def to_message(row: Mapping[str, Any]) -> Message:
    """The message of a journal row (`data` as an object, or as JSON text when the reader left it unparsed)."""
    topic = topic_of(row["type"])
    subject = str(row["aggregate_id"])
    data = row["data"]
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(row["event_id"]),
        "ce_source": source_of(topic),
        "ce_type": row["type"],
        "ce_subject": subject,
        "ce_time": row["occurred_at"].isoformat().replace("+00:00", "Z"),
        "ce_aggregateversion": str(row["aggregate_version"]),
        "ce_correlationid": str(row["correlation"]),
        "ce_actor": row["actor"],
        "content-type": "application/json",
    }
    if row["audience"]:
        headers["ce_audience"] = ",".join(row["audience"])
    if row["causation"]:
        headers["ce_causationid"] = str(row["causation"])
    if row["traceparent"]:
        # Plain as well: instrumentation of other consumers looks for it without the prefix.
        headers["ce_traceparent"] = headers["traceparent"] = row["traceparent"]
    if not isinstance(data, str):
        data = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return Message(topic, subject, headers, data.encode())


def open_envelope(message: Message) -> Envelope:
    """The envelope of a received message; its value stays undecoded. Raises BadEnvelope."""
    headers = message.headers
    try:
        causation = headers.get("ce_causationid")
        audience = headers.get("ce_audience")
        time = datetime.fromisoformat(headers["ce_time"])
        if headers["ce_specversion"] != "1.0" or time.tzinfo is None:
            raise BadEnvelope("not CloudEvents 1.0, or a time without its offset")
        return Envelope(
            id=UUID(headers["ce_id"]),
            type=headers["ce_type"],
            subject=UUID(headers["ce_subject"]),
            version=int(headers["ce_aggregateversion"]),
            audience=tuple(audience.split(",")) if audience else (),
            actor=headers["ce_actor"],
            time=time,
            correlation=UUID(headers["ce_correlationid"]),
            causation=UUID(causation) if causation else None,
            traceparent=headers.get("traceparent") or headers.get("ce_traceparent"),
            value=message.value,
        )
    except KeyError as missing:
        raise BadEnvelope(f"the header {missing.args[0]} is missing") from None
    except ValueError as wrong:
        raise BadEnvelope(str(wrong)) from None
