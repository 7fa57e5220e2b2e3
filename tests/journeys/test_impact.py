"""The preview of a suspension or termination equals what then happens: in agreements, and in centers by its events."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from services.agreements import commands, queries, schedule
from services.agreements import reactions as of_agreements
from services.agreements.agreement import Agreement
from services.agreements.impact import Impact
from services.agreements.tables import AGREEMENTS, AMENDMENTS, CEREMONIES, EndpointFactRow
from services.agreements.terms import Terms
from services.agreements.tests.branches import agree, propose, reword
from services.agreements.tests.builders import (
    DECISION,
    approved,
    attached,
    bound,
    center,
    current,
    current_network,
    decision_on,
    head_of,
    hold,
    long_ago,
    owing,
    party,
    president,
    sign_for,
    signed_by_all,
    suspend,
)
from services.agreements.touched import Action
from services.centers import reactions as of_centers
from services.centers.tables import CENTERS
from services.centers.tests.builders import decisions
from services.notifications import commands as of_notifications
from services.notifications.reactions import tell_concerned
from shared.actor import NATIONAL, SYSTEM, Actor, Role
from shared.clock import today
from shared.database import Database
from shared.events.base import DomainEvent, Occurrence
from shared.ids import new_id
from shared.messaging.tables import JournalRow
from shared.money import Money
from shared.refusals import Refusal
from shared.territory import jurisdiction_of
from tests.fixtures.database import Databases

STEPS = ("start_fitting_out", "grant_visa", "open_center", "suspend_center")
"""How far a center may have come."""


@dataclass
class World:
    """Two services, and what one has been told of the other."""

    agreements: Database
    centers: Database
    told: dict[str, int] = field(default_factory=dict)

    async def settle(self) -> None:
        """Each is told the other's news."""
        for _ in range(2):
            await self._tell(self.agreements, self.centers, of_centers.follow._functions)
            await self._tell(self.centers, self.agreements, of_agreements.follow_centers._functions)

    async def _tell(self, source: Database, target: Database, reactions: Mapping[type[DomainEvent], Any]) -> None:
        name = "agreements" if source is self.agreements else "centers"
        news = select(JournalRow).where(col(JournalRow.id) > self.told.get(name, 0)).order_by(col(JournalRow.id))
        async with source.transaction(NATIONAL) as tx:
            rows = (await tx.exec(news)).all()
        for row in rows:
            self.told[name] = row.id or 0
            if reaction := reactions.get(type(row.event())):
                subject, version = row.aggregate_id, row.aggregate_version
                occurrence = Occurrence(
                    row.event(), row.event_id, subject, version, (), "somebody", row.occurred_at, new_id()
                )
                async with target.transaction(NATIONAL) as tx:
                    await reaction(tx, occurrence)

    async def agreement(self, id: UUID) -> Agreement:
        """As it is."""
        async with self.agreements.transaction(NATIONAL) as tx:
            return await AGREEMENTS.read(tx, id)

    async def states_of_centers(self) -> dict[UUID, str]:
        """Where every center really is."""
        row = CENTERS.table.c
        async with self.centers.transaction(NATIONAL) as tx:
            return {each.id: each.status for each in await tx.execute(select(row.id, row.status))}

    async def learners_of_centers(self) -> dict[UUID, tuple[int, int]]:
        """How many learners each center really holds that has counted them: on funded seats, and in all."""
        row = CENTERS.table.c
        async with self.centers.transaction(NATIONAL) as tx:
            found = [await CENTERS.read(tx, id) for id in (await tx.execute(select(row.id))).scalars()]
        return {
            each.id: (each.funded_enrolled, each.funded_enrolled + each.unfunded_enrolled)
            for each in found
            if each.funded_enrolled is not None and each.unfunded_enrolled is not None
        }

    async def count(self, center_id: UUID, funded: int, unfunded: int) -> None:
        """A center's operator tells its learners in number."""
        async with self.centers.transaction(NATIONAL) as tx:
            found = await CENTERS.load(tx, center_id)
            counted = found.report_enrolled(
                funded_enrolled=funded, unfunded_enrolled=unfunded, counted_on=today(), today=today()
            )
            await CENTERS.record(tx, found, counted, by=SYSTEM)

    async def take(self, center_id: UUID, steps: tuple[str, ...]) -> None:
        """A center so far along."""
        async with self.centers.transaction(NATIONAL) as tx:
            found = await CENTERS.load(tx, center_id)
            for step in steps:
                await CENTERS.record(tx, found, decisions(found)[step](), by=SYSTEM)


@pytest.fixture
async def world(databases: Databases) -> World:
    """Both services, empty."""
    return World(await databases("agreements"), await databases("centers"))


def terms_of(chance: random.Random, **changes: Any) -> Terms:
    """One to three centers, some duties, a budget over two years; begun a while ago, unless told otherwise."""
    begun = {"effective_from": today() - timedelta(days=chance.choice([1, 40, 200]))}
    terms = current(**(begun | {"effective_until": today() + timedelta(days=500)} | changes))
    starts, term = terms.effective_from, (terms.effective_until - terms.effective_from).days
    operator = terms.parties[1].organisation_id
    province = terms.centers[0].province
    more = tuple(center(operator, province, funded=chance.randrange(1, 60)) for _ in range(chance.randrange(3)))
    duties = [
        {"due_on": starts + timedelta(days=chance.randrange(min(500, term))), "survives": chance.random() < 0.3}
        for _ in range(chance.randrange(5))
    ]
    lines = [
        {
            "line_id": new_id(),
            "payer": terms.parties[0].party_id,
            "heading": terms.title,
            "kind": "cash",
            "amount": Money(centimes=chance.randrange(1, 10**8)),
            "budget_year": today().year + year,
        }
        for year in (-1, 0, 1)
    ]
    terms = Terms.model_validate(terms.model_dump() | {"centers": (*terms.centers, *more), "budget": lines})
    return owing(terms, *duties)


async def a_life(world: World, chance: random.Random, **changes: Any) -> Agreement:
    """An agreement in force, its centers anywhere, some obligations claimed, now and then an amendment under way."""
    agreement = await bound(world.agreements, terms_of(chance, **changes))
    await world.settle()
    for each in agreement.centers:
        steps = STEPS[: chance.randrange(len(STEPS) + 1)]
        await world.take(each.center_id, steps)
        if "open_center" in steps and chance.random() < 0.7:
            await world.count(each.center_id, chance.randint(0, each.funded_seats), chance.randint(0, 20))
    await world.settle()
    agreement = await commands.let_time_pass(world.agreements, agreement.id, on=today())
    operator = agreement.parties[1].organisation_id
    for one in agreement.obligations:
        if one.state == "due" and chance.random() < 0.4:
            await commands.claim_obligation(
                world.agreements, agreement.id, one.obligation_id, evidence="(fictif)", by=president(operator)
            )
    if chance.random() < 0.4:
        amendment = await reword(world.agreements, await propose(world.agreements, agreement), "article-1", "Un")
        if chance.random() < 0.5:
            await agree(world.agreements, amendment)
    return await world.agreement(agreement.id)


async def decide(
    world: World, agreement: Agreement, action: str, *, ahead: bool, scope: Any, centers: list[UUID]
) -> tuple[Impact, list[Agreement]]:
    """Look at it, decide it, let its day come; gives the preview, and the agreements right before the effect."""
    what: dict[str, Any] = {"notified_on": today() if ahead else agreement.signed_on}
    if action == "suspend_agreement":
        what |= {"scope": scope, "centers": centers}
    by = head_of(agreement)
    looked = await queries.impact(world.agreements, agreement.id, action=action, **what, by=by)  # type: ignore[arg-type]
    family = [each.agreement_id for each in looked.agreements]
    decided: Any = commands.suspend_agreement if action == "suspend_agreement" else commands.terminate_agreement
    before = [await world.agreement(each) for each in family]
    await decided(world.agreements, agreement.id, **(DECISION | what), acknowledgement=looked.fingerprint, by=by)
    day = looked.decision.effective_on
    if ahead:
        for id in family:
            await commands.let_time_pass(world.agreements, id, on=day - timedelta(days=1))
        before = [await world.agreement(each) for each in family]
        await commands.let_time_pass(world.agreements, agreement.id, on=day)
    for id in family[1:]:
        await commands.let_time_pass(world.agreements, id, on=day)
    await schedule.apply_amendments(world.agreements)
    await world.settle()
    return looked, before


async def happened_as_told(world: World, looked: Impact, before: list[Agreement], centers: Mapping[UUID, str]) -> None:
    """Whatever the preview told has happened, and nothing else."""
    after = [await world.agreement(each.id) for each in before]
    assert {each.agreement_id: (each.state, each.becomes) for each in looked.agreements} == {
        was.id: (was.state, now.state) for was, now in zip(before, after, strict=True)
    }
    moved: Counter[Any] = Counter()
    for was, now in zip(before, after, strict=True):
        ledger = {(each.obligation_id, each.occurrence): each.state for each in now.obligations}
        for each in was.obligations:
            if ledger[each.obligation_id, each.occurrence] != each.state:
                moved[was.id, each.debtor_id, each.state, ledger[each.obligation_id, each.occurrence]] += 1
    assert {
        (each.agreement_id, each.debtor_id, each.state, each.becomes): each.number for each in looked.obligations
    } == dict(moved)
    assert {(each.agreement_id, each.edition): (each.state, each.becomes) for each in looked.editions} == {
        (was.id, year.number): (year.state, now.edition(year.number).state)
        for was, now in zip(before, after, strict=True)
        for year in was.editions
        if year.state in ("planned", "running")
    }
    granted = {(was.id, year.number): (year.funded_seats, year.amount) for was in before for year in was.editions}
    assert all(granted[each.agreement_id, each.edition] == (each.funded_seats, each.amount) for each in looked.editions)
    really = await world.states_of_centers()
    assert {each.center_id: each.state for each in looked.centers} == {
        each.center_id: centers[each.center_id] for each in looked.centers
    }
    told = {each.center_id: each.becomes for each in looked.centers}
    assert really == dict(centers) | told, "a center that was not told of has moved, or one that was has not"
    held = await world.learners_of_centers()
    for one in looked.centers:
        untold = (None, None) if centers[one.center_id] in ("opened", "suspended") else (0, 0)
        assert (one.funded_learners, one.learners) == held.get(one.center_id, untold)
    row = AMENDMENTS.table.c
    async with world.agreements.transaction(NATIONAL) as tx:
        amendments = {each.id: each.status for each in await tx.execute(select(row.id, row.status))}
    assert all(amendments[each.amendment_id] == each.becomes for each in looked.amendments)
    if looked.agreements[0].becomes == "terminated":
        ended = {each for each, state in amendments.items() if state == "withdrawn"}
        assert ended == {each.amendment_id for each in looked.amendments}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("action", ["suspend_agreement", "terminate_agreement"])
async def test_what_the_preview_tells_is_what_happens(world: World, action: str, seed: int) -> None:
    chance = random.Random(f"{action}-{seed}")
    agreement = await a_life(world, chance)
    if action == "terminate_agreement" and chance.random() < 0.4:
        scope = chance.choice(["money", "centers"])
        await decide(world, agreement, "suspend_agreement", ahead=False, scope=scope, centers=[])
        agreement = await world.agreement(agreement.id)
    named = [each.center_id for each in agreement.centers if chance.random() < 0.6]
    scope = chance.choice(["money", "centers", "centers"])
    centers = await world.states_of_centers()
    looked, before = await decide(
        world,
        agreement,
        action,
        ahead=chance.random() < 0.5,
        scope=scope,
        centers=named if scope == "centers" else [],
    )
    await happened_as_told(world, looked, before, centers)


async def test_the_end_of_a_framework_is_foretold_with_all_that_follows_it(world: World) -> None:
    chance = random.Random("framework")
    terms = current_network(agreement_kind="framework", effective_from=today() - timedelta(days=250))
    parent = await bound(world.agreements, terms)
    children = [await a_life(world, chance, academy=academy, parent_id=parent.id) for academy in ("MA-06", "MA-04")]
    centers = await world.states_of_centers()
    looked, before = await decide(world, parent, "terminate_agreement", ahead=False, scope=None, centers=[])
    assert {each.agreement_id for each in looked.agreements} == {parent.id, *(each.id for each in children)}
    assert len(looked.subscribers) == 12, "a national text concerns every academy"
    await happened_as_told(world, looked, before, centers)


async def a_child(world: World, chance: random.Random, parent: UUID) -> Agreement:
    """What follows a framework: at work, at rest, about to end, or signed and about to begin."""
    child: dict[str, Any] = {"academy": chance.choice(["MA-04", "MA-06"]), "parent_id": parent}
    match chance.choice(["at work", "at rest", "about to end", "about to begin"]):
        case "about to begin":
            begins = today() + timedelta(days=chance.choice([1, 10, 60]))
            return await signed_by_all(world.agreements, terms_of(chance, effective_from=begins, **child))
        case "about to end":
            return await a_life(world, chance, effective_until=today() + timedelta(days=20), **child)
        case "at rest":
            return await suspend(world.agreements, await a_life(world, chance, **child))
        case _:
            return await a_life(world, chance, **child)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("action", ["suspend_agreement", "terminate_agreement"])
async def test_what_the_preview_tells_of_a_family_is_what_happens(
    world: World, action: str, ahead: bool, seed: int
) -> None:
    chance = random.Random(f"{action}-{ahead}-{seed}")
    dates = {"effective_from": today() - timedelta(days=250), "effective_until": today() + timedelta(days=900)}
    parent = await bound(world.agreements, current_network(agreement_kind="framework", **dates))
    children = [await a_child(world, chance, parent.id) for _ in range(chance.randint(1, 3))]
    await world.settle()
    centers = await world.states_of_centers()
    looked, before = await decide(world, parent, action, ahead=ahead, scope="centers", centers=[])
    await happened_as_told(world, looked, before, centers)
    touched = {each.agreement_id for each in looked.agreements}
    for child in children:
        day = max(looked.decision.effective_on, child.effective_from)
        then = await commands.let_time_pass(world.agreements, child.id, on=day)
        if action == "terminate_agreement":
            assert (then.state == "terminated") == (child.id in touched)
        elif day <= child.effective_until:
            binds = looked.decision.effective_on > child.effective_from and child.state == "signed"
            assert then.state == ("in_force" if binds else child.state), "it goes on, and does not begin"


@pytest.mark.parametrize("national", [False, True])
@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize(
    ("action", "types"),
    [
        ("suspend_agreement", ("suspended", "suspension_announced")),
        ("terminate_agreement", ("terminated", "termination_announced")),
    ],
)
async def test_the_people_and_parties_of_the_preview_are_those_who_are_told(
    world: World, databases: Databases, action: str, types: tuple[str, str], ahead: bool, national: bool
) -> None:
    notifications = await databases("notifications")
    terms = (
        current_network(effective_from=today() - timedelta(days=90))
        if national
        else current(others=[party(new_id(), "funder")])
    )
    agreement = await bound(world.agreements, terms)
    organisations = {jurisdiction_of(each.organisation_id) for each in agreement.parties} - {"MA-06", "national"}
    homes = ["MA-06", "MA-06", "MA-05", "national", *organisations, f"org:{new_id()}"]
    for number, home in enumerate(homes):
        by = Actor("https://identity.example", f"reader-{number}", frozenset({Role.auditor}), home)
        await of_notifications.make_known(notifications, language="fr", by=by)
    await of_notifications.count_readers(notifications)
    for row in await news_of(notifications):
        async with world.agreements.transaction(NATIONAL) as tx:
            await of_agreements.follow_readership(tx, occurrence_of(row))
    looked, _ = await decide(world, agreement, action, ahead=ahead, scope="money", centers=[])
    for row in await news_of(world.agreements):
        async with notifications.transaction(NATIONAL) as tx:
            await tell_concerned(tx, [occurrence_of(row)])
    for type in types[: 1 + ahead]:
        told = Counter(await homes_told(notifications, f"ma.mithaq.agreement.{type}.v1"))
        assert told == {each.jurisdiction: each.number for each in looked.people}
        assert {jurisdiction_of(each) for each in looked.parties} - {"MA-06", "national"} == organisations & {*told}
    there = 3 + national + len(organisations)
    assert sum(each.number for each in looked.people) == there, "and of the ministry, which is a party"


@pytest.mark.parametrize("action", ["suspend_agreement", "terminate_agreement"])
async def test_the_ceremonies_of_the_preview_are_those_that_have_it_on_their_table_when_it_happens(
    world: World, action: str
) -> None:
    terms = current(effective_from=today())
    with long_ago():
        agreement = await approved(world.agreements, terms)
        for rule in agreement.rules.documents:
            if rule.before and rule.before != "approve_agreement":
                await attached(world.agreements, agreement, rule.category)
        ceremony = await hold(world.agreements, agreement.id)
        await hold(world.agreements, (await approved(world.agreements)).id)
        for each in agreement.parties:
            await sign_for(world.agreements, agreement, each.organisation_id, ceremony_id=ceremony.id)
        agreement = await world.agreement(agreement.id)
    looked, _ = await decide(world, agreement, action, ahead=False, scope="money", centers=[])
    row = CEREMONIES.table.c
    async with world.agreements.transaction(NATIONAL) as tx:
        ceremonies = [await CEREMONIES.read(tx, id) for id in (await tx.execute(select(row.id))).scalars()]
    has_it = {each.id: each.state for each in ceremonies if agreement.id in each.agreements}
    assert {each.ceremony_id: each.state for each in looked.ceremonies} == has_it == {ceremony.id: "open"}


async def news_of(database: Database) -> Sequence[JournalRow]:
    """All that a service has published."""
    async with database.transaction(NATIONAL) as tx:
        return (await tx.exec(select(JournalRow).order_by(col(JournalRow.id)))).all()


def occurrence_of(row: JournalRow) -> Occurrence[Any]:
    """A row as it arrives elsewhere."""
    whose = row.event_id, row.aggregate_id, row.aggregate_version, tuple(row.audience), row.actor
    return Occurrence(row.event(), *whose, row.occurred_at, row.correlation)


async def homes_told(database: Database, type: str) -> list[str]:
    """Where the people are at home who have an event of the type in their inbox."""
    told = text("""
        select jurisdiction from inbox_item join notice using (event_id) join person on person.id = person_id
        where type = :type
    """)
    async with database.transaction(NATIONAL) as tx:
        return list((await tx.execute(told, {"type": type})).scalars())


async def test_a_decision_on_an_outdated_picture_is_refused_and_says_what_has_changed(world: World) -> None:
    chance = random.Random("outdated")
    agreement = await a_life(world, chance)
    by, notified_on = head_of(agreement), agreement.signed_on
    looked = await queries.impact(
        world.agreements, agreement.id, action="terminate_agreement", notified_on=notified_on, by=by
    )
    opened = next(each for each in (await world.states_of_centers()).items() if each[1] not in ("opened", "suspended"))
    await world.take(opened[0], STEPS[["planned", "fitting_out", "ready"].index(opened[1]) : 3])
    await world.settle()
    async with world.agreements.transaction(NATIONAL) as tx:
        tx.add(EndpointFactRow(id=new_id(), visible_to=["MA-06"], academy="MA-06", enabled=True))
    with pytest.raises(Refusal) as refused:
        await commands.terminate_agreement(
            world.agreements,
            agreement.id,
            **decision_on(agreement),
            acknowledgement=looked.fingerprint,
            by=by,
        )
    assert refused.value.slug == "impact-changed"
    assert refused.value.values["changed"] == ["centers", "subscribers"]
    assert (await world.agreement(agreement.id)).state == "in_force", "nothing half-done"


@pytest.mark.parametrize("scope", ["centers", None])
async def test_what_a_lapse_comes_before_touches_nothing_more(world: World, scope: str | None) -> None:
    """Nobody decides the renewal, and the agreement ends with its edition before what is announced."""
    term: dict[str, Any] = {
        "effective_from": today() - timedelta(days=362),
        "effective_until": today() + timedelta(days=600),
    }
    agreement = await bound(world.agreements, current(**term))
    await world.settle()
    await world.take(agreement.centers[0].center_id, STEPS[:3])
    await world.settle()
    agreement = await commands.let_time_pass(world.agreements, agreement.id, on=today())
    action: Action = "suspend_agreement" if scope else "terminate_agreement"
    what: dict[str, Any] = {"notified_on": today()} | ({"scope": scope, "centers": []} if scope else {})
    told = await queries.impact(world.agreements, agreement.id, action=action, by=head_of(agreement), **what)
    assert agreement.renewal and told.decision.effective_on > agreement.renewal.deadline_on
    assert [(each.state, each.becomes) for each in told.agreements] == [("expired", "expired")]
    assert not (told.centers or told.obligations or told.editions or told.amounts)
