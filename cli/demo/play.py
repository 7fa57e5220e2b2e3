"""The demo: start the platform, play the ceremony through its public API, show what each academy received."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import aiohttp
import typer
from pydantic import SecretStr
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from cli.demo.academies import Academies
from cli.demo.client import Client, Refused
from cli.demo.outcome import Outcome, outcome
from cli.demo.story import Story
from cli.installation import DEMO, Installation, platform_settings
from cli.output import Exit, Failed, err
from shared.embedded.identity import load_credentials
from shared.embedded.postgres import EmbeddedPostgres
from shared.settings import PlatformSettings
from shared.territory import ACADEMIES

START = 90.0
"""Seconds that the platform gets to be ready; the first start on a machine unpacks and compiles."""
STOP = 40.0


def demo(
    once: Annotated[bool, typer.Option("--once", help="End when the story is told.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON on the last line.")] = False,
    port: Annotated[int | None, typer.Option(help="Port of the front door (MITHAQ_PORT).")] = None,
) -> None:
    """Play the signing ceremony on a platform of its own, then keep serving until Ctrl-C."""
    settings = platform_settings()
    wanted = settings.port if port is None else port
    if once and port is None and not _is_free(wanted):
        wanted = 0
    settings = settings.model_copy(update={"data_dir": settings.data_dir.resolve() / DEMO, "port": wanted})
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        found = asyncio.run(_demo(settings, once=once))
    except KeyboardInterrupt:
        raise typer.Exit(130 if once else 0) from None
    except Refused as refused:
        raise Failed(f"The story cannot go on: {refused}", run="mithaq doctor") from None
    if as_json:
        print(json.dumps(found.json()))
    raise typer.Exit(Exit.ok if found.holds else Exit.failed)


async def _demo(settings: PlatformSettings, *, once: bool) -> Outcome:
    started = time.monotonic()
    if settings.port == 0:
        settings = settings.model_copy(update={"port": _free_port()})
    async with Academies() as academies:
        with err.status("starting PostgreSQL, broker and services"):
            platform = await _start(settings, academies.mail_port)
        try:
            url = f"http://{settings.host}:{settings.port}"
            err.print(f"[green]✓[/] the platform serves on {url} after {time.monotonic() - started:.1f} s")
            async with Client(url, load_credentials(settings.data_dir)) as client:
                story = await _play(client, academies)
                with err.status("waiting until every academy has been told"):
                    found = await outcome(_installation(settings), client, story, academies, started=started)
                show(found)
                if not once:
                    _card(url, await client.sign_in_link(), settings.data_dir)
                    await asyncio.to_thread(platform.wait)
            return found
        finally:
            with err.status("stopping"):
                await _stop(platform)


async def _play(client: Client, academies: Academies) -> Story:
    columns = TextColumn("{task.description:<36}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=err) as progress:
        steps: dict[str, TaskID] = {}

        def tell(step: str, done: int, of: int) -> None:
            if step not in steps:
                steps[step] = progress.add_task(step, total=of)
            progress.update(steps[step], completed=done, total=of)

        story = Story(client, academies, tell)
        await story.play()
    return story


async def _start(settings: PlatformSettings, mail_port: int) -> subprocess.Popen[bytes]:
    """The platform in a process of its own, on fresh data, when it is ready. Failed if it does not come up."""
    log = settings.data_dir.with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    # It tells a sign-in link.
    log.touch(mode=0o600)
    environment = os.environ | {
        "MITHAQ_DATA_DIR": str(settings.data_dir),
        "MITHAQ_NOTIFICATIONS_SMTP_PORT": str(mail_port),
    }
    mithaq = [sys.executable, "-m", "cli"]
    # A demo that was killed leaves its platform behind.
    await asyncio.to_thread(subprocess.run, [*mithaq, "down"], env=environment, capture_output=True, check=False)
    with log.open("wb") as output:
        platform = subprocess.Popen(  # noqa: ASYNC220 - it starts in no time, and is waited for in a thread
            [*mithaq, "up", "--reset", "--yes", "--port", str(settings.port)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        await _ready(platform, f"http://{settings.host}:{settings.port}", log)
    except BaseException:
        await _stop(platform)
        raise
    return platform


async def _ready(platform: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            if platform.poll() is not None:
                raise Failed(f"The platform did not start:\n{_end_of(log)}", run="mithaq doctor")
            with suppress(aiohttp.ClientError, asyncio.TimeoutError):
                async with session.get(f"{url}/readyz", timeout=aiohttp.ClientTimeout(total=5)) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)
    raise Failed(f"The platform was not ready after {START:.0f} s:\n{_end_of(log)}", run="mithaq doctor")


async def _stop(platform: subprocess.Popen[bytes]) -> None:
    platform.terminate()
    try:
        await asyncio.to_thread(platform.wait, STOP)
    except subprocess.TimeoutExpired:
        platform.kill()
        platform.wait()


def _installation(settings: PlatformSettings) -> Installation:
    url = EmbeddedPostgres(settings.data_dir / "database").url
    assert url, "the platform's database does not run"
    return Installation(settings.model_copy(update={"database_url": SecretStr(url)}))


def show(found: Outcome) -> None:
    """What each academy received, and what the ground truth says."""
    table = Table(title="What each academy received", caption="associations, people, seats and learners are fictitious")
    for heading in ("academy", "region"):
        table.add_column(heading)
    for heading in ("agreements", "due", "webhooks", "e-mails", "live"):
        table.add_column(heading, justify="right")
    for code, numbers in found.by_academy.items():
        table.add_row(code, ACADEMIES[code].region_fr, *map(str, numbers))
    err.print(table)
    facts = Table.grid(padding=(0, 2))
    for name, value in found.json().items():
        facts.add_row(name.replace("_", " "), f"[bold]{value}[/]")
    err.print(Panel(facts, title="from journals, topics and receivers", expand=False))


def _card(url: str, sign_in: str, data_dir: Path) -> None:
    card = Table.grid(padding=(0, 2))
    for name, value in {
        "front door": url,
        "API": f"{url}/docs",
        "events": f"{url}/docs/events",
        "health": f"{url}/readyz?verbose",
        "sign in": sign_in,
        "data": str(data_dir),
        "stop": "Ctrl-C",
    }.items():
        card.add_row(f"[bold]{name}[/]", value)
    err.print(Panel(card, title="Mithaq ميثاق", expand=False))


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-12:])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
