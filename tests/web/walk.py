"""The permission walk: every route of a service tried by everybody, and by nobody.

A service's tests/test_permissions.py says how to arrange one visit per action and calls:

    def test_every_route_is_in_the_table(app):
        every_route_has_a_permission(app, PERMISSIONS, ARRANGED)

    @pytest.mark.parametrize("action", sorted(ARRANGED))
    async def test_a_route_admits_whom_the_table_admits(action, app, issuer, …):
        await walk(app, PERMISSIONS, issuer, action, ARRANGED[action])
"""

import base64
import json
import time
from collections.abc import Collection, Iterator

from fastapi import FastAPI
from httpx import Response

from shared.actor import Actor, Role
from shared.web import Permissions
from tests.fixtures.identity import Issuer
from tests.web.routes import (
    JURISDICTIONS,
    OTHER_ACADEMY,
    OTHER_ASSOCIATION,
    Arrange,
    Operation,
    Visit,
    operation,
    operations,
    resident,
    visit,
)


def every_route_has_a_permission(app: FastAPI, permissions: Permissions, arranged: Collection[str]) -> None:
    """Every route's action is in the table, every entry of the table is a route's, and every route is walked."""
    actions = {each.action for each in operations(app)}
    assert actions == set(permissions), "routes and permissions differ"
    assert actions == set(arranged), "routes and visits differ"


async def walk(app: FastAPI, permissions: Permissions, issuer: Issuer, action: str, arrange: Arrange) -> None:
    """Try one route as every role at home and abroad, and with every kind of token that is none."""
    route = operation(app, action)
    await _refuses_strangers(app, issuer, route, arrange)
    for actor in (*_residents(issuer), *_foreigners(issuer)):
        request = await arrange(actor)
        status = _expected(permissions, route, actor, request)
        if request.endless and 200 in status:
            continue
        answered = await visit(app, route, request, issuer.token(actor))
        who = f"{action} by {', '.join(actor.roles)} of {actor.jurisdiction}"
        assert answered.status_code in status, f"{who}: {answered.status_code} {answered.text}"
        if answered.is_success:
            _shows_only_what_is_visible(who, actor, request, route, answered)


def _residents(issuer: Issuer) -> Iterator[Actor]:
    for role in JURISDICTIONS:
        yield resident(issuer, role)
    yield issuer.person("without-a-role", "national")


def _foreigners(issuer: Issuer) -> Iterator[Actor]:
    for role in (Role.academy_director, Role.academy_officer, Role.academy_system):
        yield issuer.person(f"another-{role.value}", OTHER_ACADEMY, role)
    yield issuer.person("another-directorate", "DP-TNG", Role.directorate_officer)
    yield issuer.person("another-association", f"org:{OTHER_ASSOCIATION}", Role.association_manager)


def _expected(permissions: Permissions, route: Operation, actor: Actor, request: Visit) -> set[int]:
    """The statuses that the table allows."""
    outside = request.aggregate is not None and not actor.within(request.aggregate.visible_to())
    if outside and "{" in route.path:
        return {404}
    if outside and route.method != "GET":
        return {403, 404}
    if permissions.may(actor, route.action, None if outside else request.aggregate):
        return {200, 201, 202, 204}
    return {403}


def _shows_only_what_is_visible(who: str, actor: Actor, request: Visit, route: Operation, answered: Response) -> None:
    if request.aggregate is None or route.method != "GET" or "{" in route.path:
        return
    shown = {item.get("id") for item in answered.json()["items"]}
    mine = actor.within(request.aggregate.visible_to())
    assert (str(request.aggregate.id) in shown) == mine, f"{who}: {'misses its own' if mine else 'sees a foreign'} row"


async def _refuses_strangers(app: FastAPI, issuer: Issuer, route: Operation, arrange: Arrange) -> None:
    anybody = resident(issuer, Role.ministry_officer)
    strangers = {
        "no token": None,
        "not a token": "abc",
        "expired": issuer.token(anybody, exp=int(time.time()) - 3600),
        "for another audience": issuer.token(anybody, aud="another"),
        "alg none": unsigned(issuer, anybody),
    }
    request = await arrange(anybody)
    for name, token in strangers.items():
        answered = await visit(app, route, request, token)
        assert answered.status_code == 401, f"{route.action} with {name}: {answered.status_code}"
        assert answered.headers["www-authenticate"].startswith("Bearer")


def unsigned(issuer: Issuer, actor: Actor) -> str:
    """A token that says it needs no signature."""
    _, claims, _ = issuer.token(actor).split(".")
    header = json.dumps({"alg": "none", "kid": issuer.key.kid, "typ": "at+jwt"}).encode()
    return f"{base64.urlsafe_b64encode(header).rstrip(b'=').decode()}.{claims}."
