"""What time makes the centers service do."""

from shared.database import Database
from shared.messaging.schedule import Schedule
from shared.web import forget_answers

schedule = Schedule("centers")


@schedule.every(seconds=3600, id="forget-answers")
async def forget_old_answers(database: Database) -> None:
    """Answers kept for repeated requests are forgotten after a day."""
    await forget_answers(database)
