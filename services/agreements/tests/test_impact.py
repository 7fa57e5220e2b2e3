"""What an impact is made of, what acknowledges it, and what the commands ask for beside it."""

from typing import Any
from uuid import UUID

import pytest

from services.agreements import commands, queries, reactions
from services.agreements.agreement import Agreement
from services.agreements.errors.force import CentersNotHandedOver
from services.agreements.errors.signing import FileUnknown
from services.agreements.impact import Impact
from services.agreements.schemas.force import ImpactAnswer
from services.agreements.tables import CenterFactRow
from services.agreements.tests.builders import (
    bound,
    center,
    current,
    decision_on,
    director,
    officer,
    operator_of,
    president,
    suspend,
    terminate,
)
from services.agreements.tests.test_reactions import told
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Database
from shared.events.notifications import EndpointDisabled, EndpointEnabled, EndpointRegistered, ReadershipCounted
from shared.ids import new_id
from shared.refusals import Forbidden, NotFound


def look(agreement: Agreement) -> dict[str, Any]:
    """What its end is asked with, notice having been given when all had signed."""
    return {"action": "terminate_agreement", "notified_on": agreement.signed_on}


async def endpoints_seen(database: Database, agreement: Agreement) -> int:
    """How many addresses of MA-06 the preview tells."""
    (subscriber,) = (await queries.impact(database, agreement.id, **look(agreement), by=director())).subscribers
    assert subscriber.academy == "MA-06"
    return subscriber.endpoints


async def test_an_academys_enabled_addresses_are_counted_and_nobody_elses(database: Database) -> None:
    agreement = await bound(database)
    mine = {"endpoint_id": new_id(), "academy": "MA-06"}
    other = {"endpoint_id": new_id(), "academy": "MA-07"}
    steps: list[tuple[Any, int]] = [
        (EndpointRegistered(**other, channel="email"), 0),
        (EndpointRegistered(**mine, channel="webhook"), 1),
        (EndpointDisabled(**mine, because="failing"), 0),
        (EndpointEnabled(**mine), 1),
    ]
    for event, seen in steps:
        for _ in range(2):
            async with database.transaction(NATIONAL) as tx:
                await reactions.follow_endpoint(tx, told(event))
        assert await endpoints_seen(database, agreement) == seen
    async with database.transaction(officer("MA-07").scope) as tx:
        rows = await (await tx.connection()).exec_driver_sql("select academy from endpoint_fact")
        assert rows.scalars().all() == ["MA-07"], "an academy sees its own addresses only"


async def test_the_people_of_the_academy_and_of_the_parties_are_counted_and_no_others(database: Database) -> None:
    agreement = await bound(database)
    party = f"org:{operator_of(agreement)}"
    ids = {home: new_id() for home in ("MA-06", party, "MA-07", f"org:{new_id()}", "national")}
    for people in (2, 3):
        for home, id in ids.items():
            counted = ReadershipCounted(readership_id=id, jurisdiction=home, people=people)
            async with database.transaction(NATIONAL) as tx:
                await reactions.follow_readership(tx, told(counted))
        looked = await queries.impact(database, agreement.id, **look(agreement), by=director())
        counted_homes = dict.fromkeys(("MA-06", "national", party), people)
        assert {each.jurisdiction: each.number for each in looked.people} == counted_homes
    async with database.transaction(officer("MA-07").scope) as tx:
        rows = await (await tx.connection()).exec_driver_sql("select jurisdiction from reader_fact")
        assert rows.scalars().all() == ["MA-07"], "an academy sees its own people's number only"


async def test_a_preview_changes_nothing_and_needs_no_paper_yet(database: Database) -> None:
    agreement = await bound(database)
    paper = next(each for each in agreement.documents if each.category == "termination_decision")
    agreement = await commands.withdraw_document(database, agreement.id, paper.document_id, reason="r", by=director())
    looked = await queries.impact(database, agreement.id, **look(agreement), by=director())
    assert looked.agreements[0].becomes == "terminated"
    now = await queries.agreement(database, agreement.id, action="read_agreement", by=director())
    assert (now.version, now.state) == (agreement.version, "in_force")


@pytest.mark.parametrize(
    ("action", "becomes"), [("terminate_agreement", "under_review"), ("suspend_agreement", "running")]
)
async def test_a_preview_tells_what_the_running_edition_grants(database: Database, action: str, becomes: str) -> None:
    agreement = await bound(database, current(effective_from=today()))
    agreement = await commands.let_time_pass(database, agreement.id, on=today())
    asked = look(agreement) | {"action": action} | ({"scope": "money"} if action == "suspend_agreement" else {})
    looked = await queries.impact(database, agreement.id, **asked, by=director())
    (told,), (edition,) = looked.editions, agreement.editions
    assert (told.state, told.becomes) == ("running", becomes)
    assert (told.funded_seats, told.unfunded_seats) == (edition.funded_seats, edition.unfunded_seats) == (60, 20)
    assert (told.budget_year, told.amount) == (edition.budget_year, edition.amount)


async def test_a_preview_is_for_whoever_keeps_the_agreement(database: Database) -> None:
    agreement = await bound(database)
    operator = president(operator_of(agreement))
    for stranger, refusal in ((director("MA-07"), NotFound), (operator, Forbidden)):
        with pytest.raises(refusal):
            await queries.impact(database, agreement.id, **look(agreement), by=stranger)


async def test_learners_are_told_once_they_are_counted_and_there_are_none_before_the_opening(
    database: Database,
) -> None:
    terms = current()
    operator = terms.parties[1].organisation_id
    terms = terms.model_copy(update={"centers": (*terms.centers, center(operator, terms.centers[0].province))})
    agreement = await bound(database, terms)
    first, second = sorted(each.center_id for each in agreement.centers)
    counted = {"learners": 37, "funded_learners": 30, "counted_on": today()}
    steps: list[tuple[UUID, str, dict[str, Any], list[int | None], int | None]] = [
        (first, "ready", {}, [0, 0], 0),
        (first, "opened", {}, [None, 0], None),
        (first, "opened", counted, [37, 0], 37),
        (first, "suspended", counted, [37, 0], 37),
        (second, "opened", {}, [37, None], None),
        (second, "opened", counted | {"learners": 5, "funded_learners": 0}, [37, 5], 42),
    ]
    for center_id, state, count, by_center, total in steps:
        fact = {"id": center_id, "agreement_id": agreement.id, "academy": "MA-06", "province": "MA-CAS"}
        async with database.transaction(NATIONAL) as tx:
            await tx.merge(CenterFactRow(**fact, state=state, funded_seats=60, unfunded_seats=20, **count))
        told = ImpactAnswer.told(await queries.impact(database, agreement.id, **look(agreement), by=director()))
        assert [each.learners for each in sorted(told.centers, key=lambda each: each.center_id)] == by_center
        assert (told.learners, told.funded_learners) == (total, total if total is None else min(total, 30))


async def test_another_count_of_learners_asks_for_another_look(database: Database) -> None:
    agreement = await bound(database)
    (one,) = agreement.centers
    seats = one.model_dump(include={"province", "funded_seats", "unfunded_seats"})
    fact = {"id": one.center_id, "agreement_id": agreement.id, "academy": "MA-06", "state": "opened"}
    looked = []
    for learners in (37, 38):
        async with database.transaction(NATIONAL) as tx:
            await tx.merge(CenterFactRow(**fact, **seats, learners=learners, funded_learners=30, counted_on=today()))
        looked.append(await queries.impact(database, agreement.id, **look(agreement), by=director()))
    assert looked[1].changed_since(looked[0].fingerprint) == ["centers"]


async def test_the_acknowledgement_says_which_part_is_another(database: Database) -> None:
    agreement = await bound(database)
    looked = await queries.impact(database, agreement.id, **look(agreement), by=director())
    assert looked.changed_since(looked.fingerprint) == []
    other = looked.model_copy(update={"parties": looked.parties[1:]})
    assert other.changed_since(looked.fingerprint) == ["parties"]
    acknowledged = [part for part in Impact.model_fields if part != "people"]
    assert looked.changed_since("ab") == acknowledged, "what cannot be compared is all new"


async def test_whoever_opens_their_inbox_keeps_nobody_from_deciding(database: Database) -> None:
    agreement = await bound(database)
    looked = await queries.impact(database, agreement.id, **look(agreement), by=director())
    counted = ReadershipCounted(readership_id=new_id(), jurisdiction="MA-06", people=7)
    async with database.transaction(NATIONAL) as tx:
        await reactions.follow_readership(tx, told(counted))
    now = await queries.impact(database, agreement.id, **look(agreement), by=director())
    assert ([each.number for each in looked.people], [each.number for each in now.people]) == ([], [7])
    decided = await commands.terminate_agreement(
        database, agreement.id, **decision_on(agreement), acknowledgement=looked.fingerprint, by=director()
    )
    assert decided.state == "terminated"


async def test_a_decision_binds_to_the_paper_that_was_attached_for_it(database: Database) -> None:
    agreement = await bound(database)
    paper = next(each for each in agreement.documents if each.category == "suspension_decision")
    with pytest.raises(FileUnknown):
        await suspend(database, agreement, document_hash="ab" * 32)
    agreement = await suspend(database, agreement)
    assert agreement.suspension and agreement.suspension.document_hash == paper.hash


async def test_a_file_is_closed_once_its_centers_are_handed_over(database: Database) -> None:
    agreement = await terminate(database, await bound(database))
    closing: dict[str, Any] = {"confirmed": agreement.to_confirm, "document": "COMPTE-EXEMPLE-1", "by": director()}
    (center,) = agreement.centers
    seats = center.model_dump(include={"province", "funded_seats", "unfunded_seats"})
    for state in (None, "opened", "handing_over"):
        if state:
            async with database.transaction(NATIONAL) as tx:
                fact = {"id": center.center_id, "agreement_id": agreement.id, "academy": "MA-06", "state": state}
                await tx.merge(CenterFactRow(**fact, **seats))
        with pytest.raises(CentersNotHandedOver) as refused:
            await commands.close_agreement(database, agreement.id, **closing)
        assert refused.value.values["centers"] == [center.center_id]
    async with database.transaction(NATIONAL) as tx:
        fact = {"id": center.center_id, "agreement_id": agreement.id, "academy": "MA-06", "state": "closed"}
        await tx.merge(CenterFactRow(**fact, **seats))
    with pytest.raises(FileUnknown):
        await commands.close_agreement(database, agreement.id, **closing, document_hash="ab" * 32)
    agreement = await commands.close_agreement(database, agreement.id, **closing)
    assert agreement.state == "closed" and agreement.closed_file
