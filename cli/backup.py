"""Backup and restore of all services: one cut through all their databases, and topics that begin anew.

A backup holds the services' databases, the files of documents that lie in a directory, and nothing of the broker:
topics are what the journals say, in order. Files are read after the cut: one is kept before its event is, and for good,
so that none of the cut can be lacking. Those in a bucket stay there, and are only looked for. A restore
publishes every journal from its beginning into empty topics, and every reaction's progress drops what it knows. So
neither offsets nor cursors have to fit together, and a dump of one moment is enough.
"""

import asyncio
import os
import tarfile
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg
from pydantic import BaseModel, SecretStr
from sqlalchemy import text

from cli.installation import Installation
from cli.output import Exit, Failed
from shared import files
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from shared.embedded.postgres import binaries
from shared.events.catalog import TOPICS
from shared.messaging.broker import Broker, open_broker
from shared.messaging.relay import reset_after_restore
from shared.migrations import create_database, knows
from shared.named_files import NAMED
from shared.settings import PlatformSettings, database_on

MANIFEST = "manifest.json"
FILES = "files"
"""The folder of documents' files in a backup."""
LOCK_PATIENCE = "10s"
"""How long a backup waits for running commands to end before it gives up."""


class Manifest(BaseModel):
    """What a backup says of itself."""

    format: int = 1
    at: datetime
    """The moment of the cut (UTC)."""
    revisions: dict[str, str]
    """Service -> the revision of its database."""
    events: dict[str, int]
    """Service -> how many events its journal holds."""
    files: int | None = None
    """How many files it holds; none: they are in a bucket, which is saved on its own."""
    missing: tuple[str, ...] = ()
    """Hashes of files that events speak of and the storage does not have unharmed."""


async def back_up(here: Installation, file: Path, tell: Callable[[str], None]) -> Manifest:
    """Write all services' databases as they are at one moment. Commands wait for an instant; nothing else does."""
    urls = {service: here.url_of(service) for service in here.services}
    files.configure(here.settings.files_location, **here.settings.s3)
    with tempfile.TemporaryDirectory(prefix="mithaq-backup-", dir=file.parent) as directory:
        async with _one_cut(urls) as (snapshots, manifest, known):
            for service, url in urls.items():
                tell(f"dumping {service}")
                options = [f"--snapshot={snapshots[service]}", f"--file={directory}/{service}.dump"]
                await _run("pg_dump", "--format=custom", *options, url=url)
        half = Path(directory) / "backup.tar"
        with tarfile.open(half, "w") as archive:
            for service in urls:
                archive.add(Path(directory) / f"{service}.dump", f"{service}.dump")
            tell("looking for the files of documents")
            manifest = await _save_files(here, archive, manifest, known)
            (Path(directory) / MANIFEST).write_text(manifest.model_dump_json(indent=2))
            archive.add(Path(directory) / MANIFEST, MANIFEST)
        half.chmod(0o600)
        half.rename(file)
    return manifest


def read_manifest(file: Path) -> Manifest:
    """What a backup says of itself. Failed if it is none, or of another version's making."""
    try:
        with tarfile.open(file) as archive:
            member = archive.extractfile(MANIFEST)
            assert member
            manifest = Manifest.model_validate_json(member.read())
    except (tarfile.TarError, KeyError, ValueError, FileNotFoundError) as error:
        raise Failed(f"{file} is not a backup: {error}", run="mithaq db backup FILE", code=Exit.not_found) from None
    newer = [service for service, revision in manifest.revisions.items() if not knows(service, revision)]
    if newer:
        raise Failed(f"The backup of {', '.join(newer)} is newer than this version.", run="mithaq --help")
    return manifest


async def restore(here: Installation, file: Path, tell: Callable[[str], None]) -> int:
    """Put the databases of a backup in place of the present ones; gives the number of events published anew.

    Everything is built beside the present databases and swapped in at the end: a restore that fails changes nothing.
    Kafka's topics must be empty. No service may be running.
    """
    manifest = read_manifest(file)
    name = _name(database_on(here.server_url, "restoring"))
    beside = urlunsplit(urlsplit(here.server_url)._replace(path=f"/{name}"))
    services = list(manifest.revisions)
    settings = here.settings.model_copy(update={"database_url": SecretStr(beside)})
    files.configure(here.settings.files_location, **here.settings.s3)
    await _nobody_there(here.server_url, [_name(database_on(here.server_url, each)) for each in services])
    databases = [*services, "broker"] if settings.broker == "embedded" else services
    await _drop(here.server_url, [_name(database_on(beside, each)) for each in databases])
    broker = await _empty_broker(settings, beside)
    try:
        published = 0
        with tempfile.TemporaryDirectory(prefix="mithaq-restore-") as directory, tarfile.open(file) as archive:
            archive.extractall(directory, filter="data")
            # What is there stays there: under its hash lies nothing else.
            for saved in (Path(directory) / FILES).glob("*"):
                with saved.open("rb") as content:
                    await files.put(content, most=saved.stat().st_size)
            for service in services:
                tell(f"restoring {service}")
                url = database_on(beside, service)
                await create_database(url)
                dump = Path(directory) / f"{service}.dump"
                await _run("pg_restore", "--exit-on-error", "--no-owner", str(dump), url=url)
        for service in services:
            tell(f"publishing the journal of {service}")
            published += await _begin_anew(database_on(beside, service), broker)
    finally:
        await broker.close()
    await _swap(here.server_url, beside, databases)
    async with here.broker() as present:
        for group, (_, reaction) in here.reactions.items():
            for topic in reaction.topics:
                await present.move_group(group, topic, to=None)
    return published


@asynccontextmanager
async def _one_cut(urls: Mapping[str, str]) -> AsyncIterator[tuple[dict[str, str], Manifest, set[str]]]:
    """Snapshots of all databases that belong together, and the files they speak of.

    No journal grows between the first and the last.
    So no database holds the effect of an event that another, its owner, has not got.
    """
    async with AsyncExitStack() as stack:
        async with AsyncExitStack() as locks:
            for url in urls.values():
                lock = await locks.enter_async_context(_transaction(url))
                await lock.execute(f"set local lock_timeout = '{LOCK_PATIENCE}'")
                await lock.execute("lock table journal in exclusive mode")
            at = now()
            held = {
                service: await stack.enter_async_context(_transaction(url, isolation="repeatable_read"))
                for service, url in urls.items()
            }
            snapshots = {service: await each.fetchval("select pg_export_snapshot()") for service, each in held.items()}
        count, revision = "select count(*) from journal", "select version_num from alembic_version"
        yield (
            snapshots,
            Manifest(
                at=at,
                events={service: await each.fetchval(count) for service, each in held.items()},
                revisions={service: await each.fetchval(revision) for service, each in held.items()},
            ),
            {row[0] for each in held.values() for row in await each.fetch(NAMED)},
        )


async def _save_files(here: Installation, archive: tarfile.TarFile, manifest: Manifest, known: set[str]) -> Manifest:
    """Put the files that lie in a directory into the archive; say which are lacking."""
    stored = {each.hash async for each in files.kept()}
    unharmed = stored
    if not here.settings.files_location.startswith("s3://"):
        unharmed = {hash for hash in stored if await _save_file(archive, hash)}
        manifest = manifest.model_copy(update={"files": len(unharmed)})
    return manifest.model_copy(update={"missing": tuple(sorted(known - unharmed))})


async def _save_file(archive: tarfile.TarFile, hash: str) -> bool:
    try:
        content = await files.get(hash)
    except (FileNotFoundError, files.FileDamaged):
        return False
    member = tarfile.TarInfo(f"{FILES}/{hash}")
    member.size = len(content)
    archive.addfile(member, BytesIO(content))
    return True


@asynccontextmanager
async def _transaction(url: str, **options: Any) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(**options):
            yield connection
    finally:
        await connection.close()


async def _begin_anew(url: str, broker: Broker) -> int:
    """Publish a restored journal from its beginning, and let its relay go on from there."""
    database = Database(url, role=None, pool_size=2)
    try:
        async with database.transaction(NATIONAL) as tx:
            # Nothing of it is in the new topics.
            await tx.execute(text("delete from relay_cursor"))
            await tx.execute(text("update lease set expires_at = clock_timestamp()"))
        return await reset_after_restore(database, broker)
    finally:
        await database.dispose()


async def _empty_broker(settings: PlatformSettings, beside: str) -> Broker:
    """A broker whose topics are there and empty. Failed if Kafka's are not."""
    if settings.broker == "embedded":
        from shared.messaging.embedded import migrate_broker

        await asyncio.to_thread(migrate_broker, beside)
    broker = open_broker(settings, name="mithaq-restore")
    await broker.ensure_topics(TOPICS)
    for topic in TOPICS:
        async for _ in broker.read(topic):
            await broker.close()
            raise Failed(
                f"The topic {topic} holds events that the backup may not know.",
                run="delete Mithaq's topics (kafka-topics.sh --delete), then the same command again",
                code=Exit.conflict,
            )
    return broker


async def _nobody_there(server_url: str, names: list[str]) -> None:
    async with _transaction(_server(server_url)) as server:
        busy = await server.fetch(
            "select distinct datname from pg_stat_activity where datname = any($1) and application_name like 'mithaq%'",
            names,
        )
    if busy:
        raise Failed(
            f"Services are connected to {', '.join(sorted(row['datname'] for row in busy))}.",
            run="mithaq down",
            code=Exit.conflict,
        )


async def _drop(server_url: str, names: list[str]) -> None:
    server = await asyncpg.connect(_server(server_url))
    try:
        for name in names:
            await server.execute(f'drop database if exists "{name}" with (force)')
    finally:
        await server.close()


async def _swap(server_url: str, beside: str, databases: list[str]) -> None:
    """Put the restored databases in the place of the present ones: all in one transaction, or none."""
    present = {name: _name(database_on(server_url, name)) for name in databases}
    old = {name: f"{present[name]}-replaced" for name in databases}
    await _drop(server_url, list(old.values()))
    async with _transaction(_server(server_url)) as server:
        for name in databases:
            if await server.fetchval("select 1 from pg_database where datname = $1", present[name]):
                await server.execute(f'alter database "{present[name]}" rename to "{old[name]}"')
            await server.execute(f'alter database "{_name(database_on(beside, name))}" rename to "{present[name]}"')
    await _drop(server_url, list(old.values()))


async def _run(program: str, *arguments: str, url: str) -> None:
    """Run one of PostgreSQL's programs on a database. Failed with what it said."""
    parts = urlsplit(url)
    # Everybody on the machine can read a command line.
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    address = urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}" if user else parts.netloc))
    process = await asyncio.create_subprocess_exec(
        binaries() / program,
        f"--dbname={address}",
        *arguments,
        env=os.environ | ({"PGPASSWORD": unquote(parts.password)} if parts.password else {}),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        raise Failed(f"{program}: {said.decode(errors='replace').strip()}", run="mithaq doctor")


def _name(url: str) -> str:
    return urlsplit(url).path.strip("/")


def _server(url: str) -> str:
    """The server itself, through the database that every server has."""
    return urlunsplit(urlsplit(url)._replace(path="/postgres"))
