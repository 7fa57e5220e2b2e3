"""Whoever stands in for somebody who holds a step sends the file back or refuses it, as they would approve it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.kinds import KINDS
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.searches import Search
from services.agreements.tables import AGREEMENTS, AMENDMENTS
from services.agreements.tests.branches import propose, reword, running
from services.agreements.tests.builders import bound, change_kind, director, officer, person, reviewed
from services.agreements.tests.test_offers import refusal_of
from shared.actor import NATIONAL, Actor, Role
from shared.clock import today
from shared.database import Database, Transaction
from shared.refusals import Refusal
from shared.web import available_actions
from tests.web.routes import WHOLE

STANDS_IN = person("second-officer", Role.academy_officer, "MA-06")
"""Of the academy, whose director holds the step: no step is theirs."""
EVERYBODY = (officer(), director(), STANDS_IN, person("third-officer", Role.academy_officer, "MA-06"))
File = Agreement | Amendment
SENDING_BACK: dict[str, Callable[[Any, File, Actor], Awaitable[File]]] = {
    "return_with_remarks": lambda db, it, by: commands.return_with_remarks(db, it.id, remarks="(fictif)", by=by),
    "return_amendment": lambda db, it, by: commands.return_amendment(db, it.id, remarks="(fictif)", by=by),
    "refuse_amendment": lambda db, it, by: commands.refuse_amendment(db, it.id, reason="(fictif)", by=by),
}


async def name(database: Database, substitute: Actor = STANDS_IN, **changes: Any) -> Any:
    """The director names a substitute for today."""
    fields: dict[str, Any] = {"valid_from": today(), "valid_until": today(), "reason": "(fictif)", "by": director()}
    return await commands.grant_substitution(database, substitute=substitute.person, **fields | changes)


@pytest.fixture(params=SENDING_BACK)
async def sent(request: pytest.FixtureRequest, database: Database, monkeypatch: pytest.MonkeyPatch) -> tuple[str, File]:
    """What is done, and the file whose step the academy's director holds; its officer wrote it."""
    if request.param == "return_with_remarks":
        (step,) = KINDS["academy-association"].approval
        change_kind(monkeypatch, approval=(step.model_copy(update={"roles": (Role.academy_director,)}),))
        return request.param, await reviewed(database)
    correction = await propose(database, await bound(database, running()), "correction")
    await reword(database, correction, "article-1", "Corrigé")
    return request.param, await commands.submit_amendment(database, correction.id, by=officer())


async def as_told(tx: Transaction, it: File, by: Actor) -> File:
    """The file as its reader is told of it."""
    if isinstance(it, Agreement):
        return await queries.agreement(tx, it.id, action="read_agreement", by=by)
    return await queries.amendment(tx, it.id, by=by)


async def as_listed(tx: Transaction, it: File, by: Actor) -> File:
    """The file as a list tells its reader of it."""
    listed: Sequence[File]
    if isinstance(it, Agreement):
        listed, _ = await queries.agreements(tx, Search(), page=WHOLE, by=by)
    else:
        listed, _ = await queries.amendments(tx, it.agreement_id, page=WHOLE, by=by)
    return next(each for each in listed if each.id == it.id)


async def outcome(database: Database, action: str, it: File, by: Actor) -> str | None:
    """Why somebody cannot do it, tried and taken back; their offers tell the same, in lists too."""
    async with database.transaction(by.scope) as tx:
        told, listed = await as_told(tx, it, by), await as_listed(tx, it, by)
        tried: Refusal | None = await refusal_of(tx, SENDING_BACK[action], it, by)  # type: ignore[arg-type]
    offered = available_actions(by, told, PERMISSIONS)
    assert (action in offered) == (tried is None)
    assert available_actions(by, listed, PERMISSIONS) == offered
    said = PERMISSIONS.refusal_of(by, action, told)
    assert (said and said.slug) == (tried and tried.slug)
    return tried.slug if tried else None


async def test_whom_a_holder_of_the_step_named_sends_back_in_their_place(
    database: Database, sent: tuple[str, File]
) -> None:
    action, it = sent
    await name(database)
    done = await SENDING_BACK[action](database, it, STANDS_IN)
    assert (done.status, done.remarks) == (
        {"return_with_remarks": "negotiation", "return_amendment": "proposed", "refuse_amendment": "refused"}[action],
        "(fictif)",
    )
    store: Any = AGREEMENTS if isinstance(it, Agreement) else AMENDMENTS
    async with database.transaction(NATIONAL) as tx:
        told = (await store.history(tx, it.id))[-1]
    assert (told.actor, told.data["in_place_of"]) == (STANDS_IN.person, director().person)


async def test_whoever_holds_the_step_stands_in_for_nobody(database: Database, sent: tuple[str, File]) -> None:
    action, it = sent
    await name(database, director(), by=STANDS_IN)
    await SENDING_BACK[action](database, it, director())
    store: Any = AGREEMENTS if isinstance(it, Agreement) else AMENDMENTS
    async with database.transaction(NATIONAL) as tx:
        told = (await store.history(tx, it.id))[-1]
    assert told.data["in_place_of"] is None


async def test_only_whom_somebody_named_for_the_day_and_the_file_is_offered_it(
    database: Database, sent: tuple[str, File]
) -> None:
    action, it = sent
    other = "MA-07"
    await name(database, academies=[other])
    await name(database, valid_from=today() + timedelta(days=1), valid_until=today() + timedelta(days=2))
    await name(database, by=person("third-officer", Role.academy_officer, "MA-06"))
    theirs = [await outcome(database, action, it, by) for by in EVERYBODY]
    assert theirs == ["step-not-theirs", None, "step-not-theirs", "step-not-theirs"]
    granted = await name(database)
    theirs = [await outcome(database, action, it, by) for by in EVERYBODY]
    assert theirs == ["step-not-theirs", None, None, "step-not-theirs"]
    await commands.revoke_substitution(database, granted.id, by=director())
    assert await outcome(database, action, it, STANDS_IN) == "step-not-theirs"


async def test_nobody_judges_in_anothers_place_what_they_wrote(database: Database, sent: tuple[str, File]) -> None:
    action, it = sent
    await name(database, officer())
    assert await outcome(database, action, it, officer()) == "author-does-not-approve"


async def test_an_approval_says_in_whose_place_it_was_given(database: Database, sent: tuple[str, File]) -> None:
    _, it = sent
    await name(database)
    given: dict[str, Any] = {"person": director().person, "by": STANDS_IN}
    if isinstance(it, Agreement):
        await commands.approve_as_substitute(database, it.id, **given)
    else:
        await commands.approve_amendment_as_substitute(database, it.id, **given)
    store: Any = AGREEMENTS if isinstance(it, Agreement) else AMENDMENTS
    async with database.transaction(NATIONAL) as tx:
        (told,) = [each for each in await store.history(tx, it.id) if "step_approved" in each.type]
    assert told.data["in_place_of"] == director().person
