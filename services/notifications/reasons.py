"""Reasons: why an attempt went as it did. A code that stays is kept, and each reader is told it in their language.

A row keeps the code with what there is to add in every language alike: `not_accepted HTTP 404`. Rows from before there
were codes keep the words that they have.
"""

from typing import Any

from services.notifications.notice import wording


def code_of(kept: str) -> str | None:
    """The code of a reason as it is kept; None if it is from before there were codes."""
    code = kept.partition(" ")[0]
    return code if f"values.reason.{code}" in wording() else None


def in_words(kept: str, language: str) -> str:
    """A reason as people of this language read it."""
    code = code_of(kept)
    if code is None:
        return kept
    reason, more = wording().text(f"values.reason.{code}", language), kept.removeprefix(code).strip()
    return wording().text("attempts.reason", language, reason=reason, more=more) if more else reason


def said(kept: str | None, language: str) -> dict[str, Any]:
    """The members of an answer that tell a reason; None if there is none yet."""
    return {"code": kept and code_of(kept), "reason": kept and in_words(kept, language)}
