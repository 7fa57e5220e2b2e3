"""A framework agreement and those that follow it: a child never outruns its parent, and never outlives it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.agreements import commands, queries, schedule
from services.agreements.agreement import Agreement
from services.agreements.agreement.family import Parent
from services.agreements.errors.families import (
    ParentAtRest,
    ParentNotFollowed,
    ParentNotInForce,
    ParentNotSigned,
    ParentOver,
    ParentUnknown,
    TermBeyondParent,
)
from services.agreements.errors.force import ImpactChanged
from services.agreements.kinds import KINDS
from services.agreements.tables import AGREEMENTS
from services.agreements.terms import Terms
from services.agreements.tests.builders import (
    DECISION,
    LEGAL,
    MINISTRY,
    accept_for_all,
    approved,
    attached,
    body_of,
    bound,
    current,
    decision_on,
    director,
    following,
    framework,
    in_force,
    know,
    officer,
    outcome_of,
    owing,
    reviewed,
    sign_for,
    signed,
    signed_by_all,
    somebody_waits,
    start,
    suspend,
)
from shared.actor import NATIONAL, Actor
from shared.clock import today
from shared.database import Database, Work
from shared.events.agreements import AgreementCameIntoForce
from shared.ids import new_id
from shared.territory import MINISTRY_ID
from tests.web.conventions import is_problem


def tomorrow() -> date:
    """The day after this one."""
    return today() + timedelta(days=1)


async def frozen_child(database: Database, parent: UUID) -> Agreement:
    """A child whose text is frozen, the academy and the association having signed it if they may."""
    return await approved(database, following(parent))


async def negotiated_with_all(database: Database, terms: Terms) -> Agreement:
    """An agreement whose text every party accepts, to be submitted."""
    await know(database, terms)
    drafted = await commands.draft_agreement(database, terms, by=officer())
    drafted = await commands.open_negotiation(database, drafted.id, by=officer())
    await accept_for_all(database, drafted)
    return drafted


async def signed_but_by(database: Database, child: Agreement, last: UUID) -> Agreement:
    """The child with every signature but this party's."""
    for each in child.parties:
        if each.organisation_id != last:
            child = await sign_for(database, child, each.organisation_id)
    return child


async def terminate(db: Work, agreement: Agreement) -> Agreement:
    """End a national agreement today; where the impact has changed in the meantime it is looked at again."""
    id, decision = agreement.id, decision_on(agreement)
    while True:
        looked = await queries.impact(
            db, id, action="terminate_agreement", notified_on=decision["notified_on"], by=MINISTRY
        )
        try:
            return await commands.terminate_agreement(
                db, id, **decision, acknowledgement=looked.fingerprint, by=MINISTRY
            )
        except ImpactChanged:
            continue


async def read(database: Database, id: UUID) -> Agreement:
    """The agreement as it is."""
    async with database.transaction(NATIONAL) as tx:
        return await AGREEMENTS.read(tx, id)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        (lambda: {"parent_id": new_id()}, ParentUnknown),
        (lambda: {"effective_from": start() - timedelta(days=1)}, TermBeyondParent),
        (lambda: {"effective_until": start() + timedelta(days=1001)}, TermBeyondParent),
    ],
    ids=["unknown", "before", "after"],
)
async def test_a_child_is_drafted_within_a_parent(
    database: Database, changes: Callable[[], dict[str, Any]], refusal: type[Exception]
) -> None:
    parent, changed = await bound(database, framework()), changes()
    with pytest.raises(refusal):
        await commands.draft_agreement(database, following(parent.id, **changed), by=officer())
    draft = await commands.draft_agreement(database, following(parent.id), by=officer())
    with pytest.raises(refusal):
        await commands.revise_terms(database, draft.id, following(parent.id, **changed), by=officer())


async def test_only_a_framework_is_followed_and_who_drafts_is_told_so_by_its_title(
    as_: Any, database: Database
) -> None:
    parent = await bound(database, current(effective_from=start()))
    with pytest.raises(ParentNotFollowed):
        await commands.draft_agreement(database, following(parent.id), by=officer())
    answered = await as_(officer()).post("/agreements", body_of(following(parent.id)), Accept_Language="fr")
    told = is_problem(answered, 422, "parent-not-followed")
    assert parent.title.fr in told["detail"] and str(parent.id) not in told["detail"]


async def test_a_kind_that_does_not_follow_a_framework_is_told_by_its_name(as_: Any, database: Database) -> None:
    parent = await bound(database, framework())
    terms = framework(parent_id=parent.id)
    answered = await as_(MINISTRY).post("/agreements", body_of(terms), Accept_Language="ar")
    told = is_problem(answered, 422, "child-not-of-kind")
    assert KINDS["framework"].name.ar in told["detail"] and KINDS["academy-association"].name.ar in told["detail"]
    assert "academy-association" not in told["detail"] and str(parent.id) not in told["detail"]


async def test_an_agreement_that_the_drafter_may_not_read_is_no_parent(database: Database) -> None:
    foreign = await bound(database, current("MA-01", effective_from=start()))
    draft = await commands.draft_agreement(database, current(), by=officer())
    for id in (foreign.id, new_id()):
        with pytest.raises(ParentUnknown) as refused:
            await commands.draft_agreement(database, following(id), by=officer())
        assert refused.value.values == {"parent": id}
        with pytest.raises(ParentUnknown):
            await commands.revise_terms(database, draft.id, following(id), by=officer())


async def test_a_child_is_not_signed_before_its_parent_in_whatever_order_the_links_are_followed(
    database: Database,
) -> None:
    parent = await approved(database, framework())
    child = await frozen_child(database, parent.id)
    for each in child.parties:
        with pytest.raises(ParentNotSigned):
            await sign_for(database, child, each.organisation_id)
    for each in parent.parties:
        parent = await sign_for(database, parent, each.organisation_id)
    for each in child.parties:
        child = await sign_for(database, child, each.organisation_id)
    assert child.state == "signed", "in force with the next look at the parent"
    await schedule.bring_into_force(database)
    assert (await read(database, child.id)).state == "in_force"


async def test_a_child_binds_from_the_day_on_which_all_is_there_that_it_waited_for(database: Database) -> None:
    parent = await bound(database, framework())
    since = today() - timedelta(days=10)
    child = await approved(database, owing(following(parent.id, effective_from=since), {}))
    for each in child.parties:
        child = await sign_for(database, child, each.organisation_id)
    await schedule.bring_into_force(database)
    child = await read(database, child.id)
    assert (child.in_force_on, child.obligations[0].due_on) == (today(), today() + timedelta(days=30))


async def test_a_child_does_not_bind_before_its_parent_or_while_it_rests(database: Database) -> None:
    parent = await bound(database, framework())
    child = await signed_by_all(database, following(parent.id, effective_from=tomorrow()))
    await suspend(database, parent)
    with pytest.raises(ParentNotInForce):
        await commands.bring_into_force(database, child.id, on=tomorrow())
    await commands.let_time_pass(database, child.id, on=tomorrow())
    assert (await read(database, child.id)).state == "signed"


async def test_nothing_is_signed_under_a_parent_while_it_rests(database: Database) -> None:
    parent = await bound(database, framework())
    child = await signed_but_by(database, await frozen_child(database, parent.id), MINISTRY_ID)
    parent = await suspend(database, parent)
    with pytest.raises(ParentAtRest) as refused:
        await sign_for(database, child, MINISTRY_ID)
    assert refused.value.values["since"] == today()
    await commands.resume_agreement(database, parent.id, reason="(fictif)", by=MINISTRY)
    assert (await sign_for(database, child, MINISTRY_ID)).state == "signed"


async def test_a_child_that_is_in_force_goes_on_while_its_parent_rests(database: Database) -> None:
    parent = await bound(database, framework())
    child = await bound(database, following(parent.id))
    parent = await suspend(database, parent, scope="centers")
    assert (await read(database, child.id)).state == "in_force"
    assert parent.suspension and parent.suspension.centers == ()


def test_a_child_that_waited_for_a_suspended_parent_binds_from_the_day_on_which_it_was_resumed() -> None:
    parent, child = in_force(framework(effective_from=date(2024, 9, 2), effective_until=date(2027, 8, 31))), signed()
    day = child.effective_from + timedelta(days=40)
    grounds = DECISION | {"scope": "money", "centers": (), "today": day - timedelta(days=20)}
    parent.evolve(parent.suspend(**grounds))
    with pytest.raises(ParentNotInForce):
        child.bring_into_force_with(Parent(parent), day)
    parent.evolve(parent.resume(reason="(fictif)", effective_on=day - timedelta(days=1), today=day))
    (bound_on,) = child.bring_into_force_with(Parent(parent), day)
    assert isinstance(bound_on, AgreementCameIntoForce) and bound_on.in_force_on == day - timedelta(days=1)


async def test_a_preview_lets_no_child_bind_before_its_parent(database: Database) -> None:
    parent = await bound(database, framework())
    child = await signed_by_all(database, following(parent.id, effective_from=tomorrow()))
    for state, resting in (("signed", True), ("in_force", False)):
        if resting:
            await suspend(database, parent)
        else:
            await commands.resume_agreement(database, parent.id, reason="(fictif)", by=MINISTRY)
        looked = await queries.impact(
            database, child.id, action="terminate_agreement", notified_on=today(), by=director()
        )
        assert looked.decision.effective_on > today()
        assert (looked.agreements[0].state, looked.agreements[0].becomes) == (state, "terminated")


async def test_a_preview_touches_no_child_that_ends_before_its_parent(database: Database) -> None:
    parent, end = await bound(database, framework()), today() + timedelta(days=200)
    ends_before = await bound(database, following(parent.id, effective_until=end - timedelta(days=1)))
    ends_with_it = await bound(database, following(parent.id))
    looked = await queries.impact(
        database, parent.id, action="terminate_agreement", notified_on=today(), effective_on=end, by=MINISTRY
    )
    assert [each.agreement_id for each in looked.agreements] == [parent.id, ends_with_it.id]
    assert ends_before.id not in {each.agreement_id for each in looked.centers}


async def test_a_parent_that_was_shortened_before_its_signature_takes_no_longer_child(database: Database) -> None:
    terms = framework()
    await know(database, terms)
    parent = await commands.draft_agreement(database, terms, by=MINISTRY)
    child = await frozen_child(database, parent.id)
    shorter = terms.model_copy(update={"effective_until": child.effective_until - timedelta(days=1)})
    await commands.revise_terms(database, parent.id, shorter, by=MINISTRY)
    await commands.redraw_clauses(database, parent.id, by=MINISTRY)
    await accept_for_all(database, await commands.open_negotiation(database, parent.id, by=MINISTRY))
    await commands.submit_for_review(database, parent.id, by=MINISTRY)
    parent = await commands.approve_agreement(database, parent.id, by=LEGAL)
    for each in parent.parties:
        await sign_for(database, parent, each.organisation_id)
    with pytest.raises(TermBeyondParent):
        await sign_for(database, child, MINISTRY_ID)


async def test_a_signature_that_comes_while_the_parent_ends_waits_and_is_refused(database: Database) -> None:
    parent = await bound(database, framework())
    child = await signed_but_by(database, await frozen_child(database, parent.id), MINISTRY_ID)
    async with database.transaction(NATIONAL) as tx:
        await terminate(tx, parent)
        signing = asyncio.create_task(outcome_of(sign_for(database, child, MINISTRY_ID)))
        await somebody_waits(database)
        assert not signing.done()
    assert await signing is ParentOver
    assert (await read(database, child.id)).state == "partially_signed"


async def test_a_parent_that_ends_while_a_child_is_signed_waits_and_takes_the_child_with_it(database: Database) -> None:
    parent = await bound(database, framework())
    child = await signed_but_by(database, await frozen_child(database, parent.id), MINISTRY_ID)
    async with database.transaction(NATIONAL) as tx:
        await sign_for(tx, child, MINISTRY_ID)
        ending = asyncio.create_task(terminate(database, parent))
        await somebody_waits(database)
        assert not ending.done()
    await ending
    assert (await read(database, child.id)).state == "signed"
    for _ in range(2):
        await schedule.end_with_parents(database)
    child = await read(database, child.id)
    assert child.state == "terminated"
    assert child.ending and child.ending.effective_on == today()


async def test_children_and_parent_at_once_agree_on_who_was_first(database: Database) -> None:
    parent = await bound(database, framework())
    children = [await frozen_child(database, parent.id) for _ in range(4)]
    work: list[Awaitable[object]] = [
        outcome_of(sign_for(database, child, each.organisation_id)) for child in children for each in child.parties
    ]
    work.insert(6, outcome_of(terminate(database, parent)))
    done = await asyncio.gather(*work)
    assert {each for each in done if isinstance(each, type)} <= {ParentOver}
    await schedule.end_with_parents(database)
    async with database.transaction(NATIONAL) as tx:
        end = (await AGREEMENTS.history(tx, parent.id))[-1]
        for child in children:
            rows = await AGREEMENTS.history(tx, child.id)
            later = [row.type for row in rows if (row.id or 0) > (end.id or 0) and "signed" in row.type]
            assert later == [], "signed after the parent's end"
            assert (await AGREEMENTS.read(tx, child.id)).state in ("ready_to_sign", "partially_signed", "terminated")


async def test_nobody_follows_what_has_ended(database: Database) -> None:
    parent = await bound(database, framework())
    child = await frozen_child(database, parent.id)
    await terminate(database, parent)
    with pytest.raises(ParentOver):
        await commands.draft_agreement(database, following(parent.id), by=officer())
    with pytest.raises(ParentOver):
        await sign_for(database, child, MINISTRY_ID)


async def test_nothing_is_submitted_or_frozen_under_a_parent_that_has_ended(database: Database) -> None:
    parent = await bound(database, framework())
    submitted = await reviewed(database, following(parent.id))
    drafted = await negotiated_with_all(database, following(parent.id))
    await terminate(database, parent)
    for child, action, by in ((drafted, "submit_for_review", officer()), (submitted, "approve_agreement", LEGAL)):
        told = await queries.agreement(database, child.id, action="read_agreement", by=by)
        assert isinstance(told.refusal_of(action), ParentOver)
        with pytest.raises(ParentOver):
            await getattr(commands, action)(database, child.id, by=by)
    assert (await read(database, submitted.id)).reference is None, "no number is spent"


@pytest.mark.parametrize(("action", "by"), [("submit_for_review", officer()), ("approve_agreement", LEGAL)])
async def test_what_is_submitted_or_frozen_while_the_parent_ends_waits_and_is_refused(
    database: Database, action: str, by: Actor
) -> None:
    parent = await bound(database, framework())
    prepare = negotiated_with_all if action == "submit_for_review" else reviewed
    child = await prepare(database, following(parent.id))
    async with database.transaction(NATIONAL) as tx:
        await terminate(tx, parent)
        acting = asyncio.create_task(outcome_of(getattr(commands, action)(database, child.id, by=by)))
        await somebody_waits(database)
        assert not acting.done()
    assert await acting is ParentOver
    child = await read(database, child.id)
    assert (child.state, child.reference) == ("negotiation" if prepare is negotiated_with_all else "legal_review", None)


async def test_nothing_follows_a_parent_whose_day_has_come_before_the_schedule_looked(database: Database) -> None:
    parent = await bound(database, framework())
    child = await frozen_child(database, parent.id)
    submitted = await reviewed(database, following(parent.id))
    async with database.transaction(NATIONAL) as tx:
        it = await AGREEMENTS.load(tx, parent.id)
        announced = it.terminate(**(decision_on(it) | {"effective_on": today(), "today": today() - timedelta(days=1)}))
        await AGREEMENTS.record(tx, it, announced, by=MINISTRY)
    assert it.state == "in_force" and it.announcement
    for refused in (
        sign_for(database, child, MINISTRY_ID),
        commands.approve_agreement(database, submitted.id, by=LEGAL),
        commands.draft_agreement(database, following(parent.id), by=officer()),
    ):
        assert await outcome_of(refused) is ParentOver


async def test_a_scan_is_not_counted_after_the_parents_end(database: Database) -> None:
    parent = await bound(database, framework())
    child = await frozen_child(database, parent.id)
    ministry = next(each for each in child.parties if each.organisation_id == MINISTRY_ID)
    child = await attached(database, child, "signed_copy")
    await commands.record_scan(
        database,
        child.id,
        party_id=ministry.party_id,
        text_hash=child.text_hash or "",
        person=MINISTRY.person,
        file_hash=child.documents[-1].hash,
        signed_on=today(),
        by=officer(),
    )
    await terminate(database, parent)
    with pytest.raises(ParentOver):
        await commands.accept_scan(database, child.id, party_id=ministry.party_id, by=director())
