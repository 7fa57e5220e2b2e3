"""Writes the table of all settings into docs/operations.md.

python -m deploy.configuration.generate [--check]
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from deploy.configuration import keys

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
BEGIN, END = "<!-- configuration: generated -->\n", "<!-- configuration: end -->\n"


def table() -> str:
    """All keys with their defaults and what they are for, in Markdown."""
    rows = [f"| `{key}` | {_default(field.default)} | {field.description} |" for key, field in keys()]
    return "\n".join(["| key | default | what it is |", "| --- | --- | --- |", *rows]) + "\n"


def filled(page: str) -> str:
    """The page with the table as it must be. ValueError if the page has no place for it."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{PAGE.name} has no place for the table of settings")
    return f"{before}{BEGIN}{table()}{END}{after}"


def _default(value: Any) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{','.join(map(str, value)) if isinstance(value, tuple) else value}`"


def main() -> None:
    """Write the table, or with --check fail when it is not up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the table is not up to date")
    page = PAGE.read_text("utf-8")
    if not parser.parse_args().check:
        PAGE.write_text(filled(page), "utf-8")
    elif page != filled(page):
        sys.exit("the table of settings in docs/operations.md is not up to date: run `make generate`")


if __name__ == "__main__":
    main()
