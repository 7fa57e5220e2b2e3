"""What the tests of notifications are made of."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.notifications import commands
from services.notifications.commands import Issued
from services.notifications.endpoint import Endpoint, Pace, SigningKey
from services.notifications.notice import Notice
from services.notifications.people import person_id
from services.notifications.preferences import Preferences
from services.notifications.reactions import deliver, tell_concerned
from services.notifications.settings import NotificationsSettings
from shared.actor import NATIONAL, Actor, Role
from shared.database import Database
from shared.events.agreements import AgreementCameIntoForce
from shared.events.base import DomainEvent, Occurrence
from shared.events.catalog import decode
from shared.ids import new_id
from shared.messaging.broker import Broker, Message
from shared.messaging.envelope import to_message
from shared.messaging.reactions import ReactionRunner
from shared.settings import PlatformSettings
from tests.fixtures.eventually import eventually

AT = datetime(2024, 8, 30, 10, 0, tzinfo=UTC)
DAY = date(2024, 9, 2)
URL = "https://academie.example/avis"
WAITS_FOR_OTHERS = """
    select 1 from pg_locks where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())
"""


def actor(*roles: Role, jurisdiction: str = "MA-06", name: str = "somebody") -> Actor:
    """Somebody with these roles within this jurisdiction."""
    return Actor("https://identity.example", name, frozenset(roles), jurisdiction)


OFFICER = actor(Role.academy_officer)
FOREIGNER = actor(Role.academy_officer, jurisdiction="MA-05", name="foreigner")
OPERATOR = actor(Role.operator, jurisdiction="national", name="operator")


def settings(data_dir: Path, **changes: Any) -> NotificationsSettings:
    """Settings for tests: loopback may be called, what comes again comes soon."""
    quick: dict[str, Any] = {"deadline": 5.0, "lease": 8.0, "retries": (0.05,) * 4, "idle_poll": 0.1}
    platform = PlatformSettings(data_dir=data_dir)
    return NotificationsSettings(platform=platform, **quick | changes)


def endpoint(*steps: str, channel: Any = "webhook") -> Endpoint:
    """An endpoint of MA-06 that went through these steps."""
    built = Endpoint(id=new_id())
    address = URL if channel == "webhook" else "avis@academie.example"
    pace = Pace(address=address, language="fr")
    key = SigningKey(key_id=new_id()) if channel == "webhook" else None
    built.evolve(built.register(academy="MA-06", channel=channel, pace=pace, key=key))
    decide: dict[str, Callable[[], list[DomainEvent]]] = {
        "disable_endpoint": lambda: built.disable("decision"),
        "enable_endpoint": built.enable,
        "pause_endpoint": built.pause,
        "resume_endpoint": built.resume,
        "rotate_secret": lambda: built.rotate(key=SigningKey(key_id=new_id()), at=AT, overlap_until=AT),
    }
    for step in steps:
        built.evolve(decide[step]())
    return built


async def registered(
    database: Database,
    settings: NotificationsSettings,
    address: str,
    *,
    academy: str = "MA-06",
    channel: Any = "webhook",
    language: str = "fr",
    **more: Any,
) -> Issued:
    """An endpoint in the database."""
    return await commands.register_endpoint(
        database,
        academy=academy,
        channel=channel,
        address=address,
        language=language,
        keys=settings.key_ring,
        guard=settings.guard,
        by=OPERATOR,
        **more,
    )


async def person(database: Database, by: Actor, **preferences: Any) -> UUID:
    """Somebody who said how they want to be told; in French unless they say otherwise."""
    await commands.set_preferences(database, Preferences(**{"language": "fr"} | preferences), by=by)
    return person_id(by.person)


def happening(
    event: DomainEvent | None = None,
    *,
    audience: Sequence[str] = ("MA-06",),
    subject: UUID | None = None,
    by: str = "mithaq#system",
    version: int = 1,
    at: datetime = AT,
    traceparent: str | None = None,
) -> Occurrence[DomainEvent]:
    """An event as it arrives; an agreement comes into force unless given."""
    subject = subject or new_id()
    return Occurrence(
        event=event or AgreementCameIntoForce(agreement_id=subject, academy="MA-06", in_force_on=DAY),
        id=new_id(),
        subject=subject,
        version=version,
        audience=tuple(audience),
        actor=by,
        time=at,
        correlation=new_id(),
        traceparent=traceparent,
    )


def message(event: type[DomainEvent], subject: UUID, version: int = 1, **changes: Any) -> Message:
    """An event's example, changed, as its publisher's relay puts it into the topic, for MA-06."""
    return to_message(
        {
            "event_id": new_id(),
            "aggregate_type": event.type.split(".")[2],
            "aggregate_id": subject,
            "aggregate_version": version,
            "type": event.type,
            "audience": ["MA-06"],
            "actor": "mithaq#system",
            "occurred_at": AT,
            "recorded_at": AT,
            "data": event.example | changes,
            "correlation": new_id(),
            "causation": None,
            "traceparent": None,
        }
    )


@asynccontextmanager
async def notifying(database: Database, broker: Broker) -> AsyncIterator[None]:
    """A process that tells, inside the block."""
    stop = asyncio.Event()
    task = asyncio.create_task(ReactionRunner(deliver, database, broker).run(stop))
    yield
    stop.set()
    await task


async def told(database: Database, *occurrences: Occurrence[DomainEvent]) -> list[Occurrence[DomainEvent]]:
    """Let the reaction take these events, each in its transaction; one when none is given."""
    happened = list(occurrences) or [happening()]
    for occurrence in happened:
        async with database.transaction(NATIONAL) as tx:
            await tell_concerned(tx, [occurrence])
    return happened


def notice(event: DomainEvent, *, names: Any = None) -> Notice:
    """An event as it is told."""
    return Notice(new_id(), event.type, new_id(), 1, AT, event.model_dump(mode="json"), names or {})


def returned(
    letter: UUID | EmailMessage, status: str = "5.1.1", *, action: str = "failed", whole: bool = True
) -> bytes:
    """A delivery status notification (RFC 3464) about a letter: with all of it, or its headers only."""
    given = letter if isinstance(letter, EmailMessage) else {"Message-ID": f"<letter.{letter}@localhost>"}
    head = "".join(f"{name}: {given[name]}\r\n" for name in ("Message-ID", "To") if name in given)
    kind, rest = ("message/rfc822", f"{head}\r\nBonjour\r\n") if whole else ("text/rfc822-headers", head)
    lines = [
        "From: MAILER-DAEMON@relay.example",
        "To: mithaq@localhost",
        "Subject: Undelivered Mail Returned to Sender",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "It could not be delivered.",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; relay.example",
        "",
        "Final-Recipient: rfc822; agent@academie.example",
        f"Action: {action}",
        f"Status: {status}",
        "Diagnostic-Code: smtp; 550 5.1.1 no such user",
        "",
        "--b",
        f"Content-Type: {kind}",
        "",
        rest,
        "--b--",
        "",
    ]
    return "\r\n".join(lines).encode()


async def published(database: Database) -> list[Occurrence[DomainEvent]]:
    """What this service itself has published so far, in order."""
    found = await rows(database, "select * from journal order by id")
    return [
        Occurrence(
            event=decode(row.type, row.data),
            id=row.event_id,
            subject=row.aggregate_id,
            version=row.aggregate_version,
            audience=tuple(row.audience),
            actor=row.actor,
            time=row.occurred_at,
            correlation=row.correlation,
        )
        for row in found
    ]


async def rows(database: Database, query: str, **values: Any) -> list[Any]:
    """What a query finds, over all academies."""
    async with database.transaction(NATIONAL) as tx:
        return list((await tx.execute(text(query), values)).all())


async def states(database: Database) -> list[str]:
    """Where every delivery stands, academy by academy in the order of its feed."""
    return [row.state for row in await rows(database, "select state from delivery order by academy, sequence")]


async def delivered(database: Database, count: int) -> None:
    """Until so many deliveries are there, and every one of them has arrived."""

    async def check() -> bool:
        return await states(database) == ["delivered"] * count

    await eventually(check)
