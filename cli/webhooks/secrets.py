"""Secrets at rest: under which key-encryption key they lie."""

import typer

from cli.installation import asynchronous
from cli.output import Form, Output, show_one
from cli.webhooks.door import door_of

app = typer.Typer()


@app.command()
@asynchronous
async def rewrap(context: typer.Context, output: Output = Form.table) -> None:
    """Put every secret under the current key-encryption key, while all goes on; an older one may go at 0."""
    async with door_of(context).opened() as door:
        show_one(await door.post("notifications/rewrapping"), output)
