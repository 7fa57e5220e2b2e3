"""What time makes the centers service do."""

from shared.database import Database
from shared.messaging.schedule import Schedule
from shared.web import forget_answers

schedule = Schedule("centers")


@schedule.every(seconds=3600, id="forget-answers")
async def forget(database: Database) -> None:
    """Stored answers are replayed for a day."""
    await forget_answers(database)
