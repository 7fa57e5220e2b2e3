"""The feed: all that an academy was ever told, to catch up from."""

from typing import Annotated

import typer

from cli.installation import asynchronous
from cli.output import Form, Output, show
from cli.webhooks.door import Academy, OwnLanguage, door_of

app = typer.Typer()


@app.command()
@asynchronous
async def feed(
    context: typer.Context,
    academy: Academy = None,
    after: Annotated[int, typer.Option(min=0, help="The last sequence already known.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, oldest first.")] = 100,
    language: OwnLanguage = None,
    output: Output = Form.table,
) -> None:
    """What an academy was told, in order, from behind a number on."""
    async with door_of(context).opened() as door:
        door.headers["Accept-Language"] = language or door.headers["Accept-Language"]
        found = await door.some("notifications/feed", most=limit, academy=academy, after=after)
    if output is Form.table:
        found = [{name: each[name] for name in ("sequence", "timestamp", "type", "summary")} for each in found]
    show(found, output, none="nothing new")
