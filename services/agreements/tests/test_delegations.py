"""Who let another sign for a party takes that back; no delegation outlasts its mandate or the offer."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.errors import NoMandate
from services.agreements.errors.signing import NotYourDelegation
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS, AMENDMENTS
from services.agreements.tests.branches import agree, propose, reword
from services.agreements.tests.branches import sign_for as sign_branch_for
from services.agreements.tests.builders import (
    approved,
    bound,
    current,
    end_mandate,
    mandate,
    officer,
    person,
    president,
    sign_for,
)
from services.agreements.tests.test_offers import refusal_of
from shared.actor import NATIONAL, Actor, Role
from shared.clock import today
from shared.database import Database, Work
from shared.web import available_actions

File = Agreement | Amendment
Give = Callable[..., Awaitable[Any]]


@pytest.fixture(params=["agreement", "amendment"])
async def file(request: pytest.FixtureRequest, database: Database) -> File:
    """What three parties are to sign."""
    terms = current(effective_from=today() - timedelta(days=40))
    if request.param == "agreement":
        return await approved(database, terms)
    return await agree(
        database, await reword(database, await propose(database, await bound(database, terms)), "article-1", "Un")
    )


def party_of(file: File) -> Any:
    """The association."""
    return file.parties[1]


def head_of(file: File) -> Actor:
    """Its president, who holds its mandate."""
    return president(party_of(file).organisation_id)


def deputy_of(file: File) -> Actor:
    """Somebody of the association without a mandate."""
    return person("deputy", Role.association_manager, f"org:{party_of(file).organisation_id}")


async def delegate(db: Work, file: File, **changes: Any) -> Any:
    """The president lets the deputy sign."""
    fields: dict[str, Any] = {
        "party_id": party_of(file).party_id,
        "delegate": deputy_of(file).person,
        "valid_until": today() + timedelta(days=5),
        "document": "(fictif) acte",
        "by": head_of(file),
    }
    give: Give = commands.delegate_signing if isinstance(file, Agreement) else commands.delegate_amendment
    return await give(db, file.id, **(fields | changes))


async def withdraw(db: Work, file: File, by: Actor | None = None) -> Any:
    """Somebody takes the delegation back: the president, unless it is another."""
    take: Give = commands.withdraw_delegation if isinstance(file, Agreement) else commands.withdraw_amendment_delegation
    party_id = party_of(file).party_id
    return await take(db, file.id, party_id=party_id, reason="(fictif)", by=by or head_of(file))


async def sign(database: Database, file: File, by: Actor) -> Any:
    """Somebody signs for the association."""
    if isinstance(file, Agreement):
        return await sign_for(database, file, party_of(file).organisation_id, by=by)
    return await sign_branch_for(database, file, party_of(file).party_id, by=by)


async def first_signed(database: Database, file: File) -> Any:
    """The file, signed by who comes before the association."""
    if isinstance(file, Agreement):
        return await sign_for(database, file, file.parties[0].organisation_id)
    return await sign_branch_for(database, file, file.parties[0].party_id)


async def why_not(database: Database, file: File, by: Actor) -> str | None:
    """Why somebody cannot take it back, as they are told and as they are refused."""
    action = "withdraw_delegation" if isinstance(file, Agreement) else "withdraw_amendment_delegation"
    async with database.transaction(by.scope) as tx:
        told: File
        if isinstance(file, Agreement):
            told = await queries.agreement(tx, file.id, action="read_agreement", by=by)
        else:
            told = await queries.amendment(tx, file.id, by=by)
        said = PERMISSIONS.refusal_of(by, action, told) or told.refusal_of(action)
        met = await refusal_of(tx, withdraw, file, by)  # type: ignore[arg-type]
    assert (action in available_actions(by, told, PERMISSIONS)) == (met is None)
    assert (said and said.slug) == (met and met.slug)
    return met.slug if met else None


async def test_a_delegation_is_taken_back_and_the_party_signs_itself(database: Database, file: File) -> None:
    await first_signed(database, file)
    await delegate(database, file)
    taken = await withdraw(database, file)
    assert taken.delegations == {}
    with pytest.raises(NoMandate):
        await sign(database, file, deputy_of(file))
    store: Any = AGREEMENTS if isinstance(file, Agreement) else AMENDMENTS
    async with database.transaction(NATIONAL) as tx:
        told = (await store.history(tx, file.id))[-1]
    assert told.type.endswith(".delegation_withdrawn.v1") and told.actor == head_of(file).person
    assert (told.data["delegator"], told.data["delegate"]) == (head_of(file).person, deputy_of(file).person)
    assert (await sign(database, file, head_of(file))).signatures[-1].on_behalf_of is None


async def test_only_who_delegated_is_offered_to_take_it_back(database: Database, file: File) -> None:
    other = person("treasurer", Role.association_manager, f"org:{party_of(file).organisation_id}")
    async with database.transaction(NATIONAL) as tx:
        tx.add(mandate(party_of(file).organisation_id, other))
    assert await why_not(database, file, head_of(file)) == "nothing-delegated"
    await delegate(database, file)
    assert await why_not(database, file, head_of(file)) is None
    for each in (other, deputy_of(file)):
        assert await why_not(database, file, each) == "not-your-delegation"
    assert await why_not(database, file, officer()) == "forbidden"
    await delegate(database, file, by=other)
    with pytest.raises(NotYourDelegation):
        await withdraw(database, file)
    assert await why_not(database, file, other) is None, "a later one is the later person's"


async def test_a_delegation_by_which_a_party_has_signed_is_not_taken_back(database: Database, file: File) -> None:
    await first_signed(database, file)
    await delegate(database, file)
    await sign(database, file, deputy_of(file))
    assert await why_not(database, file, head_of(file)) == "already-signed"


async def test_it_is_taken_back_though_the_mandate_has_ended(database: Database, file: File) -> None:
    given = await delegate(database, file)
    await end_mandate(database, given.delegations[party_of(file).party_id].mandate_id, on=today() - timedelta(days=1))
    assert await why_not(database, file, head_of(file)) is None


async def test_a_delegation_says_when_its_mandate_or_the_offer_ends_it(database: Database, file: File) -> None:
    async def until(valid_until: Any, by: Actor) -> Any:
        given = await delegate(database, file, valid_until=valid_until, by=by)
        return given.delegations[party_of(file).party_id].valid_until

    assert file.offered_until
    brief = person("brief", Role.association_manager, f"org:{party_of(file).organisation_id}")
    long = person("long", Role.association_manager, f"org:{party_of(file).organisation_id}")
    organisation = party_of(file).organisation_id
    async with database.transaction(NATIONAL) as tx:
        tx.add(mandate(organisation, brief, valid_until=today() + timedelta(days=3)))
        tx.add(mandate(organisation, long, valid_until=today() + timedelta(days=3000)))
    assert await until(today() + timedelta(days=2), brief) == today() + timedelta(days=2)
    assert await until(today() + timedelta(days=9), brief) == today() + timedelta(days=3)
    assert await until(today() + timedelta(days=900), long) == file.offered_until


@pytest.mark.parametrize("named", ["hello", "a#b", "https://identity.example", "https://identity.example#"])
async def test_whoever_is_delegated_to_is_named_as_a_person(as_: Any, file: File, named: str) -> None:
    path = f"/{'agreements' if isinstance(file, Agreement) else 'amendments'}/{file.id}/delegations"
    body = {"party_id": str(party_of(file).party_id), "delegate": named, "valid_until": str(today()), "document": "a"}
    refused = await as_(head_of(file)).post(path, body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/delegate")
