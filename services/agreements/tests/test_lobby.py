"""The lobby of a ceremony: what it lacks before it opens, and who reads of what."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import col, update

from services.agreements import commands, queries
from services.agreements.ceremony import Attendee, CeremonyState
from services.agreements.errors import LobbyNotReady, NoChair, SeatsNotQuorate
from services.agreements.kinds import SigningGroup, SigningRule
from services.agreements.tables import MandateRow
from services.agreements.tests.builders import (
    CHAIR,
    MINISTRY,
    approved,
    change_kind,
    current,
    current_network,
    know,
    officer,
    operator_of,
    party,
    plan,
    signer,
)
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.territory import MINISTRY_ID, NETWORK_ID
from shared.web.paging import decode_cursor
from tests.web.routes import WHOLE


async def test_the_lobby_opens_when_texts_are_frozen_and_everybody_may_sign(database: Database) -> None:
    terms = current()
    frozen = await approved(database)
    await know(database, terms, mandates=False, standing="suspended")
    drafted = await commands.draft_agreement(database, terms, by=officer())
    ceremony = await plan(database, frozen.id, drafted.id)
    with pytest.raises(LobbyNotReady) as refused:
        await commands.prepare_ceremony(database, ceremony.id, by=MINISTRY)
    operator = operator_of(drafted)
    missing = {each["what"]: each for each in refused.value.values["missing"]}
    assert {each["agreement"] for each in missing.values()} == {drafted.id}
    assert missing.keys() == {"text", "mandate", "accreditation"}
    assert missing["mandate"]["organisations"] == missing["accreditation"]["organisations"] == [operator]


async def test_the_lobby_does_not_open_for_what_nobody_signs(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    parties = (party(MINISTRY_ID, "witness"), party(NETWORK_ID, "witness"))
    with monkeypatch.context() as before:
        before.setattr("services.agreements.terms._check_parties", lambda *_: None)
        old = await approved(database, current_network(agreement_kind="framework", parties=parties))
    ceremony = await plan(database, old.id)
    with pytest.raises(LobbyNotReady) as refused:
        await commands.prepare_ceremony(database, ceremony.id, by=MINISTRY)
    (missing,) = refused.value.values["missing"]
    assert (missing["agreement"], missing["what"]) == (old.id, "text")


async def test_the_lobby_says_what_each_agreement_lacks_until_it_is_there(database: Database) -> None:
    agreement = await approved(database)
    ceremony = await plan(database, agreement.id)
    await commands.prepare_ceremony(database, ceremony.id, by=MINISTRY)
    (item,) = (await queries.lobby(database, ceremony.id, page=WHOLE, by=MINISTRY)).items
    everyone = [each.organisation_id for each in agreement.missing_signatures]
    assert (item.ready, item.missing) == (False, {"seat": everyone})
    with pytest.raises(NoChair):
        await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.name_chair(database, ceremony.id, chair=CHAIR, by=MINISTRY)
    with pytest.raises(SeatsNotQuorate):
        await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    for organisation in everyone:
        seat = Attendee(organisation_id=organisation, name="(fictif)")
        await commands.admit_attendee(database, ceremony.id, attendee=seat, by=MINISTRY)
    (item,) = (await queries.lobby(database, ceremony.id, page=WHOLE, by=MINISTRY)).items
    assert (item.ready, item.missing) == (True, {})
    opened = await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    assert opened.state == CeremonyState.open


async def end_mandates(database: Database, *organisations: UUID) -> None:
    """Their mandates ended yesterday."""
    async with database.transaction(NATIONAL) as tx:
        theirs = update(MandateRow).where(col(MandateRow.organisation_id).in_(organisations))
        await tx.exec(theirs.values(valid_until=today() - timedelta(days=1)))


async def test_a_group_of_which_one_is_enough_keeps_no_ceremony_closed_once_one_may_sign_and_sits(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_kind(monkeypatch, signing=SigningRule(groups=(SigningGroup(roles=("funder",), needed=1),)))
    ready, absent, unmandated = (party(new_id(), "funder") for _ in range(3))
    agreement = await approved(database, current(others=[ready, absent, unmandated]))
    await end_mandates(database, unmandated.organisation_id)
    ceremony = await plan(database, agreement.id)
    await commands.prepare_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.name_chair(database, ceremony.id, chair=CHAIR, by=MINISTRY)
    lacking = [each.organisation_id for each in agreement.signing_parties]
    for each in agreement.signing_parties:
        if each in (absent, unmandated):
            continue
        (item,) = (await queries.lobby(database, ceremony.id, page=WHOLE, by=MINISTRY)).items
        assert set(item.missing["seat"]) == {*lacking} - {unmandated.organisation_id}
        seat = Attendee(organisation_id=each.organisation_id, name="(fictif)")
        await commands.admit_attendee(database, ceremony.id, attendee=seat, by=MINISTRY)
        lacking.remove(each.organisation_id)
        if each == ready:
            lacking.remove(absent.organisation_id)
    opened = await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    assert opened.state == CeremonyState.open


async def test_a_group_lacks_the_mandates_of_all_while_nobody_of_it_may_sign(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_kind(monkeypatch, signing=SigningRule(groups=(SigningGroup(roles=("funder",), needed=1),)))
    funders = [party(new_id(), "funder") for _ in range(2)]
    agreement = await approved(database, current(others=funders))
    organisations = [each.organisation_id for each in funders]
    await end_mandates(database, *organisations)
    ceremony = await plan(database, agreement.id)
    with pytest.raises(LobbyNotReady) as refused:
        await commands.prepare_ceremony(database, ceremony.id, by=MINISTRY)
    (told,) = refused.value.values["missing"]
    assert (told["what"], set(told["organisations"])) == ("mandate", {*organisations})


async def test_the_lobby_says_whose_mandates_are_for_other_agreements(database: Database) -> None:
    first, second = await approved(database), await approved(database)
    operator = operator_of(first)
    async with database.transaction(NATIONAL) as tx:
        theirs = update(MandateRow).where(col(MandateRow.organisation_id) == operator)
        await tx.exec(theirs.values(agreements=[second.id]))
    ceremony = await plan(database, first.id, second.id)
    lobby = await queries.lobby(database, ceremony.id, page=WHOLE, by=MINISTRY)
    missing = {item.agreement_id: item.missing for item in lobby.items}
    assert missing[first.id]["scope"] == [operator] and "mandate" not in missing[first.id]
    assert "scope" not in missing[second.id]
    with pytest.raises(LobbyNotReady) as refused:
        await commands.prepare_ceremony(database, ceremony.id, by=MINISTRY)
    (told,) = refused.value.values["missing"]
    assert (told["agreement"], told["what"], told["organisations"]) == (first.id, "scope", [operator])


async def test_an_academy_reads_in_the_lobby_of_its_own_agreements_only(database: Database) -> None:
    own, other = await approved(database), await approved(database, current("MA-07"))
    ceremony = await plan(database, own.id, other.id)
    seen = await queries.lobby(database, ceremony.id, page=WHOLE, by=officer("MA-06"))
    assert [(item.agreement_id, [*item.missing]) for item in seen.items] == [(own.id, ["seat"])]
    assert seen.attendees == []


async def test_a_lobby_is_read_page_by_page_in_the_order_of_business(database: Database) -> None:
    agreements = [await approved(database) for _ in range(3)]
    order = [agreements[which].id for which in (2, 0, 1)]
    ceremony = await plan(database, *order)
    first = await queries.lobby(database, ceremony.id, page=replace(WHOLE, limit=2), by=MINISTRY)
    after = replace(WHOLE, after=decode_cursor(first.next or ""))
    rest = await queries.lobby(database, ceremony.id, page=after, by=MINISTRY)
    assert [each.agreement_id for each in (*first.items, *rest.items)] == order
    assert (len(first.items), rest.next) == (2, None)


async def test_who_was_a_party_at_the_planning_only_still_reads_the_lobby_of_what_is_theirs(database: Database) -> None:
    leaver = party(new_id(), "funder")
    terms = current(others=[leaver])
    await know(database, terms)
    left, kept = await commands.draft_agreement(database, terms, by=officer()), current(others=[leaver])
    await know(database, kept)
    staying = await commands.draft_agreement(database, kept, by=officer())
    ceremony = await plan(database, left.id, staying.id)
    by = signer(leaver.organisation_id)
    assert len((await queries.lobby(database, ceremony.id, page=WHOLE, by=by)).items) == 2
    alone = terms.model_copy(update={"parties": terms.parties[:-1]})
    await commands.revise_terms(database, left.id, alone, by=officer())
    (item,) = (await queries.lobby(database, ceremony.id, page=WHOLE, by=by)).items
    assert item.agreement_id == staying.id
