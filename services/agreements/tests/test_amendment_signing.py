"""Amendments are signed."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.agreements.amendment import AmendmentState
from services.agreements.errors import AssociationNotAccredited, MandateNotValid, NoMandate, NotAParty
from services.agreements.errors.amendments import ContentHashDiffers, NotTouched
from services.agreements.errors.signing import TextTampered
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AssociationStandingRow
from services.agreements.tests.branches import agree, owed, propose, reread, revise, reword, running, sign_for
from services.agreements.tests.builders import MINISTRY, bound, director, end_mandate, person, signer
from shared.actor import NATIONAL, Role
from shared.clock import now, today
from shared.database import Database
from shared.ids import new_id
from shared.web import available_actions


async def test_who_is_not_touched_does_not_sign(database: Database) -> None:
    agreement = await bound(database, running())
    academy, operator, ministry = (each.party_id for each in agreement.parties)
    duty = owed(agreement, creditor=ministry)
    amendment = await revise(database, await propose(database, agreement), obligations=(duty,))
    amendment = await agree(database, amendment)
    assert amendment.touched == (operator, ministry)
    with pytest.raises(NotTouched):
        await sign_for(database, amendment, academy)
    with pytest.raises(NotAParty):
        await sign_for(database, amendment, new_id(), by=MINISTRY)
    offered = {"sign_amendment", "decline_amendment"}
    for by, expected in ((director(), set()), (signer(amendment.party(operator).organisation_id), offered)):
        assert offered & {*available_actions(by, amendment, PERMISSIONS)} == expected
    await sign_for(database, amendment, ministry)
    assert (await sign_for(database, amendment, operator)).state == AmendmentState.applied


async def test_a_text_that_was_tampered_with_is_not_signed(database: Database, databases: Any) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    owner = await databases("agreements", role=None)
    for change in (
        "update content set body = 'autre' where body = 'Un (fictif).'",
        f"update content set body = replace(body, '2', '3') where hash = '{amendment.content_hash}'",
    ):
        async with owner.transaction(NATIONAL) as tx:
            await tx.execute(text(change))
        with pytest.raises(TextTampered):
            await sign_for(database, amendment, amendment.touched[0])


async def test_a_signature_names_the_content_that_it_signs(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    with pytest.raises(ContentHashDiffers):
        await sign_for(database, amendment, amendment.touched[0], content_hash=amendment.base_hash)


async def test_a_signature_rests_on_a_mandate_of_its_day_and_on_an_accredited_association(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    operator = agreement.parties[1]
    stranger = person("nobody", Role.association_manager, f"org:{operator.organisation_id}")
    with pytest.raises(NoMandate):
        await sign_for(database, amendment, operator.party_id, by=stranger)
    with pytest.raises(MandateNotValid):
        await sign_for(database, amendment, operator.party_id, at=now() + timedelta(days=500))
    async with database.transaction(NATIONAL) as tx:
        await tx.merge(AssociationStandingRow(id=operator.organisation_id, standing="suspended"))
    with pytest.raises(AssociationNotAccredited):
        await sign_for(database, amendment, operator.party_id)


async def test_a_mandate_that_turns_out_to_have_ended_contests_the_signature(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    amendment = await sign_for(database, amendment, agreement.parties[1].party_id)
    (given,) = amendment.signatures
    yesterday = today() - timedelta(days=1)
    await end_mandate(database, given.mandate_id, on=yesterday)
    (contested,) = (await reread(database, amendment)).signatures
    assert contested.contested == yesterday
