"""The database: one transaction per command, with the caller's jurisdiction set inside it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import asyncpg
from asyncpg.transaction import Transaction as DriverTransaction
from pydantic_core import from_json
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.actor import Scope

STOPPED = "15s"
"""For how long a process may say nothing in an open transaction: one that was stopped must not keep its locks."""
SET_SCOPE = "select set_config('mithaq.scope', $1, true)"


class Connection(asyncpg.Connection):
    """A connection of the driver: what begins on it sees the rows of its scope, and none if it was told no scope.

    Every transaction has a scope, and each statement that SQLAlchemy sends costs twice what the driver's own does.
    """

    scope = ""

    def transaction(self, *, isolation: Any = None, readonly: bool = False, deferrable: bool = False) -> "Begun":
        """A transaction that has its scope as soon as it has begun."""
        return Begun(self, isolation, readonly, deferrable)


class Begun(DriverTransaction):
    """A transaction of such a connection."""

    def __init__(self, connection: Connection, *options: Any) -> None:
        super().__init__(connection, *options)
        self._on = connection

    async def start(self) -> None:
        """Begin, and set the scope."""
        await super().start()
        try:
            await self._on.execute(SET_SCOPE, self._on.scope)
        except BaseException:
            if not self._on.is_closed():
                await self.rollback()
            raise


class Transaction(AsyncSession):
    """An open transaction. Commands join it when they are given one."""

    def __init__(self, database: "Database", scope: Scope, connection: AsyncConnection) -> None:
        super().__init__(connection, expire_on_commit=False)
        self.database = database
        self.scope = scope
        self._after_commit: list[Callable[[], None]] = []
        self._connection = connection
        self._driver = driver_of(connection)
        self._driver.scope = _said(scope)
        self._seen = scope

    @asynccontextmanager
    async def transaction(self, scope: Scope) -> AsyncIterator["Transaction"]:  # noqa: ARG002 - as on a Database
        """Join this transaction: it commits where it began, under the scope it began with."""
        yield self

    @asynccontextmanager
    async def widened(self, scope: Scope) -> AsyncIterator[None]:
        """See the rows of another scope inside the block: for a rule that rests on what its person may not see."""
        before = self._seen
        await self._see(scope)
        try:
            yield
        except BaseException:
            # Not if it ended the transaction or its connection: then there is nothing to give back, and it is told.
            with suppress(DBAPIError, PendingRollbackError):
                await self._see(before)
            self._seen = before
            raise
        await self._see(before)

    async def _see(self, scope: Scope) -> None:
        await self._connection.exec_driver_sql(SET_SCOPE, (_said(scope),))
        self._seen = scope

    async def connection(self, *_binding: Any, **_options: Any) -> AsyncConnection:
        """The connection of this transaction: whoever needs no more of it leaves the session unused."""
        return self._connection

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:  # type: ignore[override]
        """A savepoint: what fails inside the block leaves the rest of the transaction as it was."""
        async with super().begin_nested():
            await super().connection()  # the session puts the savepoint off until it asks for its connection itself
            yield

    async def __aexit__(self, *raised: Any) -> None:
        """Give back what the session holds: one that was not used holds nothing, and most reads do not use it."""
        self._driver.scope = Connection.scope
        if self.in_transaction():
            await super().__aexit__(*raised)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back once the transaction has committed."""
        self._after_commit.append(callback)


class Database:
    """A pool of connections to one service's database, under one role.

    The role is neither owner nor superuser, so that row-level security binds it.
    """

    def __init__(self, url: str, *, role: str | None = "mithaq_app", pool_size: int = 8) -> None:
        options = {"application_name": f"mithaq {role or 'owner'}"}
        if role:
            # An acknowledged event must survive a crash, and a relay must not publish one that does not.
            options |= {"role": role, "idle_in_transaction_session_timeout": STOPPED, "synchronous_commit": "on"}
        self.engine = create_async_engine(
            asyncpg_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=False,
            hide_parameters=True,
            json_deserializer=from_json,  # of what is read most: states and events
            connect_args={
                "server_settings": options,
                "timeout": 10,
                "command_timeout": 60,
                "connection_class": Connection,
            },
        )
        self.committed = asyncio.Event()
        """Set when journal rows were committed in this process: it wakes the relay."""

    @asynccontextmanager
    async def transaction(self, scope: Scope, *, still: bool = False) -> AsyncIterator[Transaction]:
        """One transaction that sees the scope's rows only; commits at the end of the block, or not at all.

        `still`: all that it reads is as of one moment, whoever writes meanwhile.
        """
        async with self.engine.connect() as connection, Transaction(self, scope, connection) as tx:
            if still:
                await connection.execution_options(isolation_level="REPEATABLE READ")
            yield tx
            if tx.in_transaction():
                await tx.commit()
            await connection.commit()
        for callback in tx._after_commit:
            callback()

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def driver_of(connection: AsyncConnection) -> Connection:
    """The driver's connection behind SQLAlchemy's."""
    assert connection.sync_connection is not None, "it was started"
    return cast(Connection, connection.sync_connection.connection.driver_connection)


def _said(scope: Scope) -> str:
    return ",".join(sorted(scope))


def asyncpg_url(url: str) -> str:
    """The URL as SQLAlchemy's asyncpg dialect wants it."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


Work = Database | Transaction
"""What a command is given: a database, on which it opens its transaction, or an open transaction, which it joins."""
