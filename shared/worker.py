"""Work that keeps a processor busy (rendering, sealing): in one spawned process beside us, never in the event loop."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_worker(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What the function gives, computed in the worker process; it is started when first needed.

    Function, arguments and result are pickled. If the worker dies over it, the function runs once more in a new one:
    it must be pure. Raises what the function raises, BrokenProcessPool if it kills the second worker too.
    """
    try:
        return await _run(function, *args, **kwargs)
    except BrokenProcessPool:
        return await _run(function, *args, **kwargs)


def end_worker() -> None:
    """Let the worker finish what it has in hand, and go. The next call starts another."""
    if _pool.cache_info().currsize:
        _pool().shutdown(wait=False)
        _pool.cache_clear()


async def _run(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    pool = _pool()
    try:
        return await asyncio.wrap_future(pool.submit(function, *args, **kwargs))
    except BrokenProcessPool:
        # Everyone who waited learns of it, and only the first replaces it.
        if _pool() is pool:
            end_worker()
        raise


@cache
def _pool() -> ProcessPoolExecutor:
    # Spawned, not forked: a fork would copy our threads' locks and our connections.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_begin)


def _begin() -> None:
    """In the worker: Ctrl-C is our parent's to handle, and we never outlive it, however it dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)
