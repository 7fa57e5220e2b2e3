"""The notifications service, ready to be hosted."""

import asyncio
from pathlib import Path

from services.notifications.postman import Postman
from services.notifications.reactions import reactions
from services.notifications.routes import router
from services.notifications.schedule import schedule
from services.notifications.sending import Sender
from services.notifications.settings import NotificationsSettings
from shared.database import Database
from shared.hosting import Service


def service(settings: NotificationsSettings) -> Service:
    """All parts of the notifications service. ValueError in production without a key-encryption key."""
    if settings.platform.profile == "production":
        _ = settings.key_ring  # not only at the first secret

    async def posting(database: Database, stop: asyncio.Event) -> None:
        await Postman(settings, database).run(stop)

    async def sending(database: Database, stop: asyncio.Event) -> None:
        await Sender(settings, database).run(stop)

    return Service(
        name="notifications",
        settings=settings,
        router=router,
        reactions=reactions,
        schedule=schedule,
        wording=Path(__file__).parent / "wording",
        workers=(sending, posting),
    )
