"""What every route may ask for: the settings of the service that hosts it, and which academy is meant."""

from typing import Annotated, Any

from fastapi import Depends, Query, Request

from services.notifications.settings import NotificationsSettings
from shared.territory import AcademyCode


async def _settings(request: Request) -> Any:
    return request.app.state.hosted.service.settings


Settings = Annotated[NotificationsSettings, Depends(_settings)]
AcademyMeant = Annotated[AcademyCode | None, Query(description="for national users; others have their own")]
