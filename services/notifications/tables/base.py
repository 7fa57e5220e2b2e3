"""What the service's tables have in common, and which of their rows are seen."""

from typing import Any

from sqlalchemy import DateTime, text

from shared.migrations import IN_SCOPE
from shared.store import service_base

Base = service_base("notifications")
SEEN_BY = {
    table: IN_SCOPE.format(column=codes)
    for codes, tables in {
        "array[academy]": ("attempt", "delivery", "endpoint_secret", "feed_entry", "feed_head", "lane"),
        # Gathered over all jurisdictions: only national work, which composes sentences, reads them.
        "array['national']": ("announced_date", "circle", "name"),
        "array[jurisdiction]": ("telling", "told_later"),
        "array['person:' || id::text]": ("person",),
        "array['person:' || person_id::text]": ("bounce", "inbox_item", "letter", "letter_line"),
        "(array['person:' || person_id::text, jurisdiction] || seen_by)": ("letter_attempt",),
        "(reach || audience)": ("notice",),
    }.items()
    for table in tables
}
"""The condition on which rows are seen, where it is not that `visible_to` is in scope."""

Instant = DateTime(timezone=True)
NOW: dict[str, Any] = {"server_default": text("clock_timestamp()")}
