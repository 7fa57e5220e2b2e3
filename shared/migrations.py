"""Migrations: one Alembic tree per service, its tables and messaging's, with roles and row-level security."""

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import create_async_engine

from shared.database import asyncpg_url
from shared.messaging.tables import MessagingTable
from shared.settings import database_on

if TYPE_CHECKING:
    # A process whose database is at head never needs it, and it takes a quarter of a second to import.
    from alembic.config import Config

ROOT = Path(__file__).parent.parent
ALEMBIC = threading.Lock()
"""Alembic keeps the running migration in a module."""
ROLES = ("mithaq_app", "mithaq_relay")
"""Group roles, neither owner nor superuser: what services act as, and what their relay acts as."""

APP_TABLES = {
    "journal": "select, insert",
    "lease": "select, insert, update",
    "progress": "select, insert, update, delete",
    "parked": "select, insert, update, delete",
    "parked_decision": "select, insert",
    "idempotency": "select, insert, update, delete",
    "content": "select, insert",
    "relay_cursor": "select",
}
PUBLISHED = (
    "id, xid, event_id, aggregate_type, aggregate_id, aggregate_version, type, audience, actor, occurred_at,"
    " recorded_at, data, correlation, causation, traceparent"
)
"""The journal's columns that the relay may read: all that is published, never `detail`."""
IN_SCOPE = (
    "current_setting('mithaq.scope', true) = 'national'"
    " or {column} && string_to_array(nullif(current_setting('mithaq.scope', true), ''), ',')"
)
"""A pooled connection reads '' after a transaction-local setting ends, so '' must see nothing."""
POLICIES = text("""
    select relname, relrowsecurity, relforcerowsecurity, policyname, permissive, roles::text, cmd, qual, with_check
    from pg_class left join pg_policies on tablename = relname and schemaname = current_schema
    where relkind = 'r' and relnamespace = current_schema::regnamespace
""")


def migrate(service: str, server_url: str) -> None:
    """Bring a service's database to head, making the database and the roles if they are missing.

    `server_url` names no database and connects as an owner. Running it again changes nothing, and several services may
    migrate at once.
    """
    url = database_on(server_url, service)
    if asyncio.run(_revision(url)) == head_of(service):
        return
    from alembic import command

    asyncio.run(create_database(url))
    with ALEMBIC:
        command.upgrade(_config(service, url), "head")


def head_of(service: str) -> str:
    """The newest revision of a service's migrations: their files are named `<revision>_<what>.py`, in order."""
    return max((ROOT / "services" / service / "migrations" / "versions").glob("[0-9]*.py")).name.partition("_")[0]


def knows(service: str, revision: str) -> bool:
    """Whether this version has a revision, so that it can bring a database from there to head."""
    from alembic.script import ScriptDirectory

    revisions = ScriptDirectory.from_config(_config(service, "")).walk_revisions()
    return any(each.revision == revision for each in revisions)


def run(metadata: MetaData) -> None:
    """What every service's env.py does: run the migrations over asyncpg."""
    from alembic import context

    url = context.config.attributes["url"]

    def migrate_in(connection: Connection) -> None:
        # Each in its own transaction: what one of them locks is free before the next one reads the register.
        context.configure(
            connection=connection,
            target_metadata=[metadata, MessagingTable.metadata],
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()

    asyncio.run(_with_connection(url, migrate_in))


def drift(url: str, metadata: MetaData, seen_by: Mapping[str, str | None] = MappingProxyType({})) -> list[Any]:
    """What the tables declare and the database at this URL does not have, or the other way round.

    `seen_by` gives the condition of a table's policy where it is not that its `visible_to` is in scope; None for a
    table whose rows belong to nobody, which has none.
    """
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    found: list[Any] = []

    def compare(connection: Connection) -> None:
        for target in (metadata, MessagingTable.metadata):
            others = {*metadata.tables, *MessagingTable.metadata.tables, "alembic_version"} - {*target.tables}
            options = {"include_name": lambda name, kind, _, others=others: kind != "table" or name not in others}
            found.extend(compare_metadata(MigrationContext.configure(connection, opts=options), target))
        found.extend(_other_policies(connection, metadata, seen_by))

    asyncio.run(_with_connection(url, compare))
    return found


def _other_policies(connection: Connection, metadata: MetaData, seen_by: Mapping[str, str | None]) -> list[Any]:
    """The policies that are not as declared: all are made anew, as a migration would, in a transaction given up."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    there = {*connection.execute(POLICIES)}
    op = Operations(MigrationContext.configure(connection))
    for table, policy in {(each.relname, each.policyname) for each in there if each.policyname}:
        op.execute(f'drop policy "{policy}" on "{table}"')
    for table in {each.relname for each in there}:
        op.execute(f'alter table "{table}" disable row level security, no force row level security')
    _protect_journal(op)
    for name, table in metadata.tables.items():
        condition = seen_by.get(name, IN_SCOPE.format(column="visible_to"))
        if condition is not None:
            _show_rows(op, name, condition, aggregate={each.name for each in aggregate_columns()} <= {*table.c.keys()})
    declared = {*connection.execute(POLICIES)}
    connection.rollback()
    return sorted(map(str, there ^ declared))


def aggregate_columns() -> list[Column[Any]]:
    """The columns that every aggregate's table has (shared.store.AggregateRow)."""
    return [
        Column("id", Uuid, primary_key=True),
        Column("version", Integer, nullable=False),
        Column("head", LargeBinary, nullable=False),
        Column("visible_to", ARRAY(Text), nullable=False),
        Column("state", JSONB, nullable=False),
    ]


def create_messaging(op: Any) -> None:
    """The messaging tables with their grants: the journal is append-only and its detail stays with the service."""
    MessagingTable.metadata.create_all(op.get_bind())
    for table, privileges in APP_TABLES.items():
        grant(op, table, privileges)
    op.execute("grant select, insert, update on relay_cursor, lease to mithaq_relay")
    op.execute(f"grant select ({PUBLISHED}) on journal to mithaq_relay")
    op.execute("grant select on alembic_version to mithaq_app")
    _protect_journal(op)


def _protect_journal(op: Any) -> None:
    _protect_rows(op, "journal")
    op.execute("create policy append on journal for insert to mithaq_app with check (true)")
    op.execute("create policy publish on journal for select to mithaq_relay using (true)")


def grant(op: Any, table: str, privileges: str = "select, insert, update, delete") -> None:
    """Let the service's role use a table that has no jurisdiction of its own."""
    op.execute(f'grant {privileges} on "{table}" to mithaq_app')


def protect(
    op: Any,
    table: str,
    *,
    aggregate: bool = True,
    column: str = "visible_to",
    privileges: str = "select, insert, update",
) -> None:
    """Let the service's role use a table only within the transaction's scope: row-level security on `column`.

    The journal of an `aggregate` is as visible as its row.
    """
    grant(op, table, privileges)
    _show_rows(op, table, IN_SCOPE.format(column=column), aggregate=aggregate)


def _protect_rows(op: Any, table: str) -> None:
    op.execute(f'alter table "{table}" enable row level security')
    op.execute(f'alter table "{table}" force row level security')


def _show_rows(op: Any, table: str, condition: str, *, aggregate: bool) -> None:
    _protect_rows(op, table)
    op.execute(f'create policy jurisdiction on "{table}" to mithaq_app using ({condition})')
    if aggregate:
        op.execute(
            f'create policy "read_{table}" on journal for select to mithaq_app'
            f' using (exists (select 1 from "{table}" owner where owner.id = aggregate_id))'
        )


async def create_database(url: str) -> None:
    """Make the database of this URL and the roles of all services, where they are missing.

    A login that is named like the service (deploy makes one for each) gets in, and no other service's login does.
    """
    parts = urlsplit(url)
    database = parts.path.strip("/")
    connection = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")))
    try:
        # Roles belong to the whole server, and services may migrate at the same time.
        await connection.execute("select pg_advisory_lock(hashtext('mithaq roles'))")
        for role in ROLES:
            if not await connection.fetchval("select 1 from pg_roles where rolname = $1", role):
                await connection.execute(f"create role {role} nologin")
        if not await connection.fetchval("select 1 from pg_database where datname = $1", database):
            await connection.execute(f'create database "{database}"')
        login = database.rpartition("_")[2]
        if await connection.fetchval("select 1 from pg_roles where rolname = $1 and rolcanlogin", login):
            await connection.execute(f'revoke connect on database "{database}" from public')
            await connection.execute(f'grant connect on database "{database}" to "{login}"')
    finally:
        await connection.close()


async def _revision(url: str) -> str | None:
    """Where a database is; None if it does not exist yet or was never migrated."""
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.InvalidCatalogNameError:
        return None
    try:
        revision: str | None = await connection.fetchval("select version_num from alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return revision


async def _with_connection(url: str, work: Any) -> None:
    engine = create_async_engine(asyncpg_url(url))
    async with engine.connect() as connection:
        await connection.run_sync(work)
    await engine.dispose()


def _config(service: str, url: str) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(ROOT / "services" / service / "migrations"))
    config.attributes["url"] = url
    return config
