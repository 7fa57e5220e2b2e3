"""What the notifications service publishes: the academies' endpoints, as far as others must know of them."""

from datetime import date, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.events.base import DomainEvent

ENDPOINT = "01920000-0000-7000-8000-0000000000ed"


Channel = Literal["webhook", "email"]


class EndpointRegistered(DomainEvent):
    """An academy said where it wants to be told: a webhook receiver, or an e-mail address."""

    type = "ma.mithaq.endpoint.registered.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {"endpoint_id": ENDPOINT, "academy": "MA-06", "channel": "webhook"}

    endpoint_id: UUID
    academy: str
    channel: Channel


class EndpointDisabled(DomainEvent):
    """Nothing is sent to the endpoint any more; what it misses can be recovered later."""

    type = "ma.mithaq.endpoint.disabled.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {"endpoint_id": ENDPOINT, "academy": "MA-06", "because": "gone"}

    endpoint_id: UUID
    academy: str
    because: Literal["gone", "failing", "decision"]


class EndpointEnabled(DomainEvent):
    """The endpoint is sent to again."""

    type = "ma.mithaq.endpoint.enabled.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {"endpoint_id": ENDPOINT, "academy": "MA-06"}

    endpoint_id: UUID
    academy: str


class EndpointSecretRotated(DomainEvent):
    """The endpoint has a new signing secret; the old one signs beside it for a while."""

    type = "ma.mithaq.endpoint.secret_rotated.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {"endpoint_id": ENDPOINT, "academy": "MA-06"}

    endpoint_id: UUID
    academy: str


class EndpointChanged(DomainEvent):
    """The endpoint has another address, language, pace or rate; which of them is said, not what they are."""

    type = "ma.mithaq.endpoint.changed.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {"endpoint_id": ENDPOINT, "academy": "MA-06", "changed": ["address"]}

    endpoint_id: UUID
    academy: str
    changed: tuple[Literal["address", "language", "concurrency", "rate"], ...]


class EndpointSecured(DomainEvent):
    """The endpoint is called with another client certificate, or another authority is trusted there."""

    type = "ma.mithaq.endpoint.secured.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {
        "endpoint_id": ENDPOINT,
        "academy": "MA-06",
        "certificate_until": "2027-09-01T10:00:00Z",
    }

    endpoint_id: UUID
    academy: str
    certificate_until: datetime | None
    """When the client certificate ends; null when none is shown."""


class EndpointPaused(DomainEvent):
    """Nothing is sent to the endpoint for now; all that happens meanwhile waits for it."""

    type = "ma.mithaq.endpoint.paused.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {"endpoint_id": ENDPOINT, "academy": "MA-06"}

    endpoint_id: UUID
    academy: str


class EndpointResumed(DomainEvent):
    """The endpoint is sent to again, beginning with what waited."""

    type = "ma.mithaq.endpoint.resumed.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {"endpoint_id": ENDPOINT, "academy": "MA-06"}

    endpoint_id: UUID
    academy: str


class EndpointTested(DomainEvent):
    """A test: nothing happened. It is sent to this endpoint only, on the way that everything takes."""

    type = "ma.mithaq.endpoint.tested.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {"endpoint_id": ENDPOINT, "academy": "MA-06"}

    endpoint_id: UUID
    academy: str


class EndpointReplayed(DomainEvent):
    """Part of the academy's feed is sent to the endpoint again: what it missed, or everything."""

    type = "ma.mithaq.endpoint.replayed.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {
        "endpoint_id": ENDPOINT,
        "academy": "MA-06",
        "what": "missed",
        "since": "2026-09-01T10:00:00Z",
        "until": "2026-09-04T10:00:00Z",
        "deliveries": 3,
    }

    endpoint_id: UUID
    academy: str
    what: Literal["missed", "everything"]
    since: datetime
    until: datetime
    deliveries: int


class EndpointRedelivered(DomainEvent):
    """One message is sent to the endpoint again because somebody asked for it."""

    type = "ma.mithaq.endpoint.redelivered.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {
        "endpoint_id": ENDPOINT,
        "academy": "MA-06",
        "message_id": "01920000-0000-7000-8000-0000000000e1",
    }

    endpoint_id: UUID
    academy: str
    message_id: UUID
    """The id of the event it tells of."""


RECEIPT = "01920000-0000-5000-8000-0000000000ec"


class ReceiptAsked(DomainEvent):
    """An academy was told something that it acknowledges before a deadline."""

    type = "ma.mithaq.receipt.asked.v1"
    topic = "notifications.receipt"
    example: ClassVar[dict[str, Any]] = {
        "receipt_id": RECEIPT,
        "academy": "MA-06",
        "event_id": "01920000-0000-7000-8000-0000000000ee",
        "event_type": "ma.mithaq.agreement.suspended.v1",
        "due_at": "2025-01-20T10:00:00Z",
    }

    receipt_id: UUID
    academy: str
    event_id: UUID
    event_type: str
    due_at: datetime


class ReceiptGiven(DomainEvent):
    """The academy acknowledged what it was told."""

    type = "ma.mithaq.receipt.given.v1"
    topic = "notifications.receipt"
    example: ClassVar[dict[str, Any]] = {
        "receipt_id": RECEIPT,
        "academy": "MA-06",
        "event_id": "01920000-0000-7000-8000-0000000000ee",
    }

    receipt_id: UUID
    academy: str
    event_id: UUID


class ReceiptOverdue(DomainEvent):
    """The deadline passed and the academy did not acknowledge what it was told."""

    type = "ma.mithaq.receipt.overdue.v1"
    topic = "notifications.receipt"
    example: ClassVar[dict[str, Any]] = {
        "receipt_id": RECEIPT,
        "academy": "MA-06",
        "event_id": "01920000-0000-7000-8000-0000000000ee",
        "due_at": "2025-01-20T10:00:00Z",
    }

    receipt_id: UUID
    academy: str
    event_id: UUID
    due_at: datetime


class ReadershipCounted(DomainEvent):
    """Another number of people of a jurisdiction is known, so that statutory notices reach as many inboxes."""

    type = "ma.mithaq.readership.counted.v1"
    topic = "notifications.readership"
    example: ClassVar[dict[str, Any]] = {
        "readership_id": "01920000-0000-5000-8000-0000000000e8",
        "jurisdiction": "MA-06",
        "people": 7,
    }

    readership_id: UUID
    jurisdiction: str
    """Where they are at home: the nation, an academy, a directorate or an organisation."""
    people: int


class Wanted(BaseModel):
    """What people asked to be told of: all conditions hold; an empty one always does."""

    model_config = ConfigDict(frozen=True)

    types: tuple[str, ...]
    """Of the event, those that are foretold: patterns, least importance and preferences are worked out."""
    academies: tuple[str, ...] = ()
    provinces: tuple[str, ...] = ()
    agreement_types: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()
    """Organisations that are concerned, as `org:<id>`."""


class SubscribershipCounted(DomainEvent):
    """Another number of people subscribe to the same of what suspending or terminating an agreement publishes."""

    type = "ma.mithaq.subscribership.counted.v1"
    topic = "notifications.subscribership"
    example: ClassVar[dict[str, Any]] = {
        "subscribership_id": "01920000-0000-5000-8000-0000000000e7",
        "jurisdiction": "national",
        "wanted": [
            {
                "types": ["ma.mithaq.agreement.suspended.v1", "ma.mithaq.agreement.terminated.v1"],
                "academies": ["MA-06"],
                "provinces": [],
                "agreement_types": [],
                "parties": [],
            }
        ],
        "people": 2,
    }

    subscribership_id: UUID
    jurisdiction: str
    """Where they are at home: the nation, an academy, a directorate or an organisation."""
    wanted: tuple[Wanted, ...]
    """All that each of them asked for; what fits one of these is told."""
    people: int


class LetterGivenUp(DomainEvent):
    """A letter with a statutory notice will not reach its person: refused, returned, or tried for days."""

    type = "ma.mithaq.letter.given_up.v1"
    topic = "notifications.letter"
    example: ClassVar[dict[str, Any]] = {
        "letter_id": "01920000-0000-7000-8000-0000000000ea",
        "person_id": "01920000-0000-5000-8000-0000000000e9",
        "event_id": "01920000-0000-7000-8000-0000000000ee",
        "event_type": "ma.mithaq.agreement.suspended.v1",
        "because": "exhausted",
    }

    letter_id: UUID
    person_id: UUID
    """As explanations name the recipient; who that is, they tell to those who may know."""
    event_id: UUID
    """What the notice tells of."""
    event_type: str
    because: Literal["refused", "exhausted", "returned"]


class LetterToAcademyGivenUp(DomainEvent):
    """An e-mail with a statutory notice did not reach an academy's own address: refused, or returned later."""

    type = "ma.mithaq.letter.to_academy_given_up.v1"
    topic = "notifications.letter"
    example: ClassVar[dict[str, Any]] = {
        "letter_id": "01920000-0000-7000-8000-0000000000e8",
        "endpoint_id": ENDPOINT,
        "academy": "MA-06",
        "event_id": "01920000-0000-7000-8000-0000000000ee",
        "event_type": "ma.mithaq.agreement.suspended.v1",
        "because": "refused",
    }

    letter_id: UUID
    """The delivery's: its attempts are read by it, and it is sent again by it."""
    endpoint_id: UUID
    academy: str
    event_id: UUID
    """What the notice tells of."""
    event_type: str
    because: Literal["refused", "returned"]


class ReminderFellDue(DomainEvent):
    """A date that was announced comes near, or has passed: once for each date and distance."""

    type = "ma.mithaq.reminder.fell_due.v1"
    topic = "notifications.reminder"
    example: ClassVar[dict[str, Any]] = {
        "reminder_id": "01920000-0000-5000-8000-0000000000eb",
        "trigger": "agreement_ends",
        "subject_type": "agreement",
        "subject_id": "01920000-0000-7000-8000-00000000000a",
        "agreement_id": "01920000-0000-7000-8000-00000000000a",
        "on": "2027-08-31",
        "days": -30,
    }

    reminder_id: UUID
    trigger: str
    """What the date is: an entry of the notifications service's triggers."""
    subject_type: str
    """Which kind of aggregate has the date."""
    subject_id: UUID
    agreement_id: UUID | None
    """The agreement that has this date, if one has."""
    on: date
    days: int
    """How far from the date: negative before it."""
