"""What people read, one module per noun."""

from services.agreements.queries.agreements import agreement, agreement_history, agreements, signature_batch, text
from services.agreements.queries.ceremonies import ceremonies, ceremony, lobby, minutes

__all__ = [
    "agreement",
    "agreement_history",
    "agreements",
    "ceremonies",
    "ceremony",
    "lobby",
    "minutes",
    "signature_batch",
    "text",
]
