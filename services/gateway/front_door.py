"""The front door: every request goes straight into the ASGI app of the service that owns the address.

No HTTP client in between: it would hold back live streams until they end.
"""

import math
import time
from collections.abc import Mapping
from functools import partial

from fastapi import FastAPI
from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.routes import resource_of
from services.gateway.settings import GatewaySettings
from shared.refusals import NotFound
from shared.web import TooManyRequests, counted
from shared.web.edge import Edge

NOT_FOR_CLIENTS = (b"forwarded", b"x-forwarded-", b"x-real-ip", b"x-auth-", b"x-user", b"remote-user", b"x-remote-")
"""Beginnings of headers that only a proxy may set: from outside they would claim an identity or an origin."""

IDENTITY = "/identity/"
"""Where the dev identity provider lives."""


class FrontDoor:
    """One ASGI app for everything: services by resource, the identity provider if there is one, else pages.

    `routes` says which service owns a resource; the pages' lifespan is the lifespan of the whole.
    """

    def __init__(
        self,
        *,
        routes: Mapping[str, str],
        services: Mapping[str, FastAPI],
        pages: ASGIApp,
        identity: Starlette | None = None,
        settings: GatewaySettings | None = None,
    ) -> None:
        self.routes = routes
        self.services = services
        self.pages = pages
        self.identity = identity
        self.rate = parse((settings or GatewaySettings()).rate)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._door = Edge(self._enter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the lifespan of everything behind the door."""
        if scope["type"] == "lifespan":
            await self.pages(scope, receive, send)
        elif scope["type"] == "http":
            if self.identity:
                send = partial(_tell_trial, send)
            headers = [each for each in scope["headers"] if not each[0].lower().startswith(NOT_FOR_CLIENTS)]
            await self._door({**scope, "app": self.pages, "headers": headers}, receive, send)

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._limit(scope)
        # Each app keeps a state of its own; the trace id of the request must come from the service's span.
        await self._owner(scope["path"])({**scope, "state": {}}, receive, send)

    async def _limit(self, scope: Scope) -> None:
        client = counted((scope.get("client") or ("",))[0])
        if not await self._limiter.hit(self.rate, client):
            window = await self._limiter.get_window_stats(self.rate, client)
            raise TooManyRequests(retry_after=max(1, math.ceil(window.reset_time - time.time())))

    def _owner(self, path: str) -> ASGIApp:
        if resource := resource_of(path):
            if resource in self.routes:
                return self.services[self.routes[resource]]
            raise NotFound()
        if self.identity and path.startswith(IDENTITY):
            return self.identity
        return self.pages


async def _tell_trial(send: Send, message: Message) -> None:
    """Mark every answer of an installation with demo identities."""
    if message["type"] == "http.response.start":
        MutableHeaders(scope=message)["Mithaq-Environment"] = "dev"
    await send(message)
