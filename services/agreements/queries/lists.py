"""Lists that are read whole, for a file."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement

from services.agreements.errors.searches import ListTooLong
from services.agreements.tables import AGREEMENTS

MOST = 10_000
"""Rows of one file."""


def of_agreement() -> list[ColumnElement[Any]]:
    """What a row of a file says of the agreement that it is about."""
    its = AGREEMENTS.table.c
    return [its.reference, its.academy, its.state["title"].label("title"), its.state["names"].label("names")]


def whole(found: Sequence[Any]) -> Sequence[Any]:
    """The rows, of which one more than MOST were asked for. Refuses ListTooLong."""
    if len(found) > MOST:
        raise ListTooLong(most=MOST)
    return found


def changed(row: Any, **values: Any) -> Any:
    """The row with other values of these names: what time has made of it, and is not recorded."""
    return SimpleNamespace(**{**row._mapping, **values})
