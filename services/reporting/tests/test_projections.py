"""Figures are what the events say, however often and in whatever batches they come."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from services.reporting import queries
from services.reporting.reactions import AGREEMENT_STATES, CENTER_STATES, reactions
from services.reporting.schemas import AgreementsByState, Capacity
from services.reporting.tables import Base
from services.reporting.tests.builders import (
    ASSOCIATION,
    FOREIGNER,
    NATION,
    OFFICER,
    TABLES,
    actor,
    agreement,
    center,
    declined,
    dump,
    event,
    folded,
    published,
)
from shared.actor import EVERYONE, NATIONAL, Actor, Role
from shared.database import Database
from shared.events.agreements import (
    AgreementAmended,
    AgreementApproved,
    AgreementDrafted,
    AgreementPartySigned,
    AgreementTermsRevised,
)
from shared.events.base import DomainEvent
from shared.events.catalog import ALL, TOPICS
from shared.events.centers import CenterOpened, CenterOperatorChanged, CenterPlanned, CenterSeatsChanged
from shared.ids import new_id
from shared.messaging.broker import Broker
from shared.messaging.envelope import open_envelope
from shared.messaging.reactions import ReactionRunner
from shared.messaging.rebuild import rebuild
from shared.migrations import drift
from tests.fixtures.eventually import eventually
from tests.web.routes import WHOLE

LEAVE_THE_STATE = {
    "acceptance_withdrawn",
    "acceptances_lapsed",
    "amended",
    "announcement_withdrawn",
    "approval_overdue",
    "approvals_voided",
    "archived",
    "delegation_withdrawn",
    "document_attached",
    "document_expired",
    "document_reminded",
    "document_withdrawn",
    "edition_closed",
    "edition_ended",
    "edition_opened",
    "enrolment_counted",
    "not_renewed",
    "obligation_claimed",
    "obligation_failed",
    "obligation_fell_due",
    "obligation_fulfilled",
    "obligation_reminded",
    "obligation_returned",
    "obligation_waived",
    "operator_changed",
    "party_declined",
    "renamed",
    "renewal_evaluated",
    "renewal_fell_due",
    "renewal_returned",
    "renewed",
    "scan_returned",
    "seats_changed",
    "signature_confirmed",
    "signature_contested",
    "signature_offer_expired",
    "signature_offer_renewed",
    "signature_reminded",
    "signature_scanned",
    "signing_delegated",
    "step_approved",
    "suspension_announced",
    "termination_announced",
    "terms_revised",
    "text_accepted",
    "text_revised",
    "turn_passed",
    "visa_awaited",
    "visa_recorded",
    "visa_withdrawn",
}
"""Events of an agreement or a center after which it is counted in the state it was in."""


async def agreements(database: Database, academy: str | None = None, *, by: Actor) -> Sequence[AgreementsByState]:
    """The agreements by state that somebody reads."""
    return (await queries.agreements_by_state(database, academy=academy, page=WHOLE, by=by))[0]


async def capacity(database: Database, *, by: Actor) -> Sequence[Capacity]:
    """The capacity that somebody reads."""
    return (await queries.capacity(database, academy=None, page=WHOLE, by=by))[0]


@pytest.mark.parametrize(
    ("until", "state"),
    [
        (AgreementDrafted, "draft"),
        (AgreementApproved, "ready_to_sign"),
        (AgreementPartySigned, "partially_signed"),
        (None, "in_force"),
    ],
)
async def test_an_agreement_is_counted_in_the_state_its_last_event_left_it_in(
    database: Database, until: type[DomainEvent] | None, state: str
) -> None:
    await folded(database, agreement(until), agreement(until))
    (figure,) = await agreements(database, by=NATION)
    assert (figure.academy, figure.state, figure.agreements) == ("MA-06", state, 2)


async def test_a_refusal_to_sign_sends_an_agreement_back_and_voids_its_signatures(database: Database) -> None:
    await folded(database, declined())
    (figure,) = await agreements(database, by=NATION)
    assert figure.state == "negotiation"
    async with database.transaction(NATIONAL) as tx:
        voided = (await tx.execute(text("select voided_at is not null from signature_entry"))).scalars().all()
    assert voided == [True]


async def test_seats_are_counted_by_province_and_never_without_their_funding(database: Database) -> None:
    await folded(database, center(CenterPlanned), center(CenterOpened), center(CenterOpened, province="MA-MOH"))
    figures = await capacity(database, by=NATION)
    found = {(each.province, each.state): (each.centers, each.funded_seats, each.unfunded_seats) for each in figures}
    assert found == {
        ("MA-CAS", "planned"): (1, 60, 20),
        ("MA-CAS", "opened"): (1, 60, 20),
        ("MA-MOH", "opened"): (1, 60, 20),
    }


async def test_who_is_a_party_no_more_counts_a_draft_no_more(database: Database) -> None:
    joined = new_id()
    drafted = agreement(AgreementDrafted)
    id = open_envelope(drafted[0]).subject
    parties = [{"party_id": new_id(), "organisation_id": joined, "roles": ["operator"]}]
    revised = published(id, [event(AgreementTermsRevised, agreement_id=id, parties=parties)], after=1)
    await folded(database, drafted + revised)
    newcomer = actor(Role.association_manager, jurisdiction=f"org:{joined}")
    (counted,) = await agreements(database, by=newcomer)
    assert (counted.academy, counted.state) == ("MA-06", "draft")
    assert await agreements(database, by=ASSOCIATION) == []


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in another batch"])
async def test_an_amendment_moves_the_figures_with_it(database: Database, together: bool) -> None:
    """Seats, operators and parties, whether told with what came before or later."""
    joined = new_id()
    newcomer = actor(Role.association_manager, jurisdiction=f"org:{joined}")
    signed, opened = agreement(), center(CenterOpened)
    id, center_id = (open_envelope(life[0]).subject for life in (signed, opened))
    parties = [{"party_id": new_id(), "organisation_id": joined, "roles": ["operator"]}]
    amended = published(id, [event(AgreementAmended, agreement_id=id, parties=parties)], after=len(signed))
    changed = [
        event(CenterSeatsChanged, center_id=center_id, funded_seats=80, unfunded_seats=0),
        event(CenterOperatorChanged, center_id=center_id, operator_id=joined),
    ]
    moved = published(center_id, changed, after=len(opened))
    lives = [signed + amended, opened + moved] if together else [signed, amended, opened, moved]
    await folded(database, *lives)
    (figure,) = await capacity(database, by=newcomer)
    assert (figure.state, figure.funded_seats, figure.unfunded_seats) == ("opened", 80, 0)
    (counted,) = await agreements(database, by=newcomer)
    assert (counted.state, counted.agreements) == ("in_force", 1)
    assert await capacity(database, by=ASSOCIATION) == []


async def test_figures_stay_within_the_reader_s_jurisdiction(database: Database) -> None:
    await folded(database, agreement(), agreement(academy="MA-05"), agreement(academy=None), center())
    assert {each.academy for each in await agreements(database, by=NATION)} == {"MA-05", "MA-06", None}
    assert {each.academy for each in await agreements(database, by=OFFICER)} == {"MA-06", None}
    assert {each.academy for each in await agreements(database, by=FOREIGNER)} == {None}
    assert await agreements(database, "MA-06", by=FOREIGNER) == []
    assert sum(each.agreements for each in await agreements(database, by=ASSOCIATION)) == 3
    assert await capacity(database, by=FOREIGNER) == []


async def test_row_level_security_hides_other_regions_even_without_the_filter(database: Database) -> None:
    await folded(database, agreement(), center())
    async with database.transaction(NATIONAL) as tx:
        protected = (await tx.execute(text("select relname from pg_class where relforcerowsecurity"))).scalars()
        assert set(protected) == {"journal", *Base.metadata.tables} == {"journal", *TABLES}
    for scope, seen in (({"MA-06", EVERYONE}, True), ({"MA-01", EVERYONE}, False), (set[str](), False)):
        async with database.transaction(frozenset(scope)) as tx:
            for table in TABLES:
                assert bool((await tx.execute(text(f"select 1 from {table}"))).all()) == seen, (table, scope)


def test_every_event_of_a_counted_aggregate_has_its_state() -> None:
    for kind, states, first in (("agreement", AGREEMENT_STATES, "drafted"), ("center", CENTER_STATES, "planned")):
        verbs = {event.type.split(".")[3] for event in ALL if event.type.startswith(f"ma.mithaq.{kind}.")}
        counted = {event.type.split(".")[3] for event in states}
        assert verbs - counted - LEAVE_THE_STATE == {first}


@asynccontextmanager
async def _running(database: Database, broker: Broker) -> AsyncIterator[None]:
    stop = asyncio.Event()
    runners = [ReactionRunner(each, database, broker) for each in reactions.all]
    tasks = [asyncio.create_task(runner.run(stop)) for runner in runners]
    yield
    stop.set()
    await asyncio.gather(*tasks)


async def test_a_rebuild_gives_the_same_bytes(database: Database, broker: Broker) -> None:
    await broker.ensure_topics(TOPICS)
    lives = [
        agreement(),
        agreement(AgreementApproved),
        agreement(academy=None),
        declined(),
        center(),
        center(CenterOpened),
    ]
    # Subjects interleave at random; each one's own events keep their order.
    order = [life for life in lives for _ in life]
    random.Random(7).shuffle(order)
    left = {id(life): iter(life) for life in lives}
    messages = [next(left[id(life)]) for life in order]
    async with _running(database, broker):
        await broker.publish(messages)
        await broker.publish(messages[:20])  # a relay that was killed repeats itself

        async def done() -> bool:
            lags = [await broker.lag(each.group, each.topics) for each in reactions.all]
            return not any(sum(lag.values()) for lag in lags)

        await eventually(done, within=15)
        live = await dump(database)
        assert live.count(b"in_force") == 2
        for projection in reactions.all:
            assert await rebuild(projection, database, broker) > 0
        assert await dump(database) == live


def test_the_migrations_make_what_the_tables_declare(database_url: Callable[[str], str]) -> None:
    assert drift(database_url("reporting"), Base.metadata) == []
