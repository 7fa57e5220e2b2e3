"""Lately: the last few results of a computation whose key says all that it depends on, each computed once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

K = TypeVar("K")
V = TypeVar("V")


class Lately(Generic[K, V]):
    """Results in memory, together at most as heavy as said; those not asked for the longest go first.

    `most` is in what `weigh` gives: a number of results unless told otherwise.
    """

    def __init__(self, most: int, *, weigh: Callable[[V], int] = lambda _: 1) -> None:
        self.most = most
        self._weigh = weigh
        self._kept: dict[K, V] = {}
        self._turns: WeakValueDictionary[K, asyncio.Lock] = WeakValueDictionary()

    async def get(self, key: K, compute: Callable[[], Awaitable[V]]) -> V:
        """The result of this key; whoever asks for it while it is computed waits for it. A failure is not kept."""
        turn = self._turns.setdefault(key, asyncio.Lock())
        async with turn:
            # Taken out and put back: the last one asked for is the last one to go.
            found = self._kept.pop(key) if key in self._kept else await compute()
            self._kept[key] = found
        self._shrink()
        return found

    def __len__(self) -> int:
        return len(self._kept)

    def _shrink(self) -> None:
        weight = sum(map(self._weigh, self._kept.values()))
        while weight > self.most:
            weight -= self._weigh(self._kept.pop(next(iter(self._kept))))
