"""`mithaq journal`: the audit chain."""

import typer

from cli.installation import asynchronous, installation
from cli.output import Failed, Form, Output, show
from shared.following import verify_journal

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
                figures.append({"service": service, **await verify_journal(database)})
    show(figures, output)
    if broken := [str(each["service"]) for each in figures if each["broken"]]:
        raise Failed(f"The audit chain of {', '.join(broken)} is broken.", run="mithaq db restore FILE")
