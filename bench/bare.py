"""python -m bench.bare PORT DATABASE_URL DRIVER: two commands of the network service as a bare FastAPI app.

The same SQL and no more: no identity, permissions, problems, traces, correlation or limits. DRIVER is `asyncpg`, or
`sqlalchemy` for the engine that services use, with its plainest call.
"""

import hashlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import create_async_engine

from shared.database import asyncpg_url
from shared.ids import new_id

Send = Callable[..., Awaitable[Any]]
"""Sends a statement with its values; gives the first row, if it returns any."""

SCOPE = "select set_config('mithaq.scope', $1, true)"
LOAD = "select state::text, version, head from association where id = $1 for update"
SAVE = """
    update association set version = $3, head = $4, visible_to = $5, state = $6,
        status = $7, academy = $8, province = $9, ice = $10
    where id = $1 and version = $2
"""
APPEND = """
    insert into journal (event_id, aggregate_type, aggregate_id, aggregate_version, type, audience, actor, occurred_at,
                         data, detail, correlation, causation, traceparent, hash)
    values ($1, 'association', $2, $3, $4, $5, 'bench', $6, $7, $8, $9, null, null, $10)
"""
POOL = 8
ROLE = {"role": "mithaq_app"}


class Because(BaseModel):
    """Why."""

    reason: str


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """A pool of the same size as the service's."""
    url, driver = sys.argv[2:]
    if driver == "asyncpg":
        async with asyncpg.create_pool(url, min_size=POOL, max_size=POOL, server_settings=ROLE) as pool:

            @asynccontextmanager
            async def transaction() -> AsyncIterator[Send]:
                async with pool.acquire() as connection, connection.transaction():
                    yield connection.fetchrow

            app.state.transaction = transaction
            yield
    else:
        engine = create_async_engine(asyncpg_url(url), pool_size=POOL, connect_args={"server_settings": ROLE})

        @asynccontextmanager
        async def transaction() -> AsyncIterator[Send]:
            async with engine.begin() as connection:

                async def send(statement: str, *values: Any) -> Any:
                    found = await connection.exec_driver_sql(statement, values)
                    return found.mappings().first() if found.returns_rows else None

                yield send

        app.state.transaction = transaction
        yield
        await engine.dispose()


app = FastAPI(lifespan=running)


@app.post("/api/v1/associations/{id}/suspension")
async def suspend(id: UUID, body: Because) -> dict[str, Any]:
    """Suspend."""
    return await _change(id, "accredited", "suspended", body.reason)


@app.post("/api/v1/associations/{id}/reinstatement")
async def reinstate(id: UUID) -> dict[str, Any]:
    """Reinstate."""
    return await _change(id, "suspended", "accredited", None)


async def _change(id: UUID, before: str, after: str, reason: str | None) -> dict[str, Any]:
    at = datetime.now(UTC)
    async with app.state.transaction() as send:
        await send(SCOPE, "national")
        row = await send(LOAD, id)
        state, version = json.loads(row["state"]), row["version"] + 1
        assert state["state"] == before
        state |= {"state": after, "reason": reason}
        legal = state["identity"]
        event = json.dumps({"association_id": str(id), "on": at.date().isoformat()})
        head = hashlib.sha256(row["head"] + event.encode()).digest()
        seen_by = [legal["academy"], f"org:{id}"]
        facts = legal["academy"], legal["province"], legal["ice"]
        await send(SAVE, id, row["version"], version, head, seen_by, json.dumps(state), after, *facts)
        kind = f"ma.mithaq.association.{'suspended' if reason else 'reinstated'}.v1"
        detail = json.dumps({"reason": reason}) if reason else None
        await send(APPEND, new_id(), id, version, kind, [legal["academy"]], at, event, detail, new_id(), head)
    return {"id": id, "version": version, "state": after, "reason": reason, **legal}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
