"""`mithaq relay`: who publishes, and how far."""

from typing import Any

import typer
from sqlalchemy import text
from sqlmodel import select

from cli.installation import asynchronous, installation
from cli.output import Form, Output, show
from shared.actor import NATIONAL
from shared.clock import now
from shared.messaging.relay import journal_lag
from shared.messaging.tables import LeaseRow

CURSOR = text("select old_snapshot::text as old, new_snapshot::text as new, last_id from relay_cursor")

app = typer.Typer(help="Who publishes the journals, and how far.", no_args_is_help=True)


@app.callback()
def nouns() -> None:
    """Who publishes the journals, and how far."""


@app.command()
@asynchronous
async def status(output: Output = Form.table) -> None:
    """The leading relay of every service, its cursor and its backlog."""
    rows: list[dict[str, Any]] = []
    async with installation() as here:
        for service in here.services:
            async with here.database(service, role="mithaq_relay") as database, database.transaction(NATIONAL) as tx:
                lease = (await tx.execute(select(LeaseRow).where(LeaseRow.name == "relay"))).scalar()
                cursor = (await tx.execute(CURSOR)).first()
                unpublished, age = await journal_lag(tx)
            rows.append(
                {
                    "service": service,
                    "leader": lease.holder if lease and lease.expires_at > now() else None,
                    "epoch": lease.epoch if lease else 0,
                    "published_up_to": cursor.old if cursor else None,
                    "window_up_to": cursor.new if cursor else None,
                    "last_id": cursor.last_id if cursor else None,
                    "unpublished": unpublished,
                    "oldest_seconds": float(age),
                }
            )
    show(rows, output)
