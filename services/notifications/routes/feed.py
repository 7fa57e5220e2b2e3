"""An academy's feed over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.notifications import queries
from services.notifications.feed import Excerpt
from services.notifications.permissions import PERMISSIONS
from services.notifications.queries import academy_meant
from services.notifications.routes.hosted import AcademyMeant, Streams
from services.notifications.schemas import NoticeAnswer
from services.notifications.schemas.subscriptions import Pattern
from shared.web import CurrentActor, Db, Language, Listing, Moment, Page, page

router = APIRouter(prefix="/api/v1", tags=["notifications"])


@router.get("/notifications/feed", response_model=Listing[NoticeAnswer])
async def read_feed(
    by: CurrentActor,
    db: Db,
    wanted: Page,
    language: Language,
    streams: Streams,
    academy: AcademyMeant = None,
    after: Annotated[int, Query(ge=0, lt=2**63, description="the last sequence already known")] = 0,
    types: Annotated[tuple[Pattern, ...], Query(max_length=50, description="event types, `*` for anything")] = (),
    since: Annotated[Moment | None, Query(description="only events that happened from then on")] = None,
    until: Annotated[Moment | None, Query(description="only events that happened before")] = None,
    wait: Annotated[int, Query(ge=0, le=30, description="seconds to wait for something when there is nothing")] = 0,
) -> Response:
    """All that an academy was ever told, in order, delivered or not: what a webhook missed is here.

    Ask with the last `sequence` known as `after`, again and again: after days away nothing is missing. With `wait` an
    answer without items comes only when nothing happened meanwhile.
    """
    PERMISSIONS.allow(by, "read_feed")
    found, next = await queries.feed(
        db,
        streams,
        academy=academy_meant(academy, by),
        wanted=Excerpt(after, types, since, until),
        wait=wait,
        language=language,
        page=wanted,
        by=by,
    )
    return page(wanted, found, next)
