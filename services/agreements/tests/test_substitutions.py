"""Substitutes approve within the days and the scope that they were named for."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.errors import KindUnknown
from services.agreements.errors.substitutions import NoSubstitution, SubstituteElsewhere, SubstitutionOutOfScope
from services.agreements.substitution import Substitution
from services.agreements.tests.branches import propose, reword
from services.agreements.tests.builders import (
    LEGAL,
    bound,
    current,
    current_network,
    keeper,
    person,
    reviewed,
    somebody_waits,
)
from shared.actor import Actor, Role
from shared.clock import today
from shared.database import Database
from shared.ids import new_id

SUBSTITUTE = person("substitute", Role.ministry_officer, "national")


async def name(database: Database, *, by: Actor = LEGAL, **scope: Any) -> Substitution:
    """The legal officer names a substitute for today and tomorrow."""
    days: dict[str, Any] = {"valid_from": today(), "valid_until": today() + timedelta(days=1)}
    return await commands.grant_substitution(
        database, substitute=SUBSTITUTE.person, reason="(fictif)", by=by, **days, **scope
    )


async def approve(database: Database, id: UUID) -> Agreement:
    """The substitute approves in the legal officer's place."""
    return await commands.approve_as_substitute(database, id, person=LEGAL.person, by=SUBSTITUTE)


@pytest.mark.parametrize(
    "scope",
    [
        {"kinds": ["ministry-network"]},
        {"academies": ["MA-07"]},
        {"agreements": [new_id()]},
        {"kinds": ["academy-association"], "academies": ["MA-07"]},
    ],
    ids="+".join,
)
async def test_a_substitute_approves_nothing_out_of_scope(database: Database, scope: dict[str, Any]) -> None:
    agreement = await reviewed(database)
    await name(database, **scope)
    with pytest.raises(SubstitutionOutOfScope):
        await approve(database, agreement.id)


async def test_a_substitute_approves_what_every_part_of_the_scope_names(database: Database) -> None:
    agreement = await reviewed(database)
    await name(database, kinds=["academy-association"], academies=["MA-06"], agreements=[agreement.id])
    frozen = await approve(database, agreement.id)
    assert frozen.climbing.approvals[0].substitute == SUBSTITUTE.person


async def test_of_several_substitutions_the_one_that_covers_the_file_counts(database: Database) -> None:
    agreement = await reviewed(database)
    await name(database, kinds=["ministry-network"])
    await name(database, academies=["MA-06"])
    assert (await approve(database, agreement.id)).state == "ready_to_sign"


async def approve_while_it_is_revoked(database: Database, id: UUID, revoked: Substitution) -> object:
    """The substitute approves; the substitution is taken back while they wait for it."""
    async with database.transaction(LEGAL.scope) as tx:
        await commands.revoke_substitution(tx, revoked.id, by=LEGAL)
        approving = asyncio.create_task(approve(database, id))
        await somebody_waits(database)
    return await approving


async def test_one_that_is_revoked_meanwhile_hides_no_other(database: Database) -> None:
    agreement = await reviewed(database)
    first = await name(database)
    second = await name(database)
    await approve_while_it_is_revoked(database, agreement.id, first)
    other = await reviewed(database)
    with pytest.raises(NoSubstitution):
        await approve_while_it_is_revoked(database, other.id, second)


async def test_one_that_was_given_elsewhere_hides_no_other(database: Database) -> None:
    agreement = await reviewed(database)
    await name(database, by=person("legal", Role.academy_officer, "MA-06"))
    with pytest.raises(SubstituteElsewhere):
        await approve(database, agreement.id)
    await name(database)
    assert (await approve(database, agreement.id)).state == "ready_to_sign"


async def test_a_scope_of_academies_covers_no_national_file(database: Database) -> None:
    agreement = await reviewed(database, current_network())
    await name(database, academies=["MA-06"])
    with pytest.raises(SubstitutionOutOfScope):
        await approve(database, agreement.id)


async def test_an_amendment_lies_in_the_scope_of_its_agreement(database: Database) -> None:
    agreement = await bound(database, current())
    amendment = await reword(database, await propose(database, agreement), "article-1", "autre")
    await commands.submit_amendment(database, amendment.id, by=keeper(agreement))
    await name(database, agreements=[new_id()])
    with pytest.raises(SubstitutionOutOfScope):
        await commands.approve_amendment_as_substitute(database, amendment.id, person=LEGAL.person, by=SUBSTITUTE)
    await name(database, agreements=[agreement.id])
    agreed = await commands.approve_amendment_as_substitute(database, amendment.id, person=LEGAL.person, by=SUBSTITUTE)
    assert agreed.state == "agreed"


async def test_a_scope_names_kinds_that_there_are(database: Database) -> None:
    with pytest.raises(KindUnknown):
        await name(database, kinds=["no-such-kind"])


async def test_the_scope_is_told(as_: Any, database: Database) -> None:
    body = {
        "substitute": SUBSTITUTE.person,
        "valid_from": str(today()),
        "valid_until": str(today()),
        "reason": "(fictif)",
    }
    whole = await as_(LEGAL).post("/substitutions", body)
    assert [whole.json()[name] for name in ("kinds", "academies", "agreements")] == [[], [], []]
    named = await as_(LEGAL).post("/substitutions", body | {"academies": ["MA-06"]})
    assert (named.status_code, named.json()["academies"]) == (201, ["MA-06"])
    assert (await as_(LEGAL).post("/substitutions", body | {"academies": ["MA-99"]})).status_code == 422


async def test_half_a_sign_names_no_kind(as_: Any) -> None:
    client = as_(LEGAL)
    body = {"substitute": SUBSTITUTE.person, "valid_from": str(today()), "valid_until": str(today()), "reason": "r"}
    content = json.dumps(body | {"kinds": ["\ud800"]})
    headers = client.headers | {"Content-Type": "application/json"}
    refused = await client.http.post("/api/v1/substitutions", content=content, headers=headers)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/malformed")
