"""Query parameters: one that an address does not know is refused, where it would be passed over without a word."""

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse a filter of another name: the answer would be the whole list. Only reads of the API have filters."""
    route = request.scope["route"]
    if not request.query_params or request.method != "GET" or not route.path.startswith("/api/"):
        return
    known = dict.fromkeys(_parameters(route.dependant))
    unknown = [each for each in dict.fromkeys(request.query_params) if each not in known]
    if unknown:
        there = ", ".join(known) or "—"
        raise RequestValidationError(
            [{"type": "unknown_parameter", "loc": ("query", each), "ctx": {"known": there}} for each in unknown]
        )


def _parameters(dependant: Dependant) -> Iterator[str]:
    """The names of a route's query parameters, those of its dependencies among them."""
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (told.alias or name for name, told in model.model_fields.items())
        else:
            yield field.alias
    for each in dependant.dependencies:
        yield from _parameters(each)
