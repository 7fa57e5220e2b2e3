"""Query parameters: one that would be passed over without a word is refused, unknown to an address or given twice."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse a filter of another name: the answer would be the whole list; and a second value, where one counts.

    Only reads of the API have filters. What anybody may read is fetched by programs that add something of their own.
    """
    route = request.scope["route"]
    asks = request.query_params and request.method == "GET" and route.path.startswith("/api/")
    if not asks or (route.openapi_extra or {}).get("x-public"):
        return
    known = dict(_parameters(route.dependant))
    there = ", ".join(known) or "—"
    given = [name for name, _ in request.query_params.multi_items()]
    errors: list[dict[str, Any]] = []
    for each in dict.fromkeys(given):
        if each not in known:
            errors.append({"type": "unknown_parameter", "loc": ("query", each), "ctx": {"known": there}})
        elif given.count(each) > 1 and not _takes_many(known[each]):
            errors.append({"type": "repeated_parameter", "loc": ("query", each), "ctx": {}})
    if errors:
        raise RequestValidationError(errors)


def _parameters(dependant: Dependant) -> Iterator[tuple[str, Any]]:
    """A route's query parameters by name, with their types; those of its dependencies among them."""
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from ((told.alias or name, told.annotation) for name, told in model.model_fields.items())
        else:
            yield field.alias, model
    for each in dependant.dependencies:
        yield from _parameters(each)


def _takes_many(annotation: Any) -> bool:
    return any(get_origin(each) in (list, tuple) for each in (annotation, *get_args(annotation)))
