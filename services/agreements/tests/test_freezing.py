"""What must be there before a text is frozen (domain 14.2): parties vetted, mandates valid, budget reserved."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, update

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.errors.approval import MandatesMissing
from services.agreements.errors.documents import DocumentMissing
from services.agreements.kinds import KINDS, Kind
from services.agreements.tables import AssociationStandingRow, MandateRow
from services.agreements.terms import Terms
from services.agreements.tests.branches import budget_line
from services.agreements.tests.builders import (
    LEGAL,
    attached,
    current,
    mandate,
    officer,
    operator_of,
    party,
    reviewed,
)
from shared.actor import NATIONAL
from shared.clock import now, today
from shared.database import Database
from shared.ids import new_id
from shared.money import Money


async def reasons(as_: Any, agreement: Agreement) -> dict[str, str]:
    """Why who may approve cannot now, action by action, as the answer tells."""
    told = (await as_(LEGAL).get(f"/agreements/{agreement.id}")).json()
    approving = {"approve_agreement"}
    why = {each["action"]: each["type"].removeprefix("/problems/") for each in told["unavailable_actions"]}
    assert approving == {*told["available_actions"], *why} & approving
    return {action: type for action, type in why.items() if action in approving}


async def without_mandate(database: Database, organisation: UUID) -> None:
    """Let the mandates for this organisation be over."""
    ended = update(MandateRow).where(col(MandateRow.organisation_id) == organisation)
    async with database.transaction(NATIONAL) as tx:
        await tx.exec(ended.values(valid_until=today() - timedelta(days=1)))


async def test_no_text_is_frozen_for_a_party_for_which_nobody_may_sign(as_: Any, database: Database) -> None:
    agreement = await reviewed(database)
    operator = operator_of(agreement)
    assert await reasons(as_, agreement) == {}
    await without_mandate(database, operator)
    assert set((await reasons(as_, agreement)).values()) == {"mandates-missing"}
    refused = await as_(LEGAL).post(f"/agreements/{agreement.id}/approval", If_Match=f'"{agreement.version}"')
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/mandates-missing")
    assert refused.json()["organisations"] == [str(operator)]
    assert agreement.names[operator].ar in refused.json()["detail"], "by name, in the reader's language"
    async with database.transaction(NATIONAL) as tx:
        tx.add(mandate(operator))
    assert await reasons(as_, agreement) == {}
    assert (await commands.approve_agreement(database, agreement.id, by=LEGAL)).state == "ready_to_sign"


async def test_no_text_is_frozen_under_mandates_for_other_agreements(as_: Any, database: Database) -> None:
    agreement = await reviewed(database)
    operator = operator_of(agreement)
    of_operator = update(MandateRow).where(col(MandateRow.organisation_id) == operator)
    async with database.transaction(NATIONAL) as tx:
        await tx.exec(of_operator.values(agreement_types=["central"]))
    assert set((await reasons(as_, agreement)).values()) == {"mandates-missing"}
    with pytest.raises(MandatesMissing) as refused:
        await commands.approve_agreement(database, agreement.id, by=LEGAL)
    assert refused.value.values["organisations"] == [operator]
    async with database.transaction(NATIONAL) as tx:
        await tx.exec(of_operator.values(agreement_types=["central", "regional"]))
    assert (await commands.approve_agreement(database, agreement.id, by=LEGAL)).state == "ready_to_sign"


@pytest.mark.parametrize(("days", "covers"), [(-1, False), (0, True), (1, True)])
async def test_a_mandate_counts_until_its_last_day(database: Database, days: int, covers: bool) -> None:
    agreement = await reviewed(database)
    async with database.transaction(NATIONAL) as tx:
        await tx.exec(update(MandateRow).values(valid_until=today() + timedelta(days=days)))
    if covers:
        assert (await commands.approve_agreement(database, agreement.id, by=LEGAL)).reference
        return
    with pytest.raises(MandatesMissing) as refused:
        await commands.approve_agreement(database, agreement.id, by=LEGAL)
    assert set(refused.value.values["organisations"]) == {each.organisation_id for each in agreement.parties}


async def test_mandates_are_looked_at_on_the_day_of_the_approval(database: Database) -> None:
    agreement = await reviewed(database)
    async with database.transaction(NATIONAL) as tx:
        await tx.exec(update(MandateRow).values(valid_until=today() + timedelta(days=1)))
    with pytest.raises(MandatesMissing):
        await commands.approve_agreement(database, agreement.id, by=LEGAL, at=now() + timedelta(days=2))


async def test_who_only_witnesses_needs_no_mandate(database: Database) -> None:
    witness = party(new_id(), "witness")
    agreement = await reviewed(database, current(others=[witness]))
    await without_mandate(database, witness.organisation_id)
    assert (await commands.approve_agreement(database, agreement.id, by=LEGAL)).state == "ready_to_sign"


async def test_approval_is_not_offered_for_parties_that_are_not_vetted(as_: Any, database: Database) -> None:
    agreement = await reviewed(database)
    async with database.transaction(NATIONAL) as tx:
        await tx.merge(AssociationStandingRow(id=operator_of(agreement), standing="suspended"))
    assert set((await reasons(as_, agreement)).values()) == {"parties-not-vetted"}


def funded(kind: str = "cash", centimes: int = 5_000_000) -> Terms:
    """Terms with one line of budget, brought by the academy."""
    terms = current()
    line = budget_line(terms.parties[0].party_id, centimes).model_copy(update={"kind": kind})
    return terms.model_copy(update={"budget": (line,)})


async def test_a_budget_in_cash_is_reserved_before_the_text_is_frozen(as_: Any, database: Database) -> None:
    agreement = await reviewed(database, funded())
    assert set((await reasons(as_, agreement)).values()) == {"document-missing"}
    with pytest.raises(DocumentMissing) as refused:
        await commands.approve_agreement(database, agreement.id, by=LEGAL)
    assert refused.value.values["categories"] == ["budget_reservation"]
    await attached(database, agreement, "budget_reservation")
    assert await reasons(as_, agreement) == {}
    assert (await commands.approve_agreement(database, agreement.id, by=LEGAL)).state == "ready_to_sign"


async def test_what_is_brought_in_kind_is_reserved_nowhere(database: Database) -> None:
    agreement = await reviewed(database, funded("in_kind"))
    assert (await commands.approve_agreement(database, agreement.id, by=LEGAL)).state == "ready_to_sign"


async def test_another_budget_is_reserved_anew_and_the_same_is_not(database: Database) -> None:
    terms = funded()
    agreement = await reviewed(database, terms)
    await attached(database, agreement, "budget_reservation")
    await commands.return_with_remarks(database, agreement.id, remarks="(fictif)", by=LEGAL)
    again = terms.model_copy(update={"budget": (terms.budget[0].model_copy(update={"line_id": new_id()}),)})
    same = await commands.revise_terms(database, agreement.id, again, by=officer())
    assert same.missing_for("approve_agreement") == []
    more = terms.budget[0].model_copy(update={"amount": Money(centimes=6_000_000)})
    raised = await commands.revise_terms(
        database, agreement.id, terms.model_copy(update={"budget": (more,)}), by=officer()
    )
    assert [each.category for each in raised.missing_for("approve_agreement")] == ["budget_reservation"]
    (paper,) = raised.documents
    assert paper.state == "used", "it stays readable, and covers the former budget only"


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_kind_with_a_budget_asks_for_its_reservation(kind: Kind) -> None:
    budgets = any(each.key == "budget" for each in kind.clauses)
    assert budgets == any(each.for_cash and each.before == "approve_agreement" for each in kind.documents)
