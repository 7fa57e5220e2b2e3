"""What the OpenAPI documents promise holds: every operation is tried with made-up requests, by two academies."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import schemathesis
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import text

import services.agreements.tests.builders as agreements
import services.centers.tests.builders as centers
import services.network.tests.builders as network
import services.notifications.tests.builders as notifications
import services.reporting.tests.builders as reporting
from services.__main__ import all_services
from services.centers.center import Center
from services.centers.tables import CENTERS
from services.network.commands import register_association, seed_institutions
from shared.actor import NATIONAL, SYSTEM, Role
from shared.database import Database
from shared.settings import PlatformSettings
from shared.web import TokenVerifier, install
from tests.fixtures.database import Databases
from tests.fixtures.identity import Issuer

HOST = "http://testserver"
ROLES = (Role.academy_director, Role.academy_officer, Role.academy_system)
ENDLESS = "read_stream"
"""The live stream, whose answer has no end."""
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


async def _agreements(database: Database, _: Path) -> None:
    agreement = await agreements.approved(database)
    await agreements.plan(database, agreement.id)


async def _centers(database: Database, _: Path) -> None:
    planned = centers.PLANNED
    events = Center.plan(planned, agreement_id=centers.AGREEMENT, academy="MA-06")
    async with database.transaction(NATIONAL) as tx:
        await CENTERS.record(tx, Center(id=planned.center_id), events, by=SYSTEM)


async def _network(database: Database, _: Path) -> None:
    await seed_institutions(database)
    await register_association(database, network.identity(), by=network.OFFICER)


async def _notifications(database: Database, data_dir: Path) -> None:
    await notifications.registered(database, notifications.settings(data_dir), "http://127.0.0.1:1/")
    await notifications.told(database)


async def _reporting(database: Database, _: Path) -> None:
    await reporting.folded(database, reporting.agreement(), reporting.center())


SOMETHING: dict[str, Callable[[Database, Path], Awaitable[None]]] = {
    "agreements": _agreements,
    "centers": _centers,
    "network": _network,
    "notifications": _notifications,
    "reporting": _reporting,
}
"""Puts something of MA-06 into a service's database."""


@pytest.mark.parametrize("academy", ["MA-06", "MA-01"])
@pytest.mark.parametrize("name", sorted(SOMETHING))
async def test_answers_are_what_the_document_says_for_whichever_academy_asks(
    name: str, academy: str, databases: Databases, verifier: TokenVerifier, issuer: Issuer, tmp_path: Path
) -> None:
    database = await databases(name)
    await SOMETHING[name](database, tmp_path)
    app = _app(name, database, verifier, tmp_path)
    known = await _known(database)
    loop = asyncio.get_running_loop()
    async with AsyncClient(transport=ASGITransport(app), base_url=HOST) as client:

        def send(request: requests.PreparedRequest) -> Response:
            assert request.method and request.url and isinstance(request.body, bytes | str | None)
            headers = [
                (name.encode(), value if isinstance(value, bytes) else value.encode("latin-1"))
                for name, value in request.headers.items()
            ]
            work = client.request(request.method, request.url, headers=headers, content=request.body)
            return asyncio.run_coroutine_threadsafe(work, loop).result(30)

        token = issuer.token(issuer.person(f"system-{academy}", academy, *ROLES))
        await asyncio.to_thread(_explore, app, known, token, send)


def _app(name: str, database: Database, verifier: TokenVerifier, data_dir: Path) -> FastAPI:
    service = next(each for each in all_services(PlatformSettings(data_dir=data_dir)) if each.name == name)
    app = FastAPI()
    app.state.hosted = SimpleNamespace(service=service)
    install(app, verifier=verifier, database=database, wording=service.wording)
    app.include_router(service.router)
    return app


async def _known(database: Database) -> list[tuple[str, int]]:
    """Id and version of the latest aggregate of each kind."""
    query = text(
        "select distinct on (aggregate_type) aggregate_id, aggregate_version from journal"
        " order by aggregate_type, id desc"
    )
    async with database.transaction(NATIONAL) as tx:
        return [(str(id), version) for id, version in await tx.execute(query)]


def _explore(
    app: FastAPI, known: list[tuple[str, int]], token: str, send: Callable[[requests.PreparedRequest], Response]
) -> None:
    tried = 0
    for found in schemathesis.openapi.from_dict(app.openapi()).exclude(operation_id=ENDLESS).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        cases = [operation.as_strategy(mode) for mode in GenerationMode]
        if "{id}" in operation.path:
            cases += [
                operation.as_strategy(path_parameters={"id": id}, headers={"If-Match": f'"{version}"'})
                for id, version in known
            ]

        @BOUNDED
        @given(case=st.one_of(cases))
        def conforms(case: schemathesis.Case[Any]) -> None:
            request = case.as_transport_kwargs(base_url=HOST, headers={"Authorization": f"Bearer {token}"})
            case.validate_response(send(requests.Request(**request).prepare()), checks=CHECKS)

        conforms()
        tried += 1
    assert tried
