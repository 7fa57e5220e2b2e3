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


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """The list as CSV: UTF-8 with a byte order mark and semicolons, as French spreadsheets read it."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(header)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, right_to_left: bool) -> bytes:
    """The list as a workbook of one sheet, its header always in sight."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"constant_memory": True, "default_date_format": "yyyy-mm-dd"})
    # The same list is the same file.
    book.set_properties({"created": datetime(2024, 1, 1)})  # noqa: DTZ001 - without a zone in the format
    sheet = book.add_worksheet()
    if right_to_left:
        sheet.right_to_left()
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(header) - 1, 24)
    bold, instant = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
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
                    sheet.write_datetime(number, column, cell)
                case _:
                    sheet.write_string(number, column, cell)
    book.close()
    return file.getvalue()


def _plain(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case datetime():
            return cell.astimezone(CASABLANCA).isoformat(" ", "minutes")
        case date():
            return cell.isoformat()
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) or cell.startswith(("\t", "\r", "\n")) else cell
