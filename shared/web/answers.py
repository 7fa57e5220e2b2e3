"""Bodies and answers: strict on what comes in, exact bytes on what goes out."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.clock import FIRST_DAY, LAST_DAY, end_of, start_of
from shared.database import Database
from shared.web.etags import etag
from shared.web.problems import language_of


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("not within the years 1 to 9999 of UTC") from None


DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _written_out(at: Any) -> Any:
    """No number: seconds or milliseconds since 1970 would be guessed."""
    if isinstance(at, datetime) or (isinstance(at, str) and DAY.match(at)):
        return at
    raise PydanticCustomError("datetime_parsing", "not written as RFC 3339 has it")


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
"""An instant that a request names, with an offset of any zone; one that UTC has no year for is refused."""

BusinessDate = Annotated[date, Field(ge=FIRST_DAY, le=LAST_DAY)]
"""A business date that a request names. What is kept and read back is a plain date."""

BusinessMoment = Annotated[
    AwareDatetime,
    Field(ge=start_of(FIRST_DAY), lt=start_of(LAST_DAY + timedelta(days=1))),
    BeforeValidator(_written_out),
    AfterValidator(_in_utc),
]
"""An instant within the business dates that a request names."""


def _day_as_its_end(at: Any) -> Any:
    if not isinstance(at, str) or not DAY.fullmatch(at):
        return at
    day = date.fromisoformat(at)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"not within {FIRST_DAY} and {LAST_DAY}")
    return end_of(day)


PointInTime = Annotated[
    BusinessMoment,
    BeforeValidator(_day_as_its_end),
    WithJsonSchema({"anyOf": [{"type": "string", "format": each} for each in ("date-time", "date")]}),
]
"""An instant that a request names, or a date: the last instant of that day in Morocco, so that all of it has been."""


class Body(BaseModel):
    """A request body: fields it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def answer(body: BaseModel | None, *, version: int | None = None, status: int = 200, **headers: str) -> Response:
    """A JSON answer, with the ETag of the version when there is one. Header names are given with underscores."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if version is not None:
        sent["ETag"] = etag(version)
    if body is None:
        return Response(status_code=204 if status == 200 else status, headers=sent)
    return Response(body.model_dump_json(), status, headers=sent, media_type="application/json")


async def _database(request: Request) -> Any:
    return request.app.state.database


Db = Annotated[Database, Depends(_database)]
"""The service's database."""
Language = Annotated[str, Depends(language_of)]
"""The language to answer in: ar, fr or en, by Accept-Language."""
