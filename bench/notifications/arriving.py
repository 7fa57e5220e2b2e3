"""arrival: what a person's first visit costs who comes, and those who are told meanwhile."""

import asyncio
import time
from collections.abc import Mapping

from sqlalchemy import text

from bench.notifications.academies import OPERATOR, Academies, academies
from bench.notifications.telling import told
from bench.rows import Row, percentile
from services.notifications.commands import make_known
from shared.actor import NATIONAL, Actor, Role
from shared.events.agreements import (
    AgreementApproved,
    AgreementSigned,
    AgreementSubmittedForReview,
    AgreementTextRevised,
)
from shared.settings import database_on

AGREEMENTS, STEPS = 500, 10
"""What an academy was told in the year before: of so many agreements, each so often. A third still waits to be signed.
"""
PAST = text(f"""
    insert into notice (event_id, type, subject, version, time, audience, data, names, reach, actor, correlation)
    select gen_random_uuid(),
        case when step = 1 then '{AgreementSubmittedForReview.type}'
            when step = {STEPS - 1} then '{AgreementApproved.type}'
            when step = {STEPS} and agreement % 3 > 0 then '{AgreementSigned.type}'
            else '{AgreementTextRevised.type}' end,
        md5(agreement::text)::uuid, step,
        clock_timestamp() - interval '360 days' * (1 - (step - 1 + agreement / {AGREEMENTS}.0) / {STEPS}),
        array['MA-06'], jsonb_build_object('agreement_id', md5(agreement::text)::uuid, 'academy', 'MA-06'), '{{}}',
        array['national', 'MA-06'], 'bench', gen_random_uuid()
    from generate_series(1, {STEPS}) step, generate_series(0, {AGREEMENTS - 1}) agreement
""")
RATE, LASTING = 20.0, 12.0
"""Events a second that are told, and seconds."""
EVERY = 0.1
"""Seconds from one arrival to the next."""


async def arrival(server_url: str) -> list[Row]:
    """First visits, at most ten a second, to a desk with a year behind it: while 20 events/s are told, and none is."""
    url = database_on(server_url, "notifications")
    async with academies(server_url) as receivers:
        await _remember_a_year(receivers)
        calm = await _lateness(asyncio.create_task(told(url, rate=RATE, seconds=LASTING)))
        alone = await _arrivals(receivers, asyncio.create_task(asyncio.sleep(LASTING)))
        telling = asyncio.create_task(told(url, rate=RATE, seconds=LASTING))
        beside = await _arrivals(receivers, telling)
        troubled = await _lateness(telling)
    return [
        Row("notifications", name, mine, without, "ms", mine / without)
        for name, ours, raw, share in (
            ("arrival p50, beside telling", beside, alone, 0.5),
            ("arrival p99, beside telling", beside, alone, 0.99),
            ("telling p99, beside arrivals", troubled, calm, 0.99),
        )
        for mine, without in [(percentile(ours, share), percentile(raw, share))]
    ]


async def _remember_a_year(receivers: Academies) -> None:
    async with receivers.owner.transaction(NATIONAL) as tx:
        await tx.execute(text("truncate notice, telling, told_later, inbox_item, person"))
        await tx.execute(PAST)
    async with receivers.owner.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("vacuum analyze notice"))


async def _arrivals(receivers: Academies, until: "asyncio.Task[object]") -> list[float]:
    """Milliseconds that each newcomer waits, one after the other, until the task is done."""
    waited = []
    while not until.done():
        begun = time.monotonic()
        newcomer = Actor(OPERATOR.issuer, f"newcomer {begun}", frozenset({Role.academy_officer}), "MA-06")
        await make_known(receivers.app, language="fr", by=newcomer)
        waited.append((time.monotonic() - begun) * 1000)
        await asyncio.sleep(begun + EVERY - time.monotonic())
    return waited


async def _lateness(telling: "asyncio.Task[dict[str, float]]") -> list[float]:
    """Milliseconds by which each event was told later than the promptest one, beside its moment."""
    committed: Mapping[str, float] = await telling
    shifted = [at - place / RATE for place, at in enumerate(committed.values())]
    return [(each - min(shifted)) * 1000 for each in shifted]
