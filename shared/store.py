"""Load and record: every aggregate is one row, changed only by recording its events."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import ColumnElement, LargeBinary, Row, Select, Table, any_, bindparam, func, select, update
from sqlalchemy import Text as TextType
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.actor import NATIONAL, Actor
from shared.aggregate import Aggregate
from shared.clock import now
from shared.database import Transaction
from shared.events.base import DomainEvent
from shared.messaging import journal
from shared.messaging.tables import ContentRow, JournalRow
from shared.refusals import ConcurrentChange, NotFound, StaleVersion

if TYPE_CHECKING:
    from shared.web.paging import PageRequest

A = TypeVar("A", bound=Aggregate)
STORES: "dict[str, Store[Any]]" = {}
"""The store of each kind of aggregate, of the services that this process knows."""


class AggregateRow(SQLModel):
    """The columns every aggregate's table has; a service adds the ones it searches by."""

    id: UUID = Field(primary_key=True)
    version: int
    head: bytes = Field(sa_type=LargeBinary)
    visible_to: list[str] = Field(sa_type=ARRAY(TextType))
    state: dict[str, Any] = Field(sa_type=JSONB)


def service_base(name: str) -> type[SQLModel]:
    """The base class of one service's tables, with a registry and metadata of its own."""

    class ServiceTable(SQLModel, registry=registry()):
        __doc__ = f"A table of the {name} service."

    return ServiceTable


class Store(Generic[A]):
    """How one type of aggregate is kept.

    `columns` gives the searched columns of a row from the aggregate. What happened to it is `told` to whoever may see
    it: who names an older version learns who changed what since, whether they may act or not.
    """

    def __init__(
        self,
        aggregate: type[A],
        table: type[AggregateRow],
        columns: Callable[[A], Mapping[str, Any]] = lambda _: {},
        *,
        told: bool = False,
    ) -> None:
        self.aggregate = aggregate
        self.table = cast(Table, table.__table__)  # type: ignore[attr-defined]
        self.columns = columns
        self.told = told
        self._fields = aggregate.model_fields.keys() - {"id", "version"}
        row = self.table.c
        # Built once: building a statement costs more than running it.
        self._insert = insert(self.table).on_conflict_do_nothing()
        self._update = update(self.table).where(
            row.id == bindparam("known_id"), row.version == bindparam("known_version")
        )
        self._read = select(row.state, row.version, row.head).where(row.id == bindparam("aggregate_id"))
        self._load = self._read.with_for_update()
        self._share = self._read.with_for_update(read=True)
        self._load_many = (
            select(row.state, row.version, row.head, row.id)
            .where(row.id == any_(bindparam("aggregate_ids", type_=ARRAY(row.id.type))))
            .order_by(row.id)
            .with_for_update()
        )
        STORES[aggregate.kind] = self

    async def load(self, tx: Transaction, id: UUID, *, expected: int | None = None) -> A:
        """The aggregate, its row locked until the transaction ends.

        Raises NotFound (also outside the transaction's scope), StaleVersion if `expected` is not its version.
        """
        aggregate = await self._one(tx, self._load, id)
        if expected is not None and aggregate.version != expected:
            since = self.told and expected < aggregate.version
            changes = await journal.since(tx, id, expected) if since else []
            raise StaleVersion(expected=expected, current=aggregate.version, changes=changes)
        return aggregate

    async def read(self, tx: Transaction, id: UUID) -> A:
        """The aggregate without a lock. Raises NotFound."""
        return await self._one(tx, self._read, id)

    async def share(self, tx: Transaction, id: UUID) -> A:
        """The aggregate, kept from changing until the transaction ends; others may share it too. Raises NotFound."""
        return await self._one(tx, self._share, id)

    async def load_many(self, tx: Transaction, ids: Iterable[UUID]) -> list[A]:
        """The aggregates, locked in id order so that two commands never wait for one another in a circle."""
        wanted = sorted(set(ids))
        found = (await (await tx.connection()).execute(self._load_many, {"aggregate_ids": wanted})).all()
        if len(found) != len(wanted):
            raise NotFound()
        return [await self._whole(tx, *row) for row in found]

    async def find(
        self,
        tx: Transaction,
        *where: ColumnElement[bool],
        page: "PageRequest",
        order: ColumnElement[Any] | None = None,
        newest_first: bool = False,
    ) -> tuple[Sequence[A], str | None]:
        """A page of the aggregates in scope for which the conditions hold, and the next one's cursor.

        They come in the order of a column that is never null, and where it is equal (or none is given) in id order.
        """
        row = self.table.c
        key = [row.id] if order is None or order is row.id else [order, row.id]
        told = select(row.state, row.version, row.head, row.id, *key).where(*self.within(tx), *where)
        query: Select[Any] = page.select(told, *key, newest_first=newest_first)
        rows = (await (await tx.connection()).execute(query)).all()
        kept, next = page.cut(rows, lambda each: each[4:])
        return [self._revive(*each[:4]) for each in kept], next

    def within(self, tx: Transaction) -> list[ColumnElement[bool]]:
        """The condition that a row is in the transaction's scope; none for the nation, which sees all."""
        return [] if "national" in tx.scope else [self.table.c.visible_to.overlap(sorted(tx.scope))]

    async def record(
        self, tx: Transaction, aggregate: A, events: Sequence[DomainEvent], *, by: Actor, at: datetime | None = None
    ) -> A:
        """Evolve the aggregate by its events and write its row, then its journal rows.

        Nothing happens without events. Raises ConcurrentChange if the row moved on since it was read.
        """
        if not events:
            return aggregate
        before = aggregate.version
        rows = journal.rows_of(aggregate, events, head=aggregate._head, by=by, at=at or now())
        aggregate._head = rows[-1]["hash"]
        values = {
            "version": aggregate.version,
            "head": aggregate._head,
            "visible_to": list(aggregate.visible_to()),
            "state": aggregate.model_dump(mode="json", exclude={"id", "version"}),
            **self.columns(aggregate),
        }
        connection = await tx.connection()
        if before == 0:
            changed = await connection.execute(self._insert, {"id": aggregate.id, **values})
        else:
            changed = await connection.execute(
                self._update, {"known_id": aggregate.id, "known_version": before, **values}
            )
        if changed.rowcount != 1:
            raise ConcurrentChange()
        await journal.append(tx, rows)
        return aggregate

    async def history(self, tx: Transaction, id: UUID) -> Sequence[JournalRow]:
        """Every event of the aggregate, oldest first."""
        return await journal.history(tx, id)

    async def kept(self, tx: Transaction, ids: Iterable[UUID]) -> Mapping[UUID, Row[Any]]:
        """The rows as they lie there, by id."""
        row = self.table.c
        query = select(row.id, row.version, row.head, row.visible_to, row.state).where(row.id.in_(set(ids)))
        rows = (await (await tx.connection()).execute(query)).all()
        return {each.id: cast(Row[Any], each) for each in rows}

    def differing(self, row: Row[Any], told: A, head: bytes) -> list[str]:
        """What of a row is not as its journal tells it, whose fold and last hash are given: fields and columns.

        Fields that an older version forgot count for nothing: they are read from the journal. Neither do those that
        follow from rules which may be others today.
        """
        if row.version != told.version:
            return ["version"]
        found = [] if row.head == head else ["head"]
        try:
            kept = self._revive(row.state, row.version, row.head, row.id)
        except ValidationError:
            return [*found, "state"]
        fields = self._fields & row.state.keys() - told.by_rules()
        found += [name for name in fields if getattr(kept, name) != getattr(told, name)]
        if self._fields <= row.state.keys() and {*row.visible_to} != {*told.visible_to()}:
            found.append("visible_to")
        return sorted(found)

    async def _one(self, tx: Transaction, query: Any, id: UUID) -> A:
        row = (await (await tx.connection()).execute(query, {"aggregate_id": id})).first()
        if row is None:
            raise NotFound()
        return await self._whole(tx, row.state, row.version, row.head, id)

    async def _whole(self, tx: Transaction, state: dict[str, Any], version: int, head: bytes, id: UUID) -> A:
        """The aggregate with all its fields; those that an older version did not know, and forgot, by its journal."""
        aggregate = self._revive(state, version, head, id)
        if self._fields <= state.keys():
            return aggregate
        # Whoever may see the row may not have been told of all that made it.
        async with tx.widened(NATIONAL):
            life = await journal.past(tx, id)
        folded = self.aggregate.fold(id, (each.event for each in life))
        folded._head = head
        return folded if folded.version == version else aggregate

    def _revive(self, state: dict[str, Any], version: int, head: bytes, id: UUID) -> A:
        aggregate = self.aggregate.model_validate(state | {"id": id, "version": version})
        aggregate._head = head
        return aggregate


CONTENT = cast(Table, ContentRow.__table__).c  # type: ignore[attr-defined]
NAMED = func.encode(func.sha256(func.convert_to(CONTENT.body, "UTF8")), "hex") == CONTENT.hash
"""That a text is kept under its own hash."""


def digest(text: str) -> str:
    """SHA-256 of the text's UTF-8 bytes, in hex: the name a long text is kept under."""
    return hashlib.sha256(text.encode()).hexdigest()


async def put_text(tx: Transaction, text: str) -> str:
    """Keep a long text once; gives its digest, by which states refer to it."""
    return (await put_texts(tx, [text]))[0]


async def put_texts(tx: Transaction, texts: Sequence[str]) -> list[str]:
    """Keep long texts once; gives their digests in the same order."""
    hashes = {text: digest(text) for text in texts}
    # In one order, so that two transactions that keep the same texts never wait for one another in a circle.
    rows = sorted(({"hash": hash, "body": text} for text, hash in hashes.items()), key=lambda row: row["hash"])
    await tx.execute(insert(ContentRow).on_conflict_do_nothing(), rows)
    return [hashes[text] for text in texts]


async def kept_of(tx: Transaction, hashes: Iterable[str]) -> set[str]:
    """Those of the hashes under which their text is kept; no text is read."""
    return set(await tx.scalars(select(CONTENT.hash).where(CONTENT.hash.in_(set(hashes)), NAMED)))


async def get_texts(tx: Transaction, hashes: Iterable[str]) -> dict[str, str]:
    """The texts of these hashes. What somebody put in the place of a text is none of them: that text is lost."""
    rows = await tx.execute(select(CONTENT.hash, CONTENT.body).where(CONTENT.hash.in_(set(hashes))))
    return {row.hash: row.body for row in rows if digest(row.body) == row.hash}


async def altered_texts(tx: Transaction) -> list[str]:
    """The hashes under which something else is kept than their text; PostgreSQL reads it all, and we none."""
    return sorted(await tx.scalars(select(CONTENT.hash).where(~NAMED)))
