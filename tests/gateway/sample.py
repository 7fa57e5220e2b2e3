"""Small services that tell what reaches them, for tests of whatever stands in front."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, FastAPI, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import SecretStr

from services.gateway.routes import address_of
from shared import hosting
from shared.hosting import Service
from shared.settings import SERVICES, PlatformSettings, ServiceSettings

RESOURCES = {"agreements": "agreements", "centers": "centers", "notifications": "notifications"}
TABLE = RESOURCES | {"/v/": "agreements"}
"""With the public pages."""


def sample_apps() -> dict[str, FastAPI]:
    """An app for every service, with routes under some of its real resources; nothing but the API runs."""
    platform = PlatformSettings(
        database_url=SecretStr("postgresql://nobody@127.0.0.1:1"), oidc_issuer="https://identity.test"
    )
    return {
        name: hosting.create_app(Service(name, ServiceSettings(platform=platform), _router(name)), parts=["api"])
        for name in SERVICES
    }


def _router(service: str) -> APIRouter:
    router = APIRouter()
    for resource, owner in TABLE.items():
        if owner == service:
            _add_routes(router, service, address_of(resource).rstrip("/"))
    return router


def _add_routes(router: APIRouter, service: str, address: str) -> None:
    released = asyncio.Event()

    @router.get(f"{address}/echo")
    async def echo(request: Request) -> dict[str, object]:
        return {"service": service, "headers": dict(request.headers)}

    @router.post(f"{address}/echo")
    @router.post(f"{address}/echo/documents", name="upload")
    async def measure(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @router.get(f"{address}/stream", response_class=EventSourceResponse)
    async def stream() -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data="first", id="1")
        await released.wait()
        yield ServerSentEvent(data="second", id="2")
        await asyncio.Event().wait()

    @router.post(f"{address}/release")
    async def release() -> dict[str, bool]:
        released.set()
        return {"released": True}
