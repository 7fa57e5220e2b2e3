"""The words that bodies and answers share."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from shared.clock import FIRST_DAY, LAST_DAY
from shared.web import Body

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""One line that people read."""
Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hex."""
BudgetYear = Annotated[int, Field(ge=FIRST_DAY.year, le=LAST_DAY.year)]
Seats = Annotated[int, Field(ge=0, le=10_000)]


def each_once(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("each only once")
    return values


class Because(Body):
    """Why; shown to those who see the agreement or ceremony, and never published."""

    reason: Paragraph
