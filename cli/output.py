"""What a command says: data on standard output, everything else on standard error, and every error with a next step."""

import json
from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

out = Console()
err = Console(stderr=True, highlight=False)
for console in out, err:
    if not console.is_terminal:
        # Nobody's window cuts what a program reads.
        console.width = 240


class Exit(IntEnum):
    """What the exit code means; documented, and stable for ever."""

    ok = 0
    failed = 1
    usage = 2
    not_found = 3
    identity = 4
    conflict = 5
    degraded = 6


class Failed(Exception):
    """A command cannot go on: why, and the next command to run."""

    def __init__(self, why: str, *, run: str, code: Exit = Exit.failed) -> None:
        super().__init__(why)
        self.why = why
        self.run = run
        self.code = code


class Form(StrEnum):
    """How data is printed."""

    table = "table"
    json = "json"


Output = Annotated[Form, typer.Option("-o", "--output", help="How data is printed.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def show(rows: Sequence[Mapping[str, Any]], form: Form, *, none: str = "nothing") -> None:
    """Print records: a table for people, a JSON array for programs."""
    if form is Form.json:
        print(json.dumps(rows, default=str, ensure_ascii=False))
    elif rows:
        out.print(table(rows))
    else:
        say(none)


def show_one(record: Mapping[str, Any], form: Form) -> None:
    """Print one record."""
    if form is Form.json:
        print(json.dumps(record, default=str, ensure_ascii=False))
        return
    grid = Table.grid(padding=(0, 2))
    for key, value in record.items():
        grid.add_row(f"[bold]{escape(key)}[/]", escape(_text(value)))
    out.print(grid)


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Records as a table; the columns are the keys of the first."""
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for column in rows[0]:
        justify: Literal["left", "right"] = "right" if _numeric(rows, column) else "left"
        drawn.add_column(column.replace("_", " "), overflow="fold", justify=justify)
    for row in rows:
        drawn.add_row(*(escape(_text(value)) for value in row.values()))
    return drawn


def percent(part: float | None) -> str | None:
    """A part of a whole (0 to 1) as people read it."""
    return None if part is None else f"{part:.1%}"


def say(text: str) -> None:
    """Tell people how it goes; never data."""
    err.print(text, soft_wrap=True)


def confirm(question: str, answer: str, *, yes: bool) -> None:
    """Have something that cannot be undone confirmed by typing `answer`; without a terminal only --yes will do."""
    if yes:
        return
    if not err.is_terminal:
        raise Failed(f"{question} Nobody is here to confirm it.", run="the same command with --yes", code=Exit.usage)
    if err.input(f"{question} Type [bold]{escape(answer)}[/] to go on: ").strip() != answer:
        raise Failed("Not confirmed; nothing was changed.", run="the same command again")


def _numeric(rows: Sequence[Mapping[str, Any]], column: str) -> bool:
    return all(isinstance(row.get(column), int | float) for row in rows)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, dict | list):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)
