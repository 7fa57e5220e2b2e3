"""Looking for agreements: filters, words and an order, each by an index, and never outside one's jurisdiction."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Text, and_, any_, cast, func, literal, or_, select, text, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from services.agreements.agreement import Agreement
from services.agreements.errors.searches import ListTooLong
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.searches import Search
from services.agreements.tables import AGREEMENTS, AgreementTermRow, ClauseWordRow, SavedSearchRow
from services.agreements.waiting import awaits_visa
from services.agreements.words import CLAUSE, CODES, LAST, words_to_find
from shared.actor import NATIONAL, Actor
from shared.database import Transaction, Work
from shared.refusals import NotFound
from shared.territory import ACADEMIES
from shared.web import PageRequest

MOST = 10_000
"""Agreements in one file."""
# What is rare for one reader is common for another: a plan that was made for anybody would walk the whole table.
PLAN_ANEW = text("set local plan_cache_mode = force_custom_plan")
# A bitmap is made whole before its first row is had; in how many agreements a clause is, the planner guesses too low.
NO_BITMAPS, BITMAPS = text("set local enable_bitmapscan = off"), text("set local enable_bitmapscan = on")
ROW = AGREEMENTS.table.c
TERM, WORD = AgreementTermRow.__table__.c, ClauseWordRow.__table__.c
FEW = 10_000
"""So many times a word may be in the nation's agreements to be one of few: one that a single academy has is."""
FEW_CLAUSES = 2_000
"""And so many clauses may say it: to go from each to its agreements is a look of its own."""
LED_TO = text("""
    with said as materialized (
        select clause from clause_word where word >= :word and word < :beyond
        order by word, clause limit :few_clauses + 1
    )
    select case when count(*) <= :few and (select count(*) from said) <= :few_clauses
        then coalesce(array_agg(distinct agreement_id) filter (where agreement_id is not null), '{}') end
    from (
        (select agreement_id from agreement_term where term >= :word and term < :codes
         order by term, agreement_id limit :few + 1)
        union all
        (select agreement_id from agreement_term where term >= :after_codes and term < :beyond
         order by term, agreement_id limit :few + 1)
        union all
        select agreement_id
        from said left join lateral (select agreement_id from agreement_term where term = clause
                                     order by agreement_id limit :few + 1) has on true
        where (select count(*) from said) <= :few_clauses
        limit :few + 1
    ) found
""")
"""The agreements that a word leads to, if they are few. A clause that leads nowhere counts as well.

Each look has an order, so that it goes along its index and ends where the limit is reached.
"""
ORDERS: dict[str, ColumnElement[Any]] = {
    "drafted_at": ROW.id,  # ids grow with the time they are made at
    "updated_at": ROW.updated_at,
    "reference": func.coalesce(ROW.reference, cast(ROW.id, Text)),  # drafts have none and come first
    "effective_from": ROW.effective_from,
    "effective_until": ROW.effective_until,
}


async def agreements(
    db: Work, search: Search, *, page: PageRequest, by: Actor
) -> tuple[Sequence[Agreement], str | None]:
    """A page of the agreements that the search finds, in its order, and the next one's cursor. Refuses TooManyWords."""
    PERMISSIONS.allow(by, "read_agreements")
    order, newest_first = _order(search)
    async with db.transaction(by.scope) as tx:
        await tx.execute(PLAN_ANEW)
        where = [*_where(search, by), *await _has_words(tx, search.q, by)]
        return await AGREEMENTS.find(tx, *where, page=page, order=order, newest_first=newest_first)


async def exported(db: Work, search: Search, *, by: Actor) -> Sequence[Any]:
    """What a file tells of the agreements that the search finds, in its order.

    Refuses ListTooLong beyond MOST, TooManyWords.
    """
    PERMISSIONS.allow(by, "export_agreements")
    order, newest_first = _order(search)
    told = select(
        ROW.reference,
        ROW.status,
        ROW.agreement_kind,
        ROW.academy,
        ROW.effective_from,
        ROW.effective_until,
        ROW.updated_at,
        *(ROW.state[name].label(name) for name in ("title", "names", "school_year")),
    )
    ordered = [each.desc() if newest_first else each.asc() for each in (order, ROW.id)]
    async with db.transaction(by.scope) as tx:
        await tx.execute(PLAN_ANEW)
        where = [*AGREEMENTS.within(tx), *_where(search, by), *await _has_words(tx, search.q, by)]
        query = told.where(*where).order_by(*ordered).limit(MOST + 1)
        found = (await (await tx.connection()).execute(query)).all()
    if len(found) > MOST:
        raise ListTooLong(most=MOST)
    return found


async def saved_searches(db: Work, *, page: PageRequest, by: Actor) -> tuple[Sequence[SavedSearchRow], str | None]:
    """A page of the searches that the actor keeps, by name, and the next one's cursor."""
    PERMISSIONS.allow(by, "read_saved_searches")
    name, id = col(SavedSearchRow.name), col(SavedSearchRow.id)
    own = select(SavedSearchRow).where(col(SavedSearchRow.person) == by.person)
    async with db.transaction(by.scope) as tx:
        found = (await tx.execute(page.select(own, name, id))).scalars().all()
    return page.cut(found, lambda each: [each.name, each.id])


async def saved_search(db: Work, id: UUID, *, by: Actor) -> SavedSearchRow:
    """A search of the actor's own. Raises NotFound."""
    PERMISSIONS.allow(by, "read_saved_search")
    own = select(SavedSearchRow).where(col(SavedSearchRow.id) == id, col(SavedSearchRow.person) == by.person)
    async with db.transaction(by.scope) as tx:
        found: SavedSearchRow | None = (await tx.execute(own)).scalar()
    if found is None:
        raise NotFound()
    return found


def _sees_many(by: Actor) -> bool:
    return by.jurisdiction == "national" or by.jurisdiction in ACADEMIES


def _order(search: Search) -> tuple[ColumnElement[Any], bool]:
    return ORDERS[search.sort.removeprefix("-")], search.sort.startswith("-")


def _where(search: Search, by: Actor) -> Iterator[ColumnElement[bool]]:
    """The conditions; none of them is left to the reading of every row."""
    chosen: tuple[tuple[Column[Any], Sequence[str]], ...] = (
        (ROW.status, search.state),
        (ROW.agreement_kind, search.agreement_kind),
        (ROW.agreement_type, search.agreement_type),
        (ROW.academy, search.academy),
    )
    for column, wanted in chosen:
        if wanted:
            yield column.in_(wanted)
    if search.awaits == "visa":
        yield awaits_visa()
    if search.in_effect_from:
        yield ROW.effective_until >= search.in_effect_from
    if search.in_effect_until:
        yield ROW.effective_from <= search.in_effect_until
    if search.party:
        yield _found_by(f"org:{search.party}")
    if not _sees_many(by):
        # An academy's agreements are many; an association's few are not looked for among everybody's.
        yield _found_by(by.jurisdiction)


def _found_by(term: str) -> ColumnElement[bool]:
    """That the agreement is found by the term."""
    return ROW.id.in_(select(TERM.agreement_id).where(TERM.term == term))


async def _has_words(tx: Transaction, q: str | None, by: Actor) -> list[ColumnElement[bool]]:
    """That the agreement has every word, in its own terms or in a clause.

    What few agreements have is looked up first, and the list is of these. What many have is asked of one agreement
    after the other, in the order of the list, which soon has its page. The planner cannot tell the two apart: it does
    not know how many agreements a clause is in.
    """
    wanted = words_to_find(q)
    led_to = await _led_to(tx, wanted) if wanted and _sees_many(by) else {}
    conditions = [_has(word) for word in wanted if word not in led_to]
    if led_to:
        few = list(set.intersection(*led_to.values()))
        conditions.append(ROW.id == any_(literal(few, ARRAY(ROW.id.type))))
    return conditions


async def _led_to(tx: Transaction, wanted: Sequence[str]) -> dict[str, set[UUID]]:
    """The agreements, anybody's, that each word of few leads to; the list itself stays within its reader's scope."""
    found: dict[str, set[UUID]] = {}
    few = {"few": FEW, "few_clauses": FEW_CLAUSES}
    # A row that its reader must not see is thrown away before it counts: a word of others' would be followed to the
    # end of the register.
    async with tx.widened(NATIONAL):
        await tx.execute(NO_BITMAPS)
        for word in wanted:
            beyond = word + LAST
            asked = {"codes": min(beyond, CODES[0]), "after_codes": max(word, CODES[1])}
            ids = (await tx.execute(LED_TO, {"word": word, "beyond": beyond, **few, **asked})).scalar()
            if ids is not None:
                found[word] = {*ids}
        await tx.execute(BITMAPS)
    return found


def _has(word: str) -> ColumnElement[bool]:
    """That the agreement has the word, or one that continues it, asked of this agreement alone."""
    no_code = or_(TERM.term < CODES[0], TERM.term >= CODES[1])
    own = select(true()).where(TERM.agreement_id == ROW.id, TERM.term >= word, TERM.term < word + LAST, no_code)
    clause = and_(TERM.agreement_id == ROW.id, TERM.term >= CLAUSE, TERM.term < CLAUSE + LAST)
    said = select(true()).where(clause, WORD.clause == TERM.term, WORD.word >= word, WORD.word < word + LAST)
    # Not `exists`, which the planner may turn round and answer for all agreements at once.
    return or_(*(each.limit(1).correlate(AGREEMENTS.table).scalar_subquery() for each in (own, said)))
