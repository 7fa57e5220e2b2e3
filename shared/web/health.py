"""Health: alive (no dependency is asked) and ready (each part is, within two seconds)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse
from sqlalchemy import text

from shared.actor import NATIONAL
from shared.database import Database

Check = Callable[[], Awaitable[str]]
"""Says in a few words how a part is, or raises."""
PATIENCE = 2.0


class NotReady(Exception):
    """A part is not ready; the message tells operators why."""


def health(checks: Mapping[str, Check]) -> APIRouter:
    """`/livez`, and `/readyz` with `?verbose` printing one line a check."""
    router = APIRouter(tags=["health"])

    @router.get("/livez", response_class=PlainTextResponse, openapi_extra={"x-public": True})
    async def livez() -> str:
        """Whether the process runs."""
        return "ok"

    @router.get("/readyz", response_class=PlainTextResponse, openapi_extra={"x-public": True})
    async def readyz(verbose: Annotated[str | None, Query(description="one line a check")] = None) -> PlainTextResponse:
        """Whether the service can do its work now; 503 if a part is missing."""
        results = await asyncio.gather(*(_outcome(name, check) for name, check in checks.items()))
        ready = all(ok for ok, _ in results)
        lines = [line for _, line in results] if verbose is not None else []
        return PlainTextResponse("\n".join([*lines, "ok" if ready else "not ready"]), 200 if ready else 503)

    return router


def database_check(database: Database) -> Check:
    """Whether the database answers, and which it is."""

    async def check() -> str:
        async with database.transaction(NATIONAL) as tx:
            version = (await tx.execute(text("show server_version"))).scalar_one()
        return f"PostgreSQL {version}"

    return check


async def _outcome(name: str, check: Check) -> tuple[bool, str]:
    try:
        async with asyncio.timeout(PATIENCE):
            return True, f"[+] {name}: {await check()}"
    except Exception as error:
        return False, f"[-] {name}: {error if isinstance(error, NotReady) else type(error).__name__}"
