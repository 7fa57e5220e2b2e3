"""ETags: the aggregate's version, sent with every answer and named by every change."""

import re
from typing import Annotated

from fastapi import Depends, Header

from shared.refusals import PreconditionRequired, StaleVersion

STRONG = re.compile(r'"(\d{1,9})"')


def etag(version: int) -> str:
    """The strong entity tag of a version."""
    return f'"{version}"'


def is_known(tag: str, known: str | None) -> bool:
    """Whether If-None-Match names the tag: alone or among others, weak or strong, or any (RFC 9110, 13.1.2)."""
    named = [each.strip().removeprefix("W/") for each in (known or "").split(",")]
    return tag in named or named == ["*"]


async def expected_version(
    if_match: Annotated[
        str | None,
        Header(description='required: the ETag last read, for example `"3"`; 428 without it, 412 when stale'),
    ] = None,
) -> int:
    """The version that the request changes. PreconditionRequired without one, StaleVersion for a foreign tag."""
    if if_match is None or if_match.strip() == "*":
        raise PreconditionRequired()
    if not (tag := STRONG.fullmatch(if_match.strip())):
        raise StaleVersion(expected=if_match, changes=[])
    return int(tag[1])


IfMatch = Annotated[int, Depends(expected_version)]
"""The version a change is based on; given to `Store.load(expected=…)`, which answers 412 when it is stale."""

IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", description="the ETag of the file one has; 304 if it is it")
]
"""What the reader has already, to be asked with `is_known`."""
