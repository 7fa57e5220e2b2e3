"""`mithaq files`: what lies in the storage of documents' files and no event names.

It is removed only when somebody says so: to a database that was restored from an older moment, or to an installation
for practice on the same storage, files look like nobody's that others rely on.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import typer
from sqlalchemy import text

from cli.installation import Installation, asynchronous, installation
from cli.output import Form, Output, Yes, confirm, say, show
from shared import files
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from shared.named_files import NAMED, last_event
from shared.named_files import unnamed as is_unnamed

UNDER_WAY = timedelta(days=1)
"""How long after a file was put its event may be under way."""

app = typer.Typer(help="The files of documents.", no_args_is_help=True)


@app.callback()
def nouns() -> None:
    """The files of documents."""


@app.command()
@asynchronous
async def unnamed(output: Output = Form.table) -> None:
    """List the files older than a day that no event names, because their commit failed."""
    async with installation() as here:
        found = await unnamed_files(here)
    show([{"name": each.name, "bytes": each.size, "put_at": each.put_at} for each in found], output)
    if found:
        say(f"{len(found)} files, {sum(each.size for each in found)} bytes, in {here.settings.files_location}")


@app.command()
@asynchronous
async def sweep(yes: Yes = False) -> None:
    """Remove the files older than a day that no event names; services may run meanwhile.

    Not after a restore to an earlier moment, nor from an installation for practice: what was attached since, or
    elsewhere, is named by no event here.
    """
    async with installation() as here:

        def ask(found: Sequence[files.KeptFile]) -> None:
            size, place = sum(each.size for each in found), here.settings.files_location
            confirm(f"{len(found)} files, {size} bytes, go from {place} for good.", "remove", yes=yes)

        say(f"{await sweep_files(here, ask)} files removed")


async def sweep_files(here: Installation, ask: Callable[[Sequence[files.KeptFile]], None]) -> int:
    """Remove what `unnamed_files` gives, but for what is put or named meanwhile, unless `ask` raises; how many went."""
    async with AsyncExitStack() as stack:
        databases = [await stack.enter_async_context(here.database(each, role=None)) for each in here.services]
        journals = [(each, await _last_event(each)) for each in databases]
        if found := await unnamed_files(here):
            ask(found)
        return sum([await _remove(each.hash, journals) for each in found])


async def _last_event(database: Database) -> int:
    async with database.transaction(NATIONAL) as tx:
        return await last_event(tx)


async def _remove(hash: str, journals: Sequence[tuple[Database, int]]) -> bool:
    """Remove a file that was looked for in the journals up to these places, unless it was put or named since."""
    async with AsyncExitStack() as stack:
        for database, since in journals:
            tx = await stack.enter_async_context(database.transaction(NATIONAL))
            if not await is_unnamed(tx, hash, since=since):
                return False
        put_at = await files.put_at(hash)
        if put_at is None or put_at > now() - UNDER_WAY:
            return False
        await files.remove(hash)
    return True


async def unnamed_files(here: Installation) -> list[files.KeptFile]:
    """The files older than a day that no event of any service names, the oldest first."""
    files.configure(here.settings.files_location, **here.settings.s3)
    # The storage before the journals: whatever is named meanwhile is found to be.
    found = {each.hash: each async for each in files.kept() if each.put_at < now() - UNDER_WAY}
    for service in here.services:
        async with here.database(service, role=None) as database, database.transaction(NATIONAL) as tx:
            async for hash in await tx.stream_scalars(text(NAMED)):
                found.pop(hash, None)
    return sorted(found.values(), key=lambda each: each.put_at)
