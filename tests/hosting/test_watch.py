"""A reaction that gets nowhere while events wait: the process ends, so that it is started again."""

import asyncio
import time
from typing import Any, cast

import pytest
from fastapi import APIRouter
from pydantic import SecretStr

from shared import hosting
from shared.hosting import Hosted, Service
from shared.messaging.broker import Broker, Position
from shared.messaging.reactions import ReactionRunner, Reactions
from shared.server import listen
from shared.settings import PlatformSettings, ServiceSettings
from tests.fixtures.serving import QuietServer

MINE, OTHERS = ("network.mandate", 0), ("network.mandate", 1)


class Log:
    """A broker that only knows how far behind a group is."""

    def __init__(self) -> None:
        self.behind: dict[Position, int] = {}

    async def lag(self, *_: Any) -> dict[Position, int]:
        """What was put there."""
        return self.behind


@pytest.fixture
def log() -> Log:
    """The broker."""
    return Log()


@pytest.fixture
def hosted(log: Log, monkeypatch: pytest.MonkeyPatch) -> Hosted:
    """A service with one reaction, of which nothing runs; an event may wait for 0.05 s."""
    monkeypatch.setattr(hosting, "STUCK", 0.05)
    reactions = Reactions("network")
    reactions.reaction("follow")
    settings = ServiceSettings(
        platform=PlatformSettings(
            database_url=SecretStr("postgresql://nobody@127.0.0.1:1"), oidc_issuer="https://identity.test"
        )
    )
    service = Service("network", settings, APIRouter(), reactions=reactions)
    hosted = Hosted(service, frozenset({"reactions"}), cast(Broker, log))
    hosted.runners[0].assigned = frozenset({MINE})
    return hosted


async def test_a_reaction_that_stands_still_while_events_wait_is_stuck(hosted: Hosted, log: Log) -> None:
    log.behind = {MINE: 3}
    await look_twice(hosted)
    assert hosted.stuck


async def test_a_reaction_that_makes_progress_is_not_stuck(hosted: Hosted, log: Log) -> None:
    log.behind = {MINE: 3}
    await look_twice(hosted, progress=True)
    assert not hosted.stuck


async def test_a_reaction_without_events_is_not_stuck(hosted: Hosted, log: Log) -> None:
    log.behind = {MINE: 0}
    await look_twice(hosted)
    assert not hosted.stuck


async def test_what_waits_for_others_is_not_ours_to_answer_for(hosted: Hosted, log: Log) -> None:
    log.behind = {OTHERS: 3}
    await look_twice(hosted)
    assert not hosted.stuck


async def test_a_long_rest_is_no_standstill(hosted: Hosted, log: Log) -> None:
    runner = hosted.runners[0]
    runner.last_progress = time.monotonic() - 3600
    log.behind = {MINE: 1}
    await hosted._watch_runner(runner)
    assert not hosted.stuck


async def test_a_stuck_process_ends_with_an_error(hosted: Hosted) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    ready = asyncio.Event()
    server = QuietServer(app, [hosted], ready=ready.set)
    serving = asyncio.create_task(server.serve(sockets=[listen("127.0.0.1", 0)]))
    await ready.wait()
    hosted.stuck = True
    await asyncio.wait_for(serving, 5)
    assert server.stuck
    assert hosted.stop.is_set()


async def look_twice(hosted: Hosted, *, progress: bool = False) -> None:
    """Look, let more time pass than an event may wait, and look again."""
    runner: ReactionRunner = hosted.runners[0]
    await hosted._watch_runner(runner)
    hosted._behind_since = {group: since - 1 for group, since in hosted._behind_since.items()}
    runner.last_progress = time.monotonic() if progress else time.monotonic() - 1
    await hosted._watch_runner(runner)
