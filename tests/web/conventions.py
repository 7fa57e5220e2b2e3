"""The conventions as one contract test per route; a service's tests/test_conventions.py calls `keeps_conventions`
for every action, with the same arranged visits as the permission walk.
"""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from httpx import URL, Response

from shared.language import LANGUAGES
from shared.refusals import Refusal
from shared.web import Permissions
from shared.web.problems import Problem
from tests.fixtures.identity import Issuer
from tests.web.routes import JURISDICTIONS, Arrange, Operation, Visit, client_of, operation, resident, visit


async def keeps_conventions(
    app: FastAPI, permissions: Permissions, issuer: Issuer, action: str, arrange: Arrange
) -> None:
    """Every convention that applies to this route, tried by somebody who may use it."""
    route = operation(app, action)
    role = next(role for role in JURISDICTIONS if role in permissions[action])
    actor = resident(issuer, role)
    token = issuer.token(actor)

    await _speaks_three_languages(app, route, await arrange(actor))
    if "{" in route.path:
        await _unknown_ids_are_not_found(app, route, await arrange(actor), token)
    if route.has_body:
        await _unknown_fields_are_refused(app, route, await arrange(actor), token)
        await _malformed_bodies_are_refused(app, route, await arrange(actor), token)
    if route.takes("if-match"):
        await _changes_name_their_version(app, route, await arrange(actor), token)
    if route.takes("idempotency-key"):
        await _repeating_is_safe(app, route, await arrange(actor), token)
    elif route.method == "POST":
        raise AssertionError(f"{action} does not take an Idempotency-Key")
    if route.method == "GET":
        await _unknown_parameters_are_refused(app, route, await arrange(actor), token)
    if route.takes("cursor"):
        await _pages_are_bounded(app, route, await arrange(actor), token)
        await _pages_follow_one_another(app, route, await arrange(actor), token)


def is_problem(answered: Response, status: int, slug: str | None = None) -> dict[str, Any]:
    """The members of a well-formed problem answer of this status and slug."""
    assert answered.status_code == status, f"{answered.status_code} {answered.text}"
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.headers["content-language"] in LANGUAGES
    assert answered.headers["x-content-type-options"] == "nosniff"
    members: dict[str, Any] = answered.json()
    told = Problem.model_validate(members)
    assert told.status == status
    assert len(told.trace_id) == 32
    assert told.instance == answered.request.url.path
    assert told.type.startswith("/problems/") and slug in (None, told.type.removeprefix("/problems/"))
    return members


def every_refusal_has_wording(app: FastAPI, *modules: str) -> None:
    """Every refusal defined in these modules or packages has its title and detail in every language."""
    wording = app.state.wording
    found: set[type[Refusal]] = set()
    pending = [Refusal]
    while pending:
        pending.extend(subclasses := pending.pop().__subclasses__())
        found.update(
            each for each in subclasses if any(f"{each.__module__}.".startswith(f"{module}.") for module in modules)
        )
    assert found, f"no refusals in {modules}"
    missing = {
        each.slug for each in found for part in ("title", "detail") if f"refusals.{each.slug}.{part}" not in wording
    }
    assert not missing, f"no wording for {missing}"


async def _speaks_three_languages(app: FastAPI, route: Operation, request: Visit) -> None:
    told = [is_problem(await visit(app, route, request, None, accept_language=each), 401) for each in LANGUAGES]
    assert len({each["title"] for each in told}) == len(LANGUAGES)
    assert len({each["type"] for each in told}) == 1


async def _unknown_ids_are_not_found(app: FastAPI, route: Operation, request: Visit, token: str) -> None:
    assert request.aggregate is not None, f"{route.action}: the visit names no aggregate"
    elsewhere = replace(request, path=request.path.replace(str(request.aggregate.id), str(uuid4())))
    is_problem(await visit(app, route, elsewhere, token), 404, "not-found")
    nonsense = replace(request, path=request.path.replace(str(request.aggregate.id), "not-an-id"))
    is_problem(await visit(app, route, nonsense, token), 422, "malformed")


async def _unknown_fields_are_refused(app: FastAPI, route: Operation, request: Visit, token: str) -> None:
    more = replace(request, body={**request.body, "surprise": 1})
    told = is_problem(await visit(app, route, more, token), 422, "malformed")
    assert {"pointer": "#/surprise", "code": "extra_forbidden"}.items() <= told["errors"][0].items()


async def _unknown_parameters_are_refused(app: FastAPI, route: Operation, request: Visit, token: str) -> None:
    async with client_of(app, token) as client:
        answered = await client.get(URL(request.path).copy_merge_params({"surprise": 1}), headers=request.sent)
    (told,) = is_problem(answered, 422, "malformed")["errors"]
    assert {"parameter": "surprise", "code": "unknown_parameter"}.items() <= told.items()


async def _malformed_bodies_are_refused(app: FastAPI, route: Operation, request: Visit, token: str) -> None:
    async with client_of(app, token) as client:
        for content in (b"{", b"[]", b"\xff", b"[" * 100_000, b'"text"', b""):
            sent = {**request.sent, "Content-Type": "application/json"}
            is_problem(await client.request(route.method, request.path, content=content, headers=sent), 422)


async def _changes_name_their_version(app: FastAPI, route: Operation, request: Visit, token: str) -> None:
    assert request.version is not None, f"{route.action}: the visit has no version"
    is_problem(await visit(app, route, replace(request, version=None), token), 428, "precondition-required")
    is_problem(await visit(app, route, replace(request, version=999_999), token), 412, "stale-version")
    weak = await visit(app, route, replace(request, version=None), token, if_match=f'W/"{request.version}"')
    is_problem(weak, 412, "stale-version")


async def _repeating_is_safe(app: FastAPI, route: Operation, request: Visit, token: str) -> None:
    key = str(uuid4())
    first = await visit(app, route, request, token, idempotency_key=key)
    assert first.is_success, f"{route.action}: {first.status_code} {first.text}"
    again = await visit(app, route, request, token, idempotency_key=key)
    assert again.status_code == first.status_code
    if request.unsaid:
        assert again.json() == first.json() | dict.fromkeys(request.unsaid)
        said = str(again.headers) + again.text
        assert not any(first.json()[name] in said for name in request.unsaid), f"{route.action} says it twice"
    else:
        assert again.content == first.content
        assert again.headers.get("location") == first.headers.get("location")
    for name in ("etag", "content-type"):
        assert again.headers.get(name) == first.headers.get(name)
    other = replace(request, path=f"{request.path}?other=1")
    is_problem(await visit(app, route, other, token, idempotency_key=key), 422, "idempotency-key-reused")
    is_problem(await visit(app, route, request, token, idempotency_key="k" * 256), 422, "malformed")


async def _pages_are_bounded(app: FastAPI, route: Operation, request: Visit, token: str) -> None:
    async with client_of(app, token) as client:
        for wanted in (
            {"limit": 101},
            {"limit": 0},
            {"cursor": "nonsense"},
            {"cursor": "WzEsMSwxLDFd"},
            {"cursor": "W3t9XQ"},
            {
                "cursor": "WyJcdWQ4MDAiLCIwMDAwMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDAiXQ"
            },  # half of a surrogate pair
        ):
            url = URL(request.path).copy_merge_params(wanted)
            is_problem(await client.get(url), 422, "malformed")


async def _pages_follow_one_another(app: FastAPI, route: Operation, request: Visit, token: str) -> None:
    async with client_of(app, token) as client:

        async def read(**wanted: Any) -> dict[str, Any]:
            answered = await client.get(URL(request.path).copy_merge_params(wanted))
            assert answered.status_code == 200, f"{route.action}: {answered.status_code} {answered.text}"
            read: dict[str, Any] = answered.json()
            assert ("next" in answered.links) == (read["next"] is not None), f"{route.action}: no Link to the next page"
            return read

        whole = (await read(limit=100))["items"]
        few = {"limit": max(1, len(whole) // 3)}
        page = await read(**few)
        seen = page["items"]
        while len(seen) < len(whole):
            assert page["next"], f"{route.action}: the list ends before all was shown"
            page = await read(**few, cursor=page["next"])
            seen += page["items"]
        assert seen == whole, f"{route.action}: pages differ from the whole list"
