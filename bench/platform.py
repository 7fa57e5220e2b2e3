"""time_to_ready and idle_cpu of `mithaq up`: the whole process tree with its PostgreSQL."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

import psutil

from bench.environment import ended, free_port, plain_environment, wait_until_ready
from bench.rows import Row
from shared.embedded.postgres import EmbeddedPostgres

STARTS = 5
"""Warm starts; the first one, which sets everything up, does not count."""
SETTLE, IDLE = 10.0, 20.0
"""Seconds a ready platform gets to come to rest, and seconds it is watched at rest."""
AIM = 8.0
"""Seconds to be ready within."""


def measure(only: str | None) -> list[Row]:
    """The rows of this group, or of one benchmark in it."""
    rows: list[Row] = []
    if only not in (None, "time_to_ready", "idle_cpu"):
        return rows
    with an_installation() as data_dir:
        with up(data_dir):
            pass
        if only != "idle_cpu":
            rows.append(time_to_ready(data_dir))
        if only != "time_to_ready":
            rows.append(idle_cpu(data_dir))
    return rows


def time_to_ready(data_dir: Path) -> Row:
    """From the command to a ready front door, on data that exist; beside the aim."""
    taken = []
    for _ in range(STARTS):
        with up(data_dir) as (_, seconds):
            taken.append(seconds)
    ours = median(taken)
    return Row("platform", "time_to_ready", ours, AIM, "s", ours / AIM, f"<= {AIM:.0f} s")


def idle_cpu(data_dir: Path) -> Row:
    """What everything together takes of a core while nobody asks for anything; beside a whole core."""
    with up(data_dir) as (process, _):
        time.sleep(SETTLE)
        roots = [process, psutil.Process(server_of(data_dir))]
        before, started = spent(roots), time.monotonic()
        time.sleep(IDLE)
        share = 100 * (spent(roots) - before) / (time.monotonic() - started)
    return Row("platform", "idle_cpu", share, 100.0, "% of a core", share / 100, "<= 5 %")


@contextmanager
def an_installation() -> Iterator[Path]:
    """A directory for an installation; everything in it, and its database server, is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mithaq-bench-") as directory:
        try:
            yield Path(directory)
        finally:
            EmbeddedPostgres(Path(directory) / "database").wipe()


@contextmanager
def up(data_dir: Path) -> Iterator[tuple[psutil.Process, float]]:
    """`mithaq up` on this data inside the block, and the seconds that it took to be ready."""
    port = free_port()
    started = time.monotonic()
    with ended(
        subprocess.Popen(
            [sys.executable, "-m", "cli", "up"],
            env=plain_environment() | {"MITHAQ_DATA_DIR": str(data_dir), "MITHAQ_PORT": str(port)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    ) as process:
        wait_until_ready(port, "/readyz", process)
        yield psutil.Process(process.pid), time.monotonic() - started


def server_of(data_dir: Path) -> int:
    """The process id of the installation's PostgreSQL."""
    pid = EmbeddedPostgres(data_dir / "database").pid
    assert pid, "the database server is not running"
    return pid


def spent(roots: list[psutil.Process]) -> float:
    """Seconds of processor time that these processes and their descendants, ended ones too, have taken so far."""
    total = 0.0
    for root in roots:
        times = root.cpu_times()
        total += times.children_user + times.children_system
        for each in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                total += times.user + times.system
    return total
