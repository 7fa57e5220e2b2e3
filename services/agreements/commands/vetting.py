"""What is known of the parties' organisations, and what an agreement is told of it."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from services.agreements.agreement import Agreement, AgreementState
from services.agreements.bilingual import Bilingual
from services.agreements.errors import PartiesNotVetted
from services.agreements.surroundings import Surroundings
from services.agreements.tables import AssociationStandingRow, MandateRow, OrganisationRow
from services.agreements.terms import must_sign
from shared.actor import NATIONAL
from shared.database import Transaction

BEFORE_FREEZING = frozenset({AgreementState.negotiation, AgreementState.legal_review})


async def look_around(tx: Transaction, agreement: Agreement, day: date) -> Agreement:
    """The agreement, told the day and, before it is frozen, which parties still stand in the way of that."""
    around = Surroundings(day)
    if agreement.state in BEFORE_FREEZING:
        organisations = [party.organisation_id for party in agreement.parties]
        signing = [party.organisation_id for party in agreement.parties if must_sign(party)]
        # That a party has a mandate is no secret to the others; whose it is, is.
        async with tx.widened(NATIONAL):
            mandated = await mandated_on(tx, signing, day)
            unvetted = await unvetted_of(tx, organisations)
        around = Surroundings(day, tuple(unvetted), tuple(each for each in signing if each not in mandated))
    return agreement.amid(around)


async def mandated_on(tx: Transaction, organisations: Collection[UUID], day: date) -> set[UUID]:
    """Those of the organisations for which somebody holds a mandate on the day."""
    query = select(MandateRow.organisation_id).where(
        col(MandateRow.organisation_id).in_(organisations),
        col(MandateRow.valid_from) <= day,
        col(MandateRow.valid_until) >= day,
    )
    return set((await tx.exec(query)).all())


async def vetted(tx: Transaction, organisations: Sequence[UUID]) -> dict[UUID, Bilingual]:
    """The names of these organisations. Refuses PartiesNotVetted if one is unknown or not accredited."""
    if refused := await unvetted_of(tx, organisations):
        raise PartiesNotVetted(organisations=refused)
    return await names_of(tx, organisations)


async def unvetted_of(tx: Transaction, organisations: Sequence[UUID]) -> list[UUID]:
    """Those of the organisations that the network does not know, or does not accredit though they are associations."""
    standing = col(AssociationStandingRow.standing)
    query = select(AssociationStandingRow.id).where(
        col(AssociationStandingRow.id).in_(organisations), standing != "accredited"
    )
    barred = (await tx.exec(query)).all()
    return sorted({*barred, *organisations} - ({*await names_of(tx, organisations)} - {*barred}))


async def names_of(tx: Transaction, organisations: Iterable[UUID]) -> dict[UUID, Bilingual]:
    """The names of those organisations that we know."""
    query = select(OrganisationRow).where(col(OrganisationRow.id).in_(list(organisations)))
    return {row.id: Bilingual(ar=row.name_ar, fr=row.name_fr) for row in (await tx.exec(query)).all()}
