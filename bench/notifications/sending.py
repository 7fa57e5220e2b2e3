"""sender_vs_raw_posts and backlog_100k: the sender, with all it writes down, beside a client that only posts."""

import asyncio
import time
from collections.abc import Iterator

import aiohttp

from bench.notifications.academies import Academies, academies, sending
from bench.rows import Row, rates
from shared.ids import new_id
from shared.territory import ACADEMY_CODES

REPEATS = 5
EVENTS = 800
"""Per repeat, to each of twelve academies."""
BACKLOG = 100_000
IN_FLIGHT = 64
KILOBYTE = b"x" * 1024


async def sender_vs_raw_posts(server_url: str) -> list[Row]:
    """Messages a second that leave, signed and with every attempt written down, against bare posts of as many bytes.

    In order twelve are under way, one per academy; the bare posts have 64 under way, as have concurrent endpoints.
    """
    return [
        await _beside_bare_posts(server_url, "sender_vs_raw_posts", concurrency=1),
        await _beside_bare_posts(server_url, "sender_vs_raw_posts concurrent", concurrency=5, slots=IN_FLIGHT),
    ]


async def _beside_bare_posts(server_url: str, name: str, *, concurrency: int, **changes: int) -> Row:
    ours, raw = [], []
    async with academies(server_url, concurrency=concurrency, **changes) as receivers:
        for number in range(REPEATS + 1):
            count = await receivers.owe(EVENTS)
            found = await drained(receivers, count), await posted(receivers, count)
            await receivers.arrived()
            if number:  # the first round warms both up
                ours.append(found[0])
                raw.append(found[1])
    return rates("notifications", name, ours, raw, "messages/s", ">= 0.60")


async def drained(receivers: Academies, count: int) -> float:
    """Messages a second that a sender sends until nothing is owed any more."""
    started = time.perf_counter()
    async with sending(receivers):
        await receivers.settled(count)
        return count / (time.perf_counter() - started)


async def posted(receivers: Academies, count: int) -> float:
    """Messages a second that are posted by hand."""
    targets = iter([f"{receivers.url}/{ACADEMY_CODES[number % 12]}" for number in range(count)])
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        started = time.perf_counter()
        await asyncio.gather(*(_post_all(session, targets) for _ in range(IN_FLIGHT)))
        return count / (time.perf_counter() - started)


async def _post_all(session: aiohttp.ClientSession, targets: Iterator[str]) -> None:
    for url in targets:
        headers = {"webhook-id": str(new_id()), "Content-Type": "application/json"}
        async with session.post(url, data=KILOBYTE, headers=headers) as answer:
            await answer.read()
            assert answer.status == 204


async def backlog_100k(server_url: str) -> list[Row]:
    """Draining what twelve academies are owed after long days away: everything arrives, in each feed's order."""
    async with academies(server_url) as receivers:
        raw = await posted(receivers, 12 * EVENTS)
        await receivers.arrived()
        count = await receivers.owe(-(-BACKLOG // len(ACADEMY_CODES)))
        ours = await drained(receivers, count)
        arrived, feeds = await receivers.arrived(), await receivers.feeds()
    for code, feed in feeds.items():
        assert [id for id, _ in arrived[code]] == feed, f"{code} was told out of order"
    return [Row("notifications", "backlog_100k", ours, raw, "messages/s", ours / raw, "in order")]
