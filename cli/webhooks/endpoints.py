"""Endpoints: where academies are told."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import typer

from cli.events import moment
from cli.installation import asynchronous
from cli.output import Form, Output, Yes, confirm, percent, say, show, show_one
from cli.webhooks.door import Academy, OwnLanguage, Spoken, door_of

app = typer.Typer()
Id = Annotated[UUID, typer.Argument(help="The endpoint's id.")]
Moment = Annotated[datetime, typer.Option(parser=moment, metavar="TIME", help="10m, 2h, 3d, or a time.")]
SHOWN = ("id", "state", "academy", "channel", "address", "language", "concurrency", "rate")


@app.command(name="endpoints")
@asynchronous
async def list_endpoints(
    context: typer.Context,
    academy: Academy = None,
    state: Annotated[str | None, typer.Option(help="active, paused or disabled.")] = None,
    output: Output = Form.table,
) -> None:
    """Where academies are told."""
    async with door_of(context).opened() as door:
        found = await door.some("endpoints", most=10_000, academy=academy, state=state)
    show(found if output is Form.json else [_brief(each) for each in found], output, none="no endpoints")


@app.command()
@asynchronous
async def register(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="An https URL, or an e-mail address.")],
    academy: Academy = None,
    language: OwnLanguage = None,
    concurrency: Annotated[int, typer.Option(help="Messages under way at once; 1 keeps their order.")] = 1,
    rate: Annotated[float | None, typer.Option(help="Most messages per second.")] = None,
    signature: Annotated[str, typer.Option(help="v1 (shared secret) or v1a (public key).")] = "v1",
    output: Output = Form.table,
) -> None:
    """Tell an academy at this address from now on; shows the signing secret this once."""
    body = {
        "academy": academy,
        "channel": "webhook" if "://" in address else "email",
        "address": address,
        "language": language or door_of(context).language,
        "concurrency": concurrency,
        "rate": rate,
        "signature": signature,
    }
    async with door_of(context).opened() as door:
        issued = await door.post("endpoints", body)
    _show_issued(issued, output)


@app.command()
@asynchronous
async def change(
    context: typer.Context,
    id: Id,
    address: Annotated[str | None, typer.Option(help="Another https URL, or e-mail address.")] = None,
    language: Annotated[Spoken | None, typer.Option(help="Of what is told; left out, as before.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Messages under way at once; 1 keeps their order.")] = None,
    rate: Annotated[float | None, typer.Option(help="Most messages per second.")] = None,
    output: Output = Form.table,
) -> None:
    """Tell an academy elsewhere, in another language, faster or slower; what is left out stays."""
    asked = {"address": address, "language": language, "concurrency": concurrency, "rate": rate}
    async with door_of(context).opened() as door:
        known = await door.get(f"endpoints/{id}")
        body = {name: known[name] if value is None else value for name, value in asked.items()}
        show_one(_brief(await door.put(f"endpoints/{id}", body, version=known["version"])), output)


@app.command()
@asynchronous
async def identify(
    context: typer.Context,
    id: Id,
    certificate: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Ours, as PEM.")] = None,
    key: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Its private key, as PEM.")] = None,
    authority: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Trusted instead of the public ones, as PEM.")
    ] = None,
    output: Output = Form.table,
) -> None:
    """Show an endpoint this client certificate and trust this authority; without any, neither any more."""
    files = {"certificate": certificate, "key": key, "authority": authority}
    body = {name: path and path.read_text() for name, path in files.items()}
    async with door_of(context).opened() as door:
        version = (await door.get(f"endpoints/{id}"))["version"]
        secured = await door.put(f"endpoints/{id}/identity", body, version=version)
    show_one(_brief(secured) | {"identity": secured["identity"]}, output)


@app.command()
@asynchronous
async def rotate(
    context: typer.Context,
    id: Id,
    signature: Annotated[str | None, typer.Option(help="v1 or v1a; left out, as before.")] = None,
    overlap: Annotated[int | None, typer.Option(min=0, help="Seconds that the old secret signs too.")] = None,
    output: Output = Form.table,
) -> None:
    """Sign with a new secret, shown this once; the old one signs beside it for a while."""
    asked = {name: value for name, value in (("signature", signature), ("overlap", overlap)) if value is not None}
    _show_issued(await _act(context, id, f"secret?{urlencode(asked)}"), output)


@app.command()
@asynchronous
async def pause(context: typer.Context, id: Id, output: Output = Form.table) -> None:
    """Send nothing for now; everything stays owed."""
    show_one(_brief(await _act(context, id, "pause")), output)


@app.command()
@asynchronous
async def resume(context: typer.Context, id: Id, output: Output = Form.table) -> None:
    """Send again after a pause."""
    show_one(_brief(await _act(context, id, "resumption")), output)


@app.command()
@asynchronous
async def disable(context: typer.Context, id: Id, yes: Yes = False, output: Output = Form.table) -> None:
    """Send nothing more: what is told from now on is not owed, and must be recovered later."""
    confirm(f"The endpoint {id} is owed nothing new from now on.", "disable", yes=yes)
    show_one(_brief(await _act(context, id, "disabling")), output)


@app.command()
@asynchronous
async def enable(context: typer.Context, id: Id, output: Output = Form.table) -> None:
    """Send to a disabled endpoint again, beginning with what waits."""
    show_one(_brief(await _act(context, id, "enabling")), output)


@app.command(name="test")
@asynchronous
async def send_test(context: typer.Context, id: Id, output: Output = Form.table) -> None:
    """Send a message that means nothing to this endpoint only."""
    async with door_of(context).opened() as door:
        show_one(_brief(await door.post(f"endpoints/{id}/test")), output)
    say(f"sent; how it went: mithaq webhooks attempts {id}")


@app.command()
@asynchronous
async def recover(context: typer.Context, id: Id, since: Moment, output: Output = Form.table) -> None:
    """Send everything told since an instant that did not arrive."""
    async with door_of(context).opened() as door:
        show_one(await door.post(f"endpoints/{id}/recovery", {"since": since.isoformat()}), output)


@app.command()
@asynchronous
async def replay(
    context: typer.Context,
    id: Id,
    since: Moment,
    until: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help="Up to this time; left out, up to now.")
    ] = None,
    output: Output = Form.table,
) -> None:
    """Send everything told between two instants, marked as a replay where it had arrived."""
    body = {"since": since.isoformat(), "until": until and until.isoformat()}
    async with door_of(context).opened() as door:
        show_one(await door.post(f"endpoints/{id}/replay", body), output)


@app.command()
@asynchronous
async def health(context: typer.Context, id: Id, output: Output = Form.table) -> None:
    """Success rate, times, the last failure, what waits."""
    async with door_of(context).opened() as door:
        found = await door.get(f"endpoints/{id}/health")
    if output is Form.table:
        found["success_rate"] = percent(found["success_rate"])
    show_one(found, output)


async def _act(context: typer.Context, id: UUID, action: str) -> dict[str, Any]:
    async with door_of(context).opened() as door:
        version = (await door.get(f"endpoints/{id}"))["version"]
        return await door.post(f"endpoints/{id}/{action}", version=version)


def _brief(endpoint: dict[str, Any]) -> dict[str, Any]:
    return {name: endpoint[name] for name in SHOWN}


def _public_key(endpoint: dict[str, Any]) -> str | None:
    """By which a receiver verifies what the newest secret signs; None for a shared one, and for e-mail."""
    return endpoint["keys"][0]["public_key"] if endpoint["keys"] else None


def _show_issued(issued: dict[str, Any], output: Form) -> None:
    secret = {"secret": issued["secret"]} if issued["secret"] else {"public_key": _public_key(issued)}
    show_one(issued if output is Form.json else _brief(issued) | secret, output)
    if issued["secret"]:
        say("Keep the secret now: it is not shown again.")
