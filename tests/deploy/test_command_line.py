"""The mithaq command: data on standard output, a way on after every error, and nothing left running."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen
from uuid import uuid4

import asyncpg
import psutil
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from cli.__main__ import app
from cli.events import moment
from cli.installation import DEMO, Installation
from cli.up import wipe
from services.agreements import commands
from services.agreements.tests.builders import clauses, current, officer
from shared import files
from shared.clock import now
from shared.embedded.postgres import EmbeddedPostgres, database_server
from shared.settings import SERVICES, PlatformSettings, database_on
from tests.fixtures.run import ROOT, begin

pytestmark = pytest.mark.timeout(180)

Result = Any
Mithaq = Callable[..., Result]


class Started:
    """`mithaq up` in a process of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.process = begin(
            [sys.executable, "-m", "cli", "up", "--port", "0"],
            env=environment(data_dir),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr
        self.said: list[str] = []
        for line in self.process.stderr:
            self.said.append(line)
            if "In earnest" in line:
                break

    def gets_ready(self) -> None:
        """Wait until every part says so: relays lead, groups are assigned."""
        url = re.findall(r"http://127\.0\.0\.1:\d+", "".join(self.said))[0]
        deadline = time.monotonic() + 60
        while True:
            with suppress(HTTPError), urlopen(f"{url}/readyz"):
                return
            assert time.monotonic() < deadline, "not ready"
            time.sleep(0.1)

    def ends(self) -> int:
        """The exit code, once it has ended and said all."""
        assert self.process.stderr
        self.process.stderr.read()
        self.process.stderr.close()
        return self.process.wait(60)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """A platform that is running."""
    data_dir = tmp_path_factory.mktemp("command-line")
    platform = Started(data_dir)
    platform.gets_ready()
    yield platform
    with suppress(ProcessLookupError):
        platform.process.send_signal(signal.SIGTERM)
    platform.ends()
    EmbeddedPostgres(data_dir / "database").wipe()


@pytest.fixture
def mithaq(started: Started) -> Mithaq:
    """Run a command on that platform."""
    return lambda *arguments: run(started.data_dir, *arguments)


def environment(data_dir: Path, **changes: str) -> dict[str, str]:
    return os.environ | {"MITHAQ_DATA_DIR": str(data_dir), "NO_COLOR": "1"} | changes


def run(data_dir: Path, *arguments: str, **changes: str) -> Result:
    """A command, in this process: it would spend most of its time on imports in one of its own."""
    return CliRunner().invoke(app, list(arguments), prog_name="mithaq", env=environment(data_dir, **changes))


def records(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_up_shows_where_everything_is(started: Started) -> None:
    card = "".join(started.said)
    for part in ("database", "migrations", "topics", "services", "/docs/events", "Ctrl-C", str(started.data_dir)):
        assert part in card


def test_a_second_up_on_the_same_data_is_refused(mithaq: Mithaq) -> None:
    done = mithaq("up", "--port", "0")
    assert done.exit_code == 5
    assert "already running" in done.stderr
    assert "mithaq down" in done.stderr.splitlines()[-1]


def test_status_lists_every_service(mithaq: Mithaq) -> None:
    rows = records(mithaq("status", "-o", "json"))
    assert [row["service"] for row in rows] == list(SERVICES)
    assert {row["state"] for row in rows} == {"ok"}


def test_lag_lists_every_group(mithaq: Mithaq) -> None:
    groups = {row["group"] for row in records(mithaq("lag", "-o", "json"))}
    assert "notifications.deliver" in groups


def test_every_relay_has_a_leader(mithaq: Mithaq) -> None:
    assert all(row["leader"] for row in records(mithaq("relay", "status", "-o", "json")))


def test_an_event_can_be_followed_from_the_topic_to_its_journal(mithaq: Mithaq) -> None:
    deadline = time.monotonic() + 20
    while not (lines := mithaq("events", "tail", "--since", "1h", "--type", "registered", "-o", "json").stdout):
        assert time.monotonic() < deadline, "nothing was published"
    first = json.loads(lines.splitlines()[0])
    assert "actor" not in first
    found = json.loads(mithaq("events", "show", first["id"], "-o", "json").stdout)
    assert found["service"] == "network"
    assert found["actor"] == "…"


def test_a_replay_of_a_group_at_work_is_refused(mithaq: Mithaq) -> None:
    done = mithaq("events", "replay", "--group", "notifications.deliver", "--yes")
    assert done.exit_code == 5
    assert "mithaq down" in done.stderr


def test_a_projection_is_rebuilt_while_it_runs(mithaq: Mithaq) -> None:
    projections = [
        row["group"] for row in records(mithaq("lag", "-o", "json")) if row["group"].startswith("reporting.")
    ]
    done = mithaq("events", "rebuild", projections[0])
    assert done.exit_code == 0, done.stderr


def test_doctor_finds_a_running_platform_healthy(mithaq: Mithaq) -> None:
    found = mithaq("doctor", "-o", "json")
    findings = json.loads(found.stdout)
    assert not [each for each in findings if each["result"] == "failure"]
    assert {
        "check": "seals",
        "result": "ok",
        "found": "trial: advanced, specimens only",
        "remedy": "",
    } in findings


def test_an_exported_journal_is_verified_by_whoever_has_the_roots(
    mithaq: Mithaq, started: Started, tmp_path: Path
) -> None:
    export, roots = tmp_path / "journal.jsonl", tmp_path / "roots.jsonl"
    asyncio.run(bind_a_draft(started.data_dir))
    deadline = time.monotonic() + 20
    while not roots.write_text(mithaq("audit", "roots").stdout):
        assert time.monotonic() < deadline, "no checkpoint was published"
    assert mithaq("audit", "export", str(export)).exit_code == 0
    assert export.stat().st_mode & 0o077 == 0
    assert mithaq("audit", "export", str(export)).exit_code == 5
    verify = ("audit", "verify", str(export), "--roots", str(roots), "-o", "json")
    assert records(mithaq(*verify)) == []
    whole = export.read_text()
    for harmed, what in ((whole + "{}\n", "unreadable"), ("", "cut-off")):
        export.write_text(harmed)
        done = mithaq(*verify)
        assert done.exit_code == 1
        assert [each["what"] for each in json.loads(done.stdout)] == [what]
    roots.write_text("")
    done = mithaq(*verify)
    assert done.exit_code == 2 and "no checkpoint" in done.stderr


async def bind_a_draft(data_dir: Path) -> None:
    """Draft an agreement, and publish the checkpoint of the hour."""
    settings = PlatformSettings(data_dir=data_dir)
    async with database_server(settings) as url:
        here = Installation(settings.model_copy(update={"database_url": SecretStr(url)}))
        async with here.database("agreements") as database:
            await commands.draft_agreement(database, current(), clauses=clauses(), by=officer())
            assert await commands.publish_checkpoint(database, at=now() + timedelta(hours=1))


async def test_files_that_no_event_names_are_listed_by_where_they_lie_and_go_when_somebody_says_so(
    started: Started, tmp_path: Path, kept_files: Path
) -> None:
    files.configure(str(tmp_path))
    lost = await files.put(b"%PDF-1.7 (fictif)")
    files.configure(str(kept_files))
    (kept,) = tmp_path.glob(f"*/{lost.hash}")
    os.utime(kept, (0, 0))
    done = await asyncio.to_thread(run, started.data_dir, "files", "unnamed", "-o", "json", MITHAQ_FILES=str(tmp_path))
    files.configure(str(kept_files))
    (row,) = records(done)
    assert row == {"name": str(kept.relative_to(tmp_path)), "bytes": lost.size, "put_at": "1970-01-01 00:00:00+00:00"}
    assert str(tmp_path) in done.stderr and kept.exists()
    unasked = await asyncio.to_thread(run, started.data_dir, "files", "sweep", MITHAQ_FILES=str(tmp_path))
    assert unasked.exit_code == 2 and kept.exists(), "nobody is here to confirm it"
    done = await asyncio.to_thread(run, started.data_dir, "files", "sweep", "--yes", MITHAQ_FILES=str(tmp_path))
    files.configure(str(kept_files))
    assert "1 files removed" in done.stderr and not kept.exists()


def test_settings_are_shown_with_their_purpose_and_without_their_secrets(started: Started) -> None:
    done = run(started.data_dir, "config", "show", "-o", "json", MITHAQ_KAFKA_PASSWORD="very-secret")
    rows = {row["key"]: row for row in records(done)}
    assert rows["MITHAQ_KAFKA_PASSWORD"]["set"]
    assert "very-secret" not in done.stdout
    assert all(row["purpose"] for row in rows.values())


def test_what_is_not_there_ends_with_exit_code_3(mithaq: Mithaq) -> None:
    for arguments in (
        ("events", "show", str(uuid4())),
        ("parked", "show", "x.y", str(uuid4())),
        ("db", "upgrade", "x"),
    ):
        done = mithaq(*arguments)
        assert done.exit_code == 3, done.stderr
        assert done.stderr.splitlines()[-1].startswith("Next: mithaq")


def test_nothing_is_dropped_without_a_terminal_or_yes(mithaq: Mithaq) -> None:
    done = mithaq("parked", "drop", "notifications.deliver", str(uuid4()), "--reason", "it is broken")
    assert done.exit_code == 2
    assert "--yes" in done.stderr


def test_a_parked_event_is_seen_tried_again_and_dropped_for_a_written_reason(started: Started, mithaq: Mithaq) -> None:
    subject = str(uuid4())
    asyncio.run(park(started.data_dir, subject))
    listed = [row for row in records(mithaq("parked", "ls", "-o", "json")) if row["subject"] == subject]
    assert [row["group"] for row in listed] == ["notifications.deliver"]
    assert mithaq("status").exit_code == 6
    assert json.loads(mithaq("parked", "show", "notifications.deliver", subject, "-o", "json").stdout)["data"] == "{}"
    again = mithaq("parked", "retry", "notifications.deliver", subject)
    assert again.exit_code == 6
    assert subject in again.stderr
    gone = mithaq("parked", "drop", "notifications.deliver", subject, "--reason", "never was an event", "--yes")
    assert gone.exit_code == 0, gone.stderr
    assert not [row for row in records(mithaq("parked", "ls", "-o", "json")) if row["subject"] == subject]


def test_what_is_parked_and_is_no_event_can_only_be_dropped(started: Started, mithaq: Mithaq) -> None:
    subject = str(uuid4())
    asyncio.run(park(started.data_dir, subject, type=""))
    again = mithaq("parked", "retry", "notifications.deliver", subject)
    assert again.exit_code == 6
    assert f"mithaq parked drop notifications.deliver {subject}" in again.stderr
    gone = mithaq("parked", "drop", "notifications.deliver", subject, "--reason", "never was an event", "--yes")
    assert gone.exit_code == 0, gone.stderr


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "status", MITHAQ_PORT="eight")
    assert done.exit_code == 2
    assert "MITHAQ_PORT" in done.stderr


def test_a_wrong_setting_of_a_service_shows_nobodys_secret(started: Started) -> None:
    done = run(
        started.data_dir,
        "status",
        MITHAQ_NOTIFICATIONS_LEASE="1",
        MITHAQ_NOTIFICATIONS_SMTP_PASSWORD="very-secret",
        MITHAQ_NOTIFICATIONS_SMTP_PORT="99",
    )
    assert done.exit_code == 2
    assert "MITHAQ_NOTIFICATIONS_LEASE" in done.stderr
    assert "very-secret" not in done.output
    assert done.stderr.splitlines()[-1].startswith("Next: mithaq")


def test_a_setting_from_a_secret_file_counts_as_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mithaq_kafka_password").write_text("very-secret")
    monkeypatch.setitem(PlatformSettings.model_config, "secrets_dir", tmp_path)
    rows = {row["key"]: row for row in records(run(tmp_path, "config", "show", "-o", "json"))}
    assert rows["MITHAQ_KAFKA_PASSWORD"]["set"] and not rows["MITHAQ_KAFKA_USERNAME"]["set"]


def test_settings_are_printed_as_they_are_read(tmp_path: Path) -> None:
    done = run(tmp_path, "config", "show", "-o", "env", MITHAQ_NOTIFICATIONS_ALLOWED_NETWORKS='["10.20.0.0/16"]')
    assert 'MITHAQ_NOTIFICATIONS_ALLOWED_NETWORKS=["10.20.0.0/16"]' in done.stdout.splitlines()


def test_a_port_that_is_taken_ends_with_one_that_is_free(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        up = [sys.executable, "-m", "cli", "up", "--port", str(taken.getsockname()[1])]
        # In a process of its own: it takes signals and logs over.
        done = subprocess.run(up, env=environment(tmp_path), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert re.search(r"^Next: mithaq up --port \d+$", done.stderr, re.MULTILINE)


def test_a_server_without_our_databases_is_told_with_a_way_on(started: Started, tmp_path: Path) -> None:
    url = EmbeddedPostgres(started.data_dir / "database").url
    assert url
    elsewhere = {"MITHAQ_DATABASE_URL": database_on(url, "x").replace("mithaq_x", "elsewhere")}
    dry = run(tmp_path, "topics", "apply", "--dry-run", **elsewhere)
    assert dry.exit_code == 0
    for arguments in (("status",), ("lag",), ("parked", "ls"), ("db", "backup", str(tmp_path / "backup.tar"))):
        done = run(tmp_path, *arguments, **elsewhere)
        assert done.exit_code in (1, 6), done.output
        assert "elsewhere_" in done.stderr and "does not exist" in done.stderr
        assert done.stderr.splitlines()[-1] == "Next: mithaq doctor"


def test_an_empty_folder_stays_empty(tmp_path: Path) -> None:
    done = run(tmp_path / "nowhere", "status")
    assert done.exit_code == 3
    assert not (tmp_path / "nowhere").exists()


def test_what_ran_is_gone_after_a_stop_and_after_a_kill(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "database")
    try:
        platform = Started(tmp_path)
        assert server.pid
        platform.process.send_signal(signal.SIGTERM)
        assert platform.ends() == 0
        assert server.url is None

        platform = Started(tmp_path)
        left = EmbeddedPostgres(tmp_path / "database").pid
        assert left
        platform.process.kill()
        platform.ends()
        assert psutil.pid_exists(left)
        began = time.monotonic()
        assert run(tmp_path, "down").exit_code == 0
        assert time.monotonic() - began < 60
        assert not psutil.pid_exists(left)
    finally:
        server.wipe()


def test_the_demo_is_left_alone_by_a_reset_and_stopped_by_down(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / DEMO / "database")
    try:
        platform = Started(tmp_path / DEMO)
        wipe(tmp_path)
        assert server.url
        assert run(tmp_path, "down").exit_code == 0
        assert platform.ends() == 0
        assert server.url is None
    finally:
        server.wipe()


def test_times_are_spans_or_instants() -> None:
    assert 590 < (now() - moment("10m")).total_seconds() < 610
    assert moment("2024-08-30T10:00").isoformat() == "2024-08-30T10:00:00+00:00"


async def park(data_dir: Path, subject: str, *, type: str = "ma.mithaq.agreement.forgotten.v9") -> None:
    """An event that no version knows, or a record that is none, as a reaction would put it aside."""
    url = EmbeddedPostgres(data_dir / "database").url
    assert url
    connection = await asyncpg.connect(database_on(url, "notifications"))
    try:
        await connection.execute(
            """
            insert into parked (reaction, subject, version, event_id, type, topic, headers, value, reason, attempts,
                                first_failed_at)
            values ('deliver', $1, 1, gen_random_uuid(), $2, 'agreements.agreement',
                    '{}', '{}', 'unknown type', 1, now())
            """,
            subject,
            type,
        )
    finally:
        await connection.close()
