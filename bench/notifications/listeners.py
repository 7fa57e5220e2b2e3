"""python -m bench.notifications.listeners URL CONNECTIONS FRAMES AFTER: live stream readers in a process apart.

They ask for all that comes behind the number AFTER. The access token is read from standard input. It says when all are
connected; once each has seen so many frames, it prints the moments at which they came (the machine's monotonic clock),
by event, as JSON.
"""

import asyncio
import json
import sys
import time
from collections import defaultdict

import aiohttp

from bench.environment import run


async def listen(url: str, token: str, connections: int, frames: int, after: int) -> dict[str, list[float]]:
    """The moments at which each event's frames came."""
    came: dict[str, list[float]] = defaultdict(list)
    connected = 0

    async def read(session: aiohttp.ClientSession) -> None:
        nonlocal connected
        async with session.get(url) as answer:
            answer.raise_for_status()
            connected += 1
            if connected == connections:
                print("connected", flush=True)
            left = frames
            async for line in answer.content:
                if line.startswith(b"data: "):
                    came[json.loads(line[6:])["id"]].append(time.monotonic())
                    left -= 1
                    if not left:
                        return

    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream", "Last-Event-ID": str(after)}
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers=headers, timeout=aiohttp.ClientTimeout(total=None)
    ) as session:
        await asyncio.gather(*(read(session) for _ in range(connections)))
    return came


if __name__ == "__main__":
    url, *numbers = sys.argv[1:]
    connections, frames, after = map(int, numbers)
    print(json.dumps(run(listen(url, sys.stdin.readline().strip(), connections, frames, after))))
