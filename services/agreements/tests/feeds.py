"""Calendar feeds, as their readers have them."""

from datetime import date
from typing import Any

import httpx
from icalendar import Calendar

from shared.actor import Actor


async def a_feed(as_: Any, by: Actor, **body: Any) -> str:
    """The address of a new feed."""
    created = await as_(by).post("/calendars", {"language": "fr"} | body)
    assert created.status_code == 201, created.text
    path: str = created.json()["path"]
    return path


async def events(http: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """What a feed tells, by uid, beside its own last day."""
    answered = await http.get(path)
    assert answered.status_code == 200, answered.text
    assert answered.headers["content-type"].startswith("text/calendar")
    calendar = Calendar.from_ical(answered.text)
    assert calendar.errors == []
    return {str(each["uid"]): each for each in calendar.events if not str(each["uid"]).startswith("feed-")}


async def its_end(http: httpx.AsyncClient, path: str) -> Any:
    """What a feed tells of its own last day."""
    (told,) = (each for each in Calendar.from_ical((await http.get(path)).text).events if "feed-" in str(each["uid"]))
    return told


async def appointments(http: httpx.AsyncClient, path: str) -> dict[str, tuple[date, str]]:
    """What a feed tells: uid -> day and title."""
    return {uid: (each.start, str(each["summary"])) for uid, each in (await events(http, path)).items()}
