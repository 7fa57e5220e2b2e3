"""What requests about calendar feeds carry, and what is answered."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field

from services.agreements.commands.calendars import IssuedCalendar, answers_until
from services.agreements.tables import CalendarRow
from shared.web import Body


class CreateCalendar(Body):
    """A feed of one's jurisdiction, or of one party's part of it."""

    language: Literal["ar", "fr", "en"] = "ar"
    organisation_id: UUID | None = Field(None, description="only agreements to which this organisation is a party")


class CalendarAnswer(BaseModel):
    """A feed of one's own."""

    id: UUID
    language: Literal["ar", "fr", "en"]
    organisation_id: UUID | None
    created_at: datetime
    answers_until: datetime | None = Field(
        description="its person renews it before; none when it rests until then, as they may have left"
    )
    revoked_at: datetime | None

    @classmethod
    def of(cls, calendar: CalendarRow) -> Self:
        """Without its address, which was shown once."""
        told = calendar.model_dump(include=set(CalendarAnswer.model_fields))
        return cls.model_validate(told | {"answers_until": answers_until(calendar)})


class IssuedCalendarAnswer(CalendarAnswer):
    """A new feed, with its address."""

    path: str | None = Field(
        description="for a calendar program: who has it reads the feed. Shown once: null when the request is repeated"
    )

    @classmethod
    def issued(cls, issued: IssuedCalendar) -> Self:
        """With its address."""
        shown = CalendarAnswer.of(issued.calendar)
        return cls(**shown.model_dump(), path=f"/api/v1/calendars/{issued.token}.ics")
