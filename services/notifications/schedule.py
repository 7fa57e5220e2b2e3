"""What time makes notifications do."""

from datetime import timedelta

from services.notifications.commands import forget_attempts
from services.notifications.settings import NotificationsSettings
from shared.clock import now
from shared.database import Database
from shared.messaging.schedule import Schedule
from shared.web.idempotency import forget_answers

schedule = Schedule("notifications")


@schedule.every(seconds=3600, id="forget-answers")
async def forget(database: Database) -> None:
    """Stored answers that can no longer be asked for go."""
    await forget_answers(database)


@schedule.every(seconds=3600, id="forget-attempts")
async def forget_old_attempts(database: Database) -> None:
    """Attempts are kept for as long as the settings say; deliveries and feeds stay."""
    await forget_attempts(database, before=now() - timedelta(days=NotificationsSettings().attempts_kept))
