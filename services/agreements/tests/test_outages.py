"""What was made up for after an outage, or told later, counts from when it was so."""

from collections.abc import Iterable, Mapping, Set
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from hypothesis import given, settings
from hypothesis import strategies as st

from services.agreements import commands, schedule
from services.agreements.agreement import Agreement, AgreementState
from services.agreements.agreement.family import Parent
from services.agreements.content import ClauseRef
from services.agreements.past import as_of, counting_from
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.builders import AT, DECISION, MINISTRY, TEXT, clauses, director, regional, stored
from services.agreements.tests.lives import DAY, told
from services.agreements.tests.machines import DRAFTED, AgreementMachine
from services.agreements.text import TABLE, put_clauses
from shared.actor import NATIONAL
from shared.aggregate import Recorded
from shared.audit import canonical
from shared.clock import business_date, now, start_of, today
from shared.database import Database, Transaction
from shared.events.base import DomainEvent
from shared.ids import new_id
from shared.refusals import Refusal
from shared.store import put_text

FIRST = regional().effective_from


async def put_table(tx: Transaction, table: tuple[ClauseRef, ...]) -> str:
    """Keep a table of clauses by itself, as agreements from before contents were kept have it; gives its hash."""
    return await put_text(tx, canonical(TABLE.dump_python(table, mode="json")).decode())


def signed_by_all(text: str = TEXT, **changes: Any) -> AgreementMachine:
    """What tries an agreement that all signed so long before its start that notice can be over by then.

    A child is the second of its year.
    """
    machine = AgreementMachine()
    machine.start((DRAFTED - AT).days, **changes)
    machine.references |= {"the first"} if changes else set()
    machine.freeze(text)
    machine.all_sign()
    assert machine.aggregate.state == AgreementState.signed
    return machine


def life_of(machine: AgreementMachine) -> list[Recorded]:
    """Its life, as recorded when the machine began."""
    return [Recorded(version, AT, event) for version, event in enumerate(machine.events, 1)]


def looked_after(agreement: Agreement, life: list[Recorded], days: list[date]) -> list[Recorded]:
    """Its life when the schedule looks at it on these days only."""
    it, life = agreement.model_copy(deep=True), list(life)
    for day in days:
        note(it, life, it.catch_up(day), start_of(day))
    return life


def note(it: Agreement, life: list[Recorded], events: Iterable[DomainEvent], at: datetime) -> None:
    """What happened, recorded at this instant."""
    for event in events:
        it.evolve([event])
        life.append(Recorded(len(life) + 1, at, event))


@settings(max_examples=15, deadline=None, database=None)
@given(st.sets(st.integers(1, 1200), max_size=4))
def test_after_an_outage_the_past_is_as_if_there_had_been_none(looks: set[int]) -> None:
    machine = signed_by_all()
    agreement, life = machine.aggregate, life_of(machine)
    start = agreement.effective_from
    end = start + timedelta(1200)
    prompt = looked_after(agreement, life, [start + timedelta(number) for number in range(1201)])
    late = looked_after(agreement, life, [start + timedelta(number) for number in sorted({*looks, 1200})])
    for day in {business_date(since) for since, _ in counting_from(prompt)} | {end}:
        for instant in (start_of(day), start_of(day) - timedelta(seconds=1)):
            seen = [without_reminders(as_of(agreement.id, each, instant)) for each in (prompt, late)]
            assert seen[0] == seen[1], day


class Family:
    """A framework and what follows it, through some days: people decide at three, the schedule looks at midnight."""

    def __init__(self, starts_after: int, decided: Mapping[int, "Decided"]) -> None:
        machine = signed_by_all()
        following = signed_by_all(effective_from=FIRST + starts_after * DAY, parent_id=machine.aggregate.id)
        self.parent, self.child = machine.aggregate, following.aggregate
        self.above, self.life = life_of(machine), life_of(following)
        self.decided = dict(decided)

    def looked_after(self, looks: Set[int], *, parents: Set[int]) -> list[Recorded]:
        """The child's life when the schedule looks at it, and at its parent, on these days only.

        Whoever decides on the parent finds it as it is on the day.
        """
        parent, child, above, life = self.parent.model_copy(), self.child.model_copy(), [*self.above], [*self.life]
        for number in sorted({*looks, *parents, *self.decided}):
            day = FIRST + number * DAY
            if number in parents or number in self.decided:
                note(parent, above, parent.catch_up(day), start_of(day))
            if number in looks:
                note(child, life, child.catch_up(day, Parent(parent, above)), start_of(day))
            if number in self.decided:
                for category in ("suspension_decision", "termination_decision"):
                    note(parent, above, brought(parent, category, day), start_of(day))
                at = start_of(day) + timedelta(hours=15)
                note(parent, above, self.decide(parent, *self.decided[number], day), at)
        return life

    @staticmethod
    def decide(parent: Agreement, what: str, back: int, day: date) -> list[DomainEvent]:
        """What somebody decides on the parent, with effect so many days ago or ahead; nothing if it is refused."""
        grounds = DECISION | {"effective_on": day - back * DAY, "today": day}
        try:
            match what:
                case "suspend":
                    return parent.suspend(scope="money", centers=(), **grounds)
                case "resume":
                    return parent.resume(reason="(fictif)", effective_on=day - max(0, back) * DAY, today=day)
                case "terminate":
                    return parent.terminate(**grounds)
                case _:
                    return parent.withdraw_announcement(reason="r", today=day)
        except Refusal:
            return []


def brought(agreement: Agreement, category: str, day: date) -> list[DomainEvent]:
    """The paper that a decision needs."""
    who, file = agreement.parties[0].organisation_id, stored(str(new_id()).encode()).model_dump()
    held: dict[str, Any] = {"organisation_id": who, "expires_on": None, "replaces": None, "at": AT, "today": day}
    return agreement.attach(new_id(), category=category, name="exemple.pdf", **file, **held)


Decided = tuple[str, int]
"""What is decided on a parent, and how many days before that it counts."""
LAST = 150
DAYS = st.integers(0, LAST)
DECISIONS = st.tuples(st.sampled_from(["suspend", "resume", "terminate", "withdraw"]), st.sampled_from([-20, 0, 0, 15]))


@settings(max_examples=25, deadline=None, database=None)
@given(
    starts_after=st.integers(0, 90),
    decided=st.dictionaries(DAYS, DECISIONS, max_size=5),
    looks=st.sets(DAYS, max_size=3),
    parents=st.sets(DAYS, max_size=3),
)
def test_a_child_lives_as_its_parent_let_it_whenever_both_are_looked_at(
    starts_after: int, decided: Mapping[int, Decided], looks: Set[int], parents: Set[int]
) -> None:
    family, every = Family(starts_after, decided), {*range(LAST + 1)}
    prompt = family.looked_after(every, parents=every)
    late = family.looked_after({*looks, LAST}, parents={*parents, LAST})
    for day in {business_date(since) for since, _ in counting_from(prompt)} | {FIRST + LAST * DAY}:
        for instant in (start_of(day), start_of(day) - timedelta(seconds=1)):
            seen = [without_reminders(as_of(family.child.id, each, instant)) for each in (prompt, late)]
            assert seen[0] == seen[1], day


def without_reminders(agreement: Agreement) -> dict[str, Any]:
    """All but the reminders: of several that were missed only the latest is sent."""
    plain = told(agreement)
    for each in (*plain["obligations"], *plain["documents"]):
        del each["reminded"]
    return plain


async def recorded(database: Database, life: list[Recorded], id: UUID) -> None:
    """The journal and the state of a life whose events were recorded when they say."""
    agreement = Agreement(id=id)
    for each in life:
        async with database.transaction(NATIONAL) as tx:
            await AGREEMENTS.record(tx, agreement, [each.event], by=MINISTRY, at=each.at)


async def test_after_an_outage_an_agreement_was_in_force_from_its_start(
    client: AsyncClient, database: Database
) -> None:
    async with database.transaction(NATIONAL) as tx:
        machine = signed_by_all(await put_table(tx, await put_clauses(tx, clauses(2))))
    agreement = machine.aggregate
    await recorded(database, life_of(machine), agreement.id)
    before = now()
    day = start_of(agreement.effective_from)
    await commands.bring_into_force(database, agreement.id, on=today())
    url = f"/api/v1/agreements/{agreement.id}"

    async def state_at(at: datetime, **known: str) -> str:
        answered = await client.get(url, params={"as_of": at.isoformat(), **known})
        return str(answered.json()["state"])

    assert await state_at(day - timedelta(seconds=1)) == "signed"
    assert await state_at(day) == "in_force"
    assert await state_at(day, known_at=before.isoformat()) == "signed"
    between = {"from": (day - timedelta(seconds=1)).isoformat(), "to": (day + DAY).isoformat()}
    changed = (await client.get(f"{url}/changes", params=between)).json()["items"]
    assert {"path": "/state", "before": "signed", "after": "in_force"} in changed


@pytest.mark.parametrize("first", ["bring_into_force", "expire", "end_with_parents", "let_time_pass"])
@pytest.mark.parametrize("ends_after", [90, None], ids=["terminated", "expired"])
async def test_a_child_that_nobody_looked_at_until_its_parent_was_over_was_in_force_in_between(
    database: Database, ends_after: int | None, first: str
) -> None:
    machine = signed_by_all()
    following = signed_by_all(effective_from=FIRST + 10 * DAY, parent_id=machine.aggregate.id)
    parent, above = machine.aggregate, life_of(machine)
    if ends_after:
        note(parent, above, parent.catch_up(FIRST), start_of(FIRST))
        note(parent, above, brought(parent, "termination_decision", FIRST), start_of(FIRST))
        ahead = {"notified_on": FIRST, "effective_on": FIRST + ends_after * DAY, "today": FIRST}
        note(parent, above, parent.terminate(**(DECISION | ahead)), start_of(FIRST))
    await recorded(database, above, parent.id)
    await recorded(database, life_of(following), following.aggregate.id)
    await getattr(schedule, first)(database)
    for job in 2 * (schedule.bring_into_force, schedule.expire, schedule.end_with_parents, schedule.let_time_pass):
        await job(database)
    async with database.transaction(NATIONAL) as tx:
        parent, child = [await AGREEMENTS.read(tx, each) for each in (parent.id, following.aggregate.id)]
    assert (parent.state, child.state) == (("terminated",) * 2 if ends_after else ("expired",) * 2)
    assert child.in_force_on == FIRST + 10 * DAY and child.editions[0].state == "under_review"
    if ends_after:
        assert child.ending and child.ending.effective_on == FIRST + ends_after * DAY
    else:
        assert child.effective_until == child.editions[0].ends_on, "nobody renewed it"


async def test_a_suspension_that_is_lifted_from_a_past_day_was_over_on_it(
    client: AsyncClient, database: Database
) -> None:
    async with database.transaction(NATIONAL) as tx:
        machine = signed_by_all(await put_table(tx, await put_clauses(tx, clauses(2))))
    it, day = machine.aggregate, machine.aggregate.effective_from
    machine.attempt("bring_into_force", lambda: it.bring_into_force(day))
    machine.attach("suspension_decision", 60, False)
    machine.attempt("suspend_agreement", lambda: it.suspend(scope="money", centers=(), **DECISION, today=day))
    assert it.state == AgreementState.suspended
    id, suspended_on = it.id, day
    await recorded(database, life_of(machine), id)
    before, lifted_on = now(), suspended_on + timedelta(30)
    async with database.transaction(NATIONAL) as tx:
        it = await AGREEMENTS.load(tx, id)
        await AGREEMENTS.record(
            tx, it, it.resume(reason="(fictif)", effective_on=lifted_on, today=lifted_on), by=director()
        )
    url = f"/api/v1/agreements/{id}"

    async def state_at(at: datetime, **known: str) -> str:
        answered = await client.get(url, params={"as_of": at.isoformat(), **known})
        return str(answered.json()["state"])

    lifted = start_of(lifted_on)
    assert await state_at(lifted - timedelta(seconds=1)) == "suspended"
    assert await state_at(lifted) == "in_force"
    assert await state_at(lifted, known_at=before.isoformat()) == "suspended"
    two = {"from": (lifted - DAY).isoformat(), "to": lifted.isoformat()}
    changed = (await client.get(f"{url}/changes", params=two)).json()["items"]
    assert {"path": "/state", "before": "suspended", "after": "in_force"} in changed
    learned = two | {"from": two["to"], "from_known_at": before.isoformat()}
    changed = (await client.get(f"{url}/changes", params=learned)).json()["items"]
    assert {"path": "/state", "before": "suspended", "after": "in_force"} in changed
