"""Waking: who waits for news in this process hears of it at once, without asking the database."""

import asyncio


class Bell:
    """Wakes everyone who waits; a ring that nobody hears is not kept."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def ring(self) -> None:
        """Wake all waiters."""
        for waiter in self._waiting:
            waiter.set()

    def listen(self) -> asyncio.Event:
        """An event that every ring sets from now on; hand it back with `leave`."""
        heard = asyncio.Event()
        self._waiting.add(heard)
        return heard

    def leave(self, heard: asyncio.Event) -> None:
        """Hear no more."""
        self._waiting.discard(heard)


NEWS = Bell()
"""Rung when something new is to be told or sent."""
POST = Bell()
"""Rung when a letter to a person is written."""
