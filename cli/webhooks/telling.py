"""Telling: who was told of an event and why, and what nobody heard."""

import unicodedata
from typing import Annotated, Any
from uuid import UUID

import typer

from cli.installation import asynchronous
from cli.output import Form, Output, out, show, show_one, table
from cli.webhooks.door import door_of

app = typer.Typer()
SHOWN = ("name", "channel", "language", "reason")


def copied(id: str) -> UUID:
    """An id as it stands in an e-mail, where unseen signs keep it in order amid Arabic."""
    return UUID("".join(each for each in id if unicodedata.category(each) != "Cf").strip())


@app.command()
@asynchronous
async def unheard(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50,
    output: Output = Form.table,
) -> None:
    """Statutory notices of which nobody of an academy, or of the ministry, was told: somebody has to telephone."""
    async with door_of(context).opened() as door:
        found = await door.some("notifications/unheard", most=limit)
    show(found, output, none="everything was heard by somebody")


@app.command()
@asynchronous
async def explain(
    context: typer.Context,
    event: Annotated[UUID, typer.Argument(parser=copied, metavar="UUID", help="The event's id, a webhook-id.")],
    output: Output = Form.table,
) -> None:
    """Who was told of an event, who was not, and why; and what became of it."""
    async with door_of(context).opened() as door:
        found = await door.get(f"notifications/{event}/explanation")
    if output is Form.json:
        show_one(found, output)
        return
    lists = {name: found.pop(name) for name in ("told", "not_told", "sent_later")}
    show_one(found, output)
    for name, each in lists.items():
        out.print(f"\n{name.replace('_', ' ')}:")
        out.print(table([_brief(one) for one in each]) if each else "nobody")


def _brief(one: dict[str, Any]) -> dict[str, Any]:
    sending = one["sending"] or {"state": None, "reason": None}
    return {name: one[name] for name in SHOWN} | {"became": sending["state"], "because": sending["reason"]}
