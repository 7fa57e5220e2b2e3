"""What people read, one module per noun."""

from services.agreements.queries.agreements import (
    Instants,
    agreement,
    agreement_changes,
    agreement_history,
    signature_batch,
    text,
)
from services.agreements.queries.amendments import (
    amendment,
    amendment_changes,
    amendment_conflicts,
    amendment_content,
    amendment_contents,
    amendment_history,
    amendment_papers,
    amendments,
    exported_amendments,
    parties_named,
)
from services.agreements.queries.calendars import calendars, feed_of
from services.agreements.queries.ceremonies import ceremonies, ceremony, lobby, minutes
from services.agreements.queries.checkpoints import checkpoints, proof
from services.agreements.queries.documents import content_of, document
from services.agreements.queries.impact import impact
from services.agreements.queries.obligations import exported_obligations, obligations
from services.agreements.queries.searches import agreements, exported, saved_search, saved_searches
from services.agreements.queries.substitutions import substitutions
from services.agreements.queries.threads import open_points, participants, thread, threads

__all__ = [
    "Instants",
    "agreement",
    "agreement_changes",
    "agreement_history",
    "agreements",
    "amendment",
    "amendment_changes",
    "amendment_conflicts",
    "amendment_content",
    "amendment_contents",
    "amendment_history",
    "amendment_papers",
    "amendments",
    "calendars",
    "ceremonies",
    "ceremony",
    "checkpoints",
    "content_of",
    "document",
    "exported",
    "exported_amendments",
    "exported_obligations",
    "feed_of",
    "impact",
    "lobby",
    "minutes",
    "obligations",
    "open_points",
    "participants",
    "parties_named",
    "proof",
    "saved_search",
    "saved_searches",
    "signature_batch",
    "substitutions",
    "text",
    "thread",
    "threads",
]
