"""`mithaq journal`: the audit chain."""

from collections.abc import Sequence
from typing import Any

import typer
from sqlalchemy import text

from cli.installation import asynchronous, installation
from cli.output import Failed, Form, Output, show
from shared.actor import NATIONAL
from shared.database import Database, Transaction
from shared.following import Followed, differing, follow_all
from shared.store import altered_texts

AT_ONCE = 100
"""Aggregates whose rows are looked at together."""
AGGREGATES = text("""
    select table_name from information_schema.columns
    where table_schema = 'public' and column_name in ('id', 'version', 'head', 'state')
    group by table_name having count(*) = 4
""")
ALONE = 'select id from "{table}" kept where not exists (select from journal where aggregate_id = kept.id) order by id'
COUNTED = text("select (select count(*) from journal), (select count(*) from content)")

app = typer.Typer(help="The journals and their audit chain.", no_args_is_help=True)


@app.callback()
def nouns() -> None:
    """The journals and their audit chain."""


@app.command()
@asynchronous
async def verify(output: Output = Form.table) -> None:
    """Follow every aggregate's chain from its first event to its present state; exit 1 if one is broken.

    An edited, removed, moved or cut off row shows: each row binds the one before, and the aggregate's row the last.
    What the row keeps is compared with what the journal tells, and every text with its name. What differs is named.
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
    """How many events, aggregates and texts there are, and what is not as it was recorded, each by name."""
    import services.__main__  # noqa: F401 - it knows every service, and so every aggregate

    broken, aggregates, some = list[str](), 0, list[Followed]()
    async with database.transaction(NATIONAL, still=True) as tx:
        async for one in follow_all(tx):
            aggregates += 1
            some.append(one)
            if len(some) == AT_ONCE:
                broken += await _told(tx, some)
                some.clear()
        broken += await _told(tx, some)
        for table in (await tx.execute(AGGREGATES)).scalars().all():
            alone = await tx.execute(text(ALONE.format(table=table)))
            broken += [f"{table} {id}: it has no journal" for id in alone.scalars()]
        broken += [f"text {hash}: it is another" for hash in await altered_texts(tx)]
        events, texts = (await tx.execute(COUNTED)).one()
    return {"events": events, "aggregates": aggregates, "texts": texts, "broken": broken}


async def _told(tx: Transaction, some: Sequence[Followed]) -> list[str]:
    kinds = {each.id: each.kind for each in some}
    return [f"{kinds[id]} {id}: {', '.join(what)}" for id, what in (await differing(tx, some)).items()]
