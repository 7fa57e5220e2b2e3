"""`mithaq doctor`: what this machine and this installation need, and the remedy for what is missing."""

import asyncio
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Literal

import aiohttp
import typer
from pydantic import SecretStr
from sqlalchemy import text

from cli.installation import Installation, asynchronous, platform_settings, running
from cli.output import Exit, Form, Output, err, out, show
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from shared.embedded.postgres import EmbeddedPostgres, NoServer, binaries
from shared.migrations import head_of
from shared.settings import PlatformSettings

SKEW = 2.0
"""Seconds by which the database's clock may differ from ours."""
LITTLE = 1_000_000_000
"""Bytes of free disk below which it is time to look."""


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    check: str
    result: Literal["ok", "warning", "failure"]
    found: str
    remedy: str = ""


@asynchronous
async def doctor(output: Output = Form.table) -> None:
    """Check everything that the platform needs. Exit code 1 after a failure, 6 after a warning."""
    settings = platform_settings()
    findings = [_python(), _port(settings), _disk(settings), _programs(), *[each async for each in _parts(settings)]]
    if output is Form.json:
        show([asdict(each) for each in findings], output)
    else:
        marks = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "failure": "[red]✗[/]"}
        for each in findings:
            out.print(f"{marks[each.result]} {each.check:<12} {each.found}", soft_wrap=True)
            if each.remedy:
                err.print(f"    → [bold]{each.remedy}[/]", soft_wrap=True)
    results = {each.result for each in findings}
    if "failure" in results:
        raise typer.Exit(Exit.failed)
    if "warning" in results:
        raise typer.Exit(Exit.degraded)


def _python() -> Finding:
    return Finding("python", "ok", ".".join(map(str, sys.version_info[:3])))


def _port(settings: PlatformSettings) -> Finding:
    if pid := running(settings.data_dir):
        return Finding("port", "ok", f"Mithaq is running (process {pid})")
    place = f"{settings.host}:{settings.port}"
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        if probe.connect_ex((settings.host, settings.port)):
            return Finding("port", "ok", f"{place} is free")
    return Finding("port", "warning", f"{place} is taken", f"mithaq up --port {settings.port + 1}")


def _disk(settings: PlatformSettings) -> Finding:
    place = settings.data_dir.resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB free for {settings.data_dir}"
    return Finding("disk", "ok", found) if free > LITTLE else Finding("disk", "warning", found, "make room")


def _programs() -> Finding:
    try:
        return Finding("programs", "ok", str(binaries()))
    except NoServer as error:
        return Finding("programs", "warning", str(error), "install PostgreSQL's programs, for backups at least")


async def _parts(settings: PlatformSettings) -> AsyncIterator[Finding]:
    url = settings.database_url.get_secret_value() if settings.database_url else None
    url = url or EmbeddedPostgres(settings.data_dir / "database").url
    if url is None:
        yield Finding("database", "ok", "the embedded one is not running", "mithaq up")
    else:
        here = Installation(settings.model_copy(update={"database_url": SecretStr(url)}))
        database = Database(url, role=None, pool_size=1)
        try:
            yield await _bounded("database", lambda: _database(database), "start it, or correct MITHAQ_DATABASE_URL")
        finally:
            await database.dispose()
        yield await _bounded("migrations", lambda: _migrations(here), "mithaq db upgrade")
        kafka = settings.broker == "kafka"
        remedy = "start it, or correct MITHAQ_KAFKA_BOOTSTRAP" if kafka else "mithaq topics apply"
        yield await _bounded("broker", lambda: _broker(here), remedy)
        for service in here.services.values():
            for what, found in service.facts.items():
                yield Finding(what, "ok", found)
    if settings.oidc_issuer:
        issuer = settings.oidc_issuer
        yield await _bounded("identity", lambda: _identity(issuer), "start it, or correct MITHAQ_OIDC_ISSUER")
    else:
        yield Finding("identity", "ok", "the dev identity provider, for this machine only")


async def _bounded(check: str, look: Callable[[], Awaitable[Finding]], remedy: str) -> Finding:
    try:
        return await asyncio.wait_for(look(), 15)
    except Exception as error:
        return Finding(check, "failure", f"{type(error).__name__}: {error}".splitlines()[0], remedy)


async def _database(database: Database) -> Finding:
    async with database.transaction(NATIONAL) as tx:
        version, clock = (await tx.execute(text("select current_setting('server_version'), clock_timestamp()"))).one()
    skew = abs((clock - now()).total_seconds())
    if int(version.split(".")[0]) < 15:
        return Finding("database", "failure", f"PostgreSQL {version}", "upgrade it to 15 or newer")
    if skew > SKEW:
        return Finding("database", "warning", f"its clock differs by {skew:.1f} s", "synchronise the clocks (chrony)")
    return Finding("database", "ok", f"PostgreSQL {version}, clock within {skew:.1f} s")


async def _migrations(here: Installation) -> Finding:
    behind = []
    for service in here.services:
        async with here.database(service, role=None) as database, database.transaction(NATIONAL) as tx:
            if (await tx.execute(text("select version_num from alembic_version"))).scalar() != head_of(service):
                behind.append(service)
    if behind:
        return Finding("migrations", "failure", f"behind: {', '.join(behind)}", "mithaq db upgrade")
    return Finding("migrations", "ok", f"{len(here.services)} databases at this version")


async def _broker(here: Installation) -> Finding:
    async with here.broker() as broker:
        await broker.check()
        return Finding("broker", "ok", here.settings.broker)


async def _identity(issuer: str) -> Finding:
    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        answer.raise_for_status()
        said = (await answer.json())["issuer"]
    if said != issuer:
        return Finding("identity", "failure", f"it calls itself {said}", f"MITHAQ_OIDC_ISSUER={said}")
    return Finding("identity", "ok", issuer)
