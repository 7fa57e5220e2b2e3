"""`mithaq audit`: the journal of agreements for auditors, and whether it is the one that was published of."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from cli.installation import asynchronous, installation
from cli.output import Exit, Failed, Form, Output, say, show
from shared.actor import NATIONAL
from shared.audit import Audit, Checkpoint, lines_of
from shared.events.agreements import CheckpointPublished
from shared.messaging.envelope import open_envelope
from shared.messaging.journal import exported

MOST_SHOWN = 1_000
"""Findings that are shown: where every row is another, the first tell it all."""
SERVICE = "agreements"
"""Whose journal is bound by checkpoints."""

app = typer.Typer(help="The journal of agreements, for auditors.", no_args_is_help=True)


@app.command()
@asynchronous
async def export(file: Annotated[Path, typer.Argument(help="Where to; it must not exist.")]) -> None:
    """Write the whole journal, one row a line, with what is never published: for the ministry's auditors only."""
    if file.exists():
        raise Failed(f"{file} exists.", run="mithaq audit export ANOTHER-FILE", code=Exit.conflict)
    rows = 0
    async with installation() as here, here.database(SERVICE, role=None) as database:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as target:
            async with database.transaction(NATIONAL) as tx:
                async for row in exported(tx):
                    target.write(json.dumps(row, ensure_ascii=False) + "\n")
                    rows += 1
    say(f"{rows} rows")


@app.command()
@asynchronous
async def roots() -> None:
    """Print the checkpoints that the broker holds, one a line; whoever received them has the same."""
    async with installation() as here, here.broker() as broker:
        async for received in broker.read(CheckpointPublished.topic):
            print(open_envelope(received.message).value.decode())


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="EXPORT", help="What `mithaq audit export` wrote.")],
    roots: Annotated[Path, typer.Option(help="The checkpoints as they were received, one JSON object a line.")],
    output: Output = Form.table,
) -> None:
    """Whether an export is the journal that the checkpoints were taken of; exit 1, and where, if it is not.

    Exit 2 if a file cannot be read, or ROOTS holds no checkpoint or something else.

    Whoever has no Mithaq runs the same check with `python shared/audit.py EXPORT --roots ROOTS`: one file, no packages.
    """
    findings, found = list[dict[str, str]](), 0
    try:
        audit, lines = Audit(Checkpoint.all_in(str(roots))), lines_of(str(file))
    except (OSError, ValueError) as error:
        raise Failed(f"{error}.", run="mithaq audit roots", code=Exit.usage) from None
    with lines:
        for finding in audit.read(lines):
            found += 1
            if found <= MOST_SHOWN:
                findings.append(finding._asdict())
    show(findings, output, none=audit.told)
    if found:
        more = f", of which the first {MOST_SHOWN} are shown" if found > MOST_SHOWN else ""
        say(f"{found} findings{more}; {audit.told}")
        raise Failed("This is not the journal that was recorded.", run="mithaq journal verify")
