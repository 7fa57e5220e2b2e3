"""The embedded server: adopted after a kill, shared, stopped by its last user, and a good guest as root."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest

from shared.embedded.postgres import EmbeddedPostgres, NoServer, database_server
from shared.settings import PlatformSettings
from tests.fixtures.run import ROOT

START_AND_DIE = """
import os, signal, sys
from pathlib import Path
from shared.embedded.postgres import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1]), durable=False).start()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def server(tmp_path: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(tmp_path / "database", durable=False)


@pytest.fixture(autouse=True)
def nothing_left(server: EmbeddedPostgres) -> object:
    yield
    server.wipe()


async def value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_data_outlive_a_stop(server: EmbeddedPostgres) -> None:
    async with server as url:
        await value(url, "create table kept as select 7 as seats")
    assert server.url is None
    async with server as url:
        assert await value(url, "select seats from kept") == 7


async def test_a_server_left_by_a_killed_parent_is_adopted_and_then_ended(server: EmbeddedPostgres) -> None:
    start = [sys.executable, "-c", START_AND_DIE, str(server.data_dir)]
    assert subprocess.run(start, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    left = server.pid
    async with server:
        assert left == server.pid
    assert left
    assert not psutil.pid_exists(left)


async def test_the_last_user_ends_it(server: EmbeddedPostgres) -> None:
    other = EmbeddedPostgres(server.data_dir, durable=False)
    async with server as url:
        async with other as same:
            assert same == url
        assert await value(url, "select 1") == 1
    assert server.pid is None


async def test_a_stale_pid_file_stops_no_start(server: EmbeddedPostgres) -> None:
    async with server:
        pass
    # The pid of a living process that is no server.
    (server.data_dir / "postgres" / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n\n\n5432\n/nowhere\n")
    async with server as url:
        assert await value(url, "select 1") == 1


async def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    deep = EmbeddedPostgres(tmp_path / ("long" * 20) / "with space, and comma", durable=False)
    try:
        async with deep as url:
            assert await value(url, "select 1") == 1
    finally:
        deep.wipe()


async def test_data_of_another_version_are_left_alone(server: EmbeddedPostgres) -> None:
    async with server:
        pass
    version = server.data_dir / "postgres" / "data" / "PG_VERSION"
    version.write_text("9\n")
    with pytest.raises(NoServer, match="belong to PostgreSQL 9"):
        server.start()
    assert version.read_text() == "9\n"


async def test_the_servers_own_settings_keep_what_was_acknowledged(tmp_path: Path) -> None:
    durable = EmbeddedPostgres(tmp_path / "durable")
    try:
        async with durable as url:
            shown = [
                await value(url, f"show {setting}") for setting in ("fsync", "synchronous_commit", "full_page_writes")
            ]
            assert shown == ["on", "on", "on"]
    finally:
        durable.wipe()


async def test_a_given_server_is_used_as_it_is(tmp_path: Path) -> None:
    settings = PlatformSettings(data_dir=tmp_path, database_url="postgresql://db.invalid")
    async with database_server(settings) as url:
        assert url == "postgresql://db.invalid"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
async def test_as_root_no_mode_on_the_way_changes_and_no_data_lie_in_a_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    server = EmbeddedPostgres(home / "project" / "database", durable=False)
    parents = [Path(sys.executable).resolve().parent, home, *home.parents]
    before = [path.stat().st_mode for path in parents]
    try:
        async with server:
            pid = server.pid
            assert pid and psutil.Process(pid).uids().effective != 0
            assert Path(os.path.realpath(f"/proc/{pid}/cwd")).is_relative_to("/var/lib/mithaq")
        assert [path.stat().st_mode for path in parents] == before
    finally:
        server.wipe()
