"""Ceremonies against the database: what is signed in them, and when."""

import asyncio
from datetime import timedelta

import pytest

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.ceremony import Attendee, Ceremony, CeremonyState
from services.agreements.errors import (
    AgreementOver,
    AlreadyInACeremony,
    CeremonyNotOpen,
    LobbyNotReady,
    NotAtTheTable,
    NotInTheCeremony,
    SignedInItsCeremony,
)
from services.agreements.errors.ceremonies import OnTheTable
from services.agreements.permissions import PERMISSIONS
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    accept_for_all,
    approved,
    batch_of,
    bound,
    current,
    fill,
    following,
    framework,
    hold,
    know,
    officer,
    operator_of,
    outcome_of,
    party,
    plan,
    sign_for,
    signer,
    suspend,
)
from services.agreements.tests.test_frozen import edit
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Database
from shared.events.agreements import CeremonyAgreementStruck
from shared.ids import new_id
from shared.messaging import journal
from shared.refusals import NotFound
from shared.store import get_texts
from shared.territory import ACADEMIES, MINISTRY_ID
from shared.web import available_actions
from tests.web.routes import WHOLE


async def test_an_agreement_is_signed_in_its_ceremony_and_the_minutes_say_so(database: Database) -> None:
    first, second = await approved(database), await approved(database)
    ceremony = await hold(database, first.id, second.id)
    for each in first.parties:
        await sign_for(database, first, each.organisation_id, ceremony_id=ceremony.id)
    closed = await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    assert (closed.signed, closed.unsigned) == ((first.id,), (second.id,))
    adopted = await commands.adopt_minutes(database, ceremony.id, by=MINISTRY)
    assert adopted.state == CeremonyState.minutes_adopted
    async with database.transaction(NATIONAL) as tx:
        minutes = await get_texts(tx, closed.minutes.values())
    french, arabic = minutes[closed.minutes["fr"]], minutes[closed.minutes["ar"]]
    assert str(first.reference) in french and "Conventions signées : 1 sur 2." in french
    assert str(first.reference) in arabic and "من 2" in arabic


async def test_an_agreement_of_a_ceremony_under_way_is_signed_nowhere_else(database: Database) -> None:
    agreement = await approved(database)
    await hold(database, agreement.id)
    with pytest.raises(SignedInItsCeremony):
        await sign_for(database, agreement, MINISTRY_ID)


async def test_an_agreement_of_a_planned_ceremony_may_be_signed_before(database: Database) -> None:
    agreement = await approved(database)
    await plan(database, agreement.id)
    assert (await sign_for(database, agreement, MINISTRY_ID)).signatures


async def test_nothing_is_signed_in_a_ceremony_that_is_not_open(database: Database) -> None:
    agreement = await approved(database)
    ceremony = await plan(database, agreement.id)

    async def attempt() -> object:
        return await outcome_of(sign_for(database, agreement, MINISTRY_ID, ceremony_id=ceremony.id))

    assert await attempt() is CeremonyNotOpen
    await fill(database, ceremony)
    assert await attempt() is CeremonyNotOpen
    await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.interrupt_ceremony(database, ceremony.id, reason="panne (fictif)", by=MINISTRY)
    assert await attempt() is CeremonyNotOpen
    await commands.resume_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    assert await attempt() is CeremonyNotOpen


async def test_a_batch_waits_while_its_ceremony_is_interrupted_and_goes_on_when_it_resumes(database: Database) -> None:
    agreements = [await approved(database) for _ in range(2)]
    ceremony = await hold(database, *(each.id for each in agreements))
    batch = await batch_of(database, agreements, ceremony_id=ceremony.id)
    await commands.interrupt_ceremony(database, ceremony.id, reason="panne (fictif)", by=MINISTRY)
    batch = await commands.resume_batch(database, batch)
    assert batch.finished_at is None and [each["outcome"] for each in batch.items] == ["pending"] * 2
    await commands.resume_ceremony(database, ceremony.id, by=MINISTRY)
    batch = await commands.resume_batch(database, batch)
    assert batch.finished_at and [each["outcome"] for each in batch.items] == ["signed"] * 2


async def test_what_is_on_the_table_is_neither_reopened_nor_cancelled_before_it_is_struck(database: Database) -> None:
    agreement, other = await approved(database), await approved(database)
    ceremony = await plan(database, agreement.id, other.id)
    assert "reopen_text" in await offered(database, agreement)
    await fill(database, ceremony)
    assert not {"reopen_text", "cancel_agreement"} & await offered(database, agreement)
    for opened in (False, True):
        if opened:
            await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
        with pytest.raises(OnTheTable):
            await commands.reopen_text(database, agreement.id, reason="(fictif)", by=officer())
        with pytest.raises(OnTheTable):
            await commands.cancel_agreement(database, agreement.id, reason="(fictif)", by=officer())
    await commands.strike_agreement(database, ceremony.id, agreement_id=agreement.id, reason="(fictif)", by=MINISTRY)
    assert (await commands.reopen_text(database, agreement.id, reason="(fictif)", by=officer())).state == "negotiation"


async def test_what_is_declined_in_a_sitting_is_not_frozen_anew_in_it(database: Database) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    operator = next(each for each in agreement.parties if each.organisation_id == operator_of(agreement))
    agreement = await commands.decline_agreement(
        database,
        agreement.id,
        party_id=operator.party_id,
        text_hash=agreement.text_hash or "",
        reason="(fictif)",
        by=signer(operator.organisation_id),
    )
    await accept_for_all(database, agreement)
    await commands.submit_for_review(database, agreement.id, by=officer())
    with pytest.raises(OnTheTable):
        await commands.approve_agreement(database, agreement.id, by=LEGAL)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    assert (await commands.approve_agreement(database, agreement.id, by=LEGAL)).state == "ready_to_sign"


async def offered(database: Database, agreement: Agreement) -> set[str]:
    """What its academy's officer is offered."""
    found = await queries.agreement(database, agreement.id, action="read_agreement", by=officer())
    return {*available_actions(officer(), found, PERMISSIONS)}


async def test_a_ceremony_has_its_own_agreements_signed_only(database: Database) -> None:
    agreement, other = await approved(database), await approved(database)
    ceremony = await hold(database, other.id)
    with pytest.raises(NotInTheCeremony):
        await sign_for(database, agreement, MINISTRY_ID, ceremony_id=ceremony.id)
    with pytest.raises(NotFound):
        await sign_for(database, agreement, MINISTRY_ID, ceremony_id=new_id())


async def test_closing_and_signing_at_once_agree_on_what_was_signed(database: Database) -> None:
    agreements = [await approved(database) for _ in range(4)]
    ceremony = await hold(database, *(each.id for each in agreements))
    for each in agreements:
        for organisation in (operator_of(each), ACADEMIES["MA-06"].organisation_id):
            await sign_for(database, each, organisation, ceremony_id=ceremony.id)
    last = [outcome_of(sign_for(database, each, MINISTRY_ID, ceremony_id=ceremony.id)) for each in agreements]
    *outcomes, closed = await asyncio.gather(
        *last, outcome_of(commands.close_ceremony(database, ceremony.id, by=MINISTRY))
    )
    assert isinstance(closed, Ceremony)
    signed = {each.id for each in outcomes if isinstance(each, Agreement)}
    assert set(closed.signed) == signed
    assert all(each is CeremonyNotOpen for each in outcomes if not isinstance(each, Agreement))


async def test_a_ceremony_tells_whose_agreements_it_lists_whenever_these_change(database: Database) -> None:
    one, other = await approved(database), await approved(database)
    theirs = [sorted({party.organisation_id for party in each.parties}) for each in (one, other)]
    all_of_them = sorted({*theirs[0], *theirs[1]})
    ceremony = await plan(database, one.id)
    await commands.change_order(database, ceremony.id, agreements=[other.id, one.id], by=MINISTRY)
    await commands.prepare_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.strike_agreement(database, ceremony.id, agreement_id=one.id, reason="r", by=MINISTRY)
    async with database.transaction(NATIONAL) as tx:
        past = await journal.past(tx, ceremony.id)
    said = [[*each.event.parties] for each in past if hasattr(each.event, "parties")]
    assert said == [theirs[0], all_of_them, all_of_them, theirs[1]] and theirs[0] != theirs[1]
    struck = past[-1].event
    assert isinstance(struck, CeremonyAgreementStruck) and [*struck.organisations] == theirs[0]
    assert struck.struck_id == one.id


async def test_an_agreement_is_in_one_ceremony_at_a_time(database: Database) -> None:
    agreement = await approved(database)
    outcomes = await asyncio.gather(*(outcome_of(plan(database, agreement.id)) for _ in range(4)))
    assert outcomes.count(AlreadyInACeremony) == 3
    ceremony = next(each for each in outcomes if isinstance(each, Ceremony))
    await commands.cancel_ceremony(database, ceremony.id, reason="r", by=MINISTRY)
    assert (await plan(database, agreement.id)).state == CeremonyState.planned


async def test_a_signed_agreement_is_in_no_order_of_business(database: Database) -> None:
    agreement = await approved(database)
    for each in agreement.parties:
        await sign_for(database, agreement, each.organisation_id)
    with pytest.raises(AgreementOver):
        await plan(database, agreement.id)


async def test_who_became_a_party_after_the_planning_sits_and_signs(database: Database) -> None:
    terms, newcomer = current(), party(new_id(), "funder")
    joined = terms.model_copy(update={"parties": (*terms.parties, newcomer)})
    await know(database, joined)
    agreement = await commands.draft_agreement(database, terms, by=officer())
    ceremony = await plan(database, agreement.id)
    await commands.revise_terms(database, agreement.id, joined, by=officer())
    agreement = await commands.redraw_clauses(database, agreement.id, by=officer())
    await commands.open_negotiation(database, agreement.id, by=officer())
    await accept_for_all(database, agreement)
    await commands.submit_for_review(database, agreement.id, by=officer())
    agreement = await commands.approve_agreement(database, agreement.id, by=LEGAL)
    await fill(database, ceremony)
    await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    organisation = newcomer.organisation_id
    assert (await queries.ceremony(database, ceremony.id, by=signer(organisation))).agreements == (agreement.id,)
    with pytest.raises(SignedInItsCeremony):
        await sign_for(database, agreement, organisation)
    assert (await sign_for(database, agreement, organisation, ceremony_id=ceremony.id)).signatures


async def test_only_parties_of_the_agreements_have_a_seat(database: Database) -> None:
    ceremony = await plan(database, (await approved(database)).id)
    await commands.prepare_ceremony(database, ceremony.id, by=MINISTRY)
    stranger = Attendee(organisation_id=new_id(), name="(fictif)")
    with pytest.raises(NotAtTheTable):
        await commands.admit_attendee(database, ceremony.id, attendee=stranger, by=MINISTRY)


async def test_the_ministry_or_a_party_of_the_agreements_presides(database: Database) -> None:
    agreement = await approved(database)
    ceremony = await plan(database, agreement.id)
    stranger = Attendee(organisation_id=new_id(), name="(fictif)")
    with pytest.raises(NotAtTheTable):
        await commands.name_chair(database, ceremony.id, chair=stranger, by=MINISTRY)
    for organisation in (MINISTRY_ID, operator_of(agreement)):
        chair = Attendee(organisation_id=organisation, name="(fictif)")
        assert (await commands.name_chair(database, ceremony.id, chair=chair, by=MINISTRY)).chair == chair


async def test_a_forgotten_agreement_comes_to_the_order_if_it_may_be_signed_there(database: Database) -> None:
    first, forgotten, taken = [await approved(database, current(each)) for each in ("MA-06", "MA-07", "MA-06")]
    ceremony, other = await plan(database, first.id), await plan(database, taken.id)
    with pytest.raises(AlreadyInACeremony):
        await commands.change_order(database, ceremony.id, agreements=[first.id, taken.id], by=MINISTRY)
    order = [forgotten.id, first.id]
    ceremony = await commands.change_order(database, ceremony.id, agreements=order, by=MINISTRY)
    assert ceremony.agreements == tuple(order)
    assert (await queries.ceremony(database, ceremony.id, by=officer("MA-07"))).id == ceremony.id
    await commands.cancel_ceremony(database, other.id, reason="(fictif)", by=MINISTRY)
    await commands.cancel_agreement(database, taken.id, reason="(fictif)", by=officer())
    with pytest.raises(AgreementOver):
        await commands.change_order(database, ceremony.id, agreements=[*order, taken.id], by=MINISTRY)


async def test_a_change_of_order_and_a_signature_at_once_do_not_wait_for_one_another(database: Database) -> None:
    first, second = await approved(database), await approved(database)
    ceremony = await plan(database, first.id, second.id)
    work = [
        outcome_of(commands.change_order(database, ceremony.id, agreements=order, by=MINISTRY))
        for order in ([second.id, first.id], [first.id, second.id])
    ]
    signing = [outcome_of(sign_for(database, each, MINISTRY_ID)) for each in (first, second)]
    *orders, one, two = await asyncio.gather(*work, *signing)
    assert all(isinstance(each, Ceremony) for each in orders)
    assert isinstance(one, Agreement) and isinstance(two, Agreement)


async def test_a_cancelled_agreement_is_struck_and_the_ceremony_goes_on(database: Database) -> None:
    kept, given_up = await approved(database), await approved(database)
    ceremony = await plan(database, kept.id, given_up.id)
    await commands.cancel_agreement(database, given_up.id, reason="(fictif)", by=officer())
    with pytest.raises(LobbyNotReady) as refused:
        await commands.prepare_ceremony(database, ceremony.id, by=MINISTRY)
    assert [(each["agreement"], each["what"]) for each in refused.value.values["missing"]] == [
        (given_up.id, "cancelled")
    ]
    items = (await queries.lobby(database, ceremony.id, page=WHOLE, by=MINISTRY)).items
    assert [[*each.missing] for each in items] == [["seat"], ["cancelled"]]
    await commands.strike_agreement(database, ceremony.id, agreement_id=given_up.id, reason="(fictif)", by=MINISTRY)
    await fill(database, ceremony)
    assert (await commands.open_ceremony(database, ceremony.id, by=MINISTRY)).agreements == (kept.id,)


async def lacks(database: Database, ceremony: Ceremony) -> list[tuple[object, str]]:
    """Each agreement for which the ceremony does not open, and why."""
    with pytest.raises(LobbyNotReady) as refused:
        await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    return [(each["agreement"], each["what"]) for each in refused.value.values["missing"]]


async def test_a_ceremony_does_not_open_for_an_agreement_whose_last_day_to_sign_is_past(database: Database) -> None:
    agreement = await approved(database)
    ceremony = await fill(database, await plan(database, agreement.id))
    await edit(database, agreement, "{offered_until}", (today() - timedelta(days=1)).isoformat())
    assert await lacks(database, ceremony) == [(agreement.id, "offer")]


async def test_a_ceremony_does_not_open_for_an_agreement_that_is_not_as_it_was_frozen(database: Database) -> None:
    agreement = await approved(database)
    ceremony = await fill(database, await plan(database, agreement.id))
    await edit(database, agreement, "{title,fr}", "(fictif) autre")
    assert await lacks(database, ceremony) == [(agreement.id, "tampered")]
    (item,) = (await queries.lobby(database, ceremony.id, page=WHOLE, by=MINISTRY)).items
    assert [*item.missing] == ["tampered"]


async def test_a_ceremony_does_not_open_for_an_agreement_whose_parent_rests(database: Database) -> None:
    parent = await bound(database, framework())
    child = await approved(database, following(parent.id))
    ceremony = await fill(database, await plan(database, child.id))
    await suspend(database, parent)
    assert await lacks(database, ceremony) == [(child.id, "parent")]
    await commands.resume_agreement(database, parent.id, reason="(fictif)", by=MINISTRY)
    assert (await commands.open_ceremony(database, ceremony.id, by=MINISTRY)).state == CeremonyState.open


async def test_a_parent_is_signed_before_the_ceremony_of_its_child_or_in_it(database: Database) -> None:
    parent = await approved(database, framework())
    child = await approved(database, following(parent.id))
    ceremony = await plan(database, child.id)
    with pytest.raises(LobbyNotReady):
        await fill(database, ceremony)
    await commands.cancel_ceremony(database, ceremony.id, reason="(fictif)", by=MINISTRY)
    turned_about = await plan(database, child.id, parent.id)
    items = (await queries.lobby(database, turned_about.id, page=WHOLE, by=MINISTRY)).items
    assert ["parent" in each.missing for each in items] == [True, False]
    await commands.cancel_ceremony(database, turned_about.id, reason="(fictif)", by=MINISTRY)
    together = await plan(database, parent.id, child.id)
    await fill(database, together)
    await commands.open_ceremony(database, together.id, by=MINISTRY)
    for agreement in (parent, child):
        for each in agreement.parties:
            await sign_for(database, agreement, each.organisation_id, ceremony_id=together.id)
    closed = await commands.close_ceremony(database, together.id, by=MINISTRY)
    assert closed.signed == (parent.id, child.id)


async def test_an_agreement_struck_in_the_lobby_may_be_signed_elsewhere(database: Database) -> None:
    kept, later = await approved(database), await approved(database)
    ceremony = await plan(database, kept.id, later.id)
    await commands.prepare_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.strike_agreement(database, ceremony.id, agreement_id=later.id, reason="(fictif)", by=MINISTRY)
    assert (await sign_for(database, later, MINISTRY_ID)).signatures
