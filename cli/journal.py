"""`mithaq journal`: the audit chain."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import typer
from sqlalchemy import select, text, tuple_

from cli.installation import asynchronous, installation
from cli.output import Failed, Form, Output, show
from shared.actor import NATIONAL
from shared.database import Database, Transaction
from shared.messaging.journal import binds
from shared.messaging.tables import JournalRow

PAGE = 1000
AGGREGATES = text("""
    select table_name from information_schema.columns
    where table_schema = 'public' and column_name in ('id', 'version', 'head', 'state')
    group by table_name having count(*) = 4
""")

app = typer.Typer(help="The journals and their audit chain.", no_args_is_help=True)


@app.callback()
def nouns() -> None:
    """The journals and their audit chain."""


@app.command()
@asynchronous
async def verify(output: Output = Form.table) -> None:
    """Follow every aggregate's chain from its first event to its present state; exit 1 at the first broken link.

    An edited, removed, moved or cut off row shows: each row binds the one before, and the aggregate's row the last.
    """
    figures = []
    async with installation() as here:
        for service in here.services:
            async with here.database(service, role=None) as database:
                figures.append({"service": service, **await follow(database)})
    show(figures, output)
    if broken := [str(each["service"]) for each in figures if each["broken"]]:
        raise Failed(f"The audit chain of {', '.join(broken)} is broken.", run="mithaq db restore FILE")


async def follow(database: Database) -> dict[str, Any]:
    """How many events and aggregates the chain binds, and the aggregates where it is broken."""
    events = 0
    heads: dict[UUID, tuple[int, bytes]] = {}
    broken: set[UUID] = set()
    async with database.transaction(NATIONAL) as tx:
        async for row in _journal(tx):
            events += 1
            version, head = heads.get(row["aggregate_id"], (0, b""))
            if row["aggregate_version"] != version + 1 or not binds(row, head):
                broken.add(row["aggregate_id"])
            heads[row["aggregate_id"]] = row["aggregate_version"], row["hash"]
        states = {
            id: (version, head)
            for table in (await tx.execute(AGGREGATES)).scalars().all()
            for id, version, head in await tx.execute(text(f'select id, version, head from "{table}"'))
        }
    broken |= {id for id in heads.keys() | states.keys() if heads.get(id) != states.get(id)}
    return {"events": events, "aggregates": len(states), "broken": sorted(map(str, broken))}


async def _journal(tx: Transaction) -> AsyncIterator[dict[str, Any]]:
    row = JournalRow.__table__.c  # type: ignore[attr-defined]
    key = tuple_(row.aggregate_id, row.aggregate_version)
    last: tuple[UUID, int] = (UUID(int=0), 0)
    while True:
        page = await tx.execute(select(*row).where(key > last).order_by(*key.clauses).limit(PAGE))
        rows = [dict(each) for each in page.mappings()]
        for each in rows:
            yield each
        if len(rows) < PAGE:
            return
        last = rows[-1]["aggregate_id"], rows[-1]["aggregate_version"]
