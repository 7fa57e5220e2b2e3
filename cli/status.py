"""`mithaq status` and `mithaq lag`: where things stand."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from rich.live import Live
from sqlalchemy import func, text
from sqlmodel import select

from cli.installation import Installation, asynchronous, installation, running
from cli.output import Exit, Form, Output, err, show, table
from shared.actor import NATIONAL
from shared.clock import now
from shared.messaging.parked import alarming
from shared.messaging.relay import journal_lag
from shared.messaging.tables import LeaseRow
from shared.migrations import head_of

OLD = 60.0
"""Seconds after which an unpublished event is no longer just on its way."""
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Repeat every two seconds until Ctrl-C.")]


@asynchronous
async def status(output: Output = Form.table, watch: Watch = False) -> None:
    """What every service holds and has not told yet. Exit code 6 when something needs attention."""
    async with installation() as here:
        pid = running(here.settings.data_dir)
        if output is Form.table:
            err.print(f"running, process {pid}" if pid else "not running (mithaq up)")
        rows = await _shown(lambda: states(here), output, watch)
    if any(row["parked"] or row["oldest_seconds"] > OLD or row["state"] != "ok" for row in rows):
        raise typer.Exit(Exit.degraded)


@asynchronous
async def lag(
    output: Output = Form.table,
    watch: Watch = False,
    partitions: Annotated[bool, typer.Option("--partitions", help="One line per partition.")] = False,
) -> None:
    """How far every group is behind on every topic."""
    async with installation() as here:
        await _shown(lambda: lags(here, partitions=partitions), output, watch)


async def states(here: Installation) -> list[dict[str, Any]]:
    """One record per service."""
    return [await _state(here, service) for service in here.services]


async def lags(here: Installation, *, partitions: bool) -> list[dict[str, Any]]:
    """One record per group and topic, or per partition."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    async with here.broker() as broker:
        for group, (_, reaction) in here.reactions.items():
            for (topic, partition), behind in sorted((await broker.lag(group, reaction.topics)).items()):
                place = {"group": group, "topic": topic} | ({"partition": partition} if partitions else {})
                row = rows.setdefault(tuple(place.values()), {**place, "behind": 0})
                row["behind"] += behind
    return list(rows.values())


async def _state(here: Installation, service: str) -> dict[str, Any]:
    async with here.database(service, role="mithaq_relay") as database, database.transaction(NATIONAL) as tx:
        unpublished, age = await journal_lag(tx)
        events = (await tx.execute(text("select count(*) from journal"))).scalar_one()
    async with here.database(service) as database, database.transaction(NATIONAL) as tx:
        parked, waiting = await alarming(tx, now())
        leads = select(LeaseRow.holder).where(LeaseRow.name == "relay", LeaseRow.expires_at > func.clock_timestamp())
        leader = (await tx.execute(leads)).scalar()
    async with here.database(service, role=None) as database, database.transaction(NATIONAL) as tx:
        current = (await tx.execute(text("select version_num from alembic_version"))).scalar()
    return {
        "service": service,
        "state": "ok" if current == head_of(service) else "migrations behind",
        "events": events,
        "unpublished": unpublished,
        "oldest_seconds": float(age),
        "parked": parked,
        "waiting_behind": waiting,
        "relay": leader,
    }


async def _shown(read: Callable[[], Awaitable[list[dict[str, Any]]]], form: Form, watch: bool) -> list[dict[str, Any]]:
    rows = await read()
    if not watch:
        show(rows, form)
        return rows
    with Live(table(rows), console=None, refresh_per_second=4) as live:
        while True:
            await asyncio.sleep(2)
            rows = await read()
            live.update(table(rows))
