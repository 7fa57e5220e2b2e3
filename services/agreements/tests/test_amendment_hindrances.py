"""Amendments that all have signed and that cannot be applied yet."""

from datetime import timedelta
from typing import Any

import pytest

from services.agreements import commands, schedule
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment, AmendmentState
from services.agreements.errors.amendments import ChildrenBeyondTerm, SignedAmendmentStands
from services.agreements.errors.families import TermBeyondParent
from services.agreements.permissions import PERMISSIONS
from services.agreements.tests.branches import (
    agree,
    carry,
    propose,
    read,
    rebase,
    reread,
    revise,
    reword,
    reworded,
    running,
    sign_for,
)
from services.agreements.tests.builders import (
    MINISTRY,
    approved,
    attached,
    bound,
    current,
    long_ago,
    network_terms,
    officer,
    terminate,
)
from services.agreements.tests.builders import sign_for as sign_agreement_for
from shared.clock import now, today
from shared.database import Database
from shared.web import available_actions


async def test_no_amendment_lets_a_child_outlive_its_parent(database: Database) -> None:
    start, until = today() - timedelta(days=40), today() + timedelta(days=900)
    parent = await bound(
        database, network_terms(agreement_kind="framework", effective_from=start, effective_until=until)
    )
    child = await bound(database, running(parent_id=parent.id, effective_until=until - timedelta(days=100)))
    longer = await propose(database, child)
    with pytest.raises(TermBeyondParent):
        await revise(database, longer, effective_until=until + timedelta(days=1))
    shorter = await propose(database, parent)
    with pytest.raises(ChildrenBeyondTerm) as refused:
        await revise(database, shorter, effective_until=until - timedelta(days=200))
    assert refused.value.values["children"] == [child.id]
    assert refused.value.values["references"] == [child.reference]
    shorter = await carry(database, await revise(database, shorter, effective_until=until - timedelta(days=100)))
    assert (await read(database, parent.id)).effective_until == until - timedelta(days=100)
    with pytest.raises(TermBeyondParent):
        await revise(database, longer, effective_until=until)


async def test_what_a_parent_no_longer_allows_is_refused_at_the_last_signature(database: Database) -> None:
    start, until = today() - timedelta(days=40), today() + timedelta(days=900)
    parent = await bound(
        database, network_terms(agreement_kind="framework", effective_from=start, effective_until=until)
    )
    child = await bound(database, running(parent_id=parent.id, effective_until=until - timedelta(days=200)))
    longer = await agree(database, await revise(database, await propose(database, child), effective_until=until))
    *most, last = longer.touched
    for party_id in most:
        longer = await sign_for(database, longer, party_id)
    shorter = await propose(database, parent)
    await carry(database, await revise(database, shorter, effective_until=until - timedelta(days=100)))
    with pytest.raises(TermBeyondParent):
        await sign_for(database, longer, last)
    assert (await reread(database, longer)).state == AmendmentState.signing
    assert (await read(database, child.id)).amendments == ()


async def hindered_by_a_child(database: Database) -> tuple[Agreement, Agreement, Amendment]:
    """A framework that was in force too late to become as short as it signed to be: a child outlasts it by then."""
    start, until = today() + timedelta(days=1), today() + timedelta(days=900)
    dates: dict[str, Any] = {"effective_from": start, "effective_until": until}
    with long_ago():
        parent = await approved(database, network_terms(agreement_kind="framework", **dates))
        for each in parent.parties:
            parent = await sign_agreement_for(database, parent, each.organisation_id)
        shorter = await propose(database, parent)
        shorter = await revise(database, shorter, effective_until=until - timedelta(days=200))
        shorter = await carry(database, shorter)
        assert shorter.state == AmendmentState.signed
        child = await approved(database, current(parent_id=parent.id, **dates))
        for each in child.parties:
            child = await sign_agreement_for(database, child, each.organisation_id)
    parent = await commands.bring_into_force(database, parent.id, on=parent.effective_from)
    await schedule.apply_amendments(database)
    return parent, child, await reread(database, shorter)


async def test_a_signed_amendment_that_cannot_be_applied_says_why_once_and_is_not_tried_blindly(
    database: Database,
) -> None:
    parent, child, shorter = await hindered_by_a_child(database)
    assert (shorter.state, (await read(database, parent.id)).amendments) == (AmendmentState.signed, ())
    assert shorter.hindrance and shorter.hindrance.refusal == "children-beyond-term"
    assert shorter.hindrance.values["children"] == [str(child.id)]
    await schedule.apply_amendments(database)
    await schedule.try_hindered_amendments(database)
    assert (await reread(database, shorter)).version == shorter.version


async def test_a_signed_amendment_is_applied_once_what_hindered_it_is_gone(database: Database) -> None:
    parent, child, shorter = await hindered_by_a_child(database)
    await terminate(database, await attached(database, child, "termination_decision"))
    await schedule.apply_amendments(database)
    assert (await reread(database, shorter)).state == AmendmentState.signed
    await schedule.try_hindered_amendments(database)
    shorter = await reread(database, shorter)
    assert (shorter.state, shorter.hindrance) == (AmendmentState.applied, None)
    assert len((await read(database, parent.id)).amendments) == 1


async def test_a_signed_amendment_that_cannot_be_applied_can_be_withdrawn(database: Database) -> None:
    _, _, shorter = await hindered_by_a_child(database)
    assert {"withdraw_amendment", "rebase_amendment"} <= {*available_actions(MINISTRY, shorter, PERMISSIONS)}
    shorter = await commands.withdraw_amendment(database, shorter.id, reason="(fictif)", by=MINISTRY)
    await schedule.try_hindered_amendments(database)
    assert (await reread(database, shorter)).state == AmendmentState.withdrawn


async def test_a_signed_amendment_that_cannot_be_applied_is_rebased_revised_and_signed_again(
    database: Database,
) -> None:
    _, child, shorter = await hindered_by_a_child(database)
    shorter = await rebase(database, shorter)
    assert (shorter.state, shorter.number, shorter.signatures, shorter.hindrance) == (
        AmendmentState.proposed,
        1,
        (),
        None,
    )
    with pytest.raises(ChildrenBeyondTerm):
        await commands.submit_amendment(database, shorter.id, by=MINISTRY)
    text = await reworded(database, shorter, "article-1", "Autrement")
    shorter = await revise(database, shorter, clauses=text, effective_until=child.effective_until)
    shorter = await carry(database, shorter)
    assert (shorter.state, shorter.number) == (AmendmentState.applied, 1)


async def test_an_amendment_whose_term_has_passed_says_so_when_it_is_applied(database: Database) -> None:
    agreement = await approved(database, current(effective_until=today() + timedelta(days=500)))
    for each in agreement.parties:
        agreement = await sign_agreement_for(database, agreement, each.organisation_id)
    until = today() + timedelta(days=30)
    amendment = await carry(database, await revise(database, await propose(database, agreement), effective_until=until))
    await commands.bring_into_force(database, agreement.id, on=agreement.effective_from)
    late = now() + timedelta(days=31)
    amendment = await commands.apply_amendment(database, amendment.id, at=late)
    assert amendment.hindrance and amendment.hindrance.refusal == "term-over"


async def test_what_all_have_signed_is_neither_withdrawn_nor_rebased_while_nothing_hinders_it(
    database: Database,
) -> None:
    agreement = await approved(database)
    for each in agreement.parties:
        agreement = await sign_agreement_for(database, agreement, each.organisation_id)
    amendment = await carry(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    assert amendment.state == AmendmentState.signed
    with pytest.raises(SignedAmendmentStands):
        await commands.withdraw_amendment(database, amendment.id, reason="(fictif)", by=officer())
    with pytest.raises(SignedAmendmentStands):
        await rebase(database, amendment)
