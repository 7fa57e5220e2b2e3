"""Paging: by key, never by offset, with a cursor that clients pass on unread."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json, to_jsonable_python
from sqlalchemy import ColumnElement, Select, literal, tuple_

from shared.web.etags import etag

T = TypeVar("T")
Rows = TypeVar("Rows", bound=tuple[Any, ...])
MOST = 100
USUAL = 20
Cursor = Annotated[str | None, Query(max_length=500, description="where the previous page ended; opaque")]


class Listing(BaseModel, Generic[T]):
    """One page of a list; `next` is the cursor of the next one, null on the last."""

    items: list[T]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is asked for: at most `limit` items after the key `after`."""

    request: Request
    after: tuple[Any, ...] | None
    limit: int

    def select(self, query: Select[Rows], *columns: Any, newest_first: bool = False) -> Select[Rows]:
        """The query for this page, ordered by the columns; together they must be unique, the last one being the id.

        It asks for one row more than the page holds, to know whether there is a next one.
        """
        order = [column.desc() if newest_first else column.asc() for column in columns]
        if self.after is not None:
            key, here = tuple_(*columns), tuple_(*self._typed(columns))
            query = query.where(key < here if newest_first else key > here)
        return query.order_by(*order).limit(self.limit + 1)

    def within(self, rows: Sequence[T], key: Callable[[T], Sequence[Any]]) -> tuple[Sequence[T], str | None]:
        """The rows of this page of a list that is there whole, in its own order, and the cursor of the next.

        `key` names a row. If the one where the page before ended has gone since, the cursor is refused.
        """
        if self.after is not None:
            after = encode_cursor(self.after)
            names = [encode_cursor(key(row)) for row in rows]
            if after not in names:
                raise _not_ours()
            rows = rows[names.index(after) + 1 :]
        return self.cut(rows[: self.limit + 1], key)

    def cut(self, rows: Sequence[T], key: Callable[[T], Sequence[Any]]) -> tuple[Sequence[T], str | None]:
        """The rows of this page and the cursor of the next. `key` gives a row's values of the columns of `select`."""
        if len(rows) <= self.limit:
            return rows, None
        kept = rows[: self.limit]
        return kept, encode_cursor(key(kept[-1]))

    def _typed(self, columns: Sequence[Any]) -> list[ColumnElement[Any]]:
        assert self.after is not None
        if len(self.after) != len(columns):
            raise _not_ours()
        try:
            values = [
                TypeAdapter(column.type.python_type).validate_python(value)
                for column, value in zip(columns, self.after, strict=True)
            ]
        except ValidationError as error:
            raise _not_ours() from error
        return [literal(value, column.type) for column, value in zip(columns, values, strict=True)]


def page(
    request: PageRequest, items: Sequence[BaseModel], next: str | None, *, version: int | None = None, **beside: Any
) -> Response:
    """The page as `{items, next}` and what is told beside it, with a Link (RFC 8288) to the next one.

    The ETag is that of the version when there is one: the whole list's, not the page's.
    """
    headers = {} if version is None else {"ETag": etag(version)}
    if next is not None:
        url = request.request.url.include_query_params(cursor=next)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return Response(to_json({"items": items, "next": next, **beside}), headers=headers, media_type="application/json")


def encode_cursor(key: Sequence[Any]) -> str:
    """The opaque form of a key of sort values."""
    return base64.urlsafe_b64encode(to_json(to_jsonable_python(list(key)))).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> tuple[Any, ...]:
    """The key that a cursor stands for, as JSON values. Raises RequestValidationError for anything but ours."""
    try:
        key = from_json(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except ValueError as error:
        raise _not_ours() from error
    if not isinstance(key, list) or not all(isinstance(value, str | int) for value in key):
        raise _not_ours()
    return tuple(key)


async def page_request(
    request: Request,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="most items on the page")] = USUAL,
) -> PageRequest:
    """The page that a request asks for."""
    return PageRequest(request, decode_cursor(cursor) if cursor is not None else None, limit)


async def full_page_request(
    request: Request,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="most items on the page")] = MOST,
) -> PageRequest:
    """The same of a list that is short as a rule: whoever names no limit gets as much as a page may hold."""
    return await page_request(request, cursor, limit)


Page = Annotated[PageRequest, Depends(page_request)]
"""Which page of a list is asked for."""
FullPage = Annotated[PageRequest, Depends(full_page_request)]
"""Which page of a list is asked for that is mostly read at once."""


def _not_ours() -> RequestValidationError:
    return RequestValidationError(
        [{"type": "cursor", "loc": ("query", "cursor"), "msg": "not a cursor", "input": None}]
    )
