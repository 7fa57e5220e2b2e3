"""ingest_to_first_byte and isolation: how soon an academy is told, and that bad receivers delay only themselves."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import psutil

from bench.notifications.academies import Academies, academies, sending
from bench.notifications.telling import told
from bench.rows import Row, percentile
from shared.ids import new_id
from shared.settings import database_on
from shared.territory import ACADEMY_CODES

RATE, LASTING = 200.0, 15.0
"""Events a second that concern all academies, and seconds."""
WARM_UP = 5.0
"""Seconds at the beginning that do not count."""
GENTLE = 20.0
"""Events a second when some receivers fail."""
ROUNDS = 5
FAILING = dict(zip(ACADEMY_CODES[8:], ("refuse", "hang", "drip", "reset"), strict=True))
FLOODING = {ACADEMY_CODES[8]: "flood"}
HEALTHY = ACADEMY_CODES[:8]
IMPATIENT: dict[str, Any] = {"deadline": 5.0, "lease": 15.0, "retries": (1.0,) * 1000, "breaker_pause": 2.0}
"""Settings under which failing receivers are tried often, and never given up."""

Delays = dict[str, list[float]]
"""Milliseconds from commit to the head of the first request, by academy."""


async def ingest_to_first_byte(server_url: str) -> list[Row]:
    """From an event's commit to its webhook's head at 200 events/s for twelve academies, beside bare posts as often."""
    async with academies(server_url) as receivers:
        async with sending(receivers):
            # What a sender does for the first time since it began is no part of what it does all day.
            first = await told(_database(server_url), rate=GENTLE, seconds=WARM_UP / 2)
            await receivers.settled(len(first) * len(ACADEMY_CODES))
            await receivers.arrived()
            committed = await told(_database(server_url), rate=RATE, seconds=LASTING)
            await receivers.settled(len(committed) * len(ACADEMY_CODES))
        ours = _all(_delays(await receivers.arrived(), committed, after=WARM_UP))
        raw = await _posted_at(receivers, rate=RATE * len(ACADEMY_CODES), seconds=LASTING / 2)
    return [
        Row("notifications", f"ingest_to_first_byte {name}", mine, alone, "ms", mine / alone, aim)
        for name, share, aim in (("p50", 0.5, ""), ("p99", 0.99, "<= 250 ms"))
        for mine, alone in [(percentile(ours, share), percentile(raw, share))]
    ]


async def isolation_healthy_p99(server_url: str) -> list[Row]:
    """Eight healthy academies while four fail in four ways, beside all being well; then those four are healed."""
    calm: list[float] = []
    troubled: list[float] = []
    complete: list[int] = []
    async with academies(server_url, **IMPATIENT) as receivers:
        for _ in range(ROUNDS):
            calm.append(await _healthy_p99(receivers, server_url, {}, complete))
            troubled.append(await _healthy_p99(receivers, server_url, FAILING, complete))
        grown = await _grown_by_a_flood(receivers, server_url)
    ours, raw = sorted(troubled)[ROUNDS // 2], sorted(calm)[ROUNDS // 2]
    every = len(ACADEMY_CODES)
    return [
        Row("notifications", "isolation_healthy_p99", ours, raw, "ms", ours / raw, "<= 1.2"),
        Row("notifications", "isolation_healed", min(complete), every, "academies", min(complete) / every, "12 of 12"),
        Row("notifications", "isolation_memory", grown, 1024.0, "MB", grown / 1024.0, "<= 50 MB of 1 GB"),
    ]


async def _healthy_p99(
    receivers: Academies, server_url: str, behaviours: Mapping[str, str], complete: list[int]
) -> float:
    await receivers.owe(0)
    await receivers.behave(behaviours)
    async with sending(receivers):
        committed = await told(_database(server_url), rate=GENTLE, seconds=LASTING)
        await receivers.behave({})
        await receivers.delivered(within=120.0)
    arrived = await receivers.arrived()
    complete.append(sum(committed.keys() <= {id for id, _ in arrived[code]} for code in ACADEMY_CODES))
    delays = _delays(arrived, committed, after=WARM_UP)
    return percentile(_all({code: delays[code] for code in HEALTHY}), 0.99)


async def _grown_by_a_flood(receivers: Academies, server_url: str) -> float:
    """Megabytes by which this process grows, at most, while one academy answers with bodies of a gigabyte."""
    await receivers.owe(0)
    await receivers.behave(FLOODING)
    process = psutil.Process(os.getpid())
    before = most = process.memory_info().rss
    async with sending(receivers):
        telling = asyncio.create_task(told(_database(server_url), rate=GENTLE, seconds=LASTING / 2))
        while not telling.done():
            most = max(most, process.memory_info().rss)
            await asyncio.sleep(0.05)
        await telling
        await receivers.behave({})
        await receivers.delivered(within=120.0)
    await receivers.arrived()
    return (most - before) / (1 << 20)


def _delays(
    arrived: Mapping[str, Sequence[tuple[str, float]]], committed: Mapping[str, float], *, after: float
) -> Delays:
    first = min(committed.values()) + after
    found: Delays = {}
    for code, requests in arrived.items():
        heads = dict(reversed(requests))
        found[code] = [(heads[id] - at) * 1000 for id, at in committed.items() if id in heads and at > first]
    return found


def _all(delays: Delays) -> list[float]:
    return [each for of_one in delays.values() for each in of_one]


async def _posted_at(receivers: Academies, *, rate: float, seconds: float) -> list[float]:
    """Milliseconds from a bare post's beginning to its head's arrival, at this many posts a second."""
    begun: dict[str, float] = {}

    async def post(session: aiohttp.ClientSession, number: int) -> None:
        id = str(new_id())
        code = ACADEMY_CODES[number % len(ACADEMY_CODES)]
        begun[id] = time.monotonic()
        async with session.post(f"{receivers.url}/{code}", data=b"x" * 1024, headers={"webhook-id": id}) as answer:
            await answer.read()

    connector = aiohttp.TCPConnector(limit=0)
    started = time.monotonic()
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as posts:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(started + number / rate - time.monotonic())
            posts.create_task(post(session, number))
    return _all(_delays(await receivers.arrived(), begun, after=WARM_UP))


def _database(server_url: str) -> str:
    return database_on(server_url, "notifications")
