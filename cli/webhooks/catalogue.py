"""The catalogue: what there is to be told, with schema and example."""

from typing import Annotated

import typer

from cli.output import Exit, Failed, Form, Output, show, show_one
from shared.events.catalog import ALL, BY_TYPE

app = typer.Typer()


@app.command()
def catalogue(
    type: Annotated[str | None, typer.Argument(help="One event type; left out, all of them.")] = None,
    output: Output = Form.table,
) -> None:
    """Every event type and what it means; of one, also its schema and an example."""
    if type is None:
        show([{"type": each.type, "topic": each.topic, "meaning": _meaning(each)} for each in ALL], output)
        return
    if type not in BY_TYPE:
        raise Failed(f"There is no event type {type}.", run="mithaq webhooks catalogue", code=Exit.not_found)
    event = BY_TYPE[type]
    told = {"type": type, "topic": event.topic, "meaning": _meaning(event)}
    show_one(told | {"example": event.example, "schema": event.model_json_schema()}, output)


def _meaning(event: object) -> str:
    return (event.__doc__ or "").partition("\n")[0]
