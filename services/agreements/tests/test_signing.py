"""Signing one by one, by everybody at once, and in batches that survive a crash."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from sqlmodel import select

from services.agreements import commands
from services.agreements.agreement import Agreement, AgreementState
from services.agreements.errors import (
    AlreadySigned,
    AssociationNotAccredited,
    MandateNotValid,
    NoMandate,
    TextHashDiffers,
)
from services.agreements.errors.signing import NotYourTurnToSign
from services.agreements.kinds import KINDS, Kind, SigningGroup, SigningRule
from services.agreements.tables import AGREEMENTS, AssociationStandingRow, SignatureBatchRow
from services.agreements.tests.builders import (
    approved,
    batch_of,
    clauses,
    current,
    current_network,
    director,
    hold,
    know,
    mandate,
    officer,
    operator_of,
    outcome_of,
    party,
    person,
    president,
    sign_for,
    signer,
)
from shared.actor import NATIONAL, Actor, Role
from shared.clock import today
from shared.database import Database
from shared.events.agreements import AgreementSigned
from shared.ids import new_id
from shared.refusals import Forbidden, NotAllowedNow, NotFound
from shared.territory import MINISTRY_ID


async def test_a_party_signs_under_its_mandate(database: Database) -> None:
    agreement = await approved(database)
    signed = await sign_for(database, agreement, operator_of(agreement))
    assert signed.signatures[0].person == president(operator_of(agreement)).person
    assert signed.state == AgreementState.partially_signed


async def test_eight_parties_sign_at_once(database: Database) -> None:
    others = [party(new_id(), "funder") for _ in range(5)]
    agreement = await approved(database, current(others=others))
    work = [sign_for(database, agreement, each.organisation_id) for each in agreement.parties]
    await asyncio.gather(*work)
    async with database.transaction(NATIONAL) as tx:
        final = await AGREEMENTS.read(tx, agreement.id)
        events = [row.event() for row in await AGREEMENTS.history(tx, agreement.id)]
    assert final.state == AgreementState.signed and len(final.signatures) == 8
    assert sum(isinstance(event, AgreementSigned) for event in events) == 1


async def test_the_same_signature_twice_at_once_counts_once(database: Database) -> None:
    agreement = await approved(database)
    operator = operator_of(agreement)
    outcomes = await asyncio.gather(*(outcome_of(sign_for(database, agreement, operator)) for _ in range(8)))
    assert outcomes.count(AlreadySigned) == 7


async def test_nothing_is_signed_out_of_order(database: Database) -> None:
    terms = current()
    await know(database, terms)
    drafted = await commands.draft_agreement(database, terms, clauses=clauses(), by=officer())
    with pytest.raises(NotAllowedNow):
        await sign_for(database, drafted, operator_of(drafted))


async def test_a_signature_under_another_text_is_refused(database: Database) -> None:
    agreement = await approved(database)
    with pytest.raises(TextHashDiffers):
        await sign_for(database, agreement, operator_of(agreement), text_hash="0" * 64)


async def test_nobody_signs_without_a_mandate(database: Database) -> None:
    agreement = await approved(database)
    vice_president = person("vice", Role.association_manager, f"org:{operator_of(agreement)}")
    with pytest.raises(NoMandate):
        await sign_for(database, agreement, operator_of(agreement), by=vice_president)


async def test_a_mandate_of_another_party_does_not_count(database: Database) -> None:
    agreement = await approved(database)
    with pytest.raises(NoMandate):
        await sign_for(database, agreement, operator_of(agreement), by=director())


@pytest.mark.parametrize("days", [(-20, -1), (1, 20)], ids=["over", "not begun"])
async def test_a_mandate_covers_its_days_only(database: Database, days: tuple[int, int]) -> None:
    agreement = await approved(database)
    operator = operator_of(agreement)
    holder = person("holder", Role.association_manager, f"org:{operator}")
    dates = {"valid_from": today() + timedelta(days=days[0]), "valid_until": today() + timedelta(days=days[1])}
    async with database.transaction(NATIONAL) as tx:
        tx.add(mandate(operator, holder, **dates))
    with pytest.raises(MandateNotValid):
        await sign_for(database, agreement, operator, by=holder)


async def test_a_valid_mandate_counts_beside_one_that_is_over(database: Database) -> None:
    agreement = await approved(database)
    operator = operator_of(agreement)
    async with database.transaction(NATIONAL) as tx:
        tx.add(mandate(operator, valid_until=today() - timedelta(days=1)))
    assert (await sign_for(database, agreement, operator)).signatures


async def test_a_stranger_does_not_even_see_the_agreement(database: Database) -> None:
    agreement = await approved(database)
    for stranger in (president(new_id()), director("MA-07")):
        with pytest.raises(NotFound):
            await sign_for(database, agreement, operator_of(agreement), by=stranger)


async def test_an_academy_that_is_no_party_does_not_sign_a_national_agreement(database: Database) -> None:
    agreement = await approved(database, current_network())
    with pytest.raises(Forbidden):
        await sign_for(database, agreement, MINISTRY_ID, by=director("MA-07"))


async def test_a_suspended_association_signs_nothing(database: Database) -> None:
    agreement = await approved(database)
    async with database.transaction(NATIONAL) as tx:
        await tx.merge(AssociationStandingRow(id=operator_of(agreement), standing="suspended"))
    with pytest.raises(AssociationNotAccredited):
        await sign_for(database, agreement, operator_of(agreement))


async def test_declining_needs_the_same_mandate_and_voids_the_signatures(database: Database) -> None:
    agreement = await approved(database)
    await sign_for(database, agreement, MINISTRY_ID)
    operator = operator_of(agreement)

    async def decline(by: Actor) -> Agreement:
        return await commands.decline_agreement(
            database,
            agreement.id,
            party_id=agreement.parties[1].party_id,
            text_hash=agreement.text_hash or "",
            reason="budget",
            by=by,
        )

    with pytest.raises(NoMandate):
        await decline(person("vice", Role.association_manager, f"org:{operator}"))
    declined = await decline(president(operator))
    assert (declined.state, declined.signatures) == (AgreementState.negotiation, ())


async def test_a_past_moment_can_be_signed_for_only_by_a_mandate_of_that_day(database: Database) -> None:
    agreement = await approved(database)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(MandateNotValid):
        await sign_for(database, agreement, MINISTRY_ID, at=long_ago, by=signer(MINISTRY_ID))


async def test_a_batch_says_what_became_of_each_agreement(database: Database) -> None:
    agreements = [await approved(database) for _ in range(3)]
    await sign_for(database, agreements[1], MINISTRY_ID)
    batch = await commands.resume_batch(database, await batch_of(database, agreements))
    assert [item["outcome"] for item in batch.items] == ["signed", "refused", "signed"]
    assert batch.items[1]["refusal"]["slug"] == "already-signed"
    assert batch.finished_at


async def test_a_batch_is_resumed_after_a_crash_and_signs_nothing_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreements = [await approved(database) for _ in range(3)]
    batch = await batch_of(database, agreements)

    def die(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("services.agreements.commands.batches.crash_point", die)
    with pytest.raises(KeyboardInterrupt):
        await commands.resume_batch(database, batch)
    monkeypatch.undo()
    async with database.transaction(NATIONAL) as tx:
        left = (await tx.exec(select(SignatureBatchRow))).one()
    assert [item["outcome"] for item in left.items] == ["signed", "pending", "pending"]
    done = await commands.resume_batch(database, left)
    assert [item["outcome"] for item in done.items] == ["signed", "signed", "signed"]
    async with database.transaction(NATIONAL) as tx:
        assert [len((await AGREEMENTS.read(tx, each.id)).signatures) for each in agreements] == [1, 1, 1]


async def test_two_that_resume_one_batch_take_turns(database: Database) -> None:
    agreements = [await approved(database) for _ in range(4)]
    batch = await batch_of(database, agreements)
    await asyncio.gather(*(commands.resume_batch(database, batch.model_copy()) for _ in range(3)))
    async with database.transaction(NATIONAL) as tx:
        left = (await tx.exec(select(SignatureBatchRow))).one()
    assert [item["outcome"] for item in left.items] == ["signed"] * 4


async def test_a_batch_is_signed_in_its_ceremony(database: Database) -> None:
    agreements = [await approved(database) for _ in range(2)]
    ceremony = await hold(database, *(each.id for each in agreements))
    batch = await commands.resume_batch(database, await batch_of(database, agreements, ceremony_id=ceremony.id))
    assert [item["outcome"] for item in batch.items] == ["signed", "signed"]
    async with database.transaction(NATIONAL) as tx:
        signed = await AGREEMENTS.read(tx, agreements[0].id)
    assert signed.signatures[0].ceremony_id == ceremony.id


@pytest.fixture
def in_order(monkeypatch: pytest.MonkeyPatch) -> str:
    """A kind whose operators sign first, the academy next and the others last."""
    groups = (SigningGroup(roles=("operator",)), SigningGroup(roles=("granting_authority",)))
    rules = KINDS["academy-association"].model_copy(update={"id": "in-order", "signing": SigningRule(groups=groups)})
    monkeypatch.setitem(cast(dict[str, Kind], KINDS), "in-order", rules)
    return "in-order"


async def test_order_bypassed_by_link(database: Database, in_order: str) -> None:
    """However the address of a later signature was come by (docuseal #481), alone, in a batch or in a ceremony."""
    agreement = await approved(database, current(agreement_kind=in_order))
    academy = agreement.parties[0].organisation_id
    with pytest.raises(NotYourTurnToSign) as refused:
        await sign_for(database, agreement, academy)
    assert refused.value.values["awaited"] == [agreement.parties[1].party_id]
    ceremony = await hold(database, agreement.id)
    with pytest.raises(NotYourTurnToSign):
        await sign_for(database, agreement, academy, ceremony_id=ceremony.id)
    batch = await commands.resume_batch(database, await batch_of(database, [agreement], ceremony_id=ceremony.id))
    assert batch.items[0]["refusal"]["slug"] == NotYourTurnToSign.slug
    await sign_for(database, agreement, operator_of(agreement), ceremony_id=ceremony.id)
    assert (await sign_for(database, agreement, academy, ceremony_id=ceremony.id)).signatures
