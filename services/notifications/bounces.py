"""Bounces: letters that came back. An address that returns too many is written to no more, and its owner sees why."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from typing import Any, cast
from uuid import UUID

from sqlalchemy import text

from services.notifications.errors import NotABounce
from services.notifications.letters import give_up_deliveries
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
MOVED_AT = """
    coalesce((select max(recorded_at) from journal where aggregate_id = :endpoint
        and type = 'ma.mithaq.endpoint.changed.v1' and data -> 'changed' @> '["address"]'), '-infinity')
"""
"""When an endpoint got the address that it has: what another one returned is nothing against it."""
# What is on its way again comes back again, if it does.
TAKE_BACK = text("""
    with returned as (
        update delivery set state = 'refused'
        where event_id = :event and endpoint_id = :endpoint and state = 'delivered' returning *
    )
    insert into attempt
        (delivery_id, endpoint_id, academy, event_id, at, milliseconds, result, reason, excerpt, language, bounced)
    select id, endpoint_id, academy, event_id, clock_timestamp(), 0, 'refused', 'returned ' || :status, :reason,
        (select language from attempt sent where sent.delivery_id = returned.id order by sent.id desc limit 1), :bounced
    from returned returning delivery_id
""")
# A server that takes everything and returns it later has taken others meanwhile: those before this one are asked.
RETURNS_ALL = text(f"""
    select count(*) = :most and bool_and(before.bounced) from (
        select coalesce(
            (select bounced from attempt where delivery_id = earlier.id order by attempt.id desc limit 1), false
        ) as bounced from delivery this
        join delivery earlier using (academy, endpoint_id)
        where this.event_id = :event and this.endpoint_id = :endpoint and earlier.state <> 'waiting'
            and coalesce(earlier.delivered_at, earlier.next_attempt_at) > {MOVED_AT}
            and (earlier.created_at, earlier.id) <= (this.created_at, this.id)
        order by earlier.created_at desc, earlier.id desc limit :most
    ) before
""")
LONGEST_REASON = 500
LONGEST_STATUS = len("5.999.999")


@dataclass(frozen=True, slots=True)
class Returned:
    """What a delivery status notification says of one letter."""

    id: UUID
    """The letter's; of a letter to an academy's endpoint, the event's."""
    endpoint_id: UUID | None
    """The endpoint, if it was no person's."""
    recipient: str
    """To whom it was written."""
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
    noted = {"letter": letter_id, "status": status, "reason": reason}
    row = (await tx.execute(NOTE, noted)).first()
    if row is None:
        return False
    because = f"{status} {reason or ''}".strip()[:LONGEST_REASON]
    # An address that was changed meanwhile is another one.
    counted = {"person": row.person_id, "recipient": row.recipient, "most": most, "because": because}
    await tx.execute(COUNT, counted)
    return True


async def note_return(tx: Transaction, returned: Returned) -> bool:
    """Record on its delivery that an endpoint's letter came back, once. Lock the endpoint and its lane before.

    False for a letter that is unknown, came back before, or is being sent again.
    """
    noted: dict[str, Any] = {"event": returned.id, "endpoint": returned.endpoint_id, "status": returned.status}
    why = {"reason": returned.reason, "bounced": returned.is_hard}
    taken_back = (await tx.execute(TAKE_BACK, noted | why)).scalars().all()
    await give_up_deliveries(tx, taken_back, "returned")
    return bool(taken_back)


async def returns_all(tx: Transaction, returned: Returned, *, most: int) -> bool:
    """Whether an endpoint's letter that came back is the `most`-th in a row that its address did not take."""
    asked = {"event": returned.id, "endpoint": returned.endpoint_id, "most": most}
    return bool((await tx.execute(RETURNS_ALL, asked)).scalar_one())


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
    letter = _letter(parts)
    if letter is None:
        raise NotABounce()
    # The first block is about the message, each other one about a recipient.
    blocks = [block for block in status.get_payload() if isinstance(block, Message)]
    return [
        Returned(*letter, status[:LONGEST_STATUS], (_field(block, "Diagnostic-Code") or status)[:LONGEST_REASON])
        for block in blocks
        if _field(block, "Action").lower() == "failed"
        for status in [_field(block, "Status")]
    ]


def _letter(parts: dict[str, Message]) -> tuple[UUID, UUID | None, str] | None:
    """The letter that came back: its id and endpoint, and to whom it was written; None if it is none of ours."""
    if (whole := parts.get("message/rfc822")) and whole.is_multipart():
        returned = cast(Message, whole.get_payload(0))
    elif headers := parts.get("text/rfc822-headers"):
        returned = message_from_bytes(cast(bytes, headers.get_payload(decode=True)), policy=policy.default)
    else:
        return None
    first, _, second = _field(returned, "Message-ID").strip("<>").partition("@")[0].partition(".")
    try:
        ids = (UUID(second), None) if first == "letter" else (UUID(first), UUID(second))
    except ValueError:
        return None
    return *ids, _field(returned, "To")


def _field(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).replace("\x00", "\ufffd").split())
