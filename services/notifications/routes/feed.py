"""An academy's feed over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.notifications import queries
from services.notifications.permissions import PERMISSIONS
from services.notifications.queries import academy_meant
from services.notifications.routes.hosted import AcademyMeant
from services.notifications.schemas import NoticeAnswer
from shared.web import CurrentActor, Db, Language, Listing, Page, page

router = APIRouter(prefix="/api/v1", tags=["notifications"])


@router.get("/notifications/feed", response_model=Listing[NoticeAnswer])
async def read_feed(
    by: CurrentActor,
    db: Db,
    wanted: Page,
    language: Language,
    academy: AcademyMeant = None,
    after: Annotated[int, Query(ge=0, lt=2**63, description="the last sequence already known")] = 0,
) -> Response:
    """All that an academy was ever told, in order: what a webhook missed is here."""
    PERMISSIONS.allow(by, "read_feed")
    found, next = await queries.feed(
        db, academy=academy_meant(academy, by), after=after, language=language, page=wanted, by=by
    )
    return page(wanted, found, next)
