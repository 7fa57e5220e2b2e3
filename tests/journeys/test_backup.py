"""Backup and restore: a running installation is saved at one moment, and goes on from there."""

import asyncio
import os
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from cli.backup import Manifest, back_up, read_manifest, restore
from cli.demo.client import Client
from cli.files import sweep_files, unnamed_files
from cli.installation import Installation
from cli.output import Exit, Failed
from services.agreements import commands
from services.agreements.tests.builders import approved, attached, clauses, current, officer, pdf, sign_for
from services.network.organisation import institutions
from shared import files
from shared.actor import NATIONAL
from shared.clock import now
from shared.embedded.identity import load_credentials
from shared.events.catalog import TOPICS
from shared.messaging.envelope import open_envelope
from shared.messaging.rebuild import rebuild
from shared.settings import PlatformSettings
from shared.territory import MINISTRY_ID
from tests.fixtures.eventually import eventually
from tests.fixtures.s3 import BUCKET, IDENTITY
from tests.journeys.platform import running

pytestmark = pytest.mark.timeout(180)

JOURNAL = text("select event_id, aggregate_id, aggregate_version, audience from journal order by id")
PROGRESS = text("select subject, version from progress where reaction = :reaction and held is null")
TOLD = text("select academy, event_id from feed_entry")


@pytest.fixture
async def here(installation: str, tmp_path: Path) -> Installation:
    """An installation of this test's own, not running."""
    return Installation(PlatformSettings(database_url=SecretStr(installation), data_dir=tmp_path))


async def test_a_restored_installation_has_lost_nothing_and_goes_on(here: Installation, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    async with running(here.settings) as settings, client_of(settings) as client:
        before = [await register(client, number) for number in range(3)]
        writing = asyncio.create_task(register_until_stopped(client, first=100))
        manifest = await back_up(here, file, silent)
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        after = await register(client, 900)

    await restore(here, file, silent)

    assert {service: len(await rows(here, service, JOURNAL)) for service in here.services} == manifest.events
    async with running(here.settings) as settings, client_of(settings) as client:
        known = {each["id"] for each in await client.all("auditor", "associations")}
        assert set(before) <= known
        assert after not in known
        for id in before:
            association = await client.get("officer-ma-06", f"associations/{id}")
            await client.post("officer-ma-06", f"associations/{id}/verification", version=association["version"])
        await register(client, 901)
        await eventually(lambda: everything_arrived(here), within=30)
    await check_nothing_is_doubled(here)


async def test_a_backup_is_one_moment_in_all_services(here: Installation, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    async with running(here.settings) as settings, client_of(settings) as client:
        writing = asyncio.create_task(register_until_stopped(client, first=1))
        await asyncio.sleep(0.5)
        await back_up(here, file, silent)
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
    await restore(here, file, silent)
    committed = {
        (row.aggregate_id, row.aggregate_version)
        for service in here.services
        for row in await rows(here, service, JOURNAL)
    }
    for service, reaction in here.reactions.values():
        applied = await rows(here, service.name, PROGRESS, reaction=reaction.id)
        ahead = [row for row in applied if row.version and (row.subject, row.version) not in committed]
        assert not ahead, f"{reaction.group} knows events that their owner has not got"


async def test_no_journal_grows_between_the_first_snapshot_and_the_last(here: Installation, tmp_path: Path) -> None:
    async with running(here.settings) as settings, client_of(settings) as client:
        await register(client, 1)
        before = await eventually(lambda: institutions_and_one_association(here))
        command = await asyncpg.connect(here.url_of("notifications"))
        try:
            # A command that has written to its journal and not committed yet.
            await command.execute("begin; lock table journal in row exclusive mode")
            backing_up = asyncio.create_task(back_up(here, tmp_path / "backup.tar", silent))
            await eventually(lambda: waits_for_a_lock(here, "notifications"))
            registering = asyncio.create_task(register(client, 2))
            await eventually(lambda: waits_for_a_lock(here, "network"))
            assert not backing_up.done()
            await command.execute("rollback")
            manifest = await backing_up
            await registering
        finally:
            await command.close()
    assert manifest.events["network"] == before
    assert len(await rows(here, "network", JOURNAL)) == before + 1


async def institutions_and_one_association(here: Installation) -> int:
    """The journal's rows once the register is seeded."""
    found = len(await rows(here, "network", JOURNAL))
    assert found == len(institutions()) + 1
    return found


async def test_a_restore_that_fails_changes_nothing(here: Installation, tmp_path: Path) -> None:
    file, broken = tmp_path / "backup.tar", tmp_path / "broken"
    async with running(here.settings) as settings, client_of(settings) as client:
        await back_up(here, file, silent)
        kept = await register(client, 1)
    with tarfile.open(file) as archive:
        archive.extractall(broken, filter="data")
    dump = broken / "reporting.dump"
    dump.write_bytes(dump.read_bytes()[:2000])
    with tarfile.open(file, "w") as archive:
        for part in broken.iterdir():
            archive.add(part, part.name)
    with pytest.raises(Failed, match="pg_restore"):
        await restore(here, file, silent)
    async with running(here.settings) as settings, client_of(settings) as client:
        assert (await client.get("officer-ma-06", f"associations/{kept}"))["id"] == kept


@pytest.fixture
def with_files(here: Installation, tmp_path: Path, kept_files: Path) -> Iterator[Installation]:
    """The installation, with files of its own."""
    yield Installation(here.settings.model_copy(update={"files": str(tmp_path / "files")}))
    files.configure(str(kept_files))


async def test_documents_survive_with_their_files_and_a_lost_one_is_named(
    with_files: Installation, tmp_path: Path
) -> None:
    here = with_files
    async with running(here.settings):
        annex, (archived, sealed) = await attach(here), await seal(here)
    whole = await back_up(here, tmp_path / "whole.tar", silent)
    assert (whole.files, whole.missing) == (3, ())
    harms: dict[str, Callable[[Path], object]] = {
        annex: Path.unlink,
        archived: lambda file: file.write_bytes(b"%PDF-1.7"),
        sealed: Path.unlink,
    }
    for lost, harm in harms.items():
        kept = tmp_path / "files" / lost[:2] / lost
        content = kept.read_bytes()
        harm(kept)
        partial = await back_up(here, tmp_path / f"partial-{uuid4()}.tar", silent)
        assert (partial.files, partial.missing) == (2, (lost,))
        kept.unlink(missing_ok=True)
        await restore(here, tmp_path / "whole.tar", silent)
        assert kept.read_bytes() == content


async def attach(here: Installation, **options: Any) -> str:
    """An agreement's document; gives its file's hash."""
    async with here.database("agreements") as database:
        agreement = await commands.draft_agreement(database, current(), clauses=clauses(), by=officer())
        return (await attached(database, agreement, "annex", **options)).documents[-1].hash


async def seal(here: Installation) -> tuple[str, str]:
    """An agreement with a seal; gives the hashes of the file from before it, and with it."""
    async with here.database("agreements") as database:
        sealed = await sign_for(database, await approved(database), MINISTRY_ID, level="advanced")
        assert sealed.archived_file and sealed.sealed_file
        return sealed.archived_file, sealed.sealed_file


@pytest.mark.parametrize("where", ["directory", "s3"])
async def test_what_no_event_names_is_listed_after_a_day_and_goes_when_somebody_says_so(
    where: str,
    with_files: Installation,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = with_files
    if where == "s3":
        s3 = request.getfixturevalue("s3")
        keys = {f"s3_{name}": SecretStr(s3[name]) for name in IDENTITY}
        bucket = {"files": f"s3://{BUCKET}/{uuid4().hex}", "s3_endpoint": s3["endpoint"]}
        here = Installation(here.settings.model_copy(update=keys | bucket))
    async with running(here.settings):
        named = {await attach(here), *await seal(here)}
        lost = await files.put(b"%PDF-1.7 (fictif)")
    assert await unnamed_files(here) == [], "its upload may be under way"
    monkeypatch.setattr("cli.files.now", lambda: now() + timedelta(days=2))
    assert [(each.hash, each.size) for each in await unnamed_files(here)] == [(lost.hash, lost.size)]
    assert {each.hash async for each in files.kept()} == named | {lost.hash}
    asked = list[str]()
    assert await sweep_files(here, lambda found: asked.extend(each.hash for each in found)) == 1
    assert asked == [lost.hash] and {each.hash async for each in files.kept()} == named


async def test_a_sweep_leaves_what_is_named_or_put_again_after_it_was_listed(
    with_files: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = with_files
    async with running(here.settings):
        named, again = pdf("le même"), b"%PDF-1.7 (fictif)"
        both = {(await files.put(each)).hash for each in (named, again)}
    monkeypatch.setattr("cli.files.now", lambda: now() + timedelta(days=2))

    async def listed_before(here: Installation) -> list[files.KeptFile]:
        found = await unnamed_files(here)
        await attach(here, content=named)
        (kept,) = (each for each in found if (tmp_path / "files" / each.name).read_bytes() == again)
        os.utime(tmp_path / "files" / kept.name, times=((now() + timedelta(days=2)).timestamp(),) * 2)
        return found

    monkeypatch.setattr("cli.files.unnamed_files", listed_before)
    assert await sweep_files(here, lambda found: None) == 0
    assert {each.hash async for each in files.kept()} == both


async def test_nothing_is_restored_under_running_services(here: Installation, tmp_path: Path) -> None:
    async with running(here.settings):
        await back_up(here, tmp_path / "backup.tar", silent)
        with pytest.raises(Failed) as refused:
            await restore(here, tmp_path / "backup.tar", silent)
    assert refused.value.code is Exit.conflict


@pytest.mark.kafka
async def test_a_restore_wants_empty_topics(here: Installation, tmp_path: Path, kafka_bootstrap: str) -> None:
    kafka = {"broker": "kafka", "kafka_bootstrap": kafka_bootstrap}
    here = Installation(here.settings.model_copy(update=kafka))
    async with running(here.settings):
        await back_up(here, tmp_path / "backup.tar", silent)
        await eventually(lambda: published(here), within=30)
    with pytest.raises(Failed, match="holds events") as refused:
        await restore(here, tmp_path / "backup.tar", silent)
    assert refused.value.code is Exit.conflict


def test_a_file_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.tar").write_text("Dear operator")
    with pytest.raises(Failed, match="not a backup"):
        read_manifest(tmp_path / "letter.tar")


def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    newer = Manifest.model_validate({"at": "2030-01-01T00:00:00Z", "revisions": {"network": "9999"}, "events": {}})
    (tmp_path / "manifest.json").write_text(newer.model_dump_json())
    with tarfile.open(tmp_path / "newer.tar", "w") as archive:
        archive.add(tmp_path / "manifest.json", "manifest.json")
    with pytest.raises(Failed, match="newer than this version"):
        read_manifest(tmp_path / "newer.tar")


async def check_nothing_is_doubled(here: Installation) -> None:
    """Topics, feeds and projections are what the journals say, each event once."""
    journal = [row for service in here.services for row in await rows(here, service, JOURNAL)]
    async with here.broker() as broker:
        seen: Counter[Any] = Counter()
        for topic in TOPICS:
            async for received in broker.read(topic):
                seen[open_envelope(received.message).id] += 1
    assert seen == Counter(row.event_id for row in journal)
    due = Counter((academy, row.event_id) for row in journal for academy in row.audience)
    assert due == Counter((row.academy, row.event_id) for row in await rows(here, "notifications", TOLD))
    for service, projection in here.reactions.values():
        if projection.tables:
            async with here.database(service.name) as database, here.broker() as broker:
                contents = [f'select t::text from "{table.__tablename__}" t order by 1' for table in projection.tables]
                before = [await rows(here, service.name, text(query)) for query in contents]
                await rebuild(projection, database, broker)
                assert before == [await rows(here, service.name, text(query)) for query in contents]


async def everything_arrived(here: Installation) -> None:
    """Every reaction has applied the last version of every subject of its topics."""
    latest: dict[Any, int] = {}
    async with here.broker() as broker:
        for service in here.services:
            for row in await rows(here, service, JOURNAL):
                latest[row.aggregate_id] = max(row.aggregate_version, latest.get(row.aggregate_id, 0))
        for owner, reaction in here.reactions.values():
            behind = await broker.lag(reaction.group, reaction.topics)
            assert not any(behind.values()), f"{reaction.group} is behind: {behind}"
            for row in await rows(here, owner.name, PROGRESS, reaction=reaction.id):
                assert row.version == latest[row.subject], f"{reaction.group} has not finished {row.subject}"
        published_events = set()
        for topic in TOPICS:
            async for received in broker.read(topic):
                envelope = open_envelope(received.message)
                published_events.add((envelope.subject, envelope.version))
    assert published_events >= set(latest.items())


async def waits_for_a_lock(here: Installation, service: str) -> bool:
    waiting = text(
        "select pid from pg_locks join pg_stat_activity using (pid)"
        " where datname = current_database() and not granted and relation = 'journal'::regclass"
    )
    return bool(await rows(here, service, waiting))


async def published(here: Installation) -> None:
    async with here.broker() as broker:
        assert [received async for received in broker.read("network.organisation")]


async def register_until_stopped(client: Client, *, first: int) -> None:
    number = first
    while True:
        await register(client, number)
        number += 1


async def register(client: Client, number: int) -> str:
    """A fictitious association; gives its id."""
    body = {
        "name_ar": f"جمعية {number} (وهمي)",
        "name_fr": f"Association {number} (fictif)",
        "receipt_number": f"FICTIF-{number:03}",
        "ice": f"{number:015}",
        "academy": "MA-06",
        "province": "MA-CAS",
    }
    return str((await client.post("officer-ma-06", "associations", body))["id"])


def client_of(settings: PlatformSettings) -> Client:
    return Client(f"http://127.0.0.1:{settings.port}", load_credentials(settings.data_dir))


async def rows(here: Installation, service: str, query: Any, **values: Any) -> list[Any]:
    async with here.database(service, role=None) as database, database.transaction(NATIONAL) as tx:
        return list((await tx.execute(query, values)).all())


def silent(_: str) -> None:
    """Nobody listens."""
