"""What we keep of the network's facts, however often they are told."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import select

from services.agreements import reactions
from services.agreements.tables import AssociationStandingRow, MandateRow, OrganisationRow
from services.agreements.tests.builders import approved, signer
from shared.actor import NATIONAL
from shared.database import Database
from shared.events import network
from shared.events.base import DomainEvent, Occurrence
from shared.ids import new_id
from shared.territory import ACADEMIES

E = TypeVar("E", bound=DomainEvent)
ASSOCIATION = UUID(network.AssociationRegistered.example["association_id"])
MANDATE = UUID(network.MandateRecorded.example["mandate_id"])


def told(event: E) -> Occurrence[E]:
    """The event as it arrives."""
    return Occurrence(event, new_id(), new_id(), 1, (), "somebody", datetime(2024, 8, 1, tzinfo=UTC), new_id())


async def tell_twice(database: Database, reaction: Any, kind: type[E], **changes: Any) -> None:
    """The published example of the type, told twice."""
    event = kind.model_validate(kind.example | changes)
    for _ in range(2):
        async with database.transaction(NATIONAL) as tx:
            await reaction(tx, told(event))


async def all_of(database: Database, table: type[Any]) -> list[Any]:
    """Every row."""
    async with database.transaction(NATIONAL) as tx:
        return list((await tx.exec(select(table))).all())


async def test_an_institution_is_known_by_its_names(database: Database) -> None:
    await tell_twice(database, reactions.know_organisation, network.OrganisationRegistered)
    (row,) = await all_of(database, OrganisationRow)
    assert row.name_fr == network.OrganisationRegistered.example["name_fr"]


async def test_an_association_has_a_name_and_no_standing_to_sign_yet(database: Database) -> None:
    await tell_twice(database, reactions.know_association, network.AssociationRegistered)
    (name,) = await all_of(database, OrganisationRow)
    (standing,) = await all_of(database, AssociationStandingRow)
    assert (name.id, standing.standing) == (ASSOCIATION, "registered")


async def test_an_associations_standing_is_followed(database: Database) -> None:
    await tell_twice(database, reactions.know_association, network.AssociationRegistered)
    for kind, standing in (
        (network.AssociationVerificationStarted, "under_verification"),
        (network.AssociationAccredited, "accredited"),
        (network.AssociationSuspended, "suspended"),
        (network.AssociationReinstated, "accredited"),
        (network.AssociationRefused, "refused"),
    ):
        await tell_twice(database, reactions.follow_standing, kind)
        (row,) = await all_of(database, AssociationStandingRow)
        assert row.standing == standing


async def test_a_mandate_counts_until_the_day_it_ended(database: Database) -> None:
    await tell_twice(database, reactions.know_mandate, network.MandateRecorded)
    (row,) = await all_of(database, MandateRow)
    assert (row.valid_from, row.valid_until) == (date(2024, 6, 1), date(2026, 5, 31))
    await tell_twice(database, reactions.end_mandate, network.MandateEnded)
    (row,) = await all_of(database, MandateRow)
    assert row.valid_until == date.fromisoformat(network.MandateEnded.example["ended_on"]) - timedelta(days=1)


async def test_an_academys_mandates_are_seen_by_the_academy(database: Database) -> None:
    organisation = ACADEMIES["MA-06"].organisation_id
    await tell_twice(database, reactions.know_mandate, network.MandateRecorded, organisation_id=str(organisation))
    async with database.transaction(frozenset({"MA-06"})) as tx:
        assert len((await tx.exec(select(MandateRow))).all()) == 1
    async with database.transaction(frozenset({"MA-07"})) as tx:
        assert (await tx.exec(select(MandateRow))).all() == []


async def test_a_mandate_that_ended_signs_no_more(database: Database) -> None:
    agreement = await approved(database)
    operator = next(each.organisation_id for each in agreement.parties if "operator" in each.roles)
    async with database.transaction(NATIONAL) as tx:
        held = (await tx.exec(select(MandateRow).where(MandateRow.organisation_id == operator))).one()
    changes = {"mandate_id": str(held.id), "organisation_id": str(operator), "ended_on": str(date(2024, 1, 1))}
    await tell_twice(database, reactions.end_mandate, network.MandateEnded, **changes)
    async with database.transaction(signer(operator).scope) as tx:
        assert (await tx.exec(select(MandateRow))).one().valid_until == date(2023, 12, 31)
