"""Whoever reads what is being signed is told what the commands would say: mandate, standing, ceremony, parent."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import event, text

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.permissions import PERMISSIONS
from services.agreements.tests.builders import (
    MINISTRY,
    approved,
    current,
    fill,
    following,
    framework,
    mandate,
    operator_of,
    person,
    plan,
    president,
    sign_for,
    signer,
    stand,
)
from services.agreements.tests.test_offers import TRIES, as_told, party_of, refusal_of
from shared.actor import NATIONAL, Actor, Role
from shared.clock import now, today
from shared.database import Database

LOCKED = text("select relation::regclass from pg_locks where pid = pg_backend_pid() and mode = 'RowShareLock'")
STEPS = ("sign_agreement", "decline_agreement", "delegate_signing")


def vice(operator: UUID) -> Actor:
    """Somebody of the association without a mandate."""
    return person("vice", Role.association_manager, f"org:{operator}")


async def reasons(
    database: Database, agreement: Agreement, by: Actor, *, ceremony_id: UUID | None = None
) -> dict[str, str]:
    """Step -> why somebody may not take it, as they are told; who tries it is refused by the same name."""
    why: dict[str, str] = {}
    async with database.transaction(by.scope) as tx:
        it = await as_told(tx, agreement, by)

        async def sign(*_: Any) -> object:
            party_id = party_of(it, by, "sign_agreement")
            asked: dict[str, Any] = {"party_id": party_id, "text_hash": it.text_hash, "ceremony_id": ceremony_id}
            return await commands.sign_agreement(tx, it.id, **asked, by=by)

        for step in STEPS:
            told = PERMISSIONS.refusal_of(by, step, it) or it.refusal_of(step)
            met = await refusal_of(tx, sign if step == "sign_agreement" else TRIES[step], it, by)
            assert (told and told.slug) == (met and met.slug), step
            why |= {step: told.slug} if told else {}
    return why


async def delegate(database: Database, agreement: Agreement, *, days_ago: int = 0) -> None:
    """The association's president let the vice president sign, on one day only."""
    operator, at = operator_of(agreement), now() - timedelta(days=days_ago)
    fields: dict[str, Any] = {
        "party_id": party_of(agreement, president(operator)),
        "delegate": vice(operator).person,
        "valid_until": today() - timedelta(days=days_ago),
        "document": "(fictif)",
    }
    await commands.delegate_signing(database, agreement.id, **fields, by=president(operator), at=at)


async def test_a_delegate_signs_and_neither_declines_nor_delegates(database: Database) -> None:
    agreement = await approved(database)
    by = vice(operator_of(agreement))
    assert await reasons(database, agreement, by) == dict.fromkeys(STEPS, "no-mandate")
    await delegate(database, agreement)
    assert await reasons(database, agreement, by) == dict.fromkeys(STEPS[1:], "no-mandate")


async def test_a_delegation_that_is_over_keeps_nobody_from_what_they_do_under_their_own_mandate(
    database: Database,
) -> None:
    agreement = await approved(database)
    operator = operator_of(agreement)
    await delegate(database, agreement, days_ago=3)
    async with database.transaction(NATIONAL) as tx:
        tx.add(mandate(operator, vice(operator)))
    assert await reasons(database, agreement, vice(operator)) == {}


async def test_a_suspended_association_is_told_that_it_signs_nothing(database: Database) -> None:
    agreement = await approved(database)
    operator = operator_of(agreement)
    await stand(database, operator, "suspended")
    assert await reasons(database, agreement, signer(operator)) == {"sign_agreement": "association-not-accredited"}
    await stand(database, operator, "accredited")
    assert await reasons(database, agreement, signer(operator)) == {}


async def test_what_a_ceremony_under_way_has_in_its_order_is_offered_while_the_ceremony_is_open(
    database: Database,
) -> None:
    agreement = await approved(database)
    by = signer(operator_of(agreement))
    ceremony = await plan(database, agreement.id)
    there = {"ceremony_id": ceremony.id}
    assert await reasons(database, agreement, by) == {}
    await fill(database, ceremony)
    assert await reasons(database, agreement, by, **there) == {"sign_agreement": "ceremony-not-open"}
    await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    assert await reasons(database, agreement, by, **there) == {}
    await commands.interrupt_ceremony(database, ceremony.id, reason="panne (fictif)", by=MINISTRY)
    assert await reasons(database, agreement, by, **there) == {"sign_agreement": "ceremony-not-open"}
    await commands.resume_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    assert await reasons(database, agreement, by) == {}


async def test_a_child_is_not_offered_for_signature_before_its_parent_is_signed(database: Database) -> None:
    parent = await approved(database, framework())
    child = await approved(database, following(parent.id))
    for by in (signer(operator_of(child)), MINISTRY):
        assert await reasons(database, child, by) == {"sign_agreement": "parent-not-signed"}
    for each in parent.parties:
        await sign_for(database, parent, each.organisation_id)
    assert await reasons(database, child, MINISTRY) == {}


async def test_what_all_parties_may_sign_is_looked_up_at_once_and_for_signers_only(database: Database) -> None:
    agreement = await approved(database, current())
    asked: list[str] = []

    def note(*told: Any) -> None:
        asked.append(told[2])

    auditor = person("auditor", Role.auditor, "national")
    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        for by, times in ((MINISTRY, 1), (signer(operator_of(agreement)), 1), (auditor, 0)):
            asked.clear()
            await queries.agreement(database, agreement.id, action="read_agreement", by=by)
            assert sum("mandate" in each for each in asked) == times, by.roles
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_who_reads_what_is_being_signed_locks_no_row(database: Database) -> None:
    parent = await approved(database, framework())
    for each in parent.parties:
        await sign_for(database, parent, each.organisation_id)
    child = await approved(database, following(parent.id))
    await fill(database, await plan(database, child.id))
    async with database.transaction(MINISTRY.scope) as tx:
        await queries.agreement(tx, child.id, action="read_agreement", by=MINISTRY)
        assert (await tx.execute(LOCKED)).all() == []
