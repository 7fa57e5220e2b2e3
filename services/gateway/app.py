"""The embedded gateway: the front door with the services' apps behind it, in one process."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette.applications import Starlette

from services.gateway import routes
from services.gateway.front_door import FrontDoor
from services.gateway.pages import create_pages
from services.gateway.settings import GatewaySettings
from shared.hosting import Hosted


def create_app(
    services: Mapping[str, FastAPI],
    *,
    table: Mapping[str, str] | None = None,
    identity: Starlette | None = None,
    sign_in: str | None = None,
    settings: GatewaySettings | None = None,
) -> FrontDoor:
    """The front door of these services, by name. `table` replaces the generated routing table.

    `identity` is the dev identity provider, `sign_in` the address to show for it.
    """
    hosted: dict[str, Hosted] = {name: app.state.hosted for name, app in services.items()}
    checks = {f"{name} {part}": check for name, each in hosted.items() for part, check in each.checks().items()}

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        # A mounted app has no lifespan of its own, and these are not even mounted.
        async with AsyncExitStack() as stack:
            for app in services.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield
            for each in hosted.values():
                each.stop.set()

    return FrontDoor(
        routes=routes.table() if table is None else table,
        services=services,
        pages=create_pages({**checks, "identity": _identity_check(identity)}, lifespan=running, sign_in=sign_in),
        identity=identity,
        settings=settings,
    )


def _identity_check(identity: Starlette | None) -> Callable[[], Awaitable[str]]:
    async def check() -> str:
        return "dev provider, on this machine only" if identity else "external provider"

    return check
