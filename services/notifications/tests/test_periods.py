"""Since when and until when something is sent again: whatever instant is said is understood, or clearly refused."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.notifications import commands
from services.notifications.errors import PeriodEmpty
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OFFICER, OPERATOR, registered, rows, told
from shared import clock
from shared.clock import now
from shared.database import Database
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

Ask = Callable[..., Awaitable[httpx.Response]]
EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))


@pytest.fixture
async def ask(app: FastAPI, issuer: Issuer, database: Database, settings: NotificationsSettings) -> Ask:
    """`await ask("recovery", since=…)`: of an academy's endpoint to which three messages are owed."""
    id = (await registered(database, settings, "https://academie.example/")).endpoint.id
    for _ in range(3):
        await told(database)

    async def post(action: str, **body: Any) -> httpx.Response:
        async with client_of(app, issuer.token(OFFICER)) as client:
            language = {"Accept-Language": "fr"}
            return await client.post(f"/api/v1/endpoints/{id}/{action}", json=body, headers=language)

    return post


@pytest.mark.parametrize(
    "since",
    [
        "1956-03-02T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00-12:00",
        "1970-01-01T00:00:00.000001-12:00",
        "2024-08-30T10:00:00+01:00",
    ],
)
@pytest.mark.parametrize("action", ["recovery", "replay"])
async def test_from_long_ago_means_from_the_beginning(ask: Ask, action: str, since: str) -> None:
    answered = await ask(action, since=since)
    assert (answered.status_code, answered.json()["deliveries"]) == (202, 3)


@pytest.mark.parametrize("since", ["9999-12-31T23:59:59Z", "2999-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("action", ["recovery", "replay"])
async def test_from_the_future_is_an_empty_period_and_is_said_to_be_one(ask: Ask, action: str, since: str) -> None:
    answered = await ask(action, since=since)
    assert (answered.status_code, answered.json()["type"]) == (422, "/problems/period-empty")
    assert "avant maintenant" in answered.json()["detail"]


async def test_a_period_that_ends_before_it_begins_is_empty(ask: Ask) -> None:
    at = now()
    answered = await ask("replay", since=at.isoformat(), until=(at - timedelta(seconds=1)).isoformat())
    assert (answered.status_code, answered.json()["type"]) == (422, "/problems/period-empty")


@pytest.mark.parametrize(
    "since",
    [
        "2024-08-30T10:00:00",
        "2024-02-30T10:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "hier",
        "3d",
        "",
        None,
    ],
)
async def test_an_instant_without_an_offset_or_that_utc_has_not_is_refused_by_its_field(ask: Ask, since: Any) -> None:
    answered = await ask("recovery", since=since)
    assert (answered.status_code, answered.json()["type"]) == (422, "/problems/malformed")
    assert [each["pointer"] for each in answered.json()["errors"]] == ["#/since"]


@pytest.mark.parametrize("zone", [UTC, EAST, WEST])
async def test_one_instant_is_the_same_whatever_offset_it_is_said_in(
    ask: Ask, database: Database, zone: timezone
) -> None:
    ((second,),) = await rows(database, "select told_at from feed_entry where sequence = 2")
    answered = await ask("recovery", since=second.astimezone(zone).isoformat())
    assert (answered.status_code, answered.json()["deliveries"]) == (202, 2)


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_now_is_what_the_clock_says_by_which_something_is_told_not_the_api_s_own(
    database: Database, settings: NotificationsSettings, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    id = (await registered(database, settings, "https://academie.example/")).endpoint.id
    ago, ahead = now() - timedelta(minutes=5), now() + timedelta(minutes=5)
    await told(database)
    monkeypatch.setattr(clock, "datetime", _wrong_by(minutes))
    for again in (commands.recover_missed, commands.replay_feed):
        assert (await again(database, id, since=ago, by=OPERATOR)).deliveries == 1
        with pytest.raises(PeriodEmpty):
            await again(database, id, since=ahead, by=OPERATOR)


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_a_replaced_secret_signs_for_the_overlap_by_the_clock_that_signs_not_by_the_api_s_own(
    database: Database, settings: NotificationsSettings, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    endpoint = (await registered(database, settings, "https://academie.example/")).endpoint
    begun = now()
    monkeypatch.setattr(clock, "datetime", _wrong_by(minutes))
    for _ in range(2):
        rotated = await commands.rotate_secret(
            database, endpoint.id, keys=settings.key_ring, overlap=timedelta(minutes=5), by=OPERATOR
        )
    monkeypatch.undo()
    newest, *replaced = rotated.endpoint.keys
    assert newest.until is None and len(replaced) == 2
    for key in replaced:
        assert key.until and begun <= key.until - timedelta(minutes=5) <= now()


def _wrong_by(minutes: int) -> type[datetime]:
    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Wrong":
            return super().now(tz) + timedelta(minutes=minutes)

    return Wrong
