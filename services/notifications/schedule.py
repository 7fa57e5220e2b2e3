"""What time makes notifications do."""

from datetime import timedelta

from services.notifications.commands import (
    count_readers,
    count_subscribers,
    escalate_receipts,
    forget_attempts,
    forget_secrets,
)
from services.notifications.early import tell_early
from services.notifications.settings import NotificationsSettings
from services.notifications.triggers import remind
from shared.clock import now, today
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


@schedule.every(seconds=3600, id="forget-secrets")
async def forget_old_secrets(database: Database) -> None:
    """Secrets and client keys that were replaced go once nobody can be about to use them."""
    await forget_secrets(database, kept=timedelta(hours=1))


@schedule.every(seconds=60, id="escalate-receipts")
async def escalate(database: Database) -> None:
    """What no academy acknowledged in time is said once, to those who must know."""
    await escalate_receipts(database, now())


@schedule.every(seconds=60, id="count-readers")
async def count_known_people(database: Database) -> None:
    """How many people of each jurisdiction are known is said where the number is another."""
    await count_readers(database)


@schedule.every(seconds=60, id="count-subscribers")
async def count_who_asked_for_the_same(database: Database) -> None:
    """How many people subscribe to the same of what is foretold is said where the number is another."""
    await count_subscribers(database)


@schedule.every(seconds=60, id="tell-early")
async def tell_what_came_early(database: Database) -> None:
    """What was heard before the agreement that it is about is told once that is known."""
    await tell_early(database)


@schedule.every(seconds=300, id="remind")
async def remind_of_dates(database: Database) -> None:
    """People are reminded of dates that come near or have passed; what an outage missed is made up for."""
    await remind(database, today())
