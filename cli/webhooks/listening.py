"""Listening: for whoever develops a receiver, an academy's webhooks come to a program on this machine."""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import aiohttp
import typer
from rich.markup import escape
from standardwebhooks import Webhook
from yarl import URL

from cli.installation import asynchronous
from cli.output import Exit, Failed, Form, Output, out, say
from cli.webhooks.door import Academy, Asking, OwnLanguage, door_of
from shared.clock import now

app = typer.Typer()
PATIENCE = aiohttp.ClientTimeout(total=15)
FOREVER = aiohttp.ClientTimeout(total=None)
PAUSE = 2.0
"""Seconds before a stream that ended is opened again."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
BEGINNING = 200
"""Characters of a refusing receiver's answer that are shown."""


@app.command()
@asynchronous
async def listen(
    context: typer.Context,
    forward: Annotated[str, typer.Option(help="Where the receiver listens on this machine.")],
    academy: Academy = None,
    language: OwnLanguage = None,
    after: Annotated[int | None, typer.Option(min=0, help="Begin behind this sequence; left out, now.")] = None,
    secret: Annotated[
        str | None, typer.Option(envvar="WEBHOOK_SECRET", help="Sign with this; left out, with a new one, shown here.")
    ] = None,
    most: Annotated[int | None, typer.Option("--limit", min=1, help="End after so many.")] = None,
    output: Output = Form.table,
) -> None:
    """Forward what an academy is told to a receiver under development, signed as webhooks are, until Ctrl-C.

    It reads the live stream: no endpoint is registered, nothing is owed, and what fails here is not tried again.
    """
    if URL(forward).host not in LOOPBACK:
        raise Failed(
            "Only to this machine: others get their webhooks by an endpoint of their own.",
            run=f"mithaq webhooks register {forward}",
            code=Exit.usage,
        )
    webhook = Webhook(signing := secret or _new_secret())
    say(f"forwarding to {forward}" + ("" if secret else f"\nsigned with [bold]{signing}[/]"))
    done = 0
    async with door_of(context).opened() as door:
        door.headers["Accept-Language"] = language or door.headers["Accept-Language"]
        async for notice in followed(door, academy, after):
            _show(notice, await forwarded(door.session, forward, notice, webhook), output)
            done += 1
            if done == most:
                return


async def followed(door: Asking, academy: str | None, after: int | None) -> AsyncIterator[dict[str, Any]]:
    """What comes over the live stream, again when it ends: type, sequence and the body as it was sent."""
    query = {"academy": academy} if academy else {}
    while True:
        headers = door.headers | {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        url = f"{door.url}/notifications/stream"
        async with door.session.get(url, params=query, headers=headers, timeout=FOREVER) as answer:
            if answer.status >= 400:
                problem = await answer.json(content_type=None)
                raise Failed(
                    f"{problem['title']} {problem.get('detail', '')}", run="--as or --token", code=Exit.identity
                )
            frame: dict[str, Any] = {}
            try:
                async for raw in answer.content:
                    name, _, value = raw.decode().rstrip("\r\n").partition(": ")
                    if name in ("id", "event", "data"):
                        frame[name] = value
                    elif not name and "data" in frame:
                        after = int(frame["id"])
                        yield {"sequence": after, "type": frame["event"], "body": frame["data"]}
                        frame = {}
            except aiohttp.ClientPayloadError:
                # It was cut in the middle of a frame, which comes again.
                pass
        await asyncio.sleep(PAUSE)
        # A stream ends with its token too.
        await door.sign_in()


async def forwarded(
    session: aiohttp.ClientSession, url: str, notice: dict[str, Any], webhook: Webhook
) -> dict[str, Any]:
    """How a receiver took one notice."""
    id, at, body = _id_of(notice), now(), notice["body"]
    headers = {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": webhook.sign(id, at, body),
    }
    started = time.monotonic()
    answered: dict[str, Any] = {"status": None, "answer": "not connected"}
    try:
        async with session.post(
            url, data=body.encode(), headers=headers, allow_redirects=False, timeout=PATIENCE
        ) as answer:
            said = (await answer.content.read(BEGINNING * 4)).decode(errors="replace")[:BEGINNING]
            answered = {"status": answer.status, "answer": said}
    except TimeoutError:
        answered["answer"] = "timeout"
    except aiohttp.ClientError:
        pass
    milliseconds = round((time.monotonic() - started) * 1000)
    return {"webhook_id": id, "milliseconds": milliseconds, **answered}


def _show(notice: dict[str, Any], result: dict[str, Any], output: Form) -> None:
    if output is Form.json:
        print(json.dumps({"sequence": notice["sequence"], "type": notice["type"], **result}, ensure_ascii=False))
        return
    accepted = result["status"] is not None and 200 <= result["status"] < 300
    mark = f"[green]{result['status']}[/]" if accepted else f"[red]{result['status'] or '-'}[/]"
    line = f"{notice['sequence']:>6}  {mark}  {result['milliseconds']:>5} ms  {escape(notice['type'])}"
    out.print(line if accepted else f"{line}  {escape(result['answer'])}", soft_wrap=True)


def _id_of(notice: dict[str, Any]) -> str:
    return str(UUID(json.loads(notice["body"])["id"]))


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
