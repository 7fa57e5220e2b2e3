"""`mithaq webhooks`: what academies are told and where, over the public API."""

from typing import Annotated

import typer

from cli.webhooks import catalogue, deliveries, endpoints, feed, listening, secrets, telling
from cli.webhooks.door import Door, Language

app = typer.Typer(help="What academies are told and where, over the public API.", no_args_is_help=True)
for noun in (endpoints, deliveries, feed, telling, listening, catalogue, secrets):
    app.registered_commands += noun.app.registered_commands


@app.callback()
def sign_in(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Option(envvar="MITHAQ_URL", help="The front door; left out, the one on this machine.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="MITHAQ_TOKEN", help="An access token; left out, a persona of the trial signs in."),
    ] = None,
    persona: Annotated[str, typer.Option("--as", help="That persona, such as officer-ma-06.")] = "operator",
    language: Language = "fr",
) -> None:
    """Say which platform is meant, who asks, and in which language they are answered."""
    context.obj = Door(url, token, persona, language)


__all__ = ["app"]
