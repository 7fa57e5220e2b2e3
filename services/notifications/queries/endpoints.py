"""What is read of endpoints, and of the attempts to deliver to them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from services.notifications.endpoint import Endpoint, EndpointState
from services.notifications.notice import wording
from services.notifications.permissions import PERMISSIONS
from services.notifications.schemas import AttemptAnswer, DisabledAnswer, HealthAnswer
from services.notifications.tables import ENDPOINTS, AttemptRow
from shared.actor import NATIONAL, Actor
from shared.database import Work
from shared.web import PageRequest

ATTEMPT: Any = AttemptRow.__table__.c
FIGURES = text("""
    select count(*) as attempts,
        cast(count(*) filter (where result = 'delivered') as float) / nullif(count(*), 0) as success_rate,
        percentile_cont(0.5) within group (order by milliseconds) filter (where result = 'delivered')
            as milliseconds_p50,
        percentile_cont(0.99) within group (order by milliseconds) filter (where result = 'delivered')
            as milliseconds_p99
    from (select result, milliseconds from attempt where endpoint_id = :endpoint order by id desc limit 1000) last
""")
LANE = text("""
    select failures, (select count(*) from delivery where endpoint_id = :endpoint and state = 'waiting') as waiting,
        (select created_at from delivery where endpoint_id = :endpoint and state = 'waiting' order by sequence limit 1)
            as waiting_since,
        case when open_until is null then 'closed' when open_until > now() then 'open' else 'half_open' end as breaker
    from lane where endpoint_id = :endpoint
""")

DISABLED = text("""
    select data ->> 'because' as because, recorded_at as since from journal
    where aggregate_id = :endpoint and type = 'ma.mithaq.endpoint.disabled.v1' order by id desc limit 1
""")
# What `told` would decide: that an endpoint is disabled is statutory, whatever its people prefer.
MAILED = text("""
    select exists (
        select 1 from lane join endpoint on endpoint.id = lane.endpoint_id
        where lane.academy = :academy and enabled and state ->> 'channel' = 'email' and endpoint.id <> :endpoint
    ) or exists (
        select 1 from person where jurisdiction = :academy and address is not null
            and suspended_at is null and ended_at is null
    )
""")


async def endpoints(
    db: Work, *, academy: str | None, state: EndpointState | None, page: PageRequest, by: Actor
) -> tuple[Sequence[Endpoint], str | None]:
    """Endpoints, oldest first."""
    PERMISSIONS.allow(by, "read_endpoints")
    row = ENDPOINTS.table.c
    where = [column == wanted for column, wanted in ((row.academy, academy), (row.status, state)) if wanted]
    async with db.transaction(by.scope) as tx:
        return await ENDPOINTS.find(tx, *where, page=page)


async def endpoint(db: Work, id: UUID, *, by: Actor) -> Endpoint:
    """One endpoint. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        found = await ENDPOINTS.read(tx, id)
    PERMISSIONS.allow(by, "read_endpoint", found)
    return found


async def attempts(
    db: Work, endpoint_id: UUID, *, language: str, page: PageRequest, by: Actor
) -> tuple[list[AttemptAnswer], str | None]:
    """The attempts to deliver to an endpoint, newest first, told in this language. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        PERMISSIONS.allow(by, "read_attempts", await ENDPOINTS.read(tx, endpoint_id))
        query = page.select(select(*ATTEMPT).where(ATTEMPT.endpoint_id == endpoint_id), ATTEMPT.id, newest_first=True)
        rows, next = page.cut((await tx.execute(query)).all(), lambda row: (row.id,))
    return [AttemptAnswer.of(row, language) for row in rows], next


async def health(db: Work, endpoint_id: UUID, *, language: str, by: Actor) -> HealthAnswer:
    """How an endpoint is doing, by its last attempts and its lane. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        endpoint = await ENDPOINTS.read(tx, endpoint_id)
        PERMISSIONS.allow(by, "read_health", endpoint)
        figures = (await tx.execute(FIGURES, {"endpoint": endpoint_id})).one()
        lane = (await tx.execute(LANE, {"endpoint": endpoint_id})).one()
        failed = select(*ATTEMPT).where(ATTEMPT.endpoint_id == endpoint_id, ATTEMPT.result != "delivered")
        failure = (await tx.execute(failed.order_by(ATTEMPT.id.desc()).limit(1))).first()
        # Of people's addresses it is said whether there is one, and no more.
        async with tx.widened(NATIONAL):
            mailed = (await tx.execute(MAILED, {"endpoint": endpoint_id, "academy": endpoint.academy})).scalar_one()
        ended = (await tx.execute(DISABLED, {"endpoint": endpoint_id})).first()
    last = AttemptAnswer.of(failure, language) if failure else None
    why = _disabled(ended, language) if ended and endpoint.state == EndpointState.disabled else None
    known: dict[str, Any] = {"last_failure": last, "disabled": why, "mailed_if_disabled": mailed}
    return HealthAnswer(endpoint_id=endpoint_id, **known, **figures._mapping, **lane._mapping)


def _disabled(row: Any, language: str) -> DisabledAnswer:
    reason = wording().text(f"values.because.{row.because}", language)
    return DisabledAnswer(since=row.since, because=row.because, reason=reason)
