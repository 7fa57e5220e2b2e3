"""`mithaq up`: the whole platform on this machine, until Ctrl-C."""

import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.panel import Panel
from rich.table import Table

from cli.installation import DEMO, only_one, platform_settings
from cli.output import Yes, confirm, err, say
from shared.embedded.postgres import EmbeddedPostgres
from shared.settings import PlatformSettings

if TYPE_CHECKING:
    from services.__main__ import Running

TRIAL = """For trial and development: this machine only, test identities, nothing it signs has legal value.
In earnest: docker compose up, or deploy/kubernetes."""


def up(
    port: Annotated[int | None, typer.Option(help="Port of the front door (MITHAQ_PORT).")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Begin anew: wipe all data of this installation.")] = False,
    yes: Yes = False,
) -> None:
    """Run the whole platform on this machine until Ctrl-C; it leaves nothing running."""
    settings = platform_settings(**({"port": port} if port is not None else {}))
    with only_one(settings.data_dir):
        if reset:
            confirm(f"This deletes everything in {settings.data_dir}.", "wipe", yes=yes)
            wipe(settings.data_dir)
        raise typer.Exit(run_platform(settings))


def wipe(data_dir: Path) -> None:
    """Delete everything an installation stored on this machine; its demo, which may run, wipes itself."""
    EmbeddedPostgres(data_dir / "database").wipe()
    for entry in data_dir.iterdir():
        if entry.is_dir() and entry.name != DEMO:
            shutil.rmtree(entry)
        elif entry.is_file() and entry.name != "mithaq.pid":
            entry.unlink()


def run_platform(settings: PlatformSettings) -> int:
    """Run everything in this process until SIGINT or SIGTERM; gives the exit code."""
    # Until the server takes the signals over: a start that is interrupted cleans up like one that is done.
    for each in signal.SIGINT, signal.SIGTERM:
        signal.signal(each, signal.default_int_handler)
    started = time.monotonic()
    try:
        with err.status("starting") as status:
            from services.__main__ import serve_platform
            from shared import telemetry
            from shared.server import run
            from shared.settings import ServiceSettings

            telemetry.configure("platform", ServiceSettings(platform=settings))

            def tell(part: str) -> None:
                err.print(f"  [green]✓[/] {part:<12} {time.monotonic() - started:4.1f} s")

            def ready(platform: "Running") -> None:
                tell("services")
                status.stop()
                welcome(platform)

            code = run(serve_platform(settings, tell=tell, ready=ready))
    except KeyboardInterrupt:
        code = 0
    say("stopped")
    return code


def welcome(platform: "Running") -> None:
    """The card of addresses, and what this is not for."""
    card = Table.grid(padding=(0, 2))
    card.add_column()
    card.add_column(overflow="fold")
    addresses = {
        "front door": platform.url,
        "API": f"{platform.url}/docs",
        "events": f"{platform.url}/docs/events",
        "sign in": platform.sign_in_link,
        "data": str(platform.data_dir.resolve()),
        "stop": "Ctrl-C",
        "wipe": "mithaq up --reset",
        "look": "mithaq status",
    }
    for name, value in addresses.items():
        if value:
            card.add_row(f"[bold]{name}[/]", value)
    err.print(Panel(card, title="Mithaq ميثاق", expand=False))
    if platform.settings.profile == "dev":
        err.print(Panel(TRIAL, border_style="yellow", expand=False))
