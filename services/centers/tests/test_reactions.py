"""What happens to centers when something happens to their agreement."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from services.centers import commands
from services.centers.center import CenterState
from services.centers.errors import AgreementRests, ProvinceOutsideAcademy
from services.centers.reactions import end_centers, plan_centers, reactions, resume_centers, suspend_centers
from services.centers.tables import CENTERS
from services.centers.tests.builders import AGREEMENT, DAY, DIRECTOR, decisions, occurrence, provided
from shared.actor import NATIONAL, SYSTEM
from shared.database import Database
from shared.events.agreements import (
    AgreementAmended,
    AgreementEditionOpened,
    AgreementExpired,
    AgreementResumed,
    AgreementSigned,
    AgreementSuspended,
    AgreementTerminated,
    CenterToOpen,
)
from shared.ids import new_id
from tests.fixtures.database import Databases

OPENED, FITTING, SPARE = provided(), provided(), provided()
TO_OPENING = ("start_fitting_out", "grant_visa", "open_center")


def signed(*centers: CenterToOpen, academy: str | None = "MA-06") -> AgreementSigned:
    """An agreement signed by all, with these centers."""
    return AgreementSigned(
        agreement_id=AGREEMENT,
        agreement_type="regional",
        academy=academy,
        reference="AREF-06/2024-0001",
        signed_on=date(2024, 8, 30),
        effective_from=date(2024, 9, 2),
        effective_until=date(2027, 8, 31),
        centers=centers,
    )


def amended(*centers: CenterToOpen) -> AgreementAmended:
    """The agreement, with these centers from now on."""
    example = AgreementAmended.model_validate(AgreementAmended.example)
    return example.model_copy(update={"agreement_id": AGREEMENT, "centers": centers})


async def react(database: Database, function: Any, event: Any) -> None:
    """Call the reaction twice with one event: the second time changes nothing."""
    once = occurrence(event)
    async with database.transaction(NATIONAL) as tx:
        await function(tx, once)
    before = await events(database)
    async with database.transaction(NATIONAL) as tx:
        await function(tx, once)
    assert await events(database) == before


async def events(database: Database) -> int:
    """How many events the journal holds."""
    async with database.transaction(NATIONAL) as tx:
        return int((await tx.execute(text("select count(*) from journal"))).scalar_one())


async def states(database: Database) -> list[CenterState]:
    """Where the three centers are: the opened one, the one being fitted out, the spare one."""
    async with database.transaction(NATIONAL) as tx:
        return [(await CENTERS.read(tx, each.center_id)).state for each in (OPENED, FITTING, SPARE)]


async def take(database: Database, center: CenterToOpen, *steps: str) -> None:
    """Take a center through these steps."""
    async with database.transaction(NATIONAL) as tx:
        found = await CENTERS.load(tx, center.center_id)
        for step in steps:
            await CENTERS.record(tx, found, decisions(found)[step](), by=SYSTEM)


@pytest.fixture
async def database(databases: Databases) -> Database:
    """An agreement with three centers: one opened, one being fitted out, one opened but never named."""
    database = await databases("centers")
    await react(database, plan_centers, signed(OPENED, FITTING, SPARE))
    await take(database, OPENED, *TO_OPENING)
    await take(database, FITTING, "start_fitting_out")
    await take(database, SPARE, *TO_OPENING)
    return database


def suspended(scope: Any = "centers") -> AgreementSuspended:
    """A suspension that names the first two centers."""
    named = (OPENED.center_id, FITTING.center_id)
    return AgreementSuspended(agreement_id=AGREEMENT, effective_on=DAY, scope=scope, centers=named)


def resumed() -> AgreementResumed:
    """The end of that suspension."""
    return AgreementResumed(agreement_id=AGREEMENT, effective_on=DAY, centers=(OPENED.center_id, FITTING.center_id))


async def test_a_signed_agreement_plans_its_centers_under_its_ids_with_its_seats(databases: Databases) -> None:
    database = await databases("centers")
    await react(database, plan_centers, signed(OPENED))
    async with database.transaction(NATIONAL) as tx:
        center = await CENTERS.read(tx, OPENED.center_id)
    assert center.state is CenterState.planned
    assert center.agreement_id == AGREEMENT
    assert (center.academy, center.province) == ("MA-06", "MA-CAS")
    assert (center.funded_seats, center.unfunded_seats) == (60, 20)


async def test_nothing_is_planned_if_one_center_cannot_be(databases: Databases) -> None:
    database = await databases("centers")
    with pytest.raises(ProvinceOutsideAcademy):
        async with database.transaction(NATIONAL) as tx:
            await plan_centers(tx, occurrence(signed(OPENED, provided(province="MA-FES"))))
    assert await events(database) == 0


async def test_a_suspension_stops_the_open_centers_it_names(database: Database) -> None:
    await react(database, suspend_centers, suspended())
    assert await states(database) == [CenterState.suspended, CenterState.fitting_out, CenterState.opened]


async def test_a_center_that_is_not_open_yet_does_not_open_while_its_agreement_rests(database: Database) -> None:
    await take(database, FITTING, "grant_visa")
    await react(database, suspend_centers, suspended())
    with pytest.raises(AgreementRests):
        await commands.open_center(database, FITTING.center_id, by=DIRECTOR)
    await react(database, resume_centers, resumed())
    assert (await commands.open_center(database, FITTING.center_id, by=DIRECTOR)).state is CenterState.opened


async def test_a_center_that_comes_while_the_others_rest_does_not_open_before_the_agreement_resumes(
    database: Database,
) -> None:
    new = provided()
    await react(database, suspend_centers, suspended())
    told = amended(OPENED, FITTING, SPARE, new).model_copy(update={"resting": (new.center_id,)})
    await react(database, plan_centers, told)
    await take(database, new, "start_fitting_out", "grant_visa")
    with pytest.raises(AgreementRests):
        await commands.open_center(database, new.center_id, by=DIRECTOR)
    await react(database, resume_centers, resumed().model_copy(update={"centers": (new.center_id,)}))
    assert (await commands.open_center(database, new.center_id, by=DIRECTOR)).state is CenterState.opened


async def test_a_suspension_of_money_stops_no_center(database: Database) -> None:
    await react(database, suspend_centers, suspended(scope="money"))
    assert await states(database) == [CenterState.opened, CenterState.fitting_out, CenterState.opened]


async def test_a_resumption_opens_the_centers_the_suspension_stopped(database: Database) -> None:
    await react(database, suspend_centers, suspended())
    await react(database, resume_centers, resumed())
    assert await states(database) == [CenterState.opened, CenterState.fitting_out, CenterState.opened]


async def test_a_resumption_leaves_a_center_suspended_by_decision_as_it_is(database: Database) -> None:
    await take(database, OPENED, "suspend_center")
    await react(database, suspend_centers, suspended())
    await react(database, resume_centers, resumed())
    assert (await states(database))[0] is CenterState.suspended


@pytest.mark.parametrize(
    "event",
    [
        AgreementTerminated(agreement_id=AGREEMENT, academy="MA-06", effective_on=DAY),
        AgreementExpired(agreement_id=AGREEMENT, academy="MA-06", expired_on=DAY),
    ],
    ids=["terminated", "expired"],
)
async def test_when_the_agreement_ends_open_centers_are_handed_over_and_others_abandoned(
    database: Database, event: Any
) -> None:
    await react(database, end_centers, event)
    assert await states(database) == [CenterState.handing_over, CenterState.abandoned, CenterState.handing_over]


async def test_a_suspension_ends_with_its_agreement_and_its_centers_are_handed_over(database: Database) -> None:
    await react(database, suspend_centers, suspended())
    await react(database, end_centers, AgreementTerminated(agreement_id=AGREEMENT, academy="MA-06", effective_on=DAY))
    assert await states(database) == [CenterState.handing_over, CenterState.abandoned, CenterState.handing_over]
    async with database.transaction(NATIONAL) as tx:
        assert (await tx.execute(text("select count(*) from resting_center"))).scalar_one() == 0


def test_the_reactions_id_is_stable_for_ever() -> None:
    assert [reaction.group for reaction in reactions.all] == ["centers.follow-agreements"]
    assert reactions.all[0].topics == ("agreements.agreement",)


async def test_an_amendment_plans_new_centers_and_the_others_follow_it(database: Database) -> None:
    operator, new = new_id(), provided()
    more = OPENED.model_copy(update={"funded_seats": 80, "operator_id": operator, "name_fr": "Centre Nour (fictif)"})
    await react(database, plan_centers, amended(more, FITTING, SPARE, new))
    async with database.transaction(NATIONAL) as tx:
        opened, fitting, planned = [await CENTERS.read(tx, each.center_id) for each in (OPENED, FITTING, new)]
        told = [row.type for row in await CENTERS.history(tx, opened.id)]
    assert (opened.state, opened.funded_seats, opened.unfunded_seats) == (CenterState.opened, 80, 20)
    assert (opened.operator_id, opened.name_fr) == (operator, "Centre Nour (fictif)")
    assert f"org:{operator}" in opened.visible_to()
    assert [each.split(".")[3] for each in told[-3:]] == ["renamed", "operator_changed", "seats_changed"]
    assert (fitting.version, fitting.funded_seats, planned.state) == (2, 60, CenterState.planned)


async def test_a_center_has_the_seats_that_the_edition_under_way_grants(database: Database) -> None:
    fewer, more = (OPENED.model_copy(update={"funded_seats": number}) for number in (50, 80))
    example = AgreementEditionOpened.model_validate(AgreementEditionOpened.example)
    opened = example.model_copy(update={"agreement_id": AGREEMENT, "centers": (fewer,)})
    events = [
        opened,
        opened.model_copy(update={"centers": ()}),
        amended(more).model_copy(update={"granted": (fewer,)}),
        amended(more),
    ]
    for event, seats in zip(events, (50, 50, 50, 80), strict=True):
        await react(database, plan_centers, event)
        async with database.transaction(NATIONAL) as tx:
            assert (await CENTERS.read(tx, OPENED.center_id)).funded_seats == seats


async def test_a_center_that_is_over_follows_no_amendment(database: Database) -> None:
    async with database.transaction(NATIONAL) as tx:
        center = await CENTERS.load(tx, FITTING.center_id)
        await CENTERS.record(tx, center, center.abandon(reason="(fictif)"), by=SYSTEM)
    await react(database, plan_centers, amended(FITTING.model_copy(update={"funded_seats": 80})))
    async with database.transaction(NATIONAL) as tx:
        assert (await CENTERS.read(tx, FITTING.center_id)).funded_seats == 60
