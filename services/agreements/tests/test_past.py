"""The past: an agreement as it was and as it was known to be, and what differs between two points of its life."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from services.agreements import commands, queries
from services.agreements.agreement import Agreement, AgreementState
from services.agreements.changes import KEYS, Change, changes
from services.agreements.content import ClauseRef
from services.agreements.past import EFFECTS, as_of, counting_from
from services.agreements.tables import AGREEMENTS
from services.agreements.tests import machines
from services.agreements.tests.builders import (
    AT,
    DECISION,
    MINISTRY,
    TEXT,
    clauses,
    director,
    officer,
    president,
    regional,
)
from services.agreements.tests.machines import MANY
from services.agreements.text import TABLE, put_clauses, put_content
from shared.actor import NATIONAL
from shared.audit import canonical
from shared.clock import business_date, now, start_of, today
from shared.database import Database, Transaction
from shared.events.agreements import (
    AgreementAmended,
    AgreementAnnouncementWithdrawn,
    AgreementCameIntoForce,
    AgreementClosed,
    AgreementDocumentAttached,
    AgreementDocumentReminded,
    AgreementEditionClosed,
    AgreementExpired,
    AgreementNegotiationOpened,
    AgreementNotRenewed,
    AgreementObligationFailed,
    AgreementObligationReminded,
    AgreementObligationReturned,
    AgreementObligationWaived,
    AgreementPartySigned,
    AgreementRenewed,
    AgreementResumed,
    AgreementSignatureContested,
    AgreementSignatureScanned,
    AgreementSigned,
    AgreementSuspended,
    AgreementSuspensionAnnounced,
    AgreementTerminationAnnounced,
    AgreementTextRevised,
    AgreementVisaRecorded,
)
from shared.events.base import DomainEvent
from shared.events.catalog import ALL
from shared.ids import new_id
from shared.messaging.journal import Recorded
from shared.messaging.tables import JournalRow
from shared.refusals import NotAllowedNow, NotFound
from shared.store import put_text
from tests.fixtures.identity import Issuer
from tests.web.conventions import is_problem
from tests.web.routes import client_of

BEGINNING = datetime(2024, 9, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def steps(agreement: Agreement, chance: random.Random) -> DomainEvent:
    """Something that happens to the agreement; a fold takes events in any order, since each says all it changes."""
    id, day = agreement.id, BEGINNING.date() + timedelta(days=chance.randrange(300))
    told: list[DomainEvent] = [
        AgreementTextRevised(agreement_id=id, text_hash=f"{chance.getrandbits(256):064x}").keeping(by="somebody"),
        AgreementNegotiationOpened(agreement_id=id, because="drafted").keeping(
            remarks=f"remarque {chance.random()} (fictif)", at=BEGINNING
        ),
        AgreementSuspended(agreement_id=id, effective_on=day, scope="money", centers=()).keeping(
            reason=f"motif {chance.random()} (fictif)", document="d"
        ),
        AgreementResumed(agreement_id=id, effective_on=day, centers=()),
        AgreementCameIntoForce(agreement_id=id, academy="MA-06", in_force_on=day),
        AgreementExpired(agreement_id=id, academy="MA-06", expired_on=day),
    ]
    return chance.choice(told)


async def a_life(database: Database, length: int, chance: random.Random) -> Agreement:
    """An agreement whose events were often recorded after later ones, or long after they occurred."""
    id, at = new_id(), BEGINNING
    agreement = Agreement(id=id)
    draft = Agreement.draft(id, regional(), names={}, by=MINISTRY.person)
    async with database.transaction(NATIONAL) as tx:
        await AGREEMENTS.record(tx, agreement, draft, by=MINISTRY, at=at)
    for _ in range(length - 1):
        at += timedelta(days=chance.randrange(-20, 30))
        async with database.transaction(NATIONAL) as tx:
            agreement = await AGREEMENTS.load(tx, id)
            late = max(BEGINNING, at)
            await AGREEMENTS.record(tx, agreement, [steps(agreement, chance)], by=MINISTRY, at=late)
    return agreement


async def journal_of(database: Database, agreement: Agreement) -> list[JournalRow]:
    """Its whole journal."""
    async with database.transaction(NATIONAL) as tx:
        return list(await AGREEMENTS.history(tx, agreement.id))


@pytest.mark.parametrize("seed", range(12))
async def test_as_of_a_day_is_the_fold_of_what_counted_by_then(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    agreement = await a_life(database, 20, chance)
    journal = await journal_of(database, agreement)
    instants = [row.occurred_at for row in journal] + [BEGINNING + chance.randrange(400) * DAY for _ in range(5)]
    instants += [start_of(day) for row in journal if (day := told_day(row.event()))]
    recorded = [row.recorded_at for row in journal if row.recorded_at]
    for instant in instants:
        known_at = chance.choice([None, *recorded])
        known = [row for row in journal if known_at is None or (row.recorded_at or now()) <= known_at]
        life = [Recorded(row.aggregate_version, row.occurred_at, row.event()) for row in known]
        expected = fold_of(agreement, life, instant)
        if expected is None:
            with pytest.raises(NotFound):
                await queries.agreement(
                    database, agreement.id, as_of=instant, known_at=known_at, action="read_agreement", by=MINISTRY
                )
            continue
        found = await queries.agreement(
            database, agreement.id, as_of=instant, known_at=known_at, action="read_agreement", by=MINISTRY
        )
        assert told(found) == expected


def fold_of(agreement: Agreement, life: list[Recorded], instant: datetime) -> dict[str, Any] | None:
    """What the events that counted by then make of the agreement; None without any."""
    events: list[DomainEvent] = []
    counted: dict[str, bool] = {}
    for each in life:
        counts = each.at <= instant
        if not counts and (day := told_day(each.event)):
            _, rests_on = DAYS[name_of(each.event)]
            counts = start_of(day) <= instant and all(counted.get(base, True) for base in rests_on.split())
        counted[name_of(each.event)] = counts
        if counts:
            events.append(each.event)
    return told(Agreement.fold(agreement.id, events)) if events else None


def name_of(event: DomainEvent) -> str:
    """What happened."""
    return event.type.removeprefix("ma.mithaq.agreement.").removesuffix(".v1")


def told_day(event: DomainEvent) -> date | None:
    """The day since when it is so, as the event tells; None: since its moment."""
    name, _, after = DAYS.get(name_of(event), ("", ""))[0].partition(" + ")
    said: date | None = getattr(event, name) if name else None
    match event:
        case AgreementRenewed(tacit=False):
            return None
        case AgreementNotRenewed(how=how) if how != "lapsed":
            return None
    return said + timedelta(int(after or 0)) if said else None


UNDER_WAY = "came_into_force resumed amended"
DAYS = {
    "signature_offer_expired": ("offered_until + 1", "approved signature_offer_renewed"),
    "came_into_force": ("in_force_on", "signed visa_recorded"),
    "suspended": ("effective_on", "came_into_force"),
    "resumed": ("effective_on", "suspended"),
    "terminated": ("effective_on", "signed came_into_force"),
    "expired": ("expired_on", "came_into_force"),
    "archived": ("archived_on", "closed"),
    "edition_opened": ("starts_on", f"{UNDER_WAY} renewed"),
    "edition_ended": ("ended_on + 1", "edition_opened amended"),
    "renewal_fell_due": ("due_on", "edition_opened amended"),
    "renewed": ("starts_on", "renewal_fell_due"),
    "not_renewed": ("effective_until + 1", "renewal_fell_due"),
    "obligation_fell_due": ("due_on", f"{UNDER_WAY} renewed"),
    "obligation_claimed": ("claimed_on", UNDER_WAY),
    "obligation_fulfilled": ("fulfilled_on", UNDER_WAY),
    "document_expired": ("expires_on + 1", "document_attached"),
}
"""By what happened: the day that says since when (decision 0042), and what had to count for it to count that early."""


def told(agreement: Agreement) -> dict[str, Any]:
    """All of it, but for how many events it is the fold of."""
    return agreement.model_dump(exclude={"version"})


class LateMachine(machines.BoundAgreementMachine):
    """The same agreement, of which much is told late: whatever is left out of its life, the rest folds."""

    life: list[Recorded]

    @initialize(wait=st.just(0))
    def start(self, wait: int) -> None:
        """In force, its first edition running."""
        super().start(wait)
        self.life = []

    @rule(days=st.integers(0, 40))
    def resume_from(self, days: int) -> None:
        """Go on, from a day that is past."""
        day = self.today - timedelta(days)
        self.attempt("resume_agreement", lambda: self.aggregate.resume(effective_on=day, today=self.today))

    @rule(days=st.integers(0, 40))
    def center_opened_on(self, days: int) -> None:
        """The centers' news of a day that is past."""
        it = self.aggregate
        events = it.follow_center(it.centers[0].center_id, {"center_opened": self.today - timedelta(days)})
        it.evolve(events)
        self.events += events

    @invariant()
    def every_event_has_its_moment(self) -> None:
        """It is recorded when the machine is there."""
        if hasattr(self, "life"):
            new = enumerate(self.events[len(self.life) :], len(self.life) + 1)
            self.life += [Recorded(version, self.at, event) for version, event in new]

    def teardown(self) -> None:
        """At every instant the past is the fold of what counted by then, holds together, and ends in the present."""
        if not hasattr(self, "life"):
            return
        assert as_of(self.aggregate.id, self.life, None).model_dump() == self.aggregate.model_dump()
        assert as_of(self.aggregate.id, self.life, self.at).model_dump() == self.aggregate.model_dump()
        counting = list(counting_from(self.life))
        assert all(since <= each.at for since, each in counting)
        days = {start_of(day) for each in self.life if (day := told_day(each.event))}
        for instant in sorted({each for each in days if each <= self.at} | {since for since, _ in counting}):
            if fold_of(self.aggregate, self.life, instant) is None:
                continue
            found = as_of(self.aggregate.id, self.life, instant)
            assert told(found) == fold_of(self.aggregate, self.life, instant)
            assert (found.state == AgreementState.suspended) == (found.suspension is not None)
            assert bool(found.obligations) <= (found.in_force_on is not None)


LateMachine.TestCase.settings = settings(MANY, max_examples=20)
TestLateMachine = LateMachine.TestCase


def test_every_day_that_an_event_tells_is_one_it_counts_from_or_not_for_a_reason() -> None:
    ahead = {AgreementSuspensionAnnounced, AgreementTerminationAnnounced, AgreementAnnouncementWithdrawn}
    """They tell of a day that comes or would have come."""
    today = {AgreementAmended, AgreementClosed, AgreementEditionClosed, AgreementSigned}
    today |= {AgreementObligationFailed, AgreementObligationWaived, AgreementVisaRecorded}
    """They are acts, and say on which day."""
    acts = {AgreementObligationReminded, AgreementObligationReturned, AgreementDocumentReminded}
    acts |= {AgreementDocumentAttached}
    """They name the day of what they are about."""
    learned = {AgreementSignatureContested, AgreementPartySigned, AgreementSignatureScanned}
    """A mandate's end, a signature on paper: they count from when they are known and checked."""
    days = {
        each
        for each in ALL
        if each.topic == AgreementSigned.topic and any(name.endswith("_on") for name in each.model_fields)
    }
    plain = ahead | today | acts | learned
    assert not plain & EFFECTS.keys()
    assert days - plain <= EFFECTS.keys()


async def put_table(tx: Transaction, table: tuple[ClauseRef, ...]) -> str:
    """Keep a table of clauses by itself, as agreements from before contents were kept have it; gives its hash."""
    return await put_text(tx, canonical(TABLE.dump_python(table, mode="json")).decode())


def signed_by_all(text: str = TEXT) -> machines.AgreementMachine:
    """What tries an agreement that all have signed, some days before its start."""
    machine = machines.AgreementMachine()
    machine.start(0)
    machine.freeze(text)
    machine.all_sign()
    assert machine.aggregate.state == AgreementState.signed
    return machine


def life_of(machine: machines.AgreementMachine) -> list[Recorded]:
    """Its life, as recorded when the machine began."""
    return [Recorded(version, AT, event) for version, event in enumerate(machine.events, 1)]


def looked_after(agreement: Agreement, life: list[Recorded], days: list[date]) -> list[Recorded]:
    """Its life when the schedule looks at it on these days only."""
    it, life = agreement.model_copy(deep=True), list(life)
    for day in days:
        for decide in (it.bring_into_force, it.pass_time, it.expire):
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


async def test_an_event_recorded_late_counts_from_when_it_occurred(database: Database) -> None:
    id, later = new_id(), BEGINNING + 10 * DAY
    revised = [AgreementTextRevised(agreement_id=id, text_hash=letter * 64).keeping(by="somebody") for letter in "ab"]
    async with database.transaction(NATIONAL) as tx:
        agreement = await AGREEMENTS.record(
            tx, Agreement(id=id), Agreement.draft(id, regional(), names={}, by="x"), by=MINISTRY, at=BEGINNING
        )
        await AGREEMENTS.record(tx, agreement, revised[:1], by=MINISTRY, at=later)
    known = now()
    async with database.transaction(NATIONAL) as tx:
        await AGREEMENTS.record(tx, await AGREEMENTS.load(tx, id), revised[1:], by=MINISTRY, at=BEGINNING + DAY)

    async def text_at(**at: datetime) -> str | None:
        return (await queries.agreement(database, id, action="read_agreement", by=MINISTRY, **at)).text_hash

    assert await text_at(as_of=BEGINNING) is None
    assert await text_at(as_of=BEGINNING + 2 * DAY) == "b" * 64
    assert await text_at(as_of=BEGINNING + 2 * DAY, known_at=known) is None
    assert await text_at(as_of=later, known_at=known) == "a" * 64
    assert await text_at(known_at=known) == "a" * 64
    with pytest.raises(NotFound):
        await text_at(as_of=BEGINNING - DAY)


NAMES = st.text(max_size=3).filter(lambda name: name not in KEYS)
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    # What is null in an object is what is not there.
    lambda inner: (
        st.dictionaries(NAMES, inner.filter(lambda value: value is not None), max_size=4) | st.lists(inner, max_size=3)
    ),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_what_differs_is_told_once_and_only_that(before: Any, after: Any) -> None:
    found = list(changes(before, after))
    assert (found == []) == (before == after)
    assert len({each.path for each in found}) == len(found)
    assert all(each.before != each.after for each in found)


def test_entries_of_a_list_are_the_same_wherever_they_stand() -> None:
    before = {"parties": [{"party_id": "a", "roles": ["operator"]}, {"party_id": "b", "roles": ["funder"]}]}
    after = {"parties": [{"party_id": "b", "roles": ["funder", "witness"]}, {"party_id": "c/d", "roles": []}]}
    assert list(changes(before, after)) == [
        Change(path="/parties/b/roles", before=["funder"], after=["funder", "witness"]),
        Change(path="/parties/c~1d", before=None, after={"party_id": "c/d", "roles": []}),
        Change(path="/parties/a", before={"party_id": "a", "roles": ["operator"]}, after=None),
    ]


def test_another_order_of_entries_is_a_change() -> None:
    """The order of clauses and parties is part of what is signed."""
    first, second = {"key": "object", "body": "a"}, {"key": "duration", "body": "b"}
    before, after = {"clauses": [first, second]}, {"clauses": [second | {"body": "c"}, first]}
    assert list(changes(before, after)) == [
        Change(path="/clauses", before=["object", "duration"], after=["duration", "object"]),
        Change(path="/clauses/duration/body", before="b", after="c"),
    ]
    assert list(changes([first], [second, first])) == [Change(path="/duration", before=None, after=second)]


def test_an_obligation_is_known_by_its_own_id_and_not_by_its_center() -> None:
    duty = {"obligation_id": "a", "center_id": None, "what": "x"}
    other = duty | {"obligation_id": "b"}
    assert list(changes([duty], [duty | {"what": "y"}, other])) == [
        Change(path="/a/what", before="x", after="y"),
        Change(path="/b", before=None, after=other),
    ]


@pytest.fixture
async def client(app: FastAPI, issuer: Issuer) -> AsyncIterator[AsyncClient]:
    """The ministry's client."""
    async with client_of(app, issuer.token(MINISTRY)) as client:
        yield client


async def with_texts(database: Database) -> Agreement:
    """An agreement whose second text says something else in one clause, a day after the first."""
    id = new_id()
    async with database.transaction(NATIONAL) as tx:
        draft = Agreement.draft(id, regional(), names={}, by=officer().person)
        agreement = await AGREEMENTS.record(tx, Agreement(id=id), draft, by=MINISTRY, at=BEGINNING)
        changed = clauses(2, words=" modifié")
        for day, text in enumerate((clauses(2), [clauses(2)[0], changed[1]]), 1):
            content = agreement.content(await put_clauses(tx, text))
            revised = agreement.revise(await put_content(tx, content), by=officer().person)
            await AGREEMENTS.record(tx, agreement, revised, by=MINISTRY, at=BEGINNING + day * DAY)
    return agreement


async def test_two_points_of_a_life_are_compared_clause_by_clause(client: AsyncClient, database: Database) -> None:
    agreement = await with_texts(database)
    url = f"/api/v1/agreements/{agreement.id}/changes"
    between = {"from": (BEGINNING + DAY).isoformat(), "to": (BEGINNING + 2 * DAY).isoformat()}
    found = (await client.get(url, params=between)).json()["items"]
    assert [each["path"] for each in found] == ["/clauses/article-2/body/ar", "/clauses/article-2/body/fr"]
    assert "modifié" in found[1]["after"] and "modifié" not in found[1]["before"]
    assert (await client.get(url, params={"from": now().isoformat()})).json()["items"] == []
    first = (await client.get(url, params={"from": (BEGINNING - DAY).isoformat()})).json()["items"]
    assert {"/title", "/clauses", "/parties"} <= {each["path"] for each in first}
    assert all(each["before"] is None for each in first)


async def test_what_was_learned_between_two_instants_is_compared_too(client: AsyncClient, database: Database) -> None:
    agreement = await with_texts(database)
    known = now().isoformat()
    day = (BEGINNING + 3 * DAY).isoformat()
    async with database.transaction(NATIONAL) as tx:
        found = await AGREEMENTS.load(tx, agreement.id)
        await AGREEMENTS.record(
            tx, found, found.cancel(reason="(fictif)", today=BEGINNING.date()), by=MINISTRY, at=BEGINNING + 3 * DAY
        )
    learned = await client.get(
        f"/api/v1/agreements/{agreement.id}/changes",
        params={"from": day, "from_known_at": known, "to": day, "to_known_at": now().isoformat()},
    )
    states = [each for each in learned.json()["items"] if each["path"] == "/state"]
    assert states == [{"path": "/state", "before": "draft", "after": "cancelled"}]


@pytest.mark.parametrize(
    ("instant", "status"), [("0001-01-01T00:00:00+14:00", 404), ("9999-12-31T23:59:59-14:00", 200)]
)
async def test_an_instant_before_or_after_all_years_is_answered_or_refused(
    client: AsyncClient, database: Database, instant: str, status: int
) -> None:
    agreement = await with_texts(database)
    url = f"/api/v1/agreements/{agreement.id}"
    assert (await client.get(url, params={"as_of": instant})).status_code == status
    is_problem(await client.get(url, params={"known_at": instant}), 422, "malformed")


async def test_the_past_is_as_visible_as_the_present(app: FastAPI, database: Database, issuer: Issuer) -> None:
    agreement = await with_texts(database)
    async with client_of(app, issuer.token(president(new_id()))) as stranger:
        for path in ("", "/text"):
            url = f"/api/v1/agreements/{agreement.id}{path}"
            assert (await stranger.get(url, params={"known_at": now().isoformat()})).status_code == 404
        url = f"/api/v1/agreements/{agreement.id}/changes"
        assert (await stranger.get(url, params={"from": now().isoformat()})).status_code == 404
