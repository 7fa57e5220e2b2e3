"""Checkpoints: everything recorded is bound once an hour, as it is, whoever is still writing."""

import asyncio
import importlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from services.agreements import queries
from services.agreements.agreement import Agreement
from services.agreements.checkpoint import CHECKPOINT_ID, Checkpoint
from services.agreements.commands import checkpoints, publish_checkpoint
from services.agreements.errors.checkpoints import NotYetBound
from services.agreements.tables import AGREEMENTS, CHECKPOINTS
from services.agreements.tests.builders import MINISTRY, current, president
from shared import audit
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database, Transaction
from shared.events.agreements import CheckpointPublished
from shared.ids import new_id
from shared.messaging.journal import exported
from shared.territory import ACADEMY_CODES
from shared.web.paging import encode_cursor
from tests.fixtures.database import Databases
from tests.fixtures.eventually import eventually
from tests.fixtures.identity import Issuer
from tests.web.conventions import is_problem
from tests.web.routes import client_of

HOUR = timedelta(hours=1)


async def draft(tx: Transaction, id: UUID | None = None) -> Agreement:
    """A draft, recorded in this transaction."""
    id = id or new_id()
    events = Agreement.draft(id, current(), names={}, by=MINISTRY.person)
    return await AGREEMENTS.record(tx, Agreement(id=id), events, by=MINISTRY)


async def drafts(database: Database, number: int = 3) -> list[Agreement]:
    """Some drafts."""
    async with database.transaction(NATIONAL) as tx:
        return [await draft(tx) for _ in range(number)]


async def published(database: Database) -> list[CheckpointPublished]:
    """All checkpoints."""
    async with database.transaction(NATIONAL) as tx:
        events = [row.event() for row in await CHECKPOINTS.history(tx, CHECKPOINT_ID)]
    return [each for each in events if isinstance(each, CheckpointPublished)]


async def findings(database: Database, owner: Database) -> list[audit.Finding]:
    """What the audit says of the whole journal, beside everything published."""
    roots = [audit.Checkpoint.of(each.model_dump_json()) for each in await published(database)]
    async with owner.transaction(NATIONAL) as tx:
        return list(audit.Audit(roots).read([json.dumps(row) async for row in exported(tx)]))


def later(hours: int = 1) -> datetime:
    """So many hours from now."""
    return now() + hours * HOUR


async def test_an_empty_journal_is_not_bound(database: Database) -> None:
    assert await publish_checkpoint(database, at=later()) is None


async def test_everything_recorded_is_bound(database: Database, databases: Databases) -> None:
    await drafts(database)
    checkpoint = await publish_checkpoint(database, at=later())
    assert checkpoint and (checkpoint.leaves, checkpoint.events) == (3, 3)
    await drafts(database, 2)
    again = await publish_checkpoint(database, at=later(2))
    assert again and (again.leaves, again.events) == (6, 6)
    assert await findings(database, await databases("agreements", role=None)) == []


async def test_the_first_hour_ends_before_anything_is_bound(database: Database) -> None:
    at = now()
    await drafts(database)
    assert await publish_checkpoint(database, at=at) is None


async def test_a_checkpoint_is_published_once_an_hour_whoever_asks(database: Database) -> None:
    await drafts(database)
    at = later().replace(minute=30)
    both = await asyncio.gather(
        *(publish_checkpoint(database, at=at + timedelta(minutes=n)) for n in range(3)), return_exceptions=True
    )
    assert await publish_checkpoint(database, at=at + timedelta(minutes=20)) is None
    assert len(await published(database)) == 1, both
    assert await publish_checkpoint(database, at=at + HOUR)
    assert len(await published(database)) == 2


async def test_after_an_outage_one_checkpoint_binds_what_the_hours_brought(database: Database) -> None:
    await drafts(database)
    await publish_checkpoint(database, at=later())
    await drafts(database)
    await publish_checkpoint(database, at=later(9))
    assert [each.events for each in await published(database)] == [3, 7]


async def test_every_academy_receives_it(database: Database) -> None:
    await drafts(database)
    await publish_checkpoint(database, at=later())
    async with database.transaction(NATIONAL) as tx:
        (row,) = await CHECKPOINTS.history(tx, CHECKPOINT_ID)
    assert tuple(row.audience) == ACADEMY_CODES
    assert row.detail is None


@asynccontextmanager
async def an_open_draft(database: Database) -> AsyncIterator[None]:
    """Somebody has recorded a draft and not committed it yet."""
    async with database.transaction(NATIONAL) as tx:
        await draft(tx)
        yield


async def test_a_checkpoint_waits_for_whoever_may_still_write_below_it(
    database: Database, databases: Databases
) -> None:
    async with an_open_draft(database):
        await drafts(database)
        publishing = asyncio.create_task(publish_checkpoint(database, at=later()))
        done, _ = await asyncio.wait([publishing], timeout=0.3)
        assert not done
    checkpoint = await publishing
    assert checkpoint and checkpoint.events == 4
    assert await findings(database, await databases("agreements", role=None)) == []


async def test_a_writer_that_does_not_end_puts_the_checkpoint_off(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await drafts(database)
    async with an_open_draft(database):
        with monkeypatch.context() as impatient:
            impatient.setattr(checkpoints, "PATIENCE", 0.1)
            assert await publish_checkpoint(database, at=later()) is None
    # Whoever writes in another database of the server counts as a writer, too: another test may.
    await eventually(lambda: publish_checkpoint(database, at=later()))


async def test_the_checkpoint_is_the_fold_of_its_journal(database: Database) -> None:
    await drafts(database)
    await publish_checkpoint(database, at=later())
    async with database.transaction(NATIONAL) as tx:
        stored = await CHECKPOINTS.read(tx, CHECKPOINT_ID)
        events = [row.event() for row in await CHECKPOINTS.history(tx, CHECKPOINT_ID)]
    assert Checkpoint.fold(CHECKPOINT_ID, events).model_dump() == stored.model_dump()


@pytest.mark.parametrize(
    "tampering",
    [
        """update journal set data = data || '{"school_year": "2030/2031"}' where id = 2""",
        "delete from journal where id = 2",
        "update journal set id = 100 - id where id in (2, 98) or aggregate_version = 0",
        "delete from journal where id = (select max(id) from journal where aggregate_type = 'agreement')",
    ],
    ids=["edited", "deleted", "moved", "cut"],
)
async def test_whoever_changes_the_database_is_found(database: Database, databases: Databases, tampering: str) -> None:
    await drafts(database)
    await publish_checkpoint(database, at=later())
    owner = await databases("agreements", role=None)
    async with owner.transaction(NATIONAL) as tx:
        await tx.execute(text("alter table journal alter id drop identity"))
        await tx.execute(text(tampering))
    assert await findings(database, owner)


async def test_anybody_reads_what_was_published_the_last_first(
    app: FastAPI, database: Database, issuer: Issuer
) -> None:
    await drafts(database)
    for hour in (1, 2, 3):
        await publish_checkpoint(database, at=later(hour))
    async with client_of(app, issuer.token(president(new_id()))) as client:
        first = await client.get("/api/v1/checkpoints?limit=2")
        second = await client.get(first.links["next"]["url"])
    assert [each["number"] for answered in (first, second) for each in answered.json()["items"]] == [3, 2, 1]
    told = await published(database)
    assert first.json()["items"][0]["root"] == told[-1].root
    assert "next" not in second.links


@pytest.mark.parametrize("number", [2**31, -(10**30)])
async def test_a_cursor_with_a_number_that_no_column_holds_is_refused(
    app: FastAPI, issuer: Issuer, number: int
) -> None:
    async with client_of(app, issuer.token(MINISTRY)) as client:
        cursor = encode_cursor([CHECKPOINT_ID, number])
        is_problem(await client.get("/api/v1/checkpoints", params={"cursor": cursor}), 422, "malformed")


async def test_an_agreement_is_proven_to_be_in_what_was_published(
    app: FastAPI, database: Database, issuer: Issuer
) -> None:
    agreements = await drafts(database, 5)
    async with client_of(app, issuer.token(MINISTRY)) as client:
        early = await client.get(f"/api/v1/agreements/{agreements[0].id}/proof")
        assert (early.status_code, early.json()["type"]) == (409, "/problems/not-yet-bound")
        await publish_checkpoint(database, at=later())
        (event,) = await published(database)
        for agreement in agreements:
            proof = (await client.get(f"/api/v1/agreements/{agreement.id}/proof")).json()
            assert proof["root"] == event.root
            leaf = audit.leaf(UUID(proof["agreement_id"]), proof["version"], bytes.fromhex(proof["head"]))
            path = [bytes.fromhex(each) for each in proof["path"]]
            assert audit.holds(leaf, proof["index"], proof["leaves"], path, bytes.fromhex(event.root))
        (new,) = await drafts(database, 1)
        assert (await client.get(f"/api/v1/agreements/{new.id}/proof")).status_code == 409
    async with client_of(app, issuer.token(president(new_id()))) as stranger:
        assert (await stranger.get(f"/api/v1/agreements/{agreements[0].id}/proof")).status_code == 404


async def test_a_proof_is_read_and_not_computed(
    app: FastAPI, issuer: Issuer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreements = await drafts(database)
    await publish_checkpoint(database, at=later())
    monkeypatch.delattr(audit, "levels")
    async with client_of(app, issuer.token(MINISTRY)) as client:
        for agreement in agreements:
            assert (await client.get(f"/api/v1/agreements/{agreement.id}/proof")).status_code == 200


async def test_every_chain_is_proven_wherever_new_ones_take_their_place(database: Database) -> None:
    agreements = list[Agreement]()
    for hour in range(1, 8):
        # The second half of them are older than all that are bound by now.
        async with database.transaction(NATIONAL) as tx:
            agreements += [await draft(tx, id) for id in (new_id(), UUID(int=2**100 - hour))]
        checkpoint = await publish_checkpoint(database, at=later(hour))
        assert checkpoint is not None
        proofs = [await queries.proof(database, each.id, by=MINISTRY) for each in agreements]
        assert len({each.index for each in proofs}) == len(agreements)
        for told in proofs:
            leaf = audit.leaf(told.agreement_id, told.version, bytes.fromhex(told.head))
            path = [bytes.fromhex(each) for each in told.path]
            assert audit.holds(leaf, told.index, checkpoint.leaves, path, bytes.fromhex(checkpoint.root))


async def test_no_proof_is_given_that_does_not_hold(database: Database, databases: Databases) -> None:
    """As after a checkpoint of an instance that does not keep the tree, or by whoever changes the database."""
    one, *_ = await drafts(database)
    await publish_checkpoint(database, at=later())
    owner = await databases("agreements", role=None)
    for statement in ("update chain_level set nodes = sha256(nodes)", "update chain_head set place = null"):
        async with owner.transaction(NATIONAL) as tx:
            await tx.execute(text(statement))
        with pytest.raises(NotYetBound):
            await queries.proof(database, one.id, by=MINISTRY)
    await drafts(database)
    await publish_checkpoint(database, at=later(2))
    assert (await queries.proof(database, one.id, by=MINISTRY)).agreement_id == one.id


async def test_what_was_published_before_the_migration_is_proven_after_it(
    database: Database, databases: Databases
) -> None:
    one, *_ = await drafts(database, 5)
    await publish_checkpoint(database, at=later())
    owner, given = await databases("agreements", role=None), await queries.proof(database, one.id, by=MINISTRY)
    migration = importlib.import_module("services.agreements.migrations.versions.0028_proof")
    async with owner.transaction(NATIONAL) as tx:
        await tx.execute(text("delete from chain_level"))
        await tx.execute(text("update chain_head set place = null"))
        await (await tx.connection()).run_sync(migration._keep_what_was_published)
    assert await queries.proof(database, one.id, by=MINISTRY) == given
