"""The worker process: it computes, is replaced when it dies, and ends with its parent."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import worker
from shared.worker import end_worker, in_worker
from tests.fixtures.eventually import eventually


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    end_worker()


def die_once(mark: str) -> int:
    """Kill this process the first time; give its id the second."""
    if not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


class NamedError(Exception):
    """One that does not come out of a pickle: it is made of a keyword."""

    def __init__(self, *, page: int) -> None:
        super().__init__(f"page {page}")


def find_in_none() -> int:
    """Look for what is not there."""
    return next(iter(()))


def refuse_page(page: int) -> None:
    """Raise an error of one's own."""
    raise NamedError(page=page)


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_work_runs_in_one_process_that_is_not_ours() -> None:
    first = await in_worker(os.getpid)
    assert first != os.getpid()
    assert await in_worker(os.getpid) == first


async def test_what_the_function_raises_reaches_the_caller() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await in_worker(int, "not a number")


async def test_an_error_that_no_future_carries_reaches_the_caller_as_one_that_it_does() -> None:
    before = await in_worker(os.getpid)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(in_worker(find_in_none), 10)
    with pytest.raises(RuntimeError, match="page 3"):
        await in_worker(refuse_page, 3)
    assert await in_worker(os.getpid) == before


async def test_a_worker_that_died_is_replaced_and_its_work_done_again(tmp_path: Path) -> None:
    before = await in_worker(os.getpid)
    after = await in_worker(die_once, str(tmp_path / "died"))
    assert after not in {before, os.getpid()}
    assert await in_worker(os.getpid) == after


async def test_all_who_waited_for_a_dead_worker_are_served_by_the_next(tmp_path: Path) -> None:
    mark = str(tmp_path / "died")
    assert len(set(await asyncio.gather(*(in_worker(die_once, mark) for _ in range(5))))) == 1


async def test_work_that_takes_too_long_is_ended_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    before = await in_worker(os.getpid)
    monkeypatch.setattr(worker, "LONGEST", 0.2)
    with pytest.raises(TimeoutError):
        await in_worker(time.sleep, 60)
    monkeypatch.undo()
    assert await in_worker(os.getpid) not in {before, os.getpid()}
    await eventually(lambda: not alive(before))


async def test_waiting_for_ones_turn_is_not_taking_long(monkeypatch: pytest.MonkeyPatch) -> None:
    before = await in_worker(os.getpid)
    monkeypatch.setattr(worker, "LONGEST", 2.0)
    await asyncio.gather(*(in_worker(time.sleep, 0.4) for _ in range(6)))
    assert await in_worker(os.getpid) == before


@pytest.mark.skipif(sys.platform != "linux", reason="bounds memory on Linux only")
async def test_work_that_takes_too_much_memory_fails_alone() -> None:
    before = await in_worker(os.getpid)
    with pytest.raises(MemoryError):
        await in_worker(bytes, 3 * 1024**3)
    assert await in_worker(os.getpid) == before


async def test_the_worker_ends_when_it_is_told_to() -> None:
    process = await in_worker(os.getpid)
    end_worker()
    await eventually(lambda: not alive(process))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_the_worker_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, os\n"
        "from shared.worker import in_worker\n"
        "async def main():\n"
        "    print(await in_worker(os.getpid), flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(Path.cwd())}
    )
    assert parent.stdout is not None
    process = int(await asyncio.wait_for(parent.stdout.readline(), 30))
    assert alive(process)
    parent.kill()
    await parent.wait()
    await eventually(lambda: not alive(process))
