"""A test run that is killed leaves nothing running, whatever it was about to start."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.fixtures.eventually import eventually
from tests.fixtures.run import ROOT, RUN

RUNS = """
import types
from tests.fixtures import run
run.pytest_configure(types.SimpleNamespace(stash={}))
print(run.run_directory(), flush=True)
"""
SERVER = """
from shared.embedded.postgres import EmbeddedPostgres
EmbeddedPostgres(run.run_directory() / "database", durable=False).start()
"""
WAITS = "import time; time.sleep(60)"


def a_run(script: str) -> tuple["subprocess.Popen[str]", Path]:
    """A test run of its own that does this, and its directory."""
    environment = {key: value for key, value in os.environ.items() if key != RUN}
    started = subprocess.Popen(
        [sys.executable, "-c", RUNS + script + WAITS], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert started.stdout
    return started, Path(started.stdout.readline().strip())


def running(directory: Path) -> list[str]:
    """The command lines that name the directory."""
    lines = [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(directory) in line]


def held(started: "subprocess.Popen[str]", program: str) -> bool:
    """Whether the run is in the middle of this program, which goes no further."""
    with suppress(psutil.Error):
        for child in psutil.Process(started.pid).children():
            if child.name() == program:
                child.suspend()
                return True
    return False


@pytest.mark.parametrize("program", ["initdb", "pg_ctl"])
async def test_a_killed_run_leaves_no_database_server_that_was_starting(program: str) -> None:
    started, run = a_run(SERVER)
    await eventually(lambda: held(started, program), every=0.001)
    home = (run / "database" / "postgres").resolve()
    assert running(home)
    started.kill()
    started.communicate()
    await eventually(lambda: not run.exists())
    assert not running(home)


async def test_a_killed_run_leaves_no_process_that_it_began(tmp_path: Path) -> None:
    begins = f'run.begin(["sh", "-c", "echo began > {tmp_path}/mark; sleep 60; : {tmp_path}"])\n'
    started, run = a_run(begins)
    await eventually((tmp_path / "mark").exists)
    started.kill()
    started.communicate()
    await eventually(lambda: not run.exists() and not running(run) and not running(tmp_path))


async def test_what_a_run_starts_when_it_is_over_does_not_begin(tmp_path: Path) -> None:
    begins = (
        "import shutil, subprocess\n"
        "popen, subprocess.Popen = subprocess.Popen, lambda *given, **options: (\n"
        "    shutil.rmtree(run.run_directory()), popen(*given, **options))[1]\n"
        f'print(run.begin(["touch", "{tmp_path}/mark"]).wait(), flush=True)\n'
    )
    started, _ = a_run(begins)
    assert started.stdout
    assert int(started.stdout.readline()) != 0
    started.send_signal(signal.SIGKILL)
    started.communicate()
    assert not (tmp_path / "mark").exists()
