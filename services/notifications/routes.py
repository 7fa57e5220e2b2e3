"""Notifications over HTTP: endpoints, deliveries, the feed and the live stream."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.notifications import commands, queries
from services.notifications.endpoint import EndpointState
from services.notifications.permissions import PERMISSIONS
from services.notifications.queries import academy_meant
from services.notifications.schemas import (
    AttemptAnswer,
    DeliveryAnswer,
    EndpointAnswer,
    IssuedAnswer,
    NoticeAnswer,
    RegisterEndpoint,
)
from services.notifications.settings import NotificationsSettings
from services.notifications.stream import Hub
from shared.database import Transaction
from shared.territory import AcademyCode
from shared.web import CurrentActor, Db, IfMatch, Language, Listing, Once, Page, TokenExpiry, answer, page

router = APIRouter(prefix="/api/v1", tags=["notifications"])

COME_BACK = 2000
"""Milliseconds after which a client whose stream ended opens it again."""


async def _settings(request: Request) -> Any:
    return request.app.state.hosted.service.settings


Settings = Annotated[NotificationsSettings, Depends(_settings)]


@router.post("/endpoints", status_code=201, response_model=IssuedAnswer)
async def register_endpoint(body: RegisterEndpoint, by: CurrentActor, once: Once, settings: Settings) -> Response:
    """Name a webhook receiver or an e-mail address; the answer shows the signing secret this once."""
    PERMISSIONS.allow(by, "register_endpoint")
    academy = academy_meant(body.academy, by)
    return await once(
        lambda tx: commands.register_endpoint(
            tx,
            academy=academy,
            channel=body.channel,
            address=body.address,
            language=body.language,
            keys=settings.key_ring,
            guard=settings.guard,
            by=by,
        ),
        answer=lambda issued: IssuedAnswer.issued(issued, by),
        location=lambda issued: f"/api/v1/endpoints/{issued.endpoint.id}",
        veil=settings.key_ring,
    )


@router.get("/endpoints", response_model=Listing[EndpointAnswer])
async def read_endpoints(
    by: CurrentActor, db: Db, wanted: Page, academy: AcademyCode | None = None, state: EndpointState | None = None
) -> Response:
    """The endpoints within one's jurisdiction."""
    found, next = await queries.endpoints(db, academy=academy, state=state, page=wanted, by=by)
    return page(wanted, [EndpointAnswer.of(each, by) for each in found], next)


@router.get("/endpoints/{id}", response_model=EndpointAnswer)
async def read_endpoint(id: UUID, by: CurrentActor, db: Db) -> Response:
    """One endpoint."""
    found = await queries.endpoint(db, id, by=by)
    return answer(EndpointAnswer.of(found, by), version=found.version)


@router.post("/endpoints/{id}/secret", response_model=IssuedAnswer)
async def rotate_secret(id: UUID, expected: IfMatch, by: CurrentActor, once: Once, settings: Settings) -> Response:
    """Sign with a new secret, shown this once; the old one signs beside it for a day."""
    return await once(
        lambda tx: commands.rotate_secret(
            tx,
            id,
            keys=settings.key_ring,
            overlap=timedelta(seconds=settings.rotation_overlap),
            by=by,
            expected=expected,
        ),
        answer=lambda issued: IssuedAnswer.issued(issued, by),
        veil=settings.key_ring,
    )


@router.post("/endpoints/{id}/disabling", response_model=EndpointAnswer)
async def disable_endpoint(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Send nothing more; what waits keeps waiting."""
    return await once(
        lambda tx: commands.disable_endpoint(tx, id, by=by, expected=expected),
        answer=lambda found: EndpointAnswer.of(found, by),
    )


@router.post("/endpoints/{id}/enabling", response_model=EndpointAnswer)
async def enable_endpoint(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Send again, beginning with what waits."""
    return await once(
        lambda tx: commands.enable_endpoint(tx, id, by=by, expected=expected),
        answer=lambda found: EndpointAnswer.of(found, by),
    )


@router.get("/endpoints/{id}/attempts", response_model=Listing[AttemptAnswer])
async def read_attempts(id: UUID, by: CurrentActor, db: Db, wanted: Page) -> Response:
    """How sending to an endpoint went, newest first."""
    found, next = await queries.attempts(db, id, page=wanted, by=by)
    return page(wanted, found, next)


@router.get("/deliveries", response_model=Listing[DeliveryAnswer])
async def read_deliveries(
    by: CurrentActor,
    db: Db,
    wanted: Page,
    endpoint_id: UUID | None = None,
    academy: AcademyCode | None = None,
    state: Literal["waiting", "delivered", "refused"] | None = None,
) -> Response:
    """What was sent and what waits, newest first."""
    found, next = await queries.deliveries(
        db, endpoint_id=endpoint_id, academy=academy, state=state, page=wanted, by=by
    )
    return page(wanted, found, next)


@router.get("/deliveries/{id}", response_model=DeliveryAnswer)
async def read_delivery(id: UUID, by: CurrentActor, db: Db) -> Response:
    """One delivery."""
    return answer(await queries.delivery(db, id, by=by))


@router.post("/deliveries/{id}/redelivery", response_model=DeliveryAnswer)
async def redeliver(id: UUID, by: CurrentActor, once: Once) -> Response:
    """Send it again, under the same webhook-id."""

    async def again(tx: Transaction) -> DeliveryAnswer:
        await commands.redeliver(tx, id, by=by)
        return await queries.delivery(tx, id, by=by)

    return await once(again, answer=lambda found: found)


@router.get("/notifications/feed", response_model=Listing[NoticeAnswer])
async def read_feed(
    by: CurrentActor,
    db: Db,
    wanted: Page,
    language: Language,
    academy: Annotated[AcademyCode | None, Query(description="for national users; others have their own")] = None,
    after: Annotated[int, Query(ge=0, lt=2**63, description="the last sequence already known")] = 0,
) -> Response:
    """All that an academy was ever told, in order: what a webhook missed is here."""
    PERMISSIONS.allow(by, "read_feed")
    found, next = await queries.feed(
        db, academy=academy_meant(academy, by), after=after, language=language, page=wanted, by=by
    )
    return page(wanted, found, next)


@dataclass(frozen=True, slots=True)
class Followed:
    """A stream that may be opened."""

    hub: Hub
    academy: str
    after: int | None
    language: str
    until: datetime


async def _followed(
    request: Request,
    by: CurrentActor,
    db: Db,
    settings: Settings,
    language: Language,
    until: TokenExpiry,
    academy: Annotated[AcademyCode | None, Query(description="for national users; others have their own")] = None,
    last_event_id: Annotated[
        int | None, Header(ge=0, lt=2**63, description="the id of the last event received: what came since is repeated")
    ] = None,
) -> Followed:
    # Here and not in the stream: once a stream has begun, nothing can be refused any more.
    PERMISSIONS.allow(by, "read_stream")
    state = request.app.state
    if not hasattr(state, "hub"):
        state.hub = Hub(db, queue=settings.stream_queue, idle_poll=settings.idle_poll)
    return Followed(state.hub, academy_meant(academy, by), last_event_id, language, until)


@router.get("/notifications/stream", response_class=EventSourceResponse)
async def read_stream(followed: Annotated[Followed, Depends(_followed)]) -> AsyncIterator[ServerSentEvent]:
    """What an academy is told, as it happens (server-sent events); ends when the access token does."""
    yield ServerSentEvent(comment="following", retry=COME_BACK)
    place = {"academy": followed.academy, "language": followed.language}
    async for sequence, notice in followed.hub.follow(followed.academy, after=followed.after, until=followed.until):
        body = notice.body(sequence=sequence, **place).decode()
        yield ServerSentEvent(id=str(sequence), event=notice.type, raw_data=body)
