"""What an installation decides for itself and our rules go by."""

from pydantic import BaseModel, Field


class Parameters(BaseModel):
    """Part of the service's settings."""

    calendar_days: int = Field(
        366,
        ge=1,
        description="how many days a calendar feed answers after its person made or last renewed it",
    )
    ceremony_days: int = Field(
        1, ge=0, description="how many days before the day it is planned for a ceremony may be opened"
    )


_chosen: list[Parameters] = [Parameters()]


def configure(parameters: Parameters) -> None:
    """Go by these from now on."""
    _chosen[:] = [parameters]


def parameters() -> Parameters:
    """Those of this installation."""
    return _chosen[0]
