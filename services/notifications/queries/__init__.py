"""What people and systems read of notifications: each within their jurisdiction, and explicitly so."""

from services.notifications.queries.academies import academy_meant
from services.notifications.queries.deliveries import deliveries, delivery, delivery_attempts
from services.notifications.queries.endpoints import attempts, endpoint, endpoints, health
from services.notifications.queries.event_types import event_types
from services.notifications.queries.feed import feed
from services.notifications.queries.letters import letter_attempts
from services.notifications.queries.people import inbox, inbox_counts, preferences
from services.notifications.queries.previews import preview
from services.notifications.queries.receipts import receipts
from services.notifications.queries.subscriptions import explanation, rehearsal, subscription, subscriptions
from services.notifications.queries.unheard import unheard

__all__ = [
    "academy_meant",
    "attempts",
    "deliveries",
    "delivery",
    "delivery_attempts",
    "endpoint",
    "endpoints",
    "event_types",
    "explanation",
    "feed",
    "health",
    "inbox",
    "inbox_counts",
    "letter_attempts",
    "preferences",
    "preview",
    "receipts",
    "rehearsal",
    "subscription",
    "subscriptions",
    "unheard",
]
