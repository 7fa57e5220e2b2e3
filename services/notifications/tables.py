"""The notifications service's tables. The delivery table is the queue; there is no second store."""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from services.notifications.endpoint import Endpoint
from services.notifications.readership import Readership
from services.notifications.receipt import Receipt
from services.notifications.reminder import Reminder
from services.notifications.undelivered import Undelivered
from shared.messaging.tables import Xid8
from shared.migrations import IN_SCOPE
from shared.store import AggregateRow, Store, service_base

Base = service_base("notifications")
SEEN_BY = {
    table: IN_SCOPE.format(column=codes)
    for codes, tables in {
        "array[academy]": ("attempt", "delivery", "endpoint_secret", "feed_entry", "feed_head", "lane"),
        # Gathered over all jurisdictions: only national work, which composes sentences, reads them.
        "array['national']": ("announced_date", "circle", "name"),
        "array[jurisdiction]": ("telling", "told_later"),
        "array['person:' || id::text]": ("person",),
        "array['person:' || person_id::text]": ("bounce", "inbox_item", "letter", "letter_line"),
        "(array['person:' || person_id::text, jurisdiction] || seen_by)": ("letter_attempt",),
        "(reach || audience)": ("notice",),
    }.items()
    for table in tables
}
"""The condition on which rows are seen, where it is not that `visible_to` is in scope."""

Instant = DateTime(timezone=True)
NOW: dict[str, Any] = {"server_default": text("clock_timestamp()")}


class EndpointRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """An endpoint."""

    __tablename__ = "endpoint"
    __table_args__ = (Index("endpoint_academy", "academy"),)

    academy: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)


class SecretRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """A signing secret, sealed: outside the aggregate, whose journal is for ever."""

    __tablename__ = "endpoint_secret"
    __table_args__ = (Index("endpoint_secret_endpoint", "endpoint_id"),)

    key_id: UUID = Field(primary_key=True)
    endpoint_id: UUID
    academy: str = Field(sa_type=Text)
    kek_id: str = Field(sa_type=Text)
    wrapped_key: bytes = Field(sa_type=LargeBinary)
    ciphertext: bytes = Field(sa_type=LargeBinary)


class NameRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """What people call an agreement, a center, an organisation: as its events said, for sentences about it."""

    __tablename__ = "name"

    id: UUID = Field(primary_key=True)
    ar: str = Field(sa_type=Text)
    fr: str = Field(sa_type=Text)


class NoticeRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """An event as academies are told it, with the names known then: the same words in every channel, for ever."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("notice_time", "time", "event_id"),
        Index("notice_story", "subject", "version"),
        Index("notice_type", "type", "time"),
        Index("notice_xid", "xid"),
        Index("notice_unheard", "time", "event_id", postgresql_where=text("unheard <> '{}'")),
    )

    event_id: UUID = Field(primary_key=True)
    type: str = Field(sa_type=Text)
    subject: UUID
    version: int
    time: datetime = Field(sa_type=Instant)
    audience: list[str] = Field(sa_type=ARRAY(Text))
    data: dict[str, Any] = Field(sa_type=JSONB)
    names: dict[str, dict[str, str]] = Field(sa_type=JSONB)
    reach: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": text("'{}'")})
    """All whose jurisdiction it lies in: the nation, the audience, directorates and organisations."""
    provinces: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": text("'{}'")})
    agreement_type: str | None = Field(None, sa_type=Text)
    """Of the agreement it is about, as far as it was known."""
    unheard: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": text("'{}'")})
    """Of a statutory notice, whom it addresses and nobody of whom was told: academies, and the nation."""
    actor: str = Field(sa_type=Text, sa_column_kwargs={"server_default": text("''")})
    # As the journal's: who comes reads what was told while they read the rest.
    xid: str | None = Field(
        None, sa_type=Xid8, nullable=False, sa_column_kwargs={"server_default": text("pg_current_xact_id()")}
    )
    correlation: UUID
    traceparent: str | None = Field(None, sa_type=Text)
    summaries: dict[str, str] | None = Field(None, sa_type=JSONB, nullable=True)
    """The sentence in each language, as it was told: what was signed stays as it was when the wording changes."""


class CircleRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """Whom a subject concerns beside its academies, and by what type of agreement: as its events said."""

    __tablename__ = "circle"

    subject: UUID = Field(primary_key=True)
    codes: list[str] = Field(sa_type=ARRAY(Text))
    provinces: list[str] = Field(sa_type=ARRAY(Text))
    agreement_type: str | None = Field(None, sa_type=Text)


class PersonRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """A person who reads notices here: where they belong, and what they prefer."""

    __tablename__ = "person"
    __table_args__ = (Index("person_jurisdiction", "jurisdiction"),)

    id: UUID = Field(primary_key=True)
    person: str = Field(sa_type=Text)
    jurisdiction: str = Field(sa_type=Text)
    roles: list[str] = Field(sa_type=ARRAY(Text))
    language: str = Field(sa_type=Text)
    inbox: str = Field(sa_type=Text)
    email: str = Field(sa_type=Text)
    address: str | None = Field(None, sa_type=Text)
    digest_at: time
    digest_day: int
    quiet_from: time | None = None
    quiet_until: time | None = None
    by_type: list[dict[str, Any]] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": text("'[]'")})
    """What is preferred otherwise for some types of event."""
    bounces: int = 0
    """Letters in a row that their address did not take."""
    suspended_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    suspended_because: str | None = Field(None, sa_type=Text)


class RuleRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """What an endpoint or a person asked to be told. An ended rule stays: explanations name it."""

    __tablename__ = "rule"
    __table_args__ = (
        Index("rule_endpoint", "endpoint_id", postgresql_where=text("ended_at is null")),
        Index("rule_person", "person_id", postgresql_where=text("ended_at is null")),
    )

    id: UUID = Field(primary_key=True)
    endpoint_id: UUID | None = None
    person_id: UUID | None = None
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    types: list[str] = Field(sa_type=ARRAY(Text))
    academies: list[str] = Field(sa_type=ARRAY(Text))
    provinces: list[str] = Field(sa_type=ARRAY(Text))
    agreement_types: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": text("'{}'")})
    parties: list[str] = Field(sa_type=ARRAY(Text))
    importance: str = Field(sa_type=Text)
    made_at: datetime | None = Field(None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
    made_by: str = Field(sa_type=Text)
    ended_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    ended_by: str | None = Field(None, sa_type=Text)


class TellingRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """What was decided when an event was told, about those of one jurisdiction. Append-only."""

    __tablename__ = "telling"

    event_id: UUID = Field(primary_key=True)
    jurisdiction: str = Field(sa_type=Text, primary_key=True)
    told: list[dict[str, Any]] = Field(sa_type=JSONB)
    untold: list[dict[str, Any]] = Field(sa_type=JSONB)
    at: datetime = Field(sa_type=Instant)


class ToldLaterRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """What was decided about a notice and somebody who came after it had been told, and found it. Append-only."""

    __tablename__ = "told_later"

    event_id: UUID = Field(primary_key=True)
    recipient: UUID = Field(primary_key=True)
    jurisdiction: str = Field(sa_type=Text)
    """Where they were at home then."""
    decision: dict[str, Any] = Field(sa_type=JSONB)
    at: datetime = Field(sa_type=Instant)


class InboxItemRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """A notice in one person's inbox."""

    __tablename__ = "inbox_item"
    __table_args__ = (
        UniqueConstraint("person_id", "event_id", name="inbox_item_event_key"),
        Index("inbox_item_person", "person_id", "told_at", "id"),
        Index("inbox_item_subject", "subject", postgresql_where=text("settled_at is null")),
    )

    id: UUID | None = Field(None, primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")})
    person_id: UUID
    event_id: UUID
    subject: UUID
    queue: str = Field(sa_type=Text)
    told_at: datetime = Field(sa_type=Instant)
    read_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    settled_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    """When nothing was left to do about it."""


class LetterRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """One e-mail to one person, about one notice or many."""

    __tablename__ = "letter"
    __table_args__ = (
        Index("letter_open", "person_id", "due_at", unique=True, postgresql_where=text("state = 'open'")),
        Index("letter_due", "next_attempt_at", postgresql_where=text("state in ('open', 'waiting')")),
    )

    id: UUID | None = Field(None, primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")})
    person_id: UUID
    recipient: str = Field(sa_type=Text)
    language: str = Field(sa_type=Text)
    due_at: datetime = Field(sa_type=Instant)
    state: str = Field(sa_type=Text)
    """open (gathers until it is due), waiting, sent, returned (taken, and came back), refused (never taken), failed
    (given up), or void (all of it is outside its person's jurisdiction by now)."""
    attempts: int = 0
    next_attempt_at: datetime = Field(sa_type=Instant)
    lease_token: UUID | None = None
    lease_until: datetime | None = Field(None, sa_type=Instant, nullable=True)
    status: int | None = None
    """The mail server's last answer."""
    reason: str | None = Field(None, sa_type=Text)
    """What came of the last attempt; `returned …` with the status if it came back."""
    ended_at: datetime | None = Field(None, sa_type=Instant, nullable=True)


class LetterLineRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """One notice in a letter."""

    __tablename__ = "letter_line"
    __table_args__ = (Index("letter_line_event", "event_id"),)

    letter_id: UUID = Field(primary_key=True)
    event_id: UUID = Field(primary_key=True)
    person_id: UUID


class LetterAttemptRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """One try to send a letter, as it went: as an endpoint's attempt, and kept as long."""

    __tablename__ = "letter_attempt"
    __table_args__ = (
        Index("letter_attempt_letter", "letter_id", "id"),
        Index("letter_attempt_person", "person_id", "id"),
    )

    id: int | None = Field(None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    letter_id: UUID
    person_id: UUID
    jurisdiction: str = Field(sa_type=Text)
    """Where the person was at home then."""
    seen_by: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": text("'{}'")})
    """The academies that see to it that they are told."""
    at: datetime = Field(sa_type=Instant)
    milliseconds: int
    result: str = Field(sa_type=Text)
    status: int | None = None
    reason: str = Field(sa_type=Text)
    excerpt: str | None = Field(None, sa_type=Text)


class UndeliveredRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A letter with a statutory notice that was given up."""

    __tablename__ = "undelivered"


class BounceRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """A letter that its address did not take. Append-only."""

    __tablename__ = "bounce"

    letter_id: UUID = Field(primary_key=True)
    person_id: UUID
    recipient: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    """An enhanced status code (RFC 3463), or the SMTP reply code."""
    reason: str | None = Field(None, sa_type=Text)
    at: datetime = Field(sa_type=Instant)


class ReceiptRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A receipt."""

    __tablename__ = "receipt"
    __table_args__ = (
        Index("receipt_academy", "academy"),
        Index("receipt_late", "due_at", postgresql_where=text("status = 'asked'")),
    )

    academy: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    due_at: datetime = Field(sa_type=Instant)


class ReminderRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A reminder."""

    __tablename__ = "reminder"


class AnnouncedDateRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """A date of a subject as its events said it, and how near to it people were last reminded."""

    __tablename__ = "announced_date"
    __table_args__ = (Index("announced_date_on", "trigger", "on"),)

    subject: UUID = Field(primary_key=True)
    trigger: str = Field(sa_type=Text, primary_key=True)
    on: date
    audience: list[str] = Field(sa_type=ARRAY(Text))
    reminded: int | None = None


class ReadershipRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """How many people of a jurisdiction are known."""

    __tablename__ = "readership"


class FeedHeadRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """The last number given out in an academy's feed. Its lock makes commit order and number order the same."""

    __tablename__ = "feed_head"

    academy: str = Field(sa_type=Text, primary_key=True)
    last: int = Field(sa_type=BigInteger)


class FeedEntryRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """One notice in one academy's feed, numbered 1, 2, 3 … without gaps."""

    __tablename__ = "feed_entry"
    __table_args__ = (UniqueConstraint("academy", "event_id", name="feed_entry_event_key"),)

    academy: str = Field(sa_type=Text, primary_key=True)
    sequence: int = Field(sa_type=BigInteger, primary_key=True)
    event_id: UUID
    told_at: datetime | None = Field(None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)


class LaneRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """An endpoint's turn: who sends to it now, and when there is something to send next."""

    __tablename__ = "lane"
    __table_args__ = (
        Index("lane_due", "due_at", postgresql_where=text("enabled and due_at is not null")),
        Index("lane_academy", "academy"),
    )

    endpoint_id: UUID = Field(primary_key=True)
    academy: str = Field(sa_type=Text)
    enabled: bool = True
    """Whether anything new is owed to it."""
    paused: bool = Field(False, sa_column_kwargs={"server_default": text("false")})
    concurrency: int = Field(1, sa_column_kwargs={"server_default": text("1")})
    rate: float | None = None
    bucket_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    """Since when the bucket of a lane with a rate has been filling."""
    failures: int = Field(0, sa_column_kwargs={"server_default": text("0")})
    """How many attempts failed since the last that did not."""
    open_until: datetime | None = Field(None, sa_type=Instant, nullable=True)
    """Until when the breaker is open; in the past it is half open, null it is closed."""
    due_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    """When the lane's first waiting delivery is due; null when none waits."""
    lease_token: UUID | None = None
    lease_until: datetime | None = Field(None, sa_type=Instant, nullable=True)
    last_owed: int = Field(0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    """The number of the last notice that was owed to it when it was told; 0: none yet."""
    epoch: int = Field(0, sa_column_kwargs={"server_default": text("0")})
    """How often it was started over: what was sent in an earlier epoch is answered for that one alone."""


class DeliveryRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """One notice owed to one endpoint, sent in the order of the academy's feed."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id", name="delivery_event_endpoint_key"),
        Index("delivery_waiting", "endpoint_id", "sequence", postgresql_where=text("state = 'waiting'")),
        Index("delivery_due", "endpoint_id", "next_attempt_at", postgresql_where=text("state = 'waiting'")),
        Index("delivery_academy", "academy", "created_at", "id"),
    )

    id: UUID | None = Field(None, primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")})
    endpoint_id: UUID
    academy: str = Field(sa_type=Text)
    event_id: UUID
    sequence: int = Field(sa_type=BigInteger)
    previous: int | None = Field(None, sa_type=BigInteger)
    """The number of what was owed to the endpoint before it, 0 for the first; null: not known, of the first that a
    recovery or a replay added, and of what a version owed that did not keep it."""
    state: str = Field("waiting", sa_type=Text)
    """waiting, delivered, or refused (the mail server will never take it)."""
    attempts: int = 0
    """Attempts since it was owed, or since it was last set going again by hand."""
    next_attempt_at: datetime = Field(sa_type=Instant)
    replayed: bool = Field(False, sa_column_kwargs={"server_default": text("false")})
    """Whether it is sent although it had been delivered."""
    owed_by: str = Field("told", sa_type=Text, sa_column_kwargs={"server_default": text("'told'")})
    """told with the event, or recovered or replayed later."""
    again: str | None = Field(None, sa_type=Text)
    """How it was last asked for: recovered, replayed or resent; null: it was only told."""
    delivered_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    created_at: datetime | None = Field(None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)


class AttemptRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """One try to deliver, as it went. Never changed, and kept for as long as the settings say."""

    __tablename__ = "attempt"
    __table_args__ = (
        Index("attempt_endpoint", "endpoint_id", "id"),
        Index("attempt_delivery", "delivery_id"),
    )

    id: int | None = Field(None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    delivery_id: UUID
    endpoint_id: UUID
    academy: str = Field(sa_type=Text)
    event_id: UUID
    at: datetime = Field(sa_type=Instant)
    milliseconds: int
    result: str = Field(sa_type=Text)
    status: int | None = None
    """HTTP or SMTP status, if there was an answer."""
    reason: str = Field(sa_type=Text)
    excerpt: str | None = Field(None, sa_type=Text)
    """The beginning of the answer: a stranger's words."""
    language: str | None = Field(None, sa_type=Text)
    """Of the message: with the notice it gives the very bytes that were sent."""
    bounced: bool = Field(False, sa_column_kwargs={"server_default": text("false")})
    """Whether the address itself took nothing: not for our policy, nor because its mailbox is full."""


ENDPOINTS = Store(Endpoint, EndpointRow, lambda each: {"academy": each.academy, "status": each.status})
RECEIPTS = Store(
    Receipt, ReceiptRow, lambda each: {"academy": each.academy, "status": each.status, "due_at": each.due_at}
)
UNDELIVERED = Store(Undelivered, UndeliveredRow)
REMINDERS = Store(Reminder, ReminderRow)
READERSHIPS = Store(Readership, ReadershipRow)
