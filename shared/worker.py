"""Work that keeps a processor busy (rendering, sealing): in one spawned process beside us, never in the event loop."""

import asyncio
import gc
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

P = ParamSpec("P")
T = TypeVar("T")

LONGEST = 60.0
"""Seconds after which the worker is killed over a function: what it reads may have been made to keep it busy."""
MOST_MEMORY = 2 * 1024**3
"""Bytes of address space that the worker may take."""
MOST_UNCOLLECTED = 50_000
"""Objects made in the worker before the garbage is looked for."""
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


class TookTooLong(BaseException):
    """Raised by the clock of `bounded`; no library catches it."""


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Stop what takes longer, counted in the processor's time; for a process's first thread, as in the worker."""

    def ring(_number: int, _frame: object) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


async def in_worker(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What the function gives, computed in the worker process; it is started when first needed.

    Function, arguments and result are pickled. If the worker dies over it, the function runs once more in a new one:
    it must be pure. Raises what the function raises (RuntimeError in place of what no future carries or does not come
    whole from the worker), TimeoutError after LONGEST seconds, and BrokenProcessPool if it kills the second worker too.
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
    # In turn, so that a function's seconds are its own, and the worker is killed over nothing that only waited.
    async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        pool = _pool()
        try:
            async with asyncio.timeout(LONGEST):
                return await asyncio.wrap_future(pool.submit(_done, function, *args, **kwargs))
        except TimeoutError:
            # Nothing else stops a function; who comes next finds a new worker.
            for process in list(pool._processes.values()):
                process.kill()
            raise
        except BrokenProcessPool:
            if _pool() is pool:
                end_worker()
            raise


def _done(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """In the worker: what the function gives, or an error that reaches the caller."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        if _reaches(error):
            raise
        raise RuntimeError(repr(error)) from error


def _reaches(error: Exception) -> bool:
    # A future that is told StopIteration never ends; what cannot be unpickled breaks the pool.
    try:
        return not isinstance(pickle.loads(pickle.dumps(error)), StopIteration)  # noqa: S301 - our own bytes
    except Exception:
        return False


@cache
def _pool() -> ProcessPoolExecutor:
    # Spawned, not forked: a fork would copy our threads' locks and our connections.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_begin)


def _begin() -> None:
    """In the worker: Ctrl-C is our parent's to handle, memory is bounded, and we never outlive it, however it dies."""
    # What is read here is large and soon gone: looking through it after every 700 objects took a third of the time.
    gc.set_threshold(MOST_UNCOLLECTED)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)
