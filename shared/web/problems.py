"""Problems: every answer that is not a success has the shape of RFC 9457, in the reader's language.

`type` is `/problems/<slug>`: a relative reference with a full path, stable, the same in every language. It identifies
(RFC 9457, 3.1.1); no page lies there. What it means and what to do is in `title` and `detail`.
"""

import logging
import re
from collections.abc import Collection, Sequence
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Literal
from uuid import uuid4

import asyncpg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from opentelemetry import trace
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import Scope

from shared.language import RIGHT_TO_LEFT, Wording, choose, instant
from shared.refusals import ConcurrentChange, Malformed, NotFound, Refusal, Unauthenticated, Unavailable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 2
"""Seconds a client is asked to wait while a part is away."""
TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
STANDARD = frozenset({"type", "title", "status", "detail", "instance", "trace_id", "errors"})

logger = logging.getLogger(__name__)


class MethodNotAllowed(Refusal):
    """The address exists, but not for this HTTP method."""

    status = 405
    slug = "method-not-allowed"


class TooLarge(Refusal):
    """The body is longer than allowed. Values: limit (bytes)."""

    status = 413
    slug = "too-large"


class TooManyRequests(Refusal):
    """Over the rate. Values: retry_after (seconds)."""

    status = 429
    slug = "too-many-requests"


class InternalError(Refusal):
    """A fault of ours."""

    status = 500
    slug = "internal-error"


class FieldError(BaseModel):
    """What is wrong with one value of the request."""

    pointer: str | None = Field(None, description="JSON Pointer into the body, as a URI fragment")
    parameter: str | None = Field(None, description="name of the query, path or header parameter")
    code: str = Field(description="what is wrong, the same in every language")
    detail: str = Field(description="what is wrong, in the language of the answer")


class Problem(BaseModel):
    """A problem answer (RFC 9457). Further members depend on the type."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="stable reference of the kind of problem", examples=["/problems/not-allowed-now"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="the path of the request")
    trace_id: str = Field(description="the number to tell support")
    errors: list[FieldError] | None = Field(None, description="one entry per value that is not acceptable")


ALSO = {
    "allowed": "action",
    "states": "state",
    **dict.fromkeys(("least", "offered"), "level"),
    **dict.fromkeys(("name", "parties"), "names"),
}
"""Values that are worded as others are."""
BY_STATUS: dict[int, type[Refusal]] = {
    400: Malformed,
    401: Unauthenticated,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    422: Malformed,
    429: TooManyRequests,
    500: InternalError,
    503: Unavailable,
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
CONFLICTS = frozenset({"40001", "40P01", "55P03"})
UNSTORABLE = frozenset({"22021", "22P05"})
AWAY = re.compile("08...|53[03]..|57P0[123]")


def problem(
    request: Request,
    refusal: Refusal,
    *,
    headers: dict[str, str] | None = None,
    errors: Sequence[FieldError] | None = None,
) -> Response:
    """The answer that tells a refusal in the reader's language. Values of the refusal become members."""
    members = members_of(request, refusal)
    if errors:
        members["errors"] = [error.model_dump(exclude_none=True) for error in errors]
    all_headers = {"Content-Language": language_of(request), "Vary": "Accept-Language", **(headers or {})}
    if "retry_after" in members:
        all_headers["Retry-After"] = str(members["retry_after"])
    if refusal.status == 401:
        all_headers["WWW-Authenticate"] = _challenge(request)
    return Response(to_json(members), refusal.status, headers=all_headers, media_type=MEDIA_TYPE)


reader: ContextVar[Request] = ContextVar("reader")
"""Whose request is being answered: its language and its service's wording."""


def told(refusal: Refusal) -> str:
    """A refusal's detail for whoever is being answered: for answers that say why something cannot be."""
    return refusal_detail(refusal, *answered_in())


def answered_in() -> tuple[Wording, str]:
    """The service's wording and the language in which whoever is being answered reads."""
    request = reader.get()
    return request.app.state.wording, language_of(request)


def refusal_detail(refusal: Refusal, wording: Wording, language: str) -> str:
    """A refusal's detail."""
    return _text("detail", wording, refusal.slug, language, refusal.values)


def refusal_text(refusal: Refusal, wording: Wording, language: str) -> str:
    """A refusal's title and detail."""
    return " ".join(_text(part, wording, refusal.slug, language, refusal.values) for part in ("title", "detail"))


def members_of(request: Request, refusal: Refusal) -> dict[str, Any]:
    """A refusal as the members of a problem; also for parts of an answer that tells of several things."""
    trace_id = trace_id_of(request.scope)
    values = dict(refusal.values)
    if refusal.status == 503:
        values.setdefault("retry_after", RETRY_AFTER)
    asked = (request.app.state.wording, refusal.slug, language_of(request), values | {"trace_id": trace_id})
    return {
        "type": f"/problems/{refusal.slug}",
        "title": _text("title", *asked),
        "status": refusal.status,
        "detail": _text("detail", *asked),
        "instance": request.url.path,
        "trace_id": trace_id,
        **{name: value for name, value in values.items() if name not in STANDARD},
    }


def answer_to(request: Request, error: Exception) -> Response:
    """The problem answer to anything that was raised; what nobody foresaw is logged and becomes a 500."""
    refusal = refusal_of(error)
    if refusal is None:
        trace.get_current_span().record_exception(error)
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        refusal = InternalError()
    elif isinstance(refusal, Unavailable) and refusal is not error:
        logger.warning("%s %s: %s", request.method, request.url.path, type(error).__name__)
    return problem(request, refusal)


def refusal_of(error: Exception) -> Refusal | None:
    """What an error means to the client, or None if it is a fault of ours."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, PoolTimeout | asyncpg.InternalClientError):
        return Unavailable()
    if isinstance(error, DBAPIError | asyncpg.PostgresError):
        code = getattr(getattr(error, "orig", error), "sqlstate", None) or ""
        if code in CONFLICTS:
            return ConcurrentChange()
        if code in UNSTORABLE or _overflows(error):
            return Malformed()
        if AWAY.fullmatch(code) or getattr(error, "connection_invalidated", False):
            return Unavailable()
    # Connecting fails with a bare OSError; one about a file would name it.
    if isinstance(error, OSError) and error.filename is None:
        return Unavailable()
    return None


def _overflows(error: BaseException | None) -> bool:
    """Whether a value was beyond what its column holds: a number or an instant that JSON can say all the same."""
    while error is not None and not isinstance(error, OverflowError):
        error = error.__cause__
    return error is not None


def language_of(request: Request) -> str:
    """The language to answer in."""
    state: dict[str, Any] = request.scope.setdefault("state", {})
    if "language" not in state:
        state["language"] = choose(request.headers.get("accept-language"))
    return str(state["language"])


def trace_id_of(scope: Scope) -> str:
    """The trace id of this request: the running span's, else the caller's, else a fresh one."""
    state: dict[str, Any] = scope.setdefault("state", {})
    if "trace_id" not in state:
        context = trace.get_current_span().get_span_context()
        given = TRACEPARENT.fullmatch(dict(scope["headers"]).get(b"traceparent", b""))
        if context.is_valid:
            state["trace_id"] = trace.format_trace_id(context.trace_id)
        else:
            state["trace_id"] = given[1].decode() if given else uuid4().hex
    return str(state["trace_id"])


def install_problems(app: FastAPI) -> None:
    """Answer refusals, invalid requests and HTTP errors of the framework as problems."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, refusal: Refusal) -> Response:
        return problem(request, refusal)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        errors = [_field_error(request, found) for found in error.errors()]
        return problem(request, Malformed(), errors=errors)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        known = BY_STATUS.get(error.status_code) or _by_phrase(error.status_code)
        values = {"limit": error.detail} if known is TooLarge else {}
        return problem(request, known(**values), headers=dict(error.headers or {}))


def _text(part: Literal["title", "detail"], wording: Wording, slug: str, language: str, values: dict[str, Any]) -> str:
    key = f"refusals.{slug}.{part}"
    names = _asked_for(wording, key, language)
    if names is None:
        return slug.replace("-", " ").capitalize()
    asked = tuple([(name, values[name]) for name in names if name in values])
    fill = _fill_again if all(isinstance(value, str) for _, value in asked) else _fill
    return fill(wording, key, language, str(values.get("kind")), asked)


@lru_cache(2_000)
def _asked_for(wording: Wording, key: str, language: str) -> Collection[str] | None:
    """The names of the values that a text asks for; None if there is no such text."""
    return wording.placeholders(key, language) if key in wording else None


def _fill(wording: Wording, key: str, language: str, kind: str, asked: tuple[tuple[str, Any], ...]) -> str:
    return wording.text(key, language, **{name: _shown(wording, language, name, value, kind) for name, value in asked})


_fill_again = lru_cache(2_000)(_fill)
"""For words, which are the same again and again: an answer tells twenty actions and why each is not possible."""


def _shown(wording: Wording, language: str, name: str, value: Any, kind: str) -> Any:
    """Actions, states, instants and other fixed values by their names in the language, if it has one.

    Names said in Arabic and French are told in the nearer of the two, unless they are said in the language itself.
    """
    match value:
        case list() | tuple():
            between = "، " if language in RIGHT_TO_LEFT else ", "
            return between.join(str(_shown(wording, language, name, each, kind)) for each in value)
        case {"ar": in_arabic, "fr": in_french}:
            return value.get(language) or (in_arabic if language in RIGHT_TO_LEFT else in_french)
        case datetime():
            return instant(value, language)
    name = ALSO.get(name, name)
    named = {"action": f"actions.{value}", "state": f"states.{kind}.{value}"}
    key = named.get(name, f"values.{name}.{value}")
    if key in wording:
        return wording.text(key, language)
    return "—" if value is None else value


def _field_error(request: Request, error: dict[str, Any]) -> FieldError:
    wording: Wording = request.app.state.wording
    place, *path = error["loc"]
    code = error["type"]
    key = f"validation.{code}"
    said = dict(error.get("ctx", {}))
    if "expected" in said:
        # A list in English prose, of values that are the same in every language.
        said["expected"] = re.sub(r" (or|and) (?=')", ", ", said["expected"])
    detail = wording.text(key if key in wording else "validation.invalid", language_of(request), **said)
    if place != "body":
        return FieldError(parameter=str(path[0]) if path else str(place), code=code, detail=detail)
    path = [] if code == "json_invalid" else path
    pointer = "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
    return FieldError(pointer=pointer, code=code, detail=detail)


def _challenge(request: Request) -> str:
    error = ', error="invalid_token"' if "authorization" in request.headers else ""
    return f'Bearer realm="mithaq"{error}'


def _by_phrase(code: int) -> type[Refusal]:
    phrase = HTTPStatus(code).phrase.lower().replace(" ", "-").replace("'", "")
    return type("HttpRefusal", (Refusal,), {"status": code, "slug": phrase})
