"""What was made up for after an outage, or told later, counts from when it was so."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from httpx import AsyncClient
from hypothesis import given, settings
from hypothesis import strategies as st

from services.agreements import commands
from services.agreements.agreement import Agreement, AgreementState
from services.agreements.content import ClauseRef
from services.agreements.past import as_of, counting_from
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.builders import AT, DECISION, MINISTRY, TEXT, clauses, director, in_force, regional
from services.agreements.tests.lives import DAY, told
from services.agreements.tests.machines import AgreementMachine
from services.agreements.text import TABLE, put_clauses
from shared.actor import NATIONAL
from shared.audit import canonical
from shared.clock import business_date, now, start_of, today
from shared.database import Database, Transaction
from shared.messaging.journal import Recorded
from shared.refusals import NotAllowedNow
from shared.store import put_text


async def put_table(tx: Transaction, table: tuple[ClauseRef, ...]) -> str:
    """Keep a table of clauses by itself, as agreements from before contents were kept have it; gives its hash."""
    return await put_text(tx, canonical(TABLE.dump_python(table, mode="json")).decode())


def signed_by_all(text: str = TEXT) -> AgreementMachine:
    """What tries an agreement that all have signed, some days before its start."""
    machine = AgreementMachine()
    machine.start(0)
    machine.freeze(text)
    machine.all_sign()
    assert machine.aggregate.state == AgreementState.signed
    return machine


def life_of(machine: AgreementMachine) -> list[Recorded]:
    """Its life, as recorded when the machine began."""
    return [Recorded(version, AT, event) for version, event in enumerate(machine.events, 1)]


def looked_after(
    agreement: Agreement, life: list[Recorded], days: list[date], *, parent: Agreement | None = None
) -> list[Recorded]:
    """Its life when the schedule looks at it, and at its parent, on these days only."""
    it, life = agreement.model_copy(deep=True), list(life)
    above = parent and parent.model_copy(deep=True)
    ends = [lambda day: it.end_with(above.evolve(above.pass_time(day)))] if above else []
    for day in days:
        for decide in (it.bring_into_force, *ends, it.pass_time, it.expire):
            try:
                events = decide(day)
            except NotAllowedNow:
                continue
            it.evolve(events)
            life += [Recorded(version, start_of(day), event) for version, event in enumerate(events, len(life) + 1)]
    return life


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


@settings(max_examples=15, deadline=None, database=None)
@given(st.sets(st.integers(1, 1200), max_size=4), st.integers(60, 1100))
def test_after_an_outage_a_child_ended_when_its_parent_did(looks: set[int], end: int) -> None:
    machine = signed_by_all()
    child, life = machine.aggregate, life_of(machine)
    start = child.effective_from
    parent = in_force(regional(effective_from=start, effective_until=start + timedelta(1200)))
    announced = {"notified_on": start, "effective_on": start + timedelta(end), "today": start}
    parent.evolve(parent.terminate(**(DECISION | announced)))
    prompt = looked_after(child, life, [start + timedelta(number) for number in range(1201)], parent=parent)
    late = looked_after(child, life, [start + timedelta(number) for number in sorted({0, *looks, 1200})], parent=parent)
    for day in {business_date(since) for since, _ in counting_from(prompt)} | {start + timedelta(1200)}:
        for instant in (start_of(day), start_of(day) - timedelta(seconds=1)):
            seen = [without_reminders(as_of(child.id, each, instant)) for each in (prompt, late)]
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
    await commands.resume_agreement(database, id, effective_on=lifted_on, by=director())
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
