"""python -m bench [--only GROUP_OR_NAME] [--json]: run the benchmarks and print a table."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench import agreements, commands, http, messaging, notifications, platform
from bench.rows import Row

GROUPS = (messaging, commands, http, platform, agreements, notifications)
NAMES = [group.__name__.rpartition(".")[2] for group in GROUPS]


def main(
    only: Annotated[
        str | None,
        typer.Option(
            help="One group (messaging, commands, http, platform, agreements, notifications) or one benchmark."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON on the last line.")] = False,
) -> None:
    """Measure, each figure against a raw limit of the same run.

    command_with_journal_10m runs only when it is named: filling a journal with ten million rows takes minutes and 6 GB.
    """
    rows: list[Row] = []
    for name, group in zip(NAMES, GROUPS, strict=True):
        rows += group.measure(None if only == name else only)
    if not rows:
        raise typer.BadParameter(f"there is no benchmark {only}", param_hint="--only")
    table = Table("group", "name", "ours", "raw", "unit", "ratio", "aim")
    for row in rows:
        table.add_row(row.group, row.name, f"{row.ours:,.1f}", f"{row.raw:,.1f}", row.unit, f"{row.ratio:.2f}", row.aim)
    Console(stderr=as_json).print(table)
    if as_json:
        print(json.dumps({"rows": [row.json() for row in rows]}))


typer.run(main)
