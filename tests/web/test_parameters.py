"""Query parameters: none is passed over without a word."""

from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel

from shared.web.parameters import refuse_unknown_parameters
from tests.web.routes import client_of


class Filters(BaseModel):
    """What a list is filtered by."""

    state: str = ""
    kinds: list[str] | None = None


app = FastAPI(dependencies=[Depends(refuse_unknown_parameters)])


@app.get("/api/v1/things")
async def things(
    filters: Annotated[Filters, Query()],
) -> int:
    """Things by filters."""
    return len(filters.kinds or ())


@app.get("/api/v1/others")
async def others(types: Annotated[tuple[str, ...], Query()] = (), q: Annotated[str | None, Query()] = None) -> int:
    """Things by parameters of their own."""
    return len(types) + bool(q)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("things?state=a&kinds=a&kinds=b", None),
        ("things?state=a&state=b", "repeated_parameter"),
        ("things?state=a&state=a", "repeated_parameter"),
        ("others?types=a&types=b&q=a", None),
        ("others?q=a&q=", "repeated_parameter"),
        ("others?queue=a", "unknown_parameter"),
    ],
)
async def test_what_would_be_passed_over_is_refused(path: str, code: str | None) -> None:
    async with client_of(app) as client:
        answered = await client.get(f"/api/v1/{path}")
    if code is None:
        assert answered.status_code == 200 and answered.json() in (2, 3)
    else:
        assert answered.status_code == 422 and [each["type"] for each in answered.json()["detail"]] == [code]
