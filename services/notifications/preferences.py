"""Preferences: when a person wants to be told, on which channel. Morocco's clock decides, whatever its offset is."""

from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from shared.clock import CASABLANCA

Timing = Literal["off", "immediate", "daily", "weekly"]


def _whole_minutes(value: time) -> time:
    if value.tzinfo or value.second or value.microsecond:
        raise ValueError("a time of day is hours and minutes, in Morocco")
    return value


TimeOfDay = Annotated[
    time,
    AfterValidator(_whole_minutes),
    PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}),
]
"""Hours and minutes by Morocco's clock."""


class TypePreference(BaseModel):
    """How one is told of some types of event, where that differs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    types: str = Field(pattern=r"^[a-z0-9_.*]{1,100}$", description="event types, `*` standing for anything")
    inbox: Literal["off", "immediate"] | None = Field(None, description="null: as otherwise")
    email: Timing | None = Field(None, description="null: as otherwise")


class Preferences(BaseModel):
    """What one person prefers. Statutory notices are sent at once whatever it says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: Literal["ar", "fr", "en"] = Field("ar", description="of the inbox and the e-mails")
    inbox: Literal["off", "immediate"] = "immediate"
    email: Timing = Field("off", description="each notice by itself, or all of a day or of a week in one e-mail")
    address: str | None = Field(None, max_length=254, description="where e-mails go; none without it")
    digest_at: TimeOfDay = Field(time(8), description="when digests are sent, in Morocco")
    digest_day: int = Field(0, ge=0, le=6, description="the day of a weekly digest, Monday being 0")
    quiet_from: TimeOfDay | None = Field(None, description="from when on no e-mail is sent, in Morocco")
    quiet_until: TimeOfDay | None = Field(None, description="when it is sent again")

    by_type: tuple[TypePreference, ...] = Field(
        (), max_length=50, description="what differs for some types of event; the first that fits counts"
    )

    @model_validator(mode="after")
    def _whole(self) -> "Preferences":
        if (self.quiet_from is None) != (self.quiet_until is None) or (
            self.quiet_from is not None and self.quiet_from == self.quiet_until
        ):
            raise ValueError("quiet hours have a beginning and another end")
        return self

    def about(self, type: str) -> "Preferences":
        """What is preferred about an event of this type."""
        found = next((each for each in self.by_type if fnmatchcase(type, each.types)), None)
        if found is None:
            return self
        return self.model_copy(update=found.model_dump(include={"inbox", "email"}, exclude_none=True))

    def is_quiet(self, at: datetime) -> bool:
        """Whether an instant lies in the quiet hours."""
        if self.quiet_from is None or self.quiet_until is None:
            return False
        local = at.astimezone(CASABLANCA).time()
        if self.quiet_from < self.quiet_until:
            return self.quiet_from <= local < self.quiet_until
        return local >= self.quiet_from or local < self.quiet_until

    def email_due(self, at: datetime) -> datetime | None:
        """When an e-mail about something told at an instant is due; None if none is wanted."""
        match self.email:
            case "off":
                return None
            case "immediate":
                due = at
            case "daily":
                due = _next(at, self.digest_at)
            case "weekly":
                due = _next(at, self.digest_at, weekday=self.digest_day)
        if self.quiet_until is not None and self.is_quiet(due):
            due = _next(due, self.quiet_until)
        return due


def _next(at: datetime, wanted: time, *, weekday: int | None = None) -> datetime:
    """The first instant after `at` at which Morocco's clocks show the wanted time, on that day of the week if given.

    In the night in which they go back they show some times twice.
    """
    day = at.astimezone(CASABLANCA).date()
    while True:
        first, second = (
            datetime.combine(day, wanted.replace(fold=fold), CASABLANCA).astimezone(at.tzinfo) for fold in (0, 1)
        )
        # Of a time that is left out, the second is the one before the gap: it is not over then.
        then = first if first > at else max(first, second)
        if then > at and weekday in (None, day.weekday()):
            return then
        day += timedelta(days=1)
