"""What time makes the register do."""

from services.network import commands
from shared.database import Database
from shared.messaging.schedule import Schedule
from shared.web import forget_answers

schedule = Schedule("network")


@schedule.every(seconds=3600, id="seed-institutions")
async def seed_institutions(database: Database) -> None:
    """The institutions of the territory are in the register from the first start on, told by events like all else."""
    await commands.seed_institutions(database)


@schedule.every(seconds=3600, id="forget-answers")
async def forget(database: Database) -> None:
    """Stored answers are replayed for a day."""
    await forget_answers(database)
