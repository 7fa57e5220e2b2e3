"""Attempting: one delivery to one endpoint, composed, signed and sent, with its trace."""

import ssl
from contextlib import AsyncExitStack
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Self

import structlog
from opentelemetry.trace import Span, SpanKind

from services.notifications import signing
from services.notifications.claiming import Recent
from services.notifications.endpoint import SigningKey
from services.notifications.identity import Credentials
from services.notifications.keys import KeyRing
from services.notifications.lanes import Lane, Parcel
from services.notifications.mail import MailClient, compose
from services.notifications.outcome import Outcome
from services.notifications.settings import NotificationsSettings
from services.notifications.signing import Signer
from services.notifications.webhooks import WebhookClient
from shared import telemetry

log = structlog.get_logger(__name__)

REPLAYED = {"mithaq-replay": "true"}
"""Says that the message had arrived before and is sent again because somebody asked for it."""


class Attempts:
    """Makes attempts over HTTP and SMTP, with the secrets opened that they need."""

    def __init__(self, settings: NotificationsSettings) -> None:
        self.settings = settings
        self.keys: KeyRing = settings.key_ring
        self._common = WebhookClient(settings.guard, deadline=settings.deadline)
        # A client each: a connection that is kept open into one academy's network is not for another.
        self._webhooks = {
            academy: WebhookClient(settings.guard.of(academy), deadline=settings.deadline)
            for academy in settings.academy_networks
        }
        self._open = AsyncExitStack()
        self.mail = MailClient(settings)
        self._signers: Recent[Signer] = Recent()
        self._contexts: Recent[ssl.SSLContext] = Recent()

    async def __aenter__(self) -> Self:
        for client in (self._common, *self._webhooks.values()):
            await self._open.enter_async_context(client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def make(self, lane: Lane, parcel: Parcel, at: datetime) -> Outcome:
        """Send one delivery, and say how it went; nothing that goes wrong is raised."""
        endpoint, notice = lane.endpoint, parcel.notice
        span = telemetry.begun(notice.traceparent, f"notify {endpoint.channel}", kind=SpanKind.CLIENT)
        if span.is_recording():
            span.set_attribute("messaging.message.id", str(notice.event_id))
            span.set_attribute("mithaq.endpoint", str(endpoint.id))
            span.set_attribute("mithaq.attempt", parcel.attempts + 1)
        try:
            outcome = await self._sent(lane, parcel, at, span)
            span.set_attribute("mithaq.result", outcome.result)
            if outcome.status:
                span.set_attribute("http.response.status_code", outcome.status)
        finally:
            span.end()
        return outcome

    async def _sent(self, lane: Lane, parcel: Parcel, at: datetime, span: Span) -> Outcome:
        try:
            written = self._written(lane, parcel)
        except Exception as error:
            # It would fail again, and hold up what is behind it: it steps aside until it is asked for again.
            log.exception("cannot write", delivery_id=str(parcel.delivery_id))
            return Outcome("refused", "not_written", more=type(error).__name__)
        try:
            if isinstance(written, EmailMessage):
                return await self.mail.send(written)
            return await self._post(lane, parcel, written, at, span)
        except Exception as error:
            # Ours, not the receiver's: it must neither lose the delivery nor stop other lanes.
            log.exception("cannot send", delivery_id=str(parcel.delivery_id))
            return Outcome("failed", "own_fault", more=type(error).__name__)

    def _written(self, lane: Lane, parcel: Parcel) -> EmailMessage | bytes:
        """What is sent: an e-mail, or a webhook's body."""
        endpoint = lane.endpoint
        place: dict[str, Any] = {
            "academy": endpoint.academy,
            "sequence": parcel.sequence,
            "language": endpoint.language,
        }
        if endpoint.channel == "webhook":
            return parcel.notice.body(**place, previous=parcel.previous)
        sender, recipient = self.settings.mail_from, endpoint.address
        return compose(parcel.notice, sender=sender, recipient=recipient, endpoint_id=endpoint.id, **place)

    async def _post(self, lane: Lane, parcel: Parcel, body: bytes, at: datetime, span: Span) -> Outcome:
        endpoint, notice = lane.endpoint, parcel.notice
        signers = [self._signer(lane, key) for key in endpoint.live_keys(at)]
        headers = signing.headers(notice.event_id, at, body, signers)
        if traceparent := telemetry.traceparent_of(span):
            headers["traceparent"] = traceparent
        if parcel.replayed:
            headers |= REPLAYED
        client = self._webhooks.get(endpoint.academy, self._common)
        return await client.post(endpoint.address, body, headers, tls=self._context(lane))

    def _signer(self, lane: Lane, key: SigningKey) -> Signer:
        # A secret never changes under its id.
        if key.key_id not in self._signers:
            opened = self.keys.open(lane.secrets[key.key_id], key.key_id)
            self._signers.keep(key.key_id, signing.signer(key.scheme, opened))
        return self._signers[key.key_id]

    def _context(self, lane: Lane) -> ssl.SSLContext | None:
        identity = lane.endpoint.identity
        if identity is None:
            return None
        if identity.key_id not in self._contexts:
            opened = self.keys.open(lane.secrets[identity.key_id], identity.key_id)
            self._contexts.keep(identity.key_id, Credentials.from_sealed_form(opened).context())
        return self._contexts[identity.key_id]
