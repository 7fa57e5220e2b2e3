"""Following an aggregate: whether its journal is the one that was recorded, and what is kept is what that tells."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Table, select, text, tuple_

from shared.actor import NATIONAL
from shared.aggregate import Aggregate
from shared.audit import FACTS
from shared.database import Database, Transaction
from shared.events.catalog import decode
from shared.messaging.journal import bound
from shared.messaging.tables import JournalRow
from shared.store import STORES, altered_texts

PAGE = 1000
AT_ONCE = 100
"""Aggregates whose rows are looked at together."""
AGGREGATES = text("""
    select table_name from information_schema.columns
    where table_schema = 'public' and column_name in ('id', 'version', 'head', 'state')
    group by table_name having count(*) = 4
""")
ALONE = 'select id from "{table}" kept where not exists (select from journal where aggregate_id = kept.id) order by id'
COUNTED = text("select (select count(*) from journal), (select count(*) from content)")
JOURNAL = cast(Table, JournalRow.__table__).c  # type: ignore[attr-defined]


class Followed:
    """An aggregate as the rows of its journal tell it, from the first on."""

    def __init__(self, kind: str, id: UUID) -> None:
        self.kind = kind
        self.id = id
        self.head = b""
        self.broken = "" if kind in STORES else "nobody knows this kind of aggregate"
        """What is wrong with the first row that is; what comes after it tells nothing."""
        self.told: Aggregate = STORES[kind].aggregate(id=id) if kind in STORES else Aggregate(id=id)
        self._timed = False

    def follow(self, row: Mapping[str, Any]) -> None:
        """The next row of its journal."""
        if not self.broken:
            self.broken = self._flaw_of(row)

    async def differing(self, tx: Transaction) -> list[str]:
        """What is not as it was recorded: the journal's first flaw, else what of the kept row it does not tell."""
        return (await differing(tx, [self])).get(self.id, [])

    def _flaw_of(self, row: Mapping[str, Any]) -> str:
        version = row["aggregate_version"]
        if version != self.told.version + 1:
            return f"version {version} of its journal follows version {self.told.version}"
        facts = bound(row, self.head)
        if not facts or (self._timed and facts is not FACTS):
            return f"version {version} of its journal was edited"
        self.head, self._timed = row["hash"], facts is FACTS
        try:
            self.told.evolve([decode(row["type"], row["data"], row["detail"])])
        except Exception as error:
            return f"version {version} of its journal is none that it follows ({type(error).__name__})"
        return ""


async def follow_one(tx: Transaction, kind: str, id: UUID) -> Followed:
    """An aggregate, followed to the end of its journal."""
    one = Followed(kind, id)
    async for row in rows_of(tx, JOURNAL.aggregate_id == id):
        one.follow(row)
    return one


async def follow_all(tx: Transaction) -> AsyncIterator[Followed]:
    """Every aggregate that has a journal, one after the other."""
    one: Followed | None = None
    async for row in rows_of(tx):
        if one is None or one.id != row["aggregate_id"]:
            if one:
                yield one
            one = Followed(row["aggregate_type"], row["aggregate_id"])
        one.follow(row)
    if one:
        yield one


async def rows_of(tx: Transaction, *where: ColumnElement[bool]) -> AsyncIterator[dict[str, Any]]:
    """The journal's rows for which the conditions hold, aggregate by aggregate, each from its first on."""
    key = tuple_(JOURNAL.aggregate_id, JOURNAL.aggregate_version)
    last: tuple[UUID, int] = (UUID(int=0), 0)
    while True:
        query = select(*JOURNAL).where(key > last, *where).order_by(*key.clauses).limit(PAGE)
        rows = [dict(each) for each in (await (await tx.connection()).execute(query)).mappings()]
        for each in rows:
            yield each
        if len(rows) < PAGE:
            return
        last = rows[-1]["aggregate_id"], rows[-1]["aggregate_version"]


async def differing(tx: Transaction, followed: Sequence[Followed]) -> dict[UUID, list[str]]:
    """What is not as it was recorded, by aggregate: the journal's first flaw, else what the kept row has otherwise.

    All that was followed must have been read in this transaction, as of one moment.
    """
    found = {each.id: [each.broken] for each in followed if each.broken}
    for kind in {each.kind for each in followed if not each.broken}:
        whole = {each.id: each for each in followed if each.kind == kind and not each.broken}
        kept = await STORES[kind].kept(tx, whole)
        for id, one in whole.items():
            told = STORES[kind].differing(kept[id], one.told, one.head) if id in kept else ["nothing is kept of it"]
            found |= {id: told} if told else {}
    return found


async def verify_journal(database: Database) -> dict[str, Any]:
    """How many events, aggregates and texts there are, and what is not as it was recorded, each by name.

    The process must know the service: its aggregates are folded.
    """
    broken, aggregates, some = list[str](), 0, list[Followed]()
    async with database.transaction(NATIONAL, still=True) as tx:
        async for one in follow_all(tx):
            aggregates += 1
            some.append(one)
            if len(some) == AT_ONCE:
                broken += await _told(tx, some)
                some.clear()
        broken += await _told(tx, some)
        for table in (await tx.execute(AGGREGATES)).scalars().all():
            alone = await tx.execute(text(ALONE.format(table=table)))
            broken += [f"{table} {id}: it has no journal" for id in alone.scalars()]
        broken += [f"text {hash}: it is another" for hash in await altered_texts(tx)]
        events, texts = (await tx.execute(COUNTED)).one()
    return {"events": events, "aggregates": aggregates, "texts": texts, "broken": broken}


async def _told(tx: Transaction, some: Sequence[Followed]) -> list[str]:
    kinds = {each.id: each.kind for each in some}
    return [f"{kinds[id]} {id}: {', '.join(what)}" for id, what in (await differing(tx, some)).items()]
