"""Ports for channels that are not built: what an SMS or push gateway would have to do. Nothing here sends.

A channel is added by an adapter of its protocol, a name in `telling.Channel`, a column of preferences, and a queue
like the letters': rows written in the event's transaction, leased, sent with the row's id as the gateway's own
de-duplication key, and given up after the same schedule. A text carries the summary and a link, never more than the
notice says.
"""

from typing import Protocol
from uuid import UUID

from services.notifications.outcome import Outcome


class SmsGateway(Protocol):
    """Hands short texts to a mobile operator."""

    async def send(self, message_id: UUID, *, to: str, text: str) -> Outcome:
        """Send one text to one number (E.164). The same id is sent once, however often it is asked for.

        `refused` with `bounced` for a number that takes nothing; `failed` for what may pass.
        """
        ...


class PushGateway(Protocol):
    """Hands notices to a person's devices (Web Push, RFC 8030)."""

    async def send(self, message_id: UUID, *, endpoint: str, title: str, path: str, urgent: bool) -> Outcome:
        """Send one notice to one device, under the topic of its id so that a repetition replaces it.

        `gone` for a subscription that the browser withdrew.
        """
        ...
