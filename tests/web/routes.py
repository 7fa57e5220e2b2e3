"""The routes of an application as its contract tells them, and how to call each."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from fastapi import FastAPI, Request
from httpx import ASGITransport, AsyncClient, Response

from shared.actor import Actor, Role
from shared.aggregate import Aggregate
from shared.territory import NETWORK_ID
from shared.web import PageRequest, etag
from tests.fixtures.identity import Issuer

ACADEMY, OTHER_ACADEMY = "MA-06", "MA-01"
ASSOCIATION = UUID("01900000-0000-7000-8000-00000000000a")
OTHER_ASSOCIATION = UUID("01900000-0000-7000-8000-00000000000b")
JURISDICTIONS = {
    Role.ministry_officer: "national",
    Role.auditor: "national",
    Role.operator: "national",
    Role.academy_director: ACADEMY,
    Role.academy_officer: ACADEMY,
    Role.academy_system: ACADEMY,
    Role.directorate_officer: "DP-CAS-ANFA",
    Role.association_manager: f"org:{ASSOCIATION}",
    Role.network_coordinator: f"org:{NETWORK_ID}",
}
"""Where each role is at home in these tests. Nobody signs in as the platform itself."""
WHOLE = PageRequest(cast(Request, None), None, 100)
"""A page with room for all that a test makes."""


@dataclass(frozen=True)
class Visit:
    """A request that succeeds for whoever may make it.

    `aggregate` is what the path names, what the list must show, or what the request would make: permissions are
    decided on it. Give `version` where If-Match is needed, `file` where the body is one. An `endless` answer (a live
    stream) is only tried by those who are refused. Fields that are `unsaid` are null when the request is repeated.
    """

    path: str
    body: Any = None
    aggregate: Aggregate | None = None
    version: int | None = None
    file: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    endless: bool = False
    unsaid: tuple[str, ...] = ()

    @property
    def sent(self) -> dict[str, str]:
        """The headers to send."""
        return {**self.headers, **({} if self.version is None else {"If-Match": etag(self.version)})}


Arrange = Callable[[Actor], Awaitable[Visit]]
"""Prepares what the visit by this actor needs (the aggregate in the right state, the actor's mandate) and gives it."""


@dataclass(frozen=True)
class Operation:
    """One route: its action, its method, its address and its OpenAPI description."""

    action: str
    method: str
    path: str
    described: Mapping[str, Any]

    def takes(self, header: str) -> bool:
        """Whether the route knows a header or query parameter."""
        return any(each["name"].lower() == header.lower() for each in self.described.get("parameters", ()))

    @property
    def has_body(self) -> bool:
        """Whether the route takes a body of JSON."""
        return "application/json" in self.described.get("requestBody", {}).get("content", {})


def operations(app: FastAPI) -> Iterator[Operation]:
    """Every route that is not public."""
    for path, methods in app.openapi()["paths"].items():
        for method, described in methods.items():
            if not described.get("x-public"):
                yield Operation(described["operationId"], method.upper(), path, described)


def operation(app: FastAPI, action: str) -> Operation:
    """The route of this action."""
    return next(each for each in operations(app) if each.action == action)


def resident(issuer: Issuer, role: Role) -> Actor:
    """A person of this role, where the role is at home."""
    return issuer.person(f"a-{role.value}", JURISDICTIONS[role], role)


def client_of(app: FastAPI, token: str | None = None) -> AsyncClient:
    """An HTTP client of the app, in this process."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1", headers=headers)


async def visit(app: FastAPI, operation: Operation, request: Visit, token: str | None, **headers: str) -> Response:
    """Make the request; header names are given with underscores."""
    sent = request.sent | {name.replace("_", "-"): value for name, value in headers.items()}
    async with client_of(app, token) as client:
        return await client.request(
            operation.method, request.path, json=request.body, content=request.file, headers=sent
        )
