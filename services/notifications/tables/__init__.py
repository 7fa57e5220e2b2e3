"""The notifications service's tables, one module per noun."""

from services.notifications.tables.base import SEEN_BY, Base
from services.notifications.tables.deliveries import AttemptRow, DeliveryRow
from services.notifications.tables.endpoints import ENDPOINTS, LaneRow, SecretRow
from services.notifications.tables.feed import FeedEntryRow, FeedHeadRow
from services.notifications.tables.letters import UNDELIVERED, LetterAttemptRow, UndeliveredRow
from services.notifications.tables.notices import NoticeRow, TellingRow, ToldLaterRow
from services.notifications.tables.people import (
    READERSHIPS,
    SUBSCRIBERSHIPS,
    InboxItemRow,
    PersonRow,
    ReadershipRow,
    SubscribershipRow,
)
from services.notifications.tables.receipts import RECEIPTS
from services.notifications.tables.reminders import REMINDERS, ReminderRow
from services.notifications.tables.subscriptions import RuleRow

__all__ = [
    "ENDPOINTS",
    "READERSHIPS",
    "RECEIPTS",
    "REMINDERS",
    "SEEN_BY",
    "SUBSCRIBERSHIPS",
    "UNDELIVERED",
    "AttemptRow",
    "Base",
    "DeliveryRow",
    "FeedEntryRow",
    "FeedHeadRow",
    "InboxItemRow",
    "LaneRow",
    "LetterAttemptRow",
    "NoticeRow",
    "PersonRow",
    "ReadershipRow",
    "ReminderRow",
    "RuleRow",
    "SecretRow",
    "SubscribershipRow",
    "TellingRow",
    "ToldLaterRow",
    "UndeliveredRow",
]
