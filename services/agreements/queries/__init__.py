"""What people read, one module per noun."""

from services.agreements.queries.agreements import agreement, agreement_history, agreements, signature_batch, text
from services.agreements.queries.calendars import calendars, feed_of
from services.agreements.queries.ceremonies import ceremonies, ceremony, lobby, minutes
from services.agreements.queries.obligations import obligations

__all__ = [
    "agreement",
    "agreement_history",
    "agreements",
    "calendars",
    "ceremonies",
    "ceremony",
    "feed_of",
    "lobby",
    "minutes",
    "obligations",
    "signature_batch",
    "text",
]
