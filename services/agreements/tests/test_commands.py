"""Drafting and freezing against the database, and what holds always."""

import asyncio
import re

import pytest

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.errors import (
    PartiesNotVetted,
)
from services.agreements.tables import AGREEMENTS, CEREMONIES
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    accept_for_all,
    approved,
    attached,
    batch_of,
    clauses,
    current,
    current_network,
    director,
    hold,
    know,
    long_ago,
    officer,
    outcome_of,
    plan,
    president,
    reviewed,
    sign_for,
    suspend,
    terminate,
)
from services.agreements.text import get_clauses
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.refusals import Forbidden, NotFound, StaleVersion
from shared.territory import MINISTRY_ID


async def test_a_text_is_kept_in_both_languages_under_one_hash(database: Database) -> None:
    agreement = await approved(database)
    assert agreement.text_hash
    async with database.transaction(NATIONAL) as tx:
        assert await get_clauses(tx, agreement.text_hash) == clauses()


async def test_changing_one_language_alone_changes_the_hash(database: Database) -> None:
    drafted = await commands.draft_agreement(database, current(), clauses=clauses(), by=officer())
    text = clauses()
    text[0] = text[0].model_copy(update={"body": text[0].body.model_copy(update={"ar": "نص آخر (وهمي)."})})
    revised = await commands.revise_text(database, drafted.id, text, by=officer())
    assert revised.text_hash != drafted.text_hash and revised.version == drafted.version + 1


async def test_an_academy_drafts_for_itself_only(database: Database) -> None:
    with pytest.raises(NotFound):
        await commands.draft_agreement(database, current("MA-07"), by=officer("MA-06"))
    with pytest.raises(Forbidden):
        await commands.draft_agreement(database, current_network(), by=officer("MA-06"))


async def test_the_ministry_does_not_change_an_academys_text(database: Database) -> None:
    drafted = await commands.draft_agreement(database, current(), by=officer())
    with pytest.raises(Forbidden):
        await commands.revise_text(database, drafted.id, clauses(), by=MINISTRY)


async def test_a_stale_version_is_refused(database: Database) -> None:
    drafted = await commands.draft_agreement(database, current(), clauses=clauses(), by=officer())
    await commands.open_negotiation(database, drafted.id, by=officer(), expected=drafted.version)
    with pytest.raises(StaleVersion) as refused:
        await commands.submit_for_review(database, drafted.id, by=officer(), expected=drafted.version)
    first = refused.value.values["changes"][0]
    assert (first["version"], first["actor"]) == (drafted.version + 1, officer().person)
    assert first["type"] == "ma.mithaq.agreement.negotiation_opened.v1", "who changed what since"


@pytest.mark.parametrize("standing", ["registered", "suspended", "unknown"])
async def test_a_text_is_frozen_for_vetted_parties_only(database: Database, standing: str) -> None:
    terms = current()
    if standing != "unknown":
        await know(database, terms, standing=standing)
    drafted = await commands.draft_agreement(database, terms, clauses=clauses(), by=officer())
    await commands.open_negotiation(database, drafted.id, by=officer())
    await accept_for_all(database, drafted)
    await commands.submit_for_review(database, drafted.id, by=officer())
    with pytest.raises(PartiesNotVetted):
        await commands.approve_agreement(database, drafted.id, by=LEGAL)


async def test_references_have_no_gaps_and_no_twins_when_all_are_approved_at_once(database: Database) -> None:
    academies = ["MA-06", "MA-06", "MA-06", "MA-06", "MA-06", "MA-07", "MA-07"]
    twice = [(await reviewed(database, current(academy))).id for academy in academies] * 2
    work = [outcome_of(commands.approve_agreement(database, id, by=LEGAL)) for id in twice]
    done = [each for each in await asyncio.gather(*work) if isinstance(each, Agreement)]
    year = today().year
    assert sorted(str(each.reference) for each in done) == [
        *(f"AREF-06/{year}-{number:04}" for number in range(1, 6)),
        *(f"AREF-07/{year}-{number:04}" for number in range(1, 3)),
    ]


async def test_a_national_agreement_has_a_reference_of_the_ministry(database: Database) -> None:
    agreement = await approved(database, current_network())
    assert agreement.reference and re.fullmatch(r"MEN/\d{4}-0001", agreement.reference)


async def test_the_state_is_the_fold_of_the_journal(database: Database) -> None:
    terms = current()
    with long_ago():
        agreement = await approved(database, terms)
        ceremony = await hold(database, agreement.id)
        for each in agreement.parties:
            agreement = await sign_for(database, agreement, each.organisation_id, ceremony_id=ceremony.id)
    await commands.bring_into_force(database, agreement.id, on=agreement.effective_from)
    for category in ("suspension_decision", "termination_decision"):
        await attached(database, agreement, category)
    agreement = await suspend(database, agreement, scope="centers")
    agreement = await commands.resume_agreement(database, agreement.id, reason="(fictif)", by=director())
    await terminate(database, agreement)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.adopt_minutes(database, ceremony.id, by=MINISTRY)
    async with database.transaction(NATIONAL) as tx:
        for store, id in ((AGREEMENTS, agreement.id), (CEREMONIES, ceremony.id)):
            stored = await store.read(tx, id)
            events = [row.event() for row in await store.history(tx, id)]
            assert type(stored).fold(id, events).model_dump() == stored.model_dump()


async def test_without_permission_checks_the_database_still_shows_nothing_foreign(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.web.permissions.Permissions.allow", lambda *_: None)
    agreement = await approved(database)
    ceremony = await plan(database, agreement.id)
    await batch_of(database, [agreement])
    for stranger in (officer("MA-07"), president(new_id())):
        async with database.transaction(stranger.scope) as tx:
            for table in ("agreement", "ceremony", "journal", "mandate", "signature_batch"):
                found = await (await tx.connection()).exec_driver_sql(f"select count(*) from {table}")
                assert found.scalar() == 0, f"{table} shows foreign rows to {stranger.jurisdiction}"
        with pytest.raises(NotFound):
            await sign_for(database, agreement, MINISTRY_ID, by=stranger)
        with pytest.raises(NotFound):
            await commands.cancel_ceremony(database, ceremony.id, reason="r", by=stranger)
    async with database.transaction(officer().scope) as tx:
        assert (await AGREEMENTS.read(tx, agreement.id)).version
