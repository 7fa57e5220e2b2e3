"""What we keep of the network's and the centers' facts, and what they fulfil, however often they are told."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import select

from services.agreements import reactions
from services.agreements.agreement import Agreement
from services.agreements.tables import (
    AGREEMENTS,
    AssociationStandingRow,
    CenterFactRow,
    MandateRow,
    ObligationRow,
    OrganisationRow,
)
from services.agreements.terms import Fulfilling
from services.agreements.tests.builders import (
    approved,
    bound,
    current,
    operator_of,
    owing,
    person,
    sign_for,
    signer,
)
from shared.actor import NATIONAL, Role
from shared.clock import today
from shared.database import Database
from shared.events import centers, network
from shared.events.base import DomainEvent, Occurrence
from shared.ids import new_id
from shared.territory import ACADEMIES

E = TypeVar("E", bound=DomainEvent)
ASSOCIATION = UUID(network.AssociationRegistered.example["association_id"])
SCOPE = ("agreement_types", "academies", "agreements")
MANDATE = UUID(network.MandateRecorded.example["mandate_id"])


def told(event: E) -> Occurrence[E]:
    """The event as it arrives."""
    subject = getattr(event, "center_id", None) or new_id()
    return Occurrence(event, new_id(), subject, 1, (), "somebody", datetime(2024, 8, 1, tzinfo=UTC), new_id())


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


async def test_what_a_mandate_covers_is_kept_with_it(database: Database) -> None:
    await tell_twice(database, reactions.know_mandate, network.MandateRecorded)
    (row,) = await all_of(database, MandateRow)
    assert (row.agreement_types, row.academies, row.agreements) == (["regional", "local"], ["MA-06"], [])


async def test_a_mandate_told_without_a_scope_covers_everything(database: Database) -> None:
    event = {field: value for field, value in network.MandateRecorded.example.items() if field not in SCOPE}
    agreement = await approved(database)
    operator = operator_of(agreement)
    by = person("new-president", Role.association_manager, f"org:{operator}")
    event |= {"organisation_id": operator, "person": by.person, "valid_from": today(), "valid_until": today()}
    async with database.transaction(NATIONAL) as tx:
        await reactions.know_mandate(tx, told(network.MandateRecorded.model_validate(event)))
    signed = await sign_for(database, agreement, operator, by=by)
    assert signed.signatures[0].mandate_id == MANDATE


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


async def test_a_center_is_known_with_its_agreement_and_its_seats(database: Database) -> None:
    await tell_twice(database, reactions.know_center, centers.CenterPlanned)
    (row,) = await all_of(database, CenterFactRow)
    assert (str(row.agreement_id), row.state) == (centers.CenterPlanned.example["agreement_id"], "planned")
    assert (row.funded_seats, row.unfunded_seats, row.learners) == (60, 20, None)


async def test_how_many_learners_a_center_counted_is_kept_with_its_day(database: Database) -> None:
    await tell_twice(database, reactions.know_center, centers.CenterPlanned)
    await tell_twice(database, reactions.follow_enrolment, centers.CenterEnrolmentCounted)
    (row,) = await all_of(database, CenterFactRow)
    assert (row.learners, row.funded_learners, row.counted_on) == (63, 52, date(2024, 11, 15))
    await tell_twice(database, reactions.follow_enrolment, centers.CenterEnrolmentCounted, unfunded_enrolled=0)
    (row,) = await all_of(database, CenterFactRow)
    assert (row.learners, row.funded_learners) == (52, 52), "the last count takes the place of those before"


async def test_where_a_center_stands_is_followed(database: Database) -> None:
    await tell_twice(database, reactions.know_center, centers.CenterPlanned)
    for kind, state in (
        (centers.CenterFittingOutStarted, "fitting_out"),
        (centers.CenterVisaGranted, "ready"),
        (centers.CenterSuspended, "suspended"),
        (centers.CenterResumed, "opened"),
        (centers.CenterHandoverStarted, "handing_over"),
        (centers.CenterClosed, "closed"),
        (centers.CenterAbandoned, "abandoned"),
    ):
        follows = reactions.follow_visa if kind is centers.CenterVisaGranted else reactions.follow_center
        await tell_twice(database, follows, kind)
        (row,) = await all_of(database, CenterFactRow)
        assert row.state == state


async def test_the_opening_of_its_center_fulfils_the_obligation_to_open_it_once(database: Database) -> None:
    terms = current()
    center_id = terms.centers[0].center_id
    agreement = await bound(database, owing(terms, {"fulfilled_by": "center_opened", "center_id": center_id}, {}))
    of_it = {"center_id": str(center_id), "agreement_id": str(agreement.id)}
    await tell_twice(database, reactions.know_center, centers.CenterPlanned, **of_it)
    opened_on = today() + timedelta(days=20)
    await tell_twice(
        database, reactions.note_center_opened, centers.CenterOpened, center_id=str(center_id), opened_on=str(opened_on)
    )
    async with database.transaction(NATIONAL) as tx:
        found = await AGREEMENTS.read(tx, agreement.id)
        told = [row.type for row in await AGREEMENTS.history(tx, agreement.id)]
    assert [each.state.value for each in found.obligations] == ["fulfilled", "pending"]
    assert found.obligations[0].settled_on == opened_on
    assert told.count("ma.mithaq.agreement.obligation_fulfilled.v1") == 1
    assert {row.state for row in await all_of(database, ObligationRow)} == {"fulfilled", "pending"}


async def awaiting(database: Database, what: Fulfilling) -> Agreement:
    """An agreement in force since some weeks, one duty of which its center fulfils by this; the center is planned."""
    terms = current(effective_from=today() - timedelta(days=20))
    center = terms.centers[0]
    agreement = await bound(database, owing(terms, {"fulfilled_by": what, "center_id": center.center_id}, {}))
    of_it = {"center_id": str(center.center_id), "agreement_id": str(agreement.id)}
    await tell_twice(
        database, reactions.know_center, centers.CenterPlanned, **of_it, funded_seats=60, unfunded_seats=20
    )
    return agreement


async def ledger(database: Database, agreement: Agreement) -> list[tuple[str, date | None]]:
    """Where the obligations stand, and since when they are settled."""
    async with database.transaction(NATIONAL) as tx:
        found = await AGREEMENTS.read(tx, agreement.id)
    return [(each.state.value, each.settled_on) for each in found.obligations]


async def count(database: Database, agreement: Agreement, day: date, funded: int, unfunded: int) -> None:
    """The center counts its learners."""
    numbers = {"counted_on": str(day), "funded_enrolled": funded, "unfunded_enrolled": unfunded}
    center_id = str(agreement.centers[0].center_id)
    await tell_twice(
        database, reactions.follow_enrolment, centers.CenterEnrolmentCounted, center_id=center_id, **numbers
    )


async def test_the_visa_of_its_center_fulfils_the_obligation_to_have_it(database: Database) -> None:
    agreement = await awaiting(database, "center_visa_granted")
    center_id, day = str(agreement.centers[0].center_id), today() - timedelta(days=3)
    await tell_twice(
        database, reactions.note_center_opened, centers.CenterOpened, center_id=center_id, opened_on=str(day)
    )
    assert {state for state, _ in await ledger(database, agreement)} == {"pending"}, "an opening is no visa"
    await tell_twice(
        database, reactions.follow_visa, centers.CenterVisaGranted, center_id=center_id, granted_on=str(day)
    )
    assert await ledger(database, agreement) == [("fulfilled", day), ("pending", None)]


async def test_learners_on_all_its_seats_fulfil_the_obligation_to_fill_them(database: Database) -> None:
    agreement = await awaiting(database, "center_filled")
    first, second = today() - timedelta(days=2), today() - timedelta(days=1)
    await count(database, agreement, first, 60, 19)
    assert {state for state, _ in await ledger(database, agreement)} == {"pending"}, "one seat is free"
    await count(database, agreement, second, 60, 20)
    assert await ledger(database, agreement) == [("fulfilled", second), ("pending", None)]
    await count(database, agreement, today(), 60, 12)
    assert await ledger(database, agreement) == [("fulfilled", second), ("pending", None)], "met is met"


async def grant(database: Database, agreement: Agreement, funded: int, unfunded: int) -> CenterFactRow:
    """An amendment grants the center other seats; what is kept of it."""
    center_id = agreement.centers[0].center_id
    seats = {"funded_seats": funded, "unfunded_seats": unfunded}
    await tell_twice(database, reactions.follow_seats, centers.CenterSeatsChanged, center_id=str(center_id), **seats)
    (row,) = await all_of(database, CenterFactRow)
    assert isinstance(row, CenterFactRow)
    return row


async def test_a_full_center_that_is_granted_more_seats_is_full_no_more(database: Database) -> None:
    agreement = await awaiting(database, "center_opened")
    await count(database, agreement, today(), 60, 20)
    assert (await grant(database, agreement, 80, 20)).filled_on is None
    assert (await grant(database, agreement, 60, 20)).filled_on == today()


async def test_a_center_whose_learners_take_all_the_seats_that_are_left_is_full(database: Database) -> None:
    agreement = await awaiting(database, "center_filled")
    assert (await grant(database, agreement, 60, 10)).filled_on is None, "nobody was counted yet"
    await count(database, agreement, today(), 55, 0)
    await grant(database, agreement, 55, 0)
    assert await ledger(database, agreement) == [("fulfilled", today()), ("pending", None)]


async def test_learners_counted_before_the_edition_fill_it_not(database: Database) -> None:
    agreement = await awaiting(database, "center_filled")
    await count(database, agreement, agreement.effective_from - timedelta(days=1), 60, 20)
    assert {state for state, _ in await ledger(database, agreement)} == {"pending"}
    await count(database, agreement, agreement.effective_from, 60, 20)
    assert (await ledger(database, agreement))[0] == ("fulfilled", agreement.effective_from)


async def test_the_opening_of_a_center_of_no_agreement_of_ours_is_no_matter(database: Database) -> None:
    await tell_twice(database, reactions.note_center_opened, centers.CenterOpened)
    assert await all_of(database, CenterFactRow) == []
