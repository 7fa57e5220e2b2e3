"""A transaction: what its session and its connection write is one, kept whole or not at all."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from shared.actor import NATIONAL
from shared.database import Database, Transaction
from shared.messaging.retrying import passes_by_itself
from shared.messaging.tables import ContentRow
from shared.refusals import NotFound
from shared.store import digest, get_texts, put_text
from tests.fixtures.database import Databases

Block = Callable[[Transaction], AbstractAsyncContextManager[None]]
BY_SESSION, BY_CONNECTION = "by the session", "by the connection"
BOTH = {digest(each): each for each in (BY_SESSION, BY_CONNECTION)}


@pytest.fixture
async def database(databases: Databases) -> Database:
    """A database with room for one transaction at a time."""
    return await databases("network", pool_size=1)


async def write(tx: Transaction) -> None:
    tx.add(ContentRow(hash=digest(BY_SESSION), body=BY_SESSION))
    connection = await tx.connection()
    await connection.execute(ContentRow.__table__.insert(), {"hash": digest(BY_CONNECTION), "body": BY_CONNECTION})  # type: ignore[attr-defined]


async def kept(database: Database) -> dict[str, str]:
    async with database.transaction(NATIONAL) as tx:
        return await get_texts(tx, BOTH)


async def test_what_was_added_and_what_was_executed_is_committed_together(database: Database) -> None:
    told: list[bool] = []
    async with database.transaction(NATIONAL) as tx:
        tx.after_commit(lambda: told.append(True))
        await write(tx)
    assert (await kept(database), told) == (BOTH, [True])


async def test_nothing_is_left_of_a_block_that_failed_and_its_connection_serves_the_next(database: Database) -> None:
    told: list[bool] = []
    with suppress(LookupError):
        async with database.transaction(NATIONAL) as tx:
            tx.after_commit(lambda: told.append(True))
            await write(tx)
            await tx.flush()
            raise LookupError
    assert (await kept(database), told) == ({}, [])


async def test_nothing_is_left_of_a_block_whose_last_row_cannot_be_written(database: Database) -> None:
    async with database.transaction(NATIONAL) as tx:
        await put_text(tx, BY_SESSION)
    with pytest.raises(Exception, match="duplicate key"):
        async with database.transaction(NATIONAL) as tx:
            await write(tx)
    assert [*(await kept(database)).values()] == [BY_SESSION]


async def test_a_savepoint_takes_back_what_both_wrote_in_it(database: Database) -> None:
    async with database.transaction(NATIONAL) as tx:
        with suppress(LookupError):
            async with tx.begin_nested():
                await write(tx)
                await tx.flush()
                raise LookupError
        await write(tx)
    assert await kept(database) == BOTH


SCOPE = text("select current_setting('mithaq.scope')")


async def test_a_block_that_asked_nothing_leaves_no_scope_behind(database: Database) -> None:
    async with database.transaction(NATIONAL):
        pass
    async with database.engine.connect() as same:
        assert (await same.execute(SCOPE)).scalar_one() == ""


async def test_nothing_begins_under_a_scope_that_cannot_be_set(database: Database) -> None:
    with pytest.raises(DBAPIError, match="invalid byte sequence"):
        async with database.transaction(frozenset({"\0"})) as tx:
            await tx.execute(SCOPE)
    async with database.transaction(NATIONAL) as tx:
        assert (await tx.execute(SCOPE)).scalar_one() == "national"


@pytest.mark.parametrize("block", [lambda tx: tx.widened(NATIONAL), lambda tx: tx.begin_nested()])
async def test_an_error_of_the_database_is_told_as_it_is_out_of_any_block(database: Database, block: Block) -> None:
    with pytest.raises(DBAPIError, match="division by zero"):
        async with database.transaction(NATIONAL) as tx, block(tx):
            await tx.execute(text("select 1 / 0"))
    with pytest.raises(DBAPIError) as lost:
        async with database.transaction(NATIONAL) as tx, block(tx):
            await lose_its_backend(tx)
    assert passes_by_itself(lost.value)


@pytest.mark.parametrize("error", [LookupError, NotFound])
async def test_whoever_saw_more_sees_no_more_after_an_error(database: Database, error: type[Exception]) -> None:
    async with database.transaction(frozenset({"MA-06"})) as tx:
        with suppress(error):
            async with tx.widened(NATIONAL):
                assert (await tx.execute(SCOPE)).scalar_one() == "national"
                raise error
        assert (await tx.execute(SCOPE)).scalar_one() == "MA-06"


async def test_whoever_saw_more_twice_sees_after_the_inner_block_what_the_outer_one_shows(database: Database) -> None:
    async with database.transaction(frozenset({"MA-06"})) as tx:
        async with tx.widened(NATIONAL):
            async with tx.widened(frozenset({"MA-07"})):
                assert (await tx.execute(SCOPE)).scalar_one() == "MA-07"
            assert (await tx.execute(SCOPE)).scalar_one() == "national"
        assert (await tx.execute(SCOPE)).scalar_one() == "MA-06"


async def test_what_was_seen_more_of_in_a_savepoint_that_failed_is_not_seen_later(database: Database) -> None:
    async with database.transaction(frozenset({"MA-06"})) as tx:
        with suppress(DBAPIError):
            async with tx.begin_nested(), tx.widened(NATIONAL):
                await tx.execute(text("select 1 / 0"))
        async with tx.widened(frozenset({"MA-07"})):
            pass
        assert (await tx.execute(SCOPE)).scalar_one() == "MA-06"


async def lose_its_backend(tx: Transaction) -> None:
    """What a restart of PostgreSQL does to the transaction, which learns it with its next statement."""
    pid = (await tx.execute(text("select pg_backend_pid()"))).scalar_one()
    other = create_async_engine(tx.database.engine.url)
    async with other.begin() as connection:
        await connection.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
    await other.dispose()
    await tx.execute(text("select 1"))
