"""`mithaq files`: what lies in the storage of documents' files and no event names.

It is listed, never removed: to a database that was restored from an older moment, or to an installation for trial on
the same storage, files look like nobody's that others rely on. Who may go is for people to say.
"""

from datetime import timedelta

import typer
from sqlalchemy import text

from cli.installation import Installation, asynchronous, installation
from cli.output import Form, Output, say, show
from shared import files
from shared.actor import NATIONAL
from shared.clock import now

NAMED = """
    select named.hash from journal, lateral (values
        (data ->> 'file_hash'),
        (detail ->> 'archived_file'),
        (case when data ? 'media_type' then data ->> 'hash' end)
    ) as named (hash) where named.hash is not null
"""
"""The hashes of the files that a journal's events name."""
UNDER_WAY = timedelta(days=1)
"""How long after a file was put its event may be under way."""

app = typer.Typer(help="The files of documents.", no_args_is_help=True)


@app.callback()
def nouns() -> None:
    """The files of documents."""


@app.command()
@asynchronous
async def unnamed(output: Output = Form.table) -> None:
    """List the files older than a day that no event names, because their commit failed. None is removed."""
    async with installation() as here:
        found = await unnamed_files(here)
    show([{"name": each.name, "bytes": each.size, "put_at": each.put_at} for each in found], output)
    if found:
        say(f"{len(found)} files, {sum(each.size for each in found)} bytes, in {here.settings.files_location}")


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
