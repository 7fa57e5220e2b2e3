"""Bounces: letters that came back. An address that returns too many is written to no more, and its owner sees why."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from typing import cast
from uuid import UUID

from sqlalchemy import text

from services.notifications.errors import NotABounce
from shared.database import Transaction

NOTE = text("""
    insert into bounce (letter_id, person_id, recipient, status, reason, at)
    select id, person_id, recipient, :status, :reason, clock_timestamp() from letter where id = :letter
    on conflict (letter_id) do nothing returning person_id, recipient
""")
COUNT = text("""
    update person set bounces = bounces + 1,
        suspended_at = case when bounces + 1 >= :most then coalesce(suspended_at, clock_timestamp()) end,
        suspended_because = case when bounces + 1 >= :most then coalesce(suspended_because, :because) end
    where id = :person and address = :recipient
""")
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Returned:
    """What a delivery status notification says of one letter."""

    letter_id: UUID
    status: str
    """An enhanced status code (RFC 3463)."""
    reason: str

    @property
    def is_hard(self) -> bool:
        """Whether the address will not take the next one either: a permanent failure of the address or mailbox."""
        return self.status.startswith(("5.0.", "5.1.", "5.2.")) and self.status != "5.2.2"


async def note_bounce(tx: Transaction, letter_id: UUID, status: str, reason: str | None, *, most: int) -> bool:
    """Count a letter that came back, once; with the `most`-th in a row its address is suspended.

    False for a letter that is unknown or was counted before.
    """
    noted = {"letter": letter_id, "status": status, "reason": reason and reason[:LONGEST_REASON]}
    row = (await tx.execute(NOTE, noted)).first()
    if row is None:
        return False
    because = f"{status} {reason or ''}".strip()[:LONGEST_REASON]
    # An address that was changed meanwhile is another one.
    counted = {"person": row.person_id, "recipient": row.recipient, "most": most, "because": because}
    await tx.execute(COUNT, counted)
    return True


def read_report(raw: bytes) -> list[Returned]:
    """The failures that a delivery status notification (RFC 3464) reports about our letters.

    Which letter came back says the Message-ID of the returned one, whole or its headers only. Raises NotABounce for
    anything that is no such report.
    """
    report = message_from_bytes(raw, policy=policy.default)
    parts = {part.get_content_type(): part for part in reversed(list(report.walk()))}
    status = parts.get("message/delivery-status")
    if report.get_content_type() != "multipart/report" or status is None:
        raise NotABounce()
    letter_id = _letter(parts)
    if letter_id is None:
        raise NotABounce()
    # The first block is about the message, each other one about a recipient.
    blocks = [block for block in status.get_payload() if isinstance(block, Message)]
    return [
        Returned(letter_id, _field(block, "Status"), _field(block, "Diagnostic-Code") or _field(block, "Status"))
        for block in blocks
        if _field(block, "Action").lower() == "failed"
    ]


def _letter(parts: dict[str, Message]) -> UUID | None:
    if (whole := parts.get("message/rfc822")) and whole.is_multipart():
        returned = str(cast(Message, whole.get_payload(0)).get("Message-ID", ""))
    elif headers := parts.get("text/rfc822-headers"):
        content = cast(bytes, headers.get_payload(decode=True))
        returned = str(message_from_bytes(content, policy=policy.default).get("Message-ID", ""))
    else:
        return None
    local = returned.strip().strip("<>").partition("@")[0]
    try:
        return UUID(local.removeprefix("letter.")) if local.startswith("letter.") else None
    except ValueError:
        return None


def _field(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())
