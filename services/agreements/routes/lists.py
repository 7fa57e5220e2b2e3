"""Lists as files: a table for a spreadsheet, in the reader's language."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import Request, Response

from services.agreements.sheets import Cell, as_csv, as_xlsx
from shared.language import RIGHT_TO_LEFT, Wording

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the list",
        "content": {each: {"schema": {"type": "string", "format": "binary"}} for each in ("text/csv", XLSX)},
    }
}


def wording_of(request: Request) -> Wording:
    """What the service says, in every language."""
    wording: Wording = request.app.state.wording
    return wording


def nearer(name: Mapping[str, str], language: str) -> str:
    """A name that is kept in Arabic and French only, in the nearer of the two."""
    return name["ar" if language == "ar" else "fr"]


async def file_of(
    request: Request, language: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, format: str
) -> Response:
    """The rows as a file of this name under their columns' names in the language, `csv` or `xlsx`."""
    wording = wording_of(request)
    header = [wording.text(f"list.{column}", language) for column in columns]
    if format == "csv":
        body, media_type = await asyncio.to_thread(as_csv, header, rows), "text/csv; charset=utf-8"
    else:
        title, mirrored = wording.text(f"list.{name}", language), language in RIGHT_TO_LEFT
        workbook = partial(as_xlsx, title, header, rows, right_to_left=mirrored)
        body, media_type = await asyncio.to_thread(workbook), XLSX
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{format}"',
        "Content-Language": language,
        "Vary": "Accept-Language",
    }
    return Response(body, headers=headers, media_type=media_type)
