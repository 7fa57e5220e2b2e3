"""The live stream: every frame once and in order, only one's own, and never a queue without bound."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from services.notifications import stream
from services.notifications.feed import Entry
from services.notifications.reactions import tell_concerned
from services.notifications.stream import Connection, Hub
from services.notifications.tests.builders import OFFICER, happening, told
from shared import server
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from tests.fixtures.eventually import eventually
from tests.fixtures.identity import Issuer
from tests.fixtures.serving import Serve

SOON = timedelta(minutes=5)


def _open(hub: Hub, academy: str = "MA-06", *, after: int | None = None, until: datetime | None = None) -> "Reader":
    return Reader(_entries(hub, academy, after, until or now() + SOON))


async def _entries(hub: Hub, academy: str, after: int | None, until: datetime) -> AsyncGenerator[Entry | None, None]:
    async with hub.follow(academy, after=after, until=until) as entries:
        async for entry in entries:
            yield entry


def _connections(hub: Hub) -> int:
    return sum(len(channel.connections) for channel in hub._channels.values())


class Reader:
    """A client that takes frames when told to."""

    def __init__(self, entries: AsyncGenerator[Entry | None, None]) -> None:
        self.entries = entries

    async def take(self, count: int) -> list[int]:
        """The numbers of the next frames."""
        taken = [await asyncio.wait_for(anext(self.entries), 5) for _ in range(count)]
        return [entry[0] for entry in taken if entry]

    async def begin(self, hub: Hub) -> "asyncio.Task[list[int]]":
        """Wait for the first frame in the background, once the hub hears."""
        before = _connections(hub)
        task = asyncio.create_task(self.take(1))
        await eventually(lambda: _connections(hub) > before, every=0)
        return task

    async def close(self) -> None:
        """Go away."""
        await self.entries.aclose()


@pytest.fixture
def hub(database: Database) -> Hub:
    """A hub that would sleep long if nobody rang."""
    return Hub(database, queue=8, idle_poll=30.0)


async def test_what_is_told_reaches_open_streams_at_once(database: Database, hub: Hub) -> None:
    reader = _open(hub)
    first = await reader.begin(hub)
    await told(database, happening(), happening(), happening())
    assert await first + await reader.take(2) == [1, 2, 3]
    await reader.close()


async def test_another_academy_hears_nothing(database: Database, hub: Hub) -> None:
    mine, theirs = _open(hub, "MA-06"), _open(hub, "MA-05")
    first, nothing = await mine.begin(hub), await theirs.begin(hub)
    await told(database, happening(audience=("MA-06",)))
    assert await first == [1]
    assert not nothing.done()
    nothing.cancel()
    await mine.close()


async def test_who_comes_back_reads_what_was_missed_and_then_goes_on(database: Database, hub: Hub) -> None:
    await told(database, *(happening() for _ in range(150)))
    reader = _open(hub, after=3)
    assert await reader.take(100) == list(range(4, 104))
    await told(database, *(happening() for _ in range(5)))
    assert await reader.take(52) == list(range(104, 156))
    await reader.close()


async def test_who_comes_for_the_first_time_reads_from_now_on(database: Database, hub: Hub) -> None:
    await told(database, happening(), happening())
    reader = _open(hub)
    first = await reader.begin(hub)
    await told(database)
    assert await first == [3]
    await reader.close()


async def test_what_is_told_once_one_follows_comes_although_nobody_has_read_yet(database: Database, hub: Hub) -> None:
    async with hub.follow("MA-06", after=None, until=now() + SOON) as entries:
        await told(database)
        entry = await asyncio.wait_for(anext(entries), 5)
    assert entry and entry[0] == 1


async def test_a_stream_that_falls_behind_ends_and_loses_nothing(database: Database, hub: Hub) -> None:
    slow, quick = _open(hub), _open(hub)
    first, also = await slow.begin(hub), await quick.begin(hub)
    await told(database)
    seen = await also
    for _ in range(19):
        await told(database)
        seen += await quick.take(1)
    assert seen == list(range(1, 21))
    assert await first == [1]
    with pytest.raises(StopAsyncIteration):
        await slow.take(9)
    again = _open(hub, after=1)
    assert await again.take(19) == list(range(2, 21))
    await again.close()
    await quick.close()


async def test_a_stream_that_fell_behind_may_go_after_all_others(database: Database, hub: Hub) -> None:
    slow = _open(hub)
    first = await slow.begin(hub)
    await told(database)
    assert await first == [1]
    await told(database, *(happening() for _ in range(20)))
    await eventually(lambda: hub._channels["MA-06"].head == 21)
    quick = _open(hub)
    hearing = await quick.begin(hub)
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    await slow.close()
    assert not hub._channels


async def test_who_comes_while_the_last_one_leaves_hears(
    database: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(_: str) -> int:
        return 0

    monkeypatch.setattr(hub, "_head", at_once)
    leaves, comes = Connection(asyncio.Queue()), Connection(asyncio.Queue())
    await hub._join("MA-06", leaves)
    hub._leave("MA-06", leaves)
    await hub._join("MA-06", comes)
    await told(database)
    entry = await asyncio.wait_for(comes.queue.get(), 5)
    assert entry and entry[0] == 1
    hub._leave("MA-06", comes)


async def test_what_is_repeated_ends_with_the_token_too(database: Database, hub: Hub) -> None:
    await told(database, *(happening() for _ in range(150)))
    reader = _open(hub, after=0, until=now() + timedelta(milliseconds=300))
    await reader.take(1)
    await asyncio.sleep(0.4)
    with pytest.raises(StopAsyncIteration):
        await reader.take(149)


async def test_a_stream_ends_with_its_token(database: Database, hub: Hub) -> None:
    with pytest.raises(StopAsyncIteration):
        await _open(hub, until=now() + timedelta(milliseconds=100)).take(1)


async def test_a_silent_stream_gives_signs_of_life(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BEAT", 0.01)
    async with hub.follow("MA-06", after=None, until=now() + SOON) as entries:
        assert [await asyncio.wait_for(anext(entries), 5) for _ in range(2)] == [None, None]


async def test_without_streams_nothing_is_asked_of_the_database(database: Database, hub: Hub) -> None:
    reader = _open(hub)
    waiting = await reader.begin(hub)
    asking = hub._reader
    assert asking
    waiting.cancel()
    await asyncio.gather(waiting, asking, return_exceptions=True)
    assert asking.cancelled()
    assert not hub._channels


async def test_a_client_that_never_reads_is_cut_off_and_followed_no_more(
    serve: Serve, app: FastAPI, issuer: Issuer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LONGEST_UNREAD", 0.5)
    async with database.transaction(NATIONAL) as tx:
        await tell_concerned(tx, [happening() for _ in range(800)])
    port = urlsplit(await serve(app)).port
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", port))
        asked = f"""GET /api/v1/notifications/stream HTTP/1.1
            Host: localhost
            Authorization: Bearer {issuer.token(OFFICER)}
            Last-Event-ID: 0"""
        await loop.sock_sendall(client, "\r\n".join([*map(str.strip, asked.splitlines()), "", ""]).encode())
        await eventually(lambda: hasattr(app.state, "hub") and _connections(app.state.hub) == 1)
        await eventually(lambda: not app.state.hub._channels)
        # Not only forgotten: who reads what had still arrived finds nobody at the other end.
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(_read_all(client), 5)


async def _read_all(client: socket.socket) -> None:
    while await asyncio.get_running_loop().sock_recv(client, 65536):
        pass
