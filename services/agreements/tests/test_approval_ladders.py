"""A ladder of two steps from below to above, over HTTP: two of three people of the academy, then the ministry."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from services.agreements import commands, schedule
from services.agreements.agreement import Agreement
from services.agreements.kinds import KINDS
from services.agreements.permissions import APPROVERS
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.branches import budget_line
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    accept_for_all,
    attached,
    current,
    director,
    officer,
    person,
    reviewed,
)
from shared.actor import NATIONAL, Actor, Role
from shared.clock import today
from shared.database import Database

KIND = KINDS["directorate-association"]
ACADEMY, LAST = KIND.approval
SECOND = person("second-officer", Role.academy_officer, "MA-06")
THIRD = person("third-officer", Role.academy_officer, "MA-06")
"""With the director, three people of the academy who did not write the text."""


@pytest.fixture
async def file(database: Database) -> Agreement:
    """A local agreement at the foot of its ladder, written by the academy's officer."""
    return await reviewed(database, current(agreement_kind=KIND.id))


@pytest.fixture
def post(as_: Any, database: Database) -> Any:
    """`post(by, file, "approval")`: the person's request on the file as it is now; gives the answer."""

    async def post(by: Actor, file: Agreement, what: str, body: Any = None) -> Any:
        version = (await read(database, file)).version
        return await as_(by).post(f"/agreements/{file.id}/{what}", body, If_Match=f'"{version}"')

    return post


async def read(database: Database, file: Agreement) -> Agreement:
    """The file as it is now."""
    async with database.transaction(NATIONAL) as tx:
        return await AGREEMENTS.read(tx, file.id)


async def published(database: Database, file: Agreement) -> list[dict[str, Any]]:
    """What was told of its approval so far: type and the rest, without ids and instants."""
    async with database.transaction(NATIONAL) as tx:
        history = await AGREEMENTS.history(tx, file.id)
    told = [{"type": row.type.removeprefix("ma.mithaq.agreement.").removesuffix(".v1"), **row.data} for row in history]
    return [each for each in told if each["type"] in ("step_approved", "approvals_voided", "approval_overdue")]


def refusal(answer: Any) -> tuple[int, str]:
    """Status and slug."""
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def where(answer: dict[str, Any]) -> tuple[str, int] | None:
    """The step at which the file waits, and how many approvals it still needs."""
    step = answer["approval"]
    return (step["step"], step["lacking"]) if step else None


async def test_the_steps_come_in_their_order_and_the_last_one_freezes(
    database: Database, file: Agreement, post: Any
) -> None:
    early = await post(LEGAL, file, "approval")
    assert refusal(early) == (403, "step-not-theirs")
    assert early.json()["roles"] == list(ACADEMY.roles), "told whose step it is"
    waits = []
    for by in (director(), SECOND, LEGAL):
        answer = (await post(by, file, "approval")).json()
        waits.append((answer["state"], where(answer)))
    assert waits == [
        ("legal_review", ("academy_review", 1)),
        ("legal_review", ("legal_review", 1)),
        ("ready_to_sign", None),
    ]
    assert answer["reference"].startswith("AREF-06/"), "numbered by the last step alone"
    told = [(each["step"], each["lacking"]) for each in await published(database, file)]
    assert told == [("academy_review", 1), ("academy_review", 0), ("legal_review", 0)]


@pytest.mark.parametrize("absent", [director(), SECOND, THIRD], ids=["director", "second", "third"])
async def test_any_two_of_three_people_are_enough(file: Agreement, post: Any, absent: Actor) -> None:
    for by in (each for each in (director(), SECOND, THIRD) if each != absent):
        answer = await post(by, file, "approval")
    assert answer.json()["approval"]["step"] == LAST.id
    assert refusal(await post(absent, file, "approval")) == (403, "step-not-theirs"), "the academy's step is done"


async def test_nobody_counts_for_two(as_: Any, file: Agreement, post: Any) -> None:
    await post(SECOND, file, "approval")
    assert refusal(await post(SECOND, file, "approval")) == (403, "approved-already")
    told = (await as_(SECOND).get(f"/agreements/{file.id}")).json()
    assert "approve_agreement" not in told["available_actions"]
    reasons = {each["action"]: each["type"] for each in told["unavailable_actions"]}
    assert reasons["approve_agreement"] == "/problems/approved-already"


async def test_who_wrote_the_text_is_none_of_the_three(file: Agreement, post: Any) -> None:
    assert refusal(await post(officer(), file, "approval")) == (403, "author-does-not-approve")


async def test_another_academy_does_not_find_the_file(file: Agreement, post: Any) -> None:
    assert (await post(director("MA-07"), file, "approval")).status_code == 404


async def test_what_must_be_modified_is_approved_again_by_all(database: Database, file: Agreement, post: Any) -> None:
    for by in (director(), SECOND):
        await post(by, file, "approval")
    assert refusal(await post(director(), file, "remarks", {"remarks": "(fictif)"})) == (403, "step-not-theirs")
    returned = await post(LEGAL, file, "remarks", {"remarks": "À modifier (fictif)"})
    assert (returned.json()["state"], returned.json()["remarks"]) == ("negotiation", "À modifier (fictif)")
    voided = (await published(database, file))[-1]
    assert (voided["type"], voided["because"]) == ("approvals_voided", "remarks")
    assert (voided["steps"], voided["approvals"]) == (["academy_review"], 2)
    await accept_for_all(database, await read(database, file))
    again = (await post(officer(), file, "review")).json()
    assert (again["approval"]["step"], again["approval"]["lacking"]) == (ACADEMY.id, 2)
    for by in (director(), SECOND):
        answer = await post(by, file, "approval")
    assert answer.json()["approval"]["step"] == LAST.id, "the same people may approve what was modified"


async def test_a_substitute_counts_for_the_person_who_named_them(as_: Any, file: Agreement, post: Any) -> None:
    days = {"valid_from": str(today()), "valid_until": str(today()), "reason": "(fictif)"}
    await as_(director()).post("/substitutions", {"substitute": THIRD.person, **days})
    in_place = {"person": director().person}
    assert refusal(await post(SECOND, file, "substituted-approval", in_place)) == (403, "no-substitution")
    stepped = await post(THIRD, file, "substituted-approval", in_place)
    assert (stepped.status_code, stepped.json()["approval"]["lacking"]) == (200, 1)
    for by in (director(), THIRD):
        assert refusal(await post(by, file, "approval")) == (403, "approved-already"), "one approval, two people spent"
    assert (await post(SECOND, file, "approval")).json()["approval"]["step"] == LAST.id


async def test_who_wrote_the_text_approves_in_nobodys_place(as_: Any, file: Agreement, post: Any) -> None:
    days = {"valid_from": str(today()), "valid_until": str(today()), "reason": "(fictif)"}
    await as_(director()).post("/substitutions", {"substitute": officer().person, **days})
    refused = await post(officer(), file, "substituted-approval", {"person": director().person})
    assert refusal(refused) == (403, "author-does-not-approve")


async def test_each_step_that_waits_too_long_escalates_on_its_own_time(
    database: Database, file: Agreement, post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pass_time(since: datetime, days: int) -> list[tuple[str, int]]:
        monkeypatch.setattr(schedule, "now", lambda: since + timedelta(days=days, minutes=1))
        await schedule.report_overdue(database)
        return [(each["step"], each["level"]) for each in await published(database, file) if "level" in each]

    started, days = file.climbing.since, ACADEMY.days or 0
    assert await pass_time(started, days - 1) == []
    late = [(ACADEMY.id, 1)]
    assert await pass_time(started, days) == await pass_time(started, days) == late, "told once"
    await post(director(), file, "approval")
    late.append((ACADEMY.id, 2))
    assert await pass_time(started, 2 * days) == late, "half of the approvals do not stop the clock"
    assert await pass_time(started, 9 * days) == late, "no more often than the kind says"
    await post(SECOND, file, "approval")
    second = (await read(database, file)).climbing.since
    assert await pass_time(second, (LAST.days or 0) - 1) == late, "the next step has its own time"
    assert await pass_time(second, LAST.days or 0) == [*late, (LAST.id, 1)]
    held = [(each["step"], each["roles"]) for each in await published(database, file) if "level" in each]
    assert held == [(step.id, list(step.roles)) for step in (ACADEMY, ACADEMY, LAST)], "for whom it waits"


async def test_the_budget_is_reserved_before_the_step_that_freezes_and_no_sooner(
    as_: Any, database: Database, post: Any
) -> None:
    terms = current(agreement_kind=KIND.id)
    file = await reviewed(database, terms.model_copy(update={"budget": (budget_line(terms.parties[0].party_id),)}))
    offered = (await as_(director()).get(f"/agreements/{file.id}")).json()["available_actions"]
    assert "approve_agreement" in offered
    for by in (director(), SECOND):
        assert (await post(by, file, "approval")).status_code == 200
    assert refusal(await post(LEGAL, file, "approval")) == (409, "document-missing")
    await attached(database, file, "budget_reservation", by=officer())
    assert (await post(LEGAL, file, "approval")).json()["state"] == "ready_to_sign"


async def test_a_file_under_way_keeps_the_ladder_with_which_its_review_began(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = KIND.model_copy(update={"approval": (LAST,)})
    with monkeypatch.context() as before:
        before.setitem(KINDS, KIND.id, single)
        old = await reviewed(database, current(agreement_kind=KIND.id))
    assert (await commands.approve_agreement(database, old.id, by=LEGAL)).state == "ready_to_sign"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_every_step_of_every_kind_can_be_climbed(kind: Any) -> None:
    ladders = [kind.approval, *(rule.approval for rule in kind.amendments.values())]
    for tier in (tier for ladder in ladders for tier in ladder):
        assert {*tier.roles} <= APPROVERS and tier.needed >= 1
        national = {role == Role.ministry_officer for role in tier.roles}
        assert len(national) == 1, "one step lies in one house, or no substitute would be of the same jurisdiction"
        assert kind.agreement_type in ("regional", "local") or national == {True}
    assert all(above.id != below.id for ladder in ladders for below, above in pairwise(ladder))


def test_a_kind_that_ships_asks_several_people_at_several_steps() -> None:
    assert [(tier.id, tier.needed) for tier in KIND.approval] == [("academy_review", 2), ("legal_review", 1)]
    assert MINISTRY.roles == LEGAL.roles == {*LAST.roles}
