"""What time makes notifications do."""

from shared.database import Database
from shared.messaging.schedule import Schedule
from shared.web.idempotency import forget_answers

schedule = Schedule("notifications")


@schedule.every(seconds=3600, id="forget-answers")
async def forget(database: Database) -> None:
    """Stored answers that can no longer be asked for go."""
    await forget_answers(database)
