"""Deliveries and the attempts at them: what was sent, and how it went."""

from typing import Annotated
from uuid import UUID

import typer

from cli.installation import asynchronous
from cli.output import Form, Output, show, show_one
from cli.webhooks.door import Academy, door_of

app = typer.Typer()
SHOWN = ("id", "sequence", "type", "state", "attempts", "reason")
Most = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many, newest first.")]


@app.command(name="deliveries")
@asynchronous
async def list_deliveries(
    context: typer.Context,
    endpoint: Annotated[UUID | None, typer.Option(help="Only those of this endpoint.")] = None,
    academy: Academy = None,
    state: Annotated[str | None, typer.Option(help="waiting, delivered or refused.")] = None,
    limit: Most = 50,
    output: Output = Form.table,
) -> None:
    """What was sent and what waits."""
    async with door_of(context).opened() as door:
        found = await door.some("deliveries", most=limit, endpoint_id=endpoint, academy=academy, state=state)
    if output is Form.table:
        found = [{name: each[name] for name in SHOWN} for each in found]
    show(found, output, none="no deliveries")


@app.command()
@asynchronous
async def attempts(
    context: typer.Context,
    id: Annotated[
        UUID, typer.Argument(help="The endpoint's id, or with --delivery a delivery's, with --letter a letter's.")
    ],
    delivery: Annotated[bool, typer.Option("--delivery", help="Of one delivery, with the bodies sent.")] = False,
    letter: Annotated[bool, typer.Option("--letter", help="Of one letter to a person.")] = False,
    limit: Most = 20,
    output: Output = Form.table,
) -> None:
    """How sending to an endpoint went, how one delivery did with what was sent, or how one letter did."""
    if letter:
        async with door_of(context).opened() as door:
            show(await door.some("letter-attempts", most=limit, letter_id=id), output, none="no attempts")
        return
    path = f"deliveries/{id}/attempts" if delivery else f"endpoints/{id}/attempts"
    async with door_of(context).opened() as door:
        show(await door.some(path, most=limit), output, none="no attempts")


@app.command()
@asynchronous
async def resend(
    context: typer.Context,
    delivery: Annotated[UUID, typer.Argument(help="The delivery's id.")],
    output: Output = Form.table,
) -> None:
    """Send a delivery again, under the same webhook-id."""
    async with door_of(context).opened() as door:
        show_one(await door.post(f"deliveries/{delivery}/redelivery"), output)
