"""A list as a file for a spreadsheet: text stays text, whatever it begins with."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime

import xlsxwriter  # type: ignore[import-untyped]

from shared.clock import CASABLANCA

Cell = str | date | datetime | None
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula, in a CSV file also after white space."""
NARROWEST, WIDEST = 10, 60
"""How wide a column is, in signs: as its longest cell, within these; a longer cell goes on in another line."""
INSTANT = len("2024-09-02 10:00")


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """The list as CSV: UTF-8 with a byte order mark and semicolons, as French spreadsheets read it."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(header)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(name: str, header: Sequence[str], rows: Sequence[Sequence[Cell]], *, right_to_left: bool) -> bytes:
    """The list as a workbook of one sheet of that name, its header always in sight and each column to be filtered."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    # The same list is the same file.
    book.set_properties({"title": name, "created": datetime(2024, 1, 1)})  # noqa: DTZ001 - without a zone in the format
    sheet = book.add_worksheet(name)
    if right_to_left:
        sheet.right_to_left()
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(rows), len(header) - 1)
    for column, width in enumerate(_widths([header, *rows])):
        sheet.set_column(column, column, width)
    whole = {"text_wrap": True, "valign": "top"}
    bold, text = book.add_format({"bold": True} | whole), book.add_format(whole)
    day, instant = (
        book.add_format({"num_format": each, "valign": "top"}) for each in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm")
    )
    for column, title in enumerate(header):
        sheet.write_string(0, column, title, bold)
    for number, row in enumerate(rows, 1):
        for column, cell in enumerate(row):
            match cell:
                case None:
                    pass
                case datetime():
                    sheet.write_datetime(number, column, cell.astimezone(CASABLANCA).replace(tzinfo=None), instant)
                case date():
                    sheet.write_datetime(number, column, cell, day)
                case _:
                    sheet.write_string(number, column, cell, text)
    book.close()
    return file.getvalue()


def _widths(rows: Iterable[Sequence[Cell]]) -> list[int]:
    """How wide each column is, with room for the sign that opens its filter."""
    longest = (max(map(_length, column)) for column in zip(*rows, strict=True))
    return [min(max(length + 3, NARROWEST), WIDEST) for length in longest]


def _length(cell: Cell) -> int:
    return len(cell) if isinstance(cell, str) else INSTANT if isinstance(cell, datetime) else NARROWEST


def _plain(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case datetime():
            return cell.astimezone(CASABLANCA).isoformat(" ", "minutes")
        case date():
            return cell.isoformat()
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) or cell.startswith(("\t", "\r", "\n")) else cell
