"""Endpoints over HTTP."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.notifications import commands, queries
from services.notifications.endpoint import EndpointState, Pace, Scheme
from services.notifications.permissions import PERMISSIONS
from services.notifications.queries import academy_meant
from services.notifications.routes.hosted import Settings
from services.notifications.schemas import (
    AttemptAnswer,
    ChangeEndpoint,
    EndpointAnswer,
    HealthAnswer,
    IssuedAnswer,
    RecoverMissed,
    RegisterEndpoint,
    ReplayAnswer,
    ReplayFeed,
    RewrappedAnswer,
    SecureEndpoint,
)
from shared.territory import AcademyCode
from shared.web import CurrentActor, Db, IfMatch, Language, Listing, Once, Page, answer, page

LONGEST_OVERLAP = 30 * 86400
"""Seconds for which two secrets may sign side by side."""

router = APIRouter(prefix="/api/v1", tags=["notifications"])


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
            concurrency=body.concurrency,
            rate=body.rate,
            scheme=body.signature,
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


@router.put("/endpoints/{id}", response_model=EndpointAnswer)
async def change_endpoint(
    id: UUID, body: ChangeEndpoint, expected: IfMatch, by: CurrentActor, once: Once, settings: Settings
) -> Response:
    """Tell it elsewhere, in another language, faster or slower."""
    return await once(
        lambda tx: commands.change_endpoint(
            tx, id, pace=Pace(**body.model_dump()), guard=settings.guard, by=by, expected=expected
        ),
        answer=lambda found: EndpointAnswer.of(found, by),
    )


@router.put("/endpoints/{id}/identity", response_model=EndpointAnswer)
async def secure_endpoint(
    id: UUID, body: SecureEndpoint, expected: IfMatch, by: CurrentActor, once: Once, settings: Settings
) -> Response:
    """Show a client certificate (mTLS), and trust an authority of the receiver's own; left out, neither is done."""
    return await once(
        lambda tx: commands.secure_endpoint(
            tx, id, credentials=body.credentials(), keys=settings.key_ring, by=by, expected=expected
        ),
        answer=lambda found: EndpointAnswer.of(found, by),
    )


@router.post("/endpoints/{id}/secret", response_model=IssuedAnswer)
async def rotate_secret(
    id: UUID,
    expected: IfMatch,
    by: CurrentActor,
    once: Once,
    settings: Settings,
    signature: Scheme | None = None,
    overlap: Annotated[
        int | None, Query(ge=0, le=LONGEST_OVERLAP, description="seconds; 0 ends the old secret at once")
    ] = None,
) -> Response:
    """Sign with a new secret, shown this once, by a scheme if one is named.

    The old one signs beside it for the overlap, which is a day unless it is said otherwise.
    """
    beside = settings.rotation_overlap if overlap is None else overlap
    return await once(
        lambda tx: commands.rotate_secret(
            tx,
            id,
            keys=settings.key_ring,
            overlap=timedelta(seconds=beside),
            scheme=signature,
            by=by,
            expected=expected,
        ),
        answer=lambda issued: IssuedAnswer.issued(issued, by),
        veil=settings.key_ring,
    )


@router.post("/notifications/rewrapping", response_model=RewrappedAnswer)
async def rewrap_secrets(by: CurrentActor, once: Once, settings: Settings) -> Response:
    """Put every endpoint's secrets under the current key-encryption key, so that an older one may go."""
    PERMISSIONS.allow(by, "rewrap_secrets")
    return await once(
        lambda tx: commands.rewrap_secrets(tx, keys=settings.key_ring, by=by),
        answer=lambda rewrapped: RewrappedAnswer(rewrapped=rewrapped),
    )


@router.post("/endpoints/{id}/pause", response_model=EndpointAnswer)
async def pause_endpoint(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Send nothing for now; everything stays owed."""
    return await once(
        lambda tx: commands.pause_endpoint(tx, id, by=by, expected=expected),
        answer=lambda found: EndpointAnswer.of(found, by),
    )


@router.post("/endpoints/{id}/resumption", response_model=EndpointAnswer)
async def resume_endpoint(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Send again after a pause, at once."""
    return await once(
        lambda tx: commands.resume_endpoint(tx, id, by=by, expected=expected),
        answer=lambda found: EndpointAnswer.of(found, by),
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


@router.post("/endpoints/{id}/test", status_code=202, response_model=EndpointAnswer)
async def send_test(id: UUID, by: CurrentActor, once: Once) -> Response:
    """Send a message that means nothing, `ma.mithaq.endpoint.tested.v1`, to this endpoint only."""
    return await once(lambda tx: commands.send_test(tx, id, by=by), answer=lambda found: EndpointAnswer.of(found, by))


@router.post("/endpoints/{id}/recovery", status_code=202, response_model=ReplayAnswer)
async def recover_missed(id: UUID, body: RecoverMissed, by: CurrentActor, once: Once) -> Response:
    """Send everything told since an instant that did not arrive, under the same webhook-ids."""
    return await once(lambda tx: commands.recover_missed(tx, id, since=body.since, by=by), answer=ReplayAnswer.of)


@router.post("/endpoints/{id}/replay", status_code=202, response_model=ReplayAnswer)
async def replay_feed(id: UUID, body: ReplayFeed, by: CurrentActor, once: Once) -> Response:
    """Send everything told between two instants; what had arrived is marked with `mithaq-replay: true`."""
    return await once(
        lambda tx: commands.replay_feed(tx, id, since=body.since, until=body.until, by=by), answer=ReplayAnswer.of
    )


@router.get("/endpoints/{id}/health", response_model=HealthAnswer)
async def read_health(id: UUID, by: CurrentActor, db: Db, language: Language) -> Response:
    """How an endpoint is doing, by its last thousand attempts."""
    return answer(await queries.health(db, id, language=language, by=by))


@router.get("/endpoints/{id}/attempts", response_model=Listing[AttemptAnswer])
async def read_attempts(id: UUID, by: CurrentActor, db: Db, wanted: Page, language: Language) -> Response:
    """How sending to an endpoint went, newest first."""
    found, next = await queries.attempts(db, id, language=language, page=wanted, by=by)
    return page(wanted, found, next)
