"""The words of clauses: found in both languages, as long as the agreement has the clause, and by nobody else."""

import asyncio
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from alembic import command
from pydantic_core import to_json
from sqlalchemy import text

from services.agreements import commands, queries, schedule
from services.agreements.agreement import Agreement
from services.agreements.bilingual import Bilingual
from services.agreements.queries import searches
from services.agreements.schemas.searches import Search
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.builders import (
    MINISTRY,
    clauses,
    current,
    director,
    know,
    officer,
    operator_of,
    president,
)
from services.agreements.text import Clause, Prose, put_clauses, put_content
from shared.actor import NATIONAL, Actor
from shared.database import Database
from shared.ids import new_id
from shared.migrations import ALEMBIC, _config
from shared.store import Store, put_text
from tests.web.routes import WHOLE

GRANT = Clause(
    key="grant",
    title=Bilingual(ar="المِنحة (وهمي)", fr="Subvention (fictif)"),
    body=Prose(ar="تُؤدَّى المساهمة على قِسطين.", fr="L'échéancier compte deux versements."),
)


async def drafted(database: Database, *more: Clause, academy: str = "MA-06") -> Agreement:
    """A draft with the usual clauses and more."""
    terms = current(academy)
    await know(database, terms)
    return await commands.draft_agreement(database, terms, clauses=[*clauses(), *more], by=officer(academy))


async def found(database: Database, q: str, by: Actor = MINISTRY) -> list[Any]:
    """The ids of what somebody finds."""
    return [each.id for each in (await queries.agreements(database, Search(q=q), page=WHOLE, by=by))[0]]


async def revised(database: Database, agreement: Agreement, told: Sequence[Clause]) -> Agreement:
    """The agreement with other clauses."""
    return await commands.revise_text(database, agreement.id, told, by=officer())


@pytest.fixture(
    params=[("FEW", 0), ("FEW_CLAUSES", 0), ("FEW", searches.FEW)],
    ids=["a word of many", "a word of many clauses", "a word of few"],
)
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What many have is looked for in another way than what few have, and is found the same."""
    monkeypatch.setattr(searches, *request.param)


@pytest.mark.usefixtures("few")
async def test_a_word_of_one_clause_finds_its_agreement_in_both_languages(database: Database) -> None:
    agreement, other = await drafted(database, GRANT), await drafted(database)
    for q in ("منحه", "المنحة", "والمساهمة", "قسطين", "subv", "ECHEANCIER", "l'échéancier versements"):
        assert await found(database, q) == [agreement.id], q
    assert await found(database, "convention") == [agreement.id, other.id]
    assert await found(database, "convention échéancier شراكة قسطين") == [agreement.id], "in titles or in clauses"
    assert await found(database, "échéancier zzz") == await found(database, "clause§") == []


@pytest.mark.usefixtures("few")
async def test_a_clause_that_is_gone_finds_nothing_and_the_one_in_its_place_does(database: Database) -> None:
    agreement = await drafted(database, GRANT)
    other = GRANT.model_copy(update={"body": Prose(ar="تدفع دفعة واحدة.", fr="Un paiement unique.")})
    await revised(database, agreement, [*clauses(), other])
    assert await found(database, "versements") == await found(database, "قسطين") == []
    assert await found(database, "paiement unique") == await found(database, "subvention") == [agreement.id]
    await revised(database, agreement, clauses())
    assert await found(database, "paiement") == await found(database, "subvention") == []
    await revised(database, agreement, [*clauses(), GRANT])
    assert await found(database, "versements") == [agreement.id]


async def test_other_terms_leave_the_clauses_to_be_found(database: Database) -> None:
    agreement = await drafted(database, GRANT)
    terms = current(agreement.academy or "").model_copy(
        update={"parties": agreement.parties, "centers": agreement.centers, "school_year": "2026/2027"}
    )
    changed = await commands.revise_terms(database, agreement.id, terms, by=officer())
    assert changed.text_hash != agreement.text_hash
    assert await found(database, "versements") == [agreement.id]


async def test_a_text_that_is_not_kept_leaves_no_word(database: Database) -> None:
    agreement = await drafted(database)

    async def give_up() -> None:
        async with database.transaction(officer().scope) as tx:
            await commands.revise_text(tx, agreement.id, [*clauses(), GRANT], by=officer())
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await give_up()
    assert await found(database, "versements") == []
    assert await rows(database, "select count(*) from clause_word where word = 'versements'") == [(0,)]


@pytest.mark.usefixtures("few")
async def test_clauses_are_found_by_those_only_who_see_the_agreement(database: Database) -> None:
    agreement = await drafted(database, GRANT)
    foreign = await drafted(database, academy="MA-07")
    for by in (officer(), director(), president(operator_of(agreement))):
        assert await found(database, "versements", by) == [agreement.id]
    for by in (officer("MA-07"), president(operator_of(foreign)), president(new_id())):
        assert await found(database, "versements", by) == []
    # And the database shows no agreement behind a clause to another academy, whatever is asked.
    asked = text("select agreement_id from agreement_term join clause_word on term = clause where word = 'versements'")
    for scope, seen in ((officer().scope, [agreement.id]), (officer("MA-07").scope, [])):
        async with database.transaction(scope) as tx:
            assert (await tx.execute(asked)).scalars().all() == seen


async def test_the_words_of_a_clause_are_kept_once_for_all_that_have_it(database: Database) -> None:
    count = "select count(*) from clause_word"
    await drafted(database, GRANT)
    once = await rows(database, count)
    other = await drafted(database, GRANT.model_copy(update={"key": "money"}))
    assert await rows(database, count) == once
    assert other.id in await found(database, "versements")


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    """What the nation reads."""
    async with database.transaction(NATIONAL) as tx:
        return [tuple(each) for each in await tx.execute(text(query))]


async def test_what_the_version_before_wrote_beside_this_one_is_made_up_for(database: Database) -> None:
    agreement = await drafted(database, GRANT)
    other = GRANT.model_copy(update={"body": Prose(ar="تدفع دفعة واحدة.", fr="Un paiement unique.")})
    assert len(await terms(database, agreement)) == len(clauses()) + 1
    await as_the_version_before(database, agreement, [*clauses(), other])
    assert await found(database, "versements") == [agreement.id], "it wrote no clause's term, and took none away"
    await revised(database, agreement, [*clauses(), GRANT])
    assert await found(database, "versements") == [agreement.id]
    await as_the_version_before(database, agreement, [*clauses(), other])
    await commands.open_negotiation(database, agreement.id, by=officer())
    assert await found(database, "versements") == []
    assert await found(database, "paiement unique") == [agreement.id], "another state makes up for it as well"
    await as_the_version_before(database, agreement, [*clauses(), GRANT])
    assert await found(database, "versements") == []
    await schedule.find_by_clauses(database)
    assert await found(database, "versements") == [agreement.id], "and in the end the schedule does"
    assert await found(database, "paiement unique") == []


async def as_the_version_before(database: Database, agreement: Agreement, told: Sequence[Clause]) -> None:
    """Revise the text as a version does that knows of no clauses among the terms."""
    async with database.transaction(officer().scope) as tx:
        loaded = await AGREEMENTS.load(tx, agreement.id)
        content = loaded.content(await put_clauses(tx, told))
        events = loaded.revise(await put_content(tx, content), by=officer().person)
        await Store.record(AGREEMENTS, tx, loaded, events, by=officer())


async def terms(database: Database, agreement: Agreement) -> list[tuple[Any, ...]]:
    """The terms that stand for an agreement's clauses."""
    return await rows(
        database,
        f"select term from agreement_term where {OF_CLAUSES} and agreement_id = '{agreement.id}' order by 1",
    )


async def test_a_day_on_which_thousands_changed_leaves_the_schedule_nothing_to_look_into(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_into = followed(monkeypatch)
    agreement = await drafted(database, GRANT)
    async with database.transaction(NATIONAL) as tx:
        for each in (ANOTHER_TWO_THOUSAND, THEIR_TERMS):
            await tx.execute(text(each), {"id": agreement.id})
    assert await rows(database, "select count(*) from agreement where updated_at > now() - interval '1 hour'") == [
        (2001,)
    ]
    await schedule.find_by_clauses(database)
    assert looked_into == []


async def test_the_schedule_looks_into_a_few_at_a_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_into = followed(monkeypatch)
    monkeypatch.setattr(schedule, "PORTION", 2)
    behind = [await drafted(database) for _ in range(3)]
    for each in behind:
        await as_the_version_before(database, each, [*clauses(), GRANT])
    for seen in (2, 3, 3):
        await schedule.find_by_clauses(database)
        assert len(looked_into) == seen
    assert {*await found(database, "versements")} == {each.id for each in behind}


def followed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The ids of the agreements that the schedule looks into from here on."""
    looked_into: list[Any] = []
    find = commands.find_by_clauses

    async def noted(db: Database, id: Any) -> None:
        looked_into.append(id)
        await find(db, id)

    monkeypatch.setattr(commands, "find_by_clauses", noted)
    return looked_into


ANOTHER_TWO_THOUSAND = """
    insert into agreement select made.* from agreement each, generate_series(1, 2000) number,
        jsonb_populate_record(each, jsonb_build_object('id', md5(number::text)::uuid)) made
    where each.id = :id
"""
THEIR_TERMS = """
    insert into agreement_term (term, agreement_id)
    select term, agreement.id from agreement_term, agreement where agreement_id = :id and agreement.id <> :id
"""
OF_CLAUSES = "term like '§%' and term not like '§§%'"
KEPT = (
    "select word, clause from clause_word order by 1, 2",
    "select agreement_id, term from agreement_term where term not like '§§%' order by 1, 2",
)


async def test_what_was_there_before_is_found_after_the_migration(
    database: Database, blank_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await drafted(database, GRANT)
    await drafted(database, academy="MA-07")
    await from_before_contents(database, table_alone := await drafted(database))
    written = [await rows(database, each) for each in KEPT]
    assert all(written)
    url = blank_database("before")
    await asyncio.to_thread(to, "0014", url)
    before, owner = Database(url), Database(url, role=None)
    try:
        # Rows that an old version wrote: those of today, without what it did not know.
        for table in ("content", "agreement", "agreement_term"):
            known = "where term not like '§%'" if table == "agreement_term" else ""
            ((told,),) = await rows(database, f"select jsonb_agg(to_jsonb(each))::text from {table} each {known}")
            fill = f"insert into {table} select * from jsonb_populate_recordset(null::{table}, cast(:told as jsonb))"
            async with owner.transaction(NATIONAL) as tx:
                await tx.execute(text(fill), {"told": told})
        migration = importlib.import_module("services.agreements.migrations.versions.0015_clause_words")
        monkeypatch.setattr(migration, "AT_ONCE", 2)
        await asyncio.to_thread(to, "head", url)
        assert [await rows(before, each) for each in KEPT] == written
        assert await found(before, "versements", officer()) == [agreement.id, table_alone.id]
        assert await found(before, "versements", officer("MA-07")) == []
        # And who reads or writes agreements meanwhile waits for none of it.
        async with owner.transaction(NATIONAL) as tx:
            await tx.execute(text("delete from clause_word"))
            await tx.execute(text("delete from agreement_term where term like '§%'"))
            await (await tx.connection()).run_sync(migration._find_what_there_is)
            held = set((await tx.execute(text(HELD))).scalars())
        assert held == {"AccessShareLock", "RowExclusiveLock"}
    finally:
        await before.dispose()
        await owner.dispose()


HELD = """
    select mode from pg_locks
    where pid = pg_backend_pid() and relation in ('agreement'::regclass, 'agreement_term'::regclass)
"""


def to(revision: str, url: str) -> None:
    """Bring a database to a revision."""
    with ALEMBIC:
        command.upgrade(_config("agreements", url), revision)


async def from_before_contents(database: Database, agreement: Agreement) -> None:
    """Let an agreement hold the hash of its table of clauses, as it did before contents were kept."""
    async with database.transaction(NATIONAL) as tx:
        table = [each.model_dump(mode="json") for each in await put_clauses(tx, [GRANT])]
        loaded = await AGREEMENTS.load(tx, agreement.id)
        events = loaded.revise(await put_text(tx, to_json(table).decode()), by=MINISTRY.person)
        await AGREEMENTS.record(tx, loaded, events, by=MINISTRY)
