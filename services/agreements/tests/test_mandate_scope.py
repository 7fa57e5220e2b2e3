"""A mandate signs what it covers: types of agreement, academies, agreements."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, update

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.errors import MandateNotValid, MandateOutOfScope
from services.agreements.tables import MandateRow
from services.agreements.tests.builders import (
    MINISTRY,
    approved,
    current,
    current_network,
    mandate,
    operator_of,
    person,
    president,
    sign_for,
    signer,
)
from shared.actor import NATIONAL, Actor, Role
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.territory import MINISTRY_ID


async def scope(database: Database, agreement: Agreement, **fields: Any) -> None:
    """Let the mandates of the agreement's parties cover no more than this."""
    organisations = [each.organisation_id for each in agreement.parties]
    theirs = update(MandateRow).where(col(MandateRow.organisation_id).in_(organisations))
    async with database.transaction(NATIONAL) as tx:
        await tx.exec(theirs.values(**fields))


@pytest.mark.parametrize(
    ("fields", "covers"),
    [
        ({"agreement_types": ["regional"]}, True),
        ({"agreement_types": ["central", "regional"], "academies": ["MA-06"]}, True),
        ({"agreement_types": ["local"]}, False),
        ({"academies": ["MA-07"]}, False),
        ({"agreement_types": ["regional"], "academies": ["MA-07"]}, False),
        ({"agreements": [new_id()]}, False),
    ],
)
async def test_a_signature_needs_a_mandate_that_covers_the_agreement(
    database: Database, fields: dict[str, Any], covers: bool
) -> None:
    agreement = await approved(database)
    await scope(database, agreement, **fields)
    if covers:
        assert (await sign_for(database, agreement, operator_of(agreement))).signatures
        return
    with pytest.raises(MandateOutOfScope) as refused:
        await sign_for(database, agreement, operator_of(agreement))
    assert (refused.value.values["agreement_type"], refused.value.values["academy"]) == ("regional", "MA-06")


async def test_a_mandate_for_one_agreement_signs_that_one(database: Database) -> None:
    terms = current()
    one, other = await approved(database, terms), await approved(database, terms)
    await scope(database, one, agreements=[one.id])
    assert (await sign_for(database, one, operator_of(one))).signatures
    with pytest.raises(MandateOutOfScope):
        await sign_for(database, other, operator_of(other))


async def test_a_mandate_for_academies_signs_no_national_agreement(database: Database) -> None:
    agreement = await approved(database, current_network())
    await scope(database, agreement, academies=["MA-06"])
    with pytest.raises(MandateOutOfScope):
        await sign_for(database, agreement, MINISTRY_ID)


async def test_a_mandate_that_covers_counts_beside_one_that_does_not(database: Database) -> None:
    agreement = await approved(database)
    await scope(database, agreement, agreement_types=["central"])
    wide = mandate(operator_of(agreement), valid_until=today(), agreement_types=["regional"])
    async with database.transaction(NATIONAL) as tx:
        tx.add(wide)
        id = wide.id
    signed = await sign_for(database, agreement, operator_of(agreement))
    assert signed.signatures[0].mandate_id == id


async def test_a_mandate_that_is_over_is_told_as_over_whatever_it_covers(database: Database) -> None:
    agreement = await approved(database)
    await scope(database, agreement, agreement_types=["central"], valid_until=today() - timedelta(days=1))
    with pytest.raises(MandateNotValid):
        await sign_for(database, agreement, operator_of(agreement))


async def test_nobody_declines_or_delegates_under_a_mandate_for_other_agreements(database: Database) -> None:
    agreement = await approved(database)
    operator = operator_of(agreement)
    party_id = next(each.party_id for each in agreement.parties if each.organisation_id == operator)
    await scope(database, agreement, agreement_types=["central"])
    with pytest.raises(MandateOutOfScope):
        await commands.decline_agreement(
            database,
            agreement.id,
            party_id=party_id,
            text_hash=agreement.text_hash or "",
            reason="(fictif)",
            by=president(operator),
        )
    with pytest.raises(MandateOutOfScope):
        await delegate(database, agreement)


async def test_a_delegate_signs_no_more_than_the_mandate_covers(database: Database) -> None:
    agreement = await approved(database)
    operator = operator_of(agreement)
    await delegate(database, agreement)
    await scope(database, agreement, agreement_types=["central"])
    with pytest.raises(MandateOutOfScope):
        await sign_for(database, agreement, operator, by=person("vice", Role.association_manager, f"org:{operator}"))


async def reasons(as_: Any, agreement: Agreement, by: Actor) -> dict[str, str]:
    """Why somebody cannot sign, decline or delegate now, action by action, as the answer tells."""
    told = (await as_(by).get(f"/agreements/{agreement.id}")).json()
    why = {each["action"]: each["type"].removeprefix("/problems/") for each in told["unavailable_actions"]}
    asked = {"sign_agreement", "decline_agreement", "delegate_signing"}
    assert asked == {*told["available_actions"], *why} & asked
    return {action: type for action, type in why.items() if action in asked}


async def test_who_may_not_sign_by_their_mandate_is_told_so_with_the_agreement(as_: Any, database: Database) -> None:
    agreement = await approved(database)
    operator = operator_of(agreement)
    vice = person("vice", Role.association_manager, f"org:{operator}")
    actions = ("sign_agreement", "decline_agreement", "delegate_signing")
    assert await reasons(as_, agreement, signer(operator)) == {}
    assert await reasons(as_, agreement, vice) == dict.fromkeys(actions, "no-mandate")
    await delegate(database, agreement)
    assert await reasons(as_, agreement, vice) == dict.fromkeys(actions[1:], "no-mandate"), "a delegate signs, no more"
    await scope(database, agreement, agreement_types=["central"])
    for by in (signer(operator), vice, MINISTRY):
        assert (await reasons(as_, agreement, by))["sign_agreement"] == "mandate-out-of-scope"
    await scope(database, agreement, valid_until=today() - timedelta(days=1))
    assert await reasons(as_, agreement, signer(operator)) == dict.fromkeys(actions, "mandate-not-valid")


async def delegate(database: Database, agreement: Agreement) -> Agreement:
    """The operator's signer lets a vice president sign."""
    operator = operator_of(agreement)
    return await commands.delegate_signing(
        database,
        agreement.id,
        party_id=next(each.party_id for each in agreement.parties if each.organisation_id == operator),
        delegate=person("vice", Role.association_manager, f"org:{operator}").person,
        valid_until=today(),
        document="(fictif)",
        by=signer(operator),
    )
