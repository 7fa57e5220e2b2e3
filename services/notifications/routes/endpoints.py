"""Endpoints over HTTP."""

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, Response

from services.notifications import commands, queries
from services.notifications.endpoint import EndpointState
from services.notifications.permissions import PERMISSIONS
from services.notifications.queries import academy_meant
from services.notifications.routes.hosted import Settings
from services.notifications.schemas import AttemptAnswer, EndpointAnswer, IssuedAnswer, RegisterEndpoint
from shared.territory import AcademyCode
from shared.web import CurrentActor, Db, IfMatch, Listing, Once, Page, answer, page

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
