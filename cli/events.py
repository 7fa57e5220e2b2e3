"""`mithaq events`: what happened, from the topics and the journals."""

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.markup import escape
from sqlalchemy import text

from cli.installation import asynchronous, installation
from cli.output import DryRun, Exit, Failed, Form, Output, Yes, confirm, out, say, show, show_one
from shared.actor import NATIONAL
from shared.clock import now
from shared.events.catalog import TOPICS
from shared.messaging.broker import Broker, GroupBusy, Received
from shared.messaging.envelope import BadEnvelope, Envelope, open_envelope
from shared.messaging.rebuild import rebuild as rebuild_projection
from shared.migrations import PUBLISHED

app = typer.Typer(help="What happened, from the topics and the journals.", no_args_is_help=True)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(value: str) -> datetime:
    """A time: `10m` ago (s, m, h, d), or an ISO date or instant (UTC unless it says otherwise)."""
    try:
        if span := re.fullmatch(r"(\d+)([smhd])", value):
            return now() - timedelta(**{UNITS[span[2]]: int(span[1])})
        at = datetime.fromisoformat(value)
    except OverflowError:
        raise typer.BadParameter(f"{value} is before there were years") from None
    except ValueError:
        raise typer.BadParameter(f"{value} is neither like 10m nor like 2024-08-30T10:00") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


Since = Annotated[datetime, typer.Option("--since", parser=moment, metavar="TIME", help="10m, 2h, or a time.")]
From = Annotated[
    datetime | None, typer.Option("--from", parser=moment, metavar="TIME", help="From this time; left out, everything.")
]


@app.command()
@asynchronous
async def tail(
    since: Since = "10m",  # type: ignore[assignment]
    type: Annotated[str | None, typer.Option(help="Only types that contain this.")] = None,
    region: Annotated[str | None, typer.Option(help="Only what this academy may see, such as MA-06.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    output: Output = Form.table,
) -> None:
    """Published events, one line each, without who acted."""
    async with installation() as here, here.broker() as broker:
        reading = {topic: Reading(topic, since) for topic in TOPICS}
        while True:
            news = [each for topic in reading.values() for each in await topic.news(broker)]
            for received, envelope in sorted(news, key=lambda each: each[0].at):
                if (type is None or type in envelope.type) and (region is None or region in envelope.audience):
                    _line(received, envelope, output)
            if not follow:
                return
            await asyncio.sleep(0.5)


@app.command(name="show")
@asynchronous
async def show_event(
    event: Annotated[UUID, typer.Argument(help="The event's id.")],
    unmask: Annotated[bool, typer.Option("--unmask", help="Also who acted.")] = False,
    output: Output = Form.table,
) -> None:
    """One event as it was recorded, without its unpublished detail."""
    async with installation() as here:
        for service in here.services:
            async with here.database(service, role="mithaq_relay") as database, database.transaction(NATIONAL) as tx:
                query = text(f"select {PUBLISHED} from journal where event_id = :event")
                if row := (await tx.execute(query, {"event": event})).mappings().first():
                    show_one({"service": service, **row} | ({} if unmask else {"actor": "…"}), output)
                    return
    raise Failed(f"No journal has the event {event}.", run="mithaq events tail --since 1d", code=Exit.not_found)


@app.command()
@asynchronous
async def replay(
    group: Annotated[str, typer.Option(help="The group that reads again, as `mithaq lag` shows it.")],
    since: From = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = Form.table,
) -> None:
    """Let an idle group read again; its progress drops what it has applied, so that no effect happens twice."""
    async with installation() as here, here.broker() as broker:
        _, reaction = here.reaction(group)
        counts: Counter[str] = Counter()
        for topic in reaction.topics:
            async for received in broker.read(topic, start=since):
                counts[received.message.headers.get("ce_type", "?")] += 1
        show([{"type": name, "events": count} for name, count in sorted(counts.items())], output, none="no events")
        if dry_run:
            return
        confirm(f"{group} reads {counts.total()} events again.", "replay", yes=yes)
        try:
            for topic in reaction.topics:
                await broker.move_group(group, topic, to=since)
        except GroupBusy:
            raise Failed(f"{group} is at work.", run="mithaq down, then the same command", code=Exit.conflict) from None
    say(f"{group} goes on from there when it starts")


@app.command()
@asynchronous
async def rebuild(group: Annotated[str, typer.Argument(help="A projection, as `mithaq lag` shows it.")]) -> None:
    """Empty a projection and fold the whole log again; readers see the old one until the new one is complete."""
    async with installation() as here, here.broker() as broker:
        service, reaction = here.reaction(group)
        if not reaction.tables:
            raise Failed(f"{group} is no projection.", run=f"mithaq events replay --group {group}", code=Exit.usage)
        async with here.database(service.name) as database:
            count = await rebuild_projection(reaction, database, broker)
    say(f"{group}: folded {count} events")


class Reading:
    """How far one topic has been shown."""

    def __init__(self, topic: str, since: datetime) -> None:
        self.topic = topic
        self.since = since
        self.shown: dict[int, int] = {}

    async def news(self, broker: Broker) -> list[tuple[Received, Envelope]]:
        """What is new since the last call."""
        found = []
        async for received in broker.read(self.topic, start=self.since):
            if received.offset <= self.shown.get(received.partition, -1):
                continue
            self.shown[received.partition] = received.offset
            try:
                found.append((received, open_envelope(received.message)))
            except BadEnvelope as error:
                say(f"{self.topic}/{received.partition}/{received.offset} is no event: {error}")
        if found:
            self.since = max(received.at for received, _ in found)
        return found


def _line(received: Received, envelope: Envelope, form: Form) -> None:
    data = received.message.value.decode(errors="replace")
    if form is Form.json:
        record: dict[str, Any] = {
            "at": envelope.time,
            "type": envelope.type,
            "id": envelope.id,
            "subject": envelope.subject,
            "version": envelope.version,
            "audience": envelope.audience,
            "data": data,
        }
        show_one(record, form)
        return
    name = envelope.type.removeprefix("ma.mithaq.")
    audience = "national" if len(envelope.audience) == 12 else ",".join(envelope.audience) or "ministry"
    out.print(
        f"[dim]{envelope.time:%H:%M:%S}[/] [cyan]{name:<36}[/] [bold]{str(envelope.subject)[-12:]}[/]"
        f" v{envelope.version:<3} [green]{audience}[/] {escape(data)}",
        soft_wrap=True,
    )
