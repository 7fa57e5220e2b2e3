"""Whose turn it is to write the text, and who may not whoever's turn it is."""

from typing import Any

import pytest

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.conditions import writes, writes_terms
from services.agreements.errors.negotiation import NotAccepted, NotYourParty, NotYourTurn, TextLocked
from services.agreements.terms import Terms
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    accept_for_all,
    clauses,
    current,
    current_network,
    know,
    officer,
    operator_of,
    president,
    signer,
)
from shared.actor import NATIONAL
from shared.database import Database
from shared.events.agreements import (
    AgreementAcceptancesLapsed,
    AgreementAcceptanceWithdrawn,
    AgreementNegotiationOpened,
    AgreementTurnPassed,
)
from shared.ids import new_id
from shared.messaging import journal
from shared.refusals import Forbidden
from shared.territory import MINISTRY_ID, NETWORK_ID


async def negotiated(database: Database, terms: Terms) -> Agreement:
    """In negotiation, in the hands of whoever keeps the file."""
    await know(database, terms)
    by = officer() if terms.academy else MINISTRY
    draft = await commands.draft_agreement(database, terms, clauses=clauses(), by=by)
    return await commands.open_negotiation(database, draft.id, by=by)


def party_of(agreement: Agreement, organisation: Any) -> Any:
    """The party's id."""
    return next(each.party_id for each in agreement.parties if each.organisation_id == organisation)


async def actions(as_: Any, agreement: Agreement, by: Any) -> tuple[set[str], dict[str, str]]:
    """What is offered, and why the rest is not."""
    told = (await as_(by).get(f"/agreements/{agreement.id}")).json()
    why = {each["action"]: each["type"].removeprefix("/problems/") for each in told["unavailable_actions"]}
    return set(told["available_actions"]), why


async def test_the_text_is_written_by_whoever_holds_it(as_: Any, database: Database) -> None:
    terms = current()
    agreement = await negotiated(database, terms)
    operator = operator_of(agreement)
    partner = president(operator)
    assert (await actions(as_, agreement, partner))[1]["revise_text"] == "not-your-turn"
    with pytest.raises(NotYourTurn):
        await commands.revise_text(database, agreement.id, clauses(3), by=partner)
    agreement = await commands.revise_text(database, agreement.id, clauses(3), by=officer())
    agreement = await commands.pass_turn(database, agreement.id, party_id=party_of(agreement, operator), by=officer())
    offered, why = await actions(as_, agreement, officer())
    assert why["revise_text"] == why["revise_terms"] == "not-your-turn" and "pass_turn" in offered
    with pytest.raises(NotYourTurn) as refused:
        await commands.revise_text(database, agreement.id, clauses(4), by=officer())
    assert refused.value.values["party"] == party_of(agreement, operator)
    with pytest.raises(NotYourTurn):
        await commands.revise_terms(database, agreement.id, terms, by=officer())
    assert "revise_text" in (await actions(as_, agreement, partner))[0]
    proposed = await commands.revise_text(database, agreement.id, clauses(4), by=partner)
    assert proposed.text_hash != agreement.text_hash and partner.person in proposed.authors


async def test_who_keeps_the_file_takes_the_text_back_before_writing(database: Database) -> None:
    agreement = await negotiated(database, current())
    operator, keeper = operator_of(agreement), agreement.keeper.party_id
    await commands.pass_turn(database, agreement.id, party_id=party_of(agreement, operator), by=officer())
    await commands.pass_turn(database, agreement.id, party_id=keeper, by=officer())
    revised = await commands.revise_text(database, agreement.id, clauses(3), by=officer())
    assert revised.text_hash != agreement.text_hash


async def test_what_a_partner_writes_is_accepted_by_all_anew(database: Database) -> None:
    agreement = await negotiated(database, current())
    operator = operator_of(agreement)
    mine = party_of(agreement, agreement.keeper.organisation_id)
    await commands.accept_text(
        database,
        agreement.id,
        party_id=mine,
        text_hash=agreement.text_hash or "",
        by=signer(agreement.keeper.organisation_id),
    )
    await commands.pass_turn(database, agreement.id, party_id=party_of(agreement, operator), by=officer())
    proposed = await commands.revise_text(database, agreement.id, clauses(4), by=president(operator))
    assert proposed.acceptances == ()
    await accept_for_all(database, proposed)
    assert (await commands.submit_for_review(database, agreement.id, by=officer())).state == "legal_review"


async def test_the_ministry_writes_no_academys_text_whoevers_turn_it_is(as_: Any, database: Database) -> None:
    agreement = await negotiated(database, current())
    agreement = await commands.pass_turn(
        database, agreement.id, party_id=party_of(agreement, MINISTRY_ID), by=officer()
    )
    with pytest.raises(Forbidden):
        await commands.revise_text(database, agreement.id, clauses(3), by=LEGAL)
    assert "revise_text" not in (await actions(as_, agreement, LEGAL))[0]


async def test_a_draft_is_written_by_its_keeper_and_terms_by_no_partner(database: Database) -> None:
    terms = current()
    await know(database, terms)
    draft = await commands.draft_agreement(database, terms, clauses=clauses(), by=officer())
    partner = president(operator_of(draft))
    with pytest.raises(Forbidden):
        await commands.revise_text(database, draft.id, clauses(3), by=partner)
    agreement = await commands.open_negotiation(database, draft.id, by=officer())
    own = party_of(agreement, operator_of(draft))
    await commands.pass_turn(database, agreement.id, party_id=own, by=officer())
    with pytest.raises(Forbidden):
        await commands.revise_terms(database, draft.id, terms, by=partner)


async def test_the_network_writes_in_its_turn(database: Database) -> None:
    agreement = await negotiated(database, current_network())
    network = signer(NETWORK_ID)
    await commands.pass_turn(database, agreement.id, party_id=party_of(agreement, NETWORK_ID), by=MINISTRY)
    with pytest.raises(NotYourTurn):
        await commands.revise_text(database, agreement.id, clauses(3), by=MINISTRY)
    revised = await commands.revise_text(database, agreement.id, clauses(3), by=network)
    assert revised.text_hash != agreement.text_hash


async def test_a_text_that_nobody_holds_any_more_goes_back_to_its_keeper(database: Database) -> None:
    agreement = await negotiated(database, current())
    assert agreement.turn
    lost = agreement.model_copy(update={"turn": agreement.turn.model_copy(update={"party_id": new_id()})})
    assert writes(officer(), lost) is True
    assert writes_terms(officer(), lost) is True


async def test_who_is_asked_is_named_by_what_asks_them(database: Database) -> None:
    agreement = await negotiated(database, current())
    organisations, operator = {each.organisation_id for each in agreement.parties}, operator_of(agreement)
    party_id, partner = party_of(agreement, operator), president(operator)
    await commands.pass_turn(database, agreement.id, party_id=party_id, by=officer())
    text_hash = agreement.text_hash or ""
    await commands.accept_text(database, agreement.id, party_id=party_id, text_hash=text_hash, by=partner)
    await commands.revise_text(database, agreement.id, clauses(3), by=partner)
    async with database.transaction(NATIONAL) as tx:
        told = [each.event for each in await journal.past(tx, agreement.id)]
    named = {type(each): getattr(each, "organisations", ()) for each in told}
    assert set(named[AgreementNegotiationOpened]) == organisations
    assert named[AgreementTurnPassed] == named[AgreementAcceptancesLapsed] == (operator,)


async def test_a_party_takes_back_its_own_acceptance_and_no_others(as_: Any, database: Database) -> None:
    agreement = await negotiated(database, current())
    operator, office = operator_of(agreement), agreement.keeper.organisation_id
    mine, theirs, text_hash = party_of(agreement, operator), party_of(agreement, office), agreement.text_hash or ""
    for organisation, party_id in ((operator, mine), (office, theirs)):
        by = signer(organisation)
        await commands.accept_text(database, agreement.id, party_id=party_id, text_hash=text_hash, by=by)
    partner = president(operator)
    with pytest.raises(NotYourParty):
        await commands.withdraw_acceptance(database, agreement.id, party_id=theirs, reason="(fictif)", by=partner)
    offered, why = await actions(as_, agreement, partner)
    assert "withdraw_acceptance" in offered and why["accept_text"] == "accepted-already"
    left = await commands.withdraw_acceptance(
        database, agreement.id, party_id=mine, reason="(fictif) un montant", by=partner
    )
    assert [each.party_id for each in left.acceptances] == [theirs] and left.remarks == "(fictif) un montant"
    offered, why = await actions(as_, agreement, partner)
    assert "accept_text" in offered and why["withdraw_acceptance"] == "not-accepted"
    with pytest.raises(NotAccepted):
        await commands.withdraw_acceptance(database, agreement.id, party_id=mine, reason="(fictif)", by=partner)
    async with database.transaction(NATIONAL) as tx:
        (*_, told) = await journal.past(tx, agreement.id)
    assert isinstance(told.event, AgreementAcceptanceWithdrawn) and told.event.party_id == mine
    assert set(told.event.organisations) == {each.organisation_id for each in agreement.parties} - {operator}


async def test_once_all_have_accepted_no_party_goes_back_alone(as_: Any, database: Database) -> None:
    agreement = await negotiated(database, current())
    await accept_for_all(database, agreement)
    operator = operator_of(agreement)
    mine, partner = party_of(agreement, operator), president(operator)
    with pytest.raises(TextLocked):
        await commands.withdraw_acceptance(database, agreement.id, party_id=mine, reason="(fictif)", by=partner)
    assert (await actions(as_, agreement, partner))[1]["withdraw_acceptance"] == "text-locked"
    await commands.unlock_text(database, agreement.id, reason="(fictif)", by=officer())
    assert (await actions(as_, agreement, partner))[1]["withdraw_acceptance"] == "not-accepted"


async def test_why_a_text_was_unlocked_is_told_to_the_parties(as_: Any, database: Database) -> None:
    agreement = await negotiated(database, current())
    await accept_for_all(database, agreement)
    await commands.unlock_text(database, agreement.id, reason="(fictif) un délai", by=officer())
    told = await as_(president(operator_of(agreement))).get(f"/agreements/{agreement.id}")
    assert (told.json()["remarks"], told.json()["accepted_by"]) == ("(fictif) un délai", [])
