"""`mithaq db`: migrations, backup and restore of all services together."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cli.backup import back_up, read_manifest
from cli.backup import restore as restore_databases
from cli.installation import Installation, asynchronous, installation, running
from cli.output import DryRun, Exit, Failed, Form, Output, Yes, confirm, say, show, show_one
from shared.actor import NATIONAL
from shared.clock import now
from shared.migrations import head_of, migrate

app = typer.Typer(help="The services' databases: migrations, backup, restore.", no_args_is_help=True)


@app.command()
@asynchronous
async def upgrade(
    services: Annotated[list[str] | None, typer.Argument(help="Only these services.")] = None, dry_run: DryRun = False
) -> None:
    """Bring the databases to this version, making those that are missing."""
    async with installation(new=True) as here:
        wanted = services or list(here.services)
        if unknown := set(wanted) - set(here.services):
            why = f"No such service: {', '.join(sorted(unknown))}."
            raise Failed(why, run="mithaq db current", code=Exit.not_found)
        for row in await _revisions(here):
            if row["service"] in wanted:
                if not dry_run:
                    await asyncio.to_thread(migrate, row["service"], here.server_url)
                say(f"{row['service']}: {row['current'] or 'nothing'} → {row['head']}")
        if here.settings.broker == "embedded" and not dry_run and not services:
            from shared.messaging.embedded import migrate_broker

            await asyncio.to_thread(migrate_broker, here.server_url)


@app.command()
@asynchronous
async def current(output: Output = Form.table) -> None:
    """The revision of every database, and the one that this version needs."""
    async with installation() as here:
        show(await _revisions(here), output)


@app.command()
@asynchronous
async def check() -> None:
    """Exit code 6 if a database is not at the revision that this version needs."""
    async with installation() as here:
        behind = [row["service"] for row in await _revisions(here) if row["current"] != row["head"]]
    if behind:
        raise Failed(f"Behind: {', '.join(map(str, behind))}.", run="mithaq db upgrade", code=Exit.degraded)
    say("all databases are at this version's revision")


@app.command()
@asynchronous
async def backup(
    file: Annotated[Path | None, typer.Argument(help="Where to; mithaq-<time>.tar if left out.")] = None,
    output: Output = Form.table,
) -> None:
    """Save all services as they are at one moment, also while they run.

    Keep the key-encryption key of notifications elsewhere: without it webhook secrets in the backup stay sealed.
    """
    target = (file or Path(f"mithaq-{now():%Y%m%dT%H%M%SZ}.tar")).resolve()
    if target.exists():
        raise Failed(f"{target} exists.", run="mithaq db backup ANOTHER-FILE", code=Exit.conflict)
    if not target.parent.is_dir():
        raise Failed(f"{target.parent} is no directory.", run=f"mkdir -p {target.parent}", code=Exit.not_found)
    async with installation() as here:
        manifest = await back_up(here, target, say)
    show_one(
        {
            "file": target,
            "bytes": target.stat().st_size,
            "at": manifest.at,
            "events": sum(manifest.events.values()),
            "files": manifest.files,
        },
        output,
    )
    if manifest.missing:
        raise Failed(
            f"The backup is written, and {len(manifest.missing)} files of documents are not in the storage unharmed:"
            f" {', '.join(manifest.missing)}.",
            run="put them back from an older backup (mithaq db restore), or attach them again",
            code=Exit.degraded,
        )


@app.command()
@asynchronous
async def restore(
    file: Annotated[Path, typer.Argument(help="A file that `mithaq db backup` wrote.")],
    yes: Yes = False,
    dry_run: DryRun = False,
    output: Output = Form.table,
) -> None:
    """Put a backup in place of the present databases. No service may run; topics begin anew."""
    manifest = read_manifest(file)
    async with installation(new=True) as here:
        if pid := running(here.settings.data_dir):
            raise Failed(f"It is running (process {pid}).", run="mithaq down", code=Exit.conflict)
        if dry_run:
            say(f"would put {sum(manifest.events.values())} events of {manifest.at:%Y-%m-%d %H:%M:%S} UTC in place")
            return
        confirm(f"This replaces everything by the state of {manifest.at:%Y-%m-%d %H:%M:%S} UTC.", "restore", yes=yes)
        published = await restore_databases(here, file, say)
        for service in here.services:
            await asyncio.to_thread(migrate, service, here.server_url)
    show_one({"file": file, "at": manifest.at, "events_published": published}, output)


async def _revisions(here: Installation) -> list[dict[str, str | None]]:
    return [{"service": each, "current": await _revision(here, each), "head": head_of(each)} for each in here.services]


async def _revision(here: Installation, service: str) -> str | None:
    try:
        async with here.database(service, role=None) as database, database.transaction(NATIONAL) as tx:
            revision: str | None = (await tx.execute(text("select version_num from alembic_version"))).scalar()
            return revision
    except (DBAPIError, OSError):
        return None
