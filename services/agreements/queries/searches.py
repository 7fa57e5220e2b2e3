"""Looking for agreements: filters, words and an order, each by an index, and never outside one's jurisdiction."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    FromClause,
    Select,
    SelectBase,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from services.agreements.agreement import Agreement
from services.agreements.commands.passing import led_to, moved_among, page_led_to
from services.agreements.commands.substitutions import all_told_for_whom
from services.agreements.errors.searches import WordsTooFrequent
from services.agreements.permissions import PERMISSIONS
from services.agreements.queries import lists
from services.agreements.schemas.searches import Search
from services.agreements.surroundings import Surroundings
from services.agreements.tables import AGREEMENTS, AgreementTermRow, ClauseWordRow, SavedSearchRow
from services.agreements.waiting import awaits_visa
from services.agreements.words import CLAUSE, CODES, LAST, words_to_find
from shared.actor import NATIONAL, Actor
from shared.clock import today
from shared.database import Transaction, Work
from shared.refusals import NotFound
from shared.territory import ACADEMIES
from shared.web import PageRequest
from shared.web.paging import encode_cursor

# What is rare for one reader is common for another: a plan that was made for anybody would walk the whole table. And a
# guess that is too high would have a query compiled, which takes longer than any of them. A bitmap is made whole before
# its first row is had; in how many agreements a clause is, the planner guesses too low. And a table is wider than the
# index that tells enough.
BY_INDEX = text("""
    select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),
           set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true)
""")
ROW = AGREEMENTS.table.c
TERM, WORD = AgreementTermRow.__table__.c, ClauseWordRow.__table__.c
NO_CODE = or_(TERM.term < CODES[0], TERM.term >= CODES[1])
FEW = 4_000
"""So many times a word may be in the nation's agreements to be one of few: each of these is read in the table."""
FEW_CLAUSES = 2_000
"""And so many clauses may say it: to go from each to its agreements is a look of its own."""
ASKED = 250
"""So many agreements are asked for words of many, one after the other, before the words are followed instead.

And so many for one page, if they cannot be followed: the page ends there, full or not, and the next one goes on.
"""
ASKED_FOR_A_FILE = 20_000
"""So many agreements are asked for a file, which has no next page."""
MANY = 50_000
"""And as many entries as a word may have to be followed, an agreement's own and each clause's."""
LED_TO = text("""
    with said as materialized (
        select clause from clause_word where word >= :word and word < :beyond
        order by word, clause limit :few_clauses + 1
    )
    select case when count(*) <= :few and (select count(*) from said) <= :few_clauses
        then coalesce(array_agg(agreement_id) filter (where agreement_id is not null), '{}') end
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
    """A page of the agreements that the search finds, in its order, and the next one's cursor. Refuses TooManyWords.

    A page ends where it is full, or where so many agreements were asked for words of many that others have. It is found
    by what is recorded, and shows what time has made of that since.
    """
    PERMISSIONS.allow(by, "read_agreements")
    order, newest_first = _order(search)
    async with db.transaction(by.scope) as tx:
        await (await tx.connection()).execute(BY_INDEX)
        words, where, reached = words_to_find(search.q), [*_where(search, by)], None
        left = page.select(select().where(*where), *_keys(order), newest_first=newest_first)
        if not sees_many(by.jurisdiction):
            where += map(_has, words)
        elif words:
            ids, reached = await _first_with(tx, words, left, page.limit, order, newest_first=newest_first)
            where.append(_is_one_of(ids))
        elif search.state and order is ORDERS["reference"]:
            ids = await _first_in_order(tx, left, page.limit, order, newest_first=newest_first)
            where.append(_is_one_of(ids))
        found, next = await AGREEMENTS.find(tx, *where, page=page, order=order, newest_first=newest_first)
        told = [each.amid(Surroundings(today())) for each in await page_led_to(tx, found, today())]
        await all_told_for_whom(tx, told, by, today())
    return told, next or (encode_cursor(reached) if reached else None)


async def exported(db: Work, search: Search, *, by: Actor) -> Sequence[Any]:
    """What a file tells of the agreements that the search finds, in its order; found and shown as a page of them.

    Refuses ListTooLong, TooManyWords, WordsTooFrequent.
    """
    PERMISSIONS.allow(by, "export_agreements")
    order, newest_first = _order(search)
    told = select(
        ROW.id,
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
        await (await tx.connection()).execute(BY_INDEX)
        words, where = words_to_find(search.q), [*_where(search, by)]
        if words and sees_many(by.jurisdiction):
            left = select().where(*where).order_by(*ordered).limit(lists.MOST + 1)
            ids, reached = await _first_with(tx, words, left, lists.MOST, order, newest_first=newest_first)
            if reached:
                # A file is whole, or there is none: each that words of few and the filters leave is asked for the rest.
                async with tx.widened(NATIONAL):
                    led_to = await _led_to(tx, words)
                where += map(_is_one_of, led_to.values())
                to_ask = select(ROW.id).where(*AGREEMENTS.within(tx), *where).limit(ASKED_FOR_A_FILE + 1).subquery()
                if (await tx.execute(select(func.count()).select_from(to_ask))).scalar_one() > ASKED_FOR_A_FILE:
                    raise WordsTooFrequent(most=ASKED_FOR_A_FILE)
                where += [_has(word) for word in words if word not in led_to]
            else:
                where.append(_is_one_of(ids))
        else:
            where += map(_has, words)
        query = told.where(*AGREEMENTS.within(tx), *where).order_by(*ordered).limit(lists.MOST + 1)
        found = lists.whole((await (await tx.connection()).execute(query)).all())
        moved = await moved_among(tx, {each.id for each in found}, today())
        return [await _led_to_today(tx, each) if each.id in moved else each for each in found]


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


async def _led_to_today(tx: Transaction, row: Any) -> Any:
    agreement = await led_to(tx, await AGREEMENTS.read(tx, row.id), today())
    return lists.changed(row, status=agreement.status, effective_until=agreement.effective_until)


def sees_many(jurisdiction: str) -> bool:
    """Whether its agreements are too many for those of one to be looked up by a term: the nation's or an academy's."""
    return jurisdiction == "national" or jurisdiction in ACADEMIES


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
    if search.q and not search.q.isspace() and not words_to_find(search.q):
        # Signs alone are said nowhere; without this they would find everything.
        yield false()
    if search.awaits == "visa":
        yield awaits_visa()
    if search.in_effect_from:
        yield ROW.effective_until >= search.in_effect_from
    if search.in_effect_until:
        yield ROW.effective_from <= search.in_effect_until
    if search.party:
        yield found_by(f"org:{search.party}")
    if not sees_many(by.jurisdiction):
        # An academy's agreements are many; an association's few are not looked for among everybody's.
        yield found_by(by.jurisdiction)


def found_by(term: str, id: ColumnElement[UUID] = ROW.id) -> ColumnElement[bool]:
    """That the agreement is found by the term."""
    return id.in_(select(TERM.agreement_id).where(TERM.term == term))


async def _first_with(
    tx: Transaction,
    words: Sequence[str],
    left: Select[Any],
    most: int,
    order: ColumnElement[Any],
    *,
    newest_first: bool,
) -> tuple[Iterable[UUID], Sequence[Any] | None]:
    """Of those that are left, all that words of few lead to, if all are such words; else the first that have them all.

    The planner cannot tell the two apart: it does not know how many agreements a clause is in.

    Words are looked up in the whole nation: a row that its reader must not see is thrown away before it counts, and a
    word of others' would be followed to the end of the register. The first of many are of the reader's scope by a
    condition of their own; those of few may be anybody's, and the list itself leaves out what its reader must not see.
    """
    async with tx.widened(NATIONAL):
        led_to = await _led_to(tx, words)
        few = set.intersection(*led_to.values()) if led_to else None
        many = [word for word in words if word not in led_to]
        if few is not None:
            left = left.where(_is_one_of(few))
        if few is not None and not many:
            return few, None
        return await _first_of(tx, left, many, most, order, newest_first=newest_first)


def _is_one_of(ids: Iterable[UUID]) -> ColumnElement[bool]:
    return ROW.id == any_(literal([*ids], ARRAY(ROW.id.type)))


async def _led_to(tx: Transaction, wanted: Sequence[str]) -> dict[str, set[UUID]]:
    """The agreements, anybody's, that each word of few leads to."""
    found: dict[str, set[UUID]] = {}
    connection = await tx.connection()
    few = {"few": FEW, "few_clauses": FEW_CLAUSES}
    for word in wanted:
        beyond = word + LAST
        asked = {"codes": min(beyond, CODES[0]), "after_codes": max(word, CODES[1])}
        ids = (await connection.execute(LED_TO, {"word": word, "beyond": beyond, **few, **asked})).scalar()
        if ids is not None:
            found[word] = {*ids}
    return found


async def _first_in_order(
    tx: Transaction, left: Select[Any], most: int, order: ColumnElement[Any], *, newest_first: bool
) -> Sequence[UUID]:
    """The first of those that are left and the one after them, once all of them are put in order.

    By reference they do not come as they are spread: drafts have none and stand together, as each academy's do. Whoever
    looks for those of a state would pass by all the others.
    """
    key = [each.label(f"key_{place}") for place, each in enumerate(_keys(order))]
    found = materialized(left.order_by(None).with_only_columns(*key).limit(None))
    *_, id = named = [found.c[each.name] for each in key]
    query = select(id).order_by(*(each.desc() if newest_first else each.asc() for each in named)).limit(most + 1)
    return (await (await tx.connection()).execute(query)).scalars().all()


def _keys(order: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    return [ROW.id] if order is ROW.id else [order, ROW.id]


async def _first_of(
    tx: Transaction,
    left: Select[Any],
    words: Sequence[str],
    most: int,
    order: ColumnElement[Any],
    *,
    newest_first: bool,
) -> tuple[Sequence[UUID], Sequence[Any] | None]:
    """The first of those that are left, so many that have every word, and the one after them.

    The list is asked in its order, one agreement after the other, and soon has its page: a word of many is found
    everywhere. If not even ASKED have filled it, the words are hardly had by what the list's filters leave, or by
    what comes first in it. Then they are followed to all agreements that have them, and these are put in order.
    If they cannot be followed either, what was asked is told, with the key of the last one: from there it goes on.
    """
    key = [each.label(f"key_{place}") for place, each in enumerate(_keys(order))]

    def in_order(columns: Sequence[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
        return [each.desc() if newest_first else each.asc() for each in columns]

    def first(rows: FromClause) -> Select[Any]:
        *_, id = named = [rows.c[each.name] for each in key]
        return select(id).order_by(*in_order(named)).limit(most + 1)

    number = func.row_number().over(order_by=in_order(key)).label("number")
    # With the version, which no index has: else the planner sorts all that an index tells of those that are left.
    within = AGREEMENTS.within(tx)
    asked = left.with_only_columns(*key, ROW.version, number).where(*within).limit(ASKED).subquery("asked")
    has = and_(*(_has(word, asked.c[key[-1].name]) for word in words))
    last = asked.c.number == ASKED
    soon = first(asked).add_columns(asked.c.version, has, last, *(asked.c[each.name] for each in key))
    connection = await tx.connection()
    rows = (await connection.execute(soon.where(or_(has, last)))).all()
    here = [id for id, _version, has_them, *_ in rows if has_them]
    reached = next((keys for _id, _version, _has_them, is_last, *keys in rows if is_last), None)
    if len(here) > most or reached is None:
        return here, None
    leads = [_leads(number, FEW_CLAUSES, MANY) for number in range(len(words))]
    # Whom an agreement is visible to takes longer to compare than what the words lead to, whatever the planner thinks.
    led_to = case((and_(*(has for has, _ in leads)), and_(true(), *within)), else_=false())
    # Made whole: else the planner goes through the list in its order once more.
    found = materialized(left.order_by(None).with_only_columns(*key).limit(None).where(led_to))
    followed = case((and_(*(ends for _, ends in leads)), func.array(first(found).scalar_subquery())))
    named = {name: value for number, word in enumerate(words) for name, value in _named(number, word).items()}
    there: Sequence[UUID] | None = (await connection.execute(select(followed), named)).scalar()
    return (here, reached) if there is None else (there, None)


@cache
def _leads(number: int, few_clauses: int, many: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """That the agreement is one of those that a word leads to, all of them looked up at once; that they are all.

    Made once for each place that a word may have among others: to build it takes a tenth of the search.
    """
    word, beyond = (bindparam(name, type_=Text) for name in _named(number, ""))
    said = select(WORD.clause).where(WORD.word >= word, WORD.word < beyond).order_by(WORD.word, WORD.clause)
    clauses = materialized(said.limit(few_clauses + 1))
    own = select(TERM.agreement_id).where(TERM.term >= word, TERM.term < beyond, NO_CODE)
    of_clauses = select(TERM.agreement_id).join(clauses, TERM.term == clauses.c.clause)
    led_to = materialized(union_all(own, of_clauses).limit(many + 1))
    counts = [select(func.count()).select_from(each).scalar_subquery() for each in (clauses, led_to)]
    # Not bare, or it is joined: by the number of rows that the planner guesses, one by one.
    has = func.coalesce(ROW.id.in_(select(led_to.c.agreement_id)), false())
    return has, and_(counts[0] <= few_clauses, counts[1] <= many)


def _named(number: int, word: str) -> dict[str, str]:
    """The bounds between which a word and its continuations lie, under the names that they have in its place."""
    return {f"word_{number}": word, f"beyond_{number}": word + LAST}


def materialized(query: SelectBase) -> CTE:
    """The rows of a query, all of them made before the first is used."""
    return query.cte().prefix_with("materialized", dialect="postgresql")


def _has(word: str, id: ColumnElement[UUID] = ROW.id) -> ColumnElement[bool]:
    """That the agreement has the word, or one that continues it, asked of this agreement alone."""
    own = select(true()).where(TERM.agreement_id == id, TERM.term >= word, TERM.term < word + LAST, NO_CODE)
    clause = and_(TERM.agreement_id == id, TERM.term >= CLAUSE, TERM.term < CLAUSE + LAST)
    said = select(true()).where(clause, WORD.clause == TERM.term, WORD.word >= word, WORD.word < word + LAST)
    # Not `exists`, which the planner may turn round and answer for all agreements at once.
    return or_(*(each.limit(1).correlate(id.table).scalar_subquery() for each in (own, said)))
