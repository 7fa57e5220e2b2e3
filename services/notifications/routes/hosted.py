"""What every route may ask for: the settings of the service that hosts it, and which academy is meant."""

from typing import Annotated, Any

from fastapi import Depends, Query, Request

from services.notifications.settings import NotificationsSettings
from services.notifications.stream import Hub
from shared.territory import AcademyCode
from shared.web import Db


async def _settings(request: Request) -> Any:
    return request.app.state.hosted.service.settings


Settings = Annotated[NotificationsSettings, Depends(_settings)]


async def _hub(request: Request, db: Db, settings: Settings) -> Hub:
    state = request.app.state
    if not hasattr(state, "hub"):
        state.hub = Hub(db, queue=settings.stream_queue, idle_poll=settings.idle_poll)
    hub: Hub = state.hub
    return hub


Streams = Annotated[Hub, Depends(_hub)]
AcademyMeant = Annotated[AcademyCode | None, Query(description="for national users; others have their own")]
