"""What people and systems read of notifications: each within their jurisdiction, and explicitly so."""

from services.notifications.queries.academies import academy_meant
from services.notifications.queries.deliveries import deliveries, delivery, delivery_attempts
from services.notifications.queries.endpoints import attempts, endpoint, endpoints, health
from services.notifications.queries.feed import entries, feed

__all__ = [
    "academy_meant",
    "attempts",
    "deliveries",
    "delivery",
    "delivery_attempts",
    "endpoint",
    "endpoints",
    "entries",
    "feed",
    "health",
]
