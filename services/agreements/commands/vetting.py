"""What is known of the parties' organisations, and what an agreement is told of it."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from services.agreements.agreement import SIGNED_BY_ALL, Agreement, AgreementState
from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import RUNNING
from services.agreements.commands.families import parent_refusal
from services.agreements.commands.former import outdated_of
from services.agreements.errors.ceremonies import OnTheTable
from services.agreements.errors.texts import TextLost
from services.agreements.steps import LEAVES_THE_TABLE
from services.agreements.surroundings import Surroundings
from services.agreements.tables import CEREMONIES, AssociationStandingRow, CenterFactRow, OrganisationRow
from services.agreements.text import get_table, require_bodies
from shared.actor import NATIONAL
from shared.database import Transaction

COVERS = """(
    (agreement_types = '{}' or cast(:agreement_type as text) = any(agreement_types))
    and (academies = '{}' or cast(:academy as text) = any(academies))
    and (agreements = '{}' or cast(:agreement as uuid) = any(agreements))
) is true"""
"""Whether an agreement, by its `scope_of`, lies in a mandate's scope."""
MANDATED = text(f"""
    select organisation_id, bool_or({COVERS}) from mandate
    where organisation_id = any(:organisations) and :day between valid_from and valid_until
    group by organisation_id
""")
ON_PAPER = text("""
    select file #>> '{}' from amendment, lateral (
        select jsonb_path_query(state, '$.scans.*.file_hash') union all
        select jsonb_path_query(state, '$.signatures[*] ? (@.level == "handwritten_scan").file_hash') union all
        select jsonb_path_query(state, '$.signatures[*].confirmed.file_hash ? (@ != null)')
    ) shown(file) where agreement_id = :agreement and status not in ('refused', 'withdrawn')
""")
"""Files that show signatures on paper under an agreement's amendments, whether they wait for their check or count."""
BEFORE_FREEZING = frozenset({AgreementState.negotiation, AgreementState.legal_review})
OVER = frozenset({AgreementState.expired, AgreementState.terminated})
DONE = ("closed", "abandoned")
"""States of a center for which nothing is left to be handed over."""
NOT_FROZEN = BEFORE_FREEZING | {AgreementState.draft}


async def look_around(tx: Transaction, agreement: Agreement, day: date, action: str | None = None) -> Agreement:
    """The agreement, told the day; before its freezing, what still stands in the way of that, and what is outdated.

    For an action that takes it from the table, whether a ceremony has it there.

    While it is approved, what is lost of its text. Once it is signed, which files show signatures under its amendments.
    Once it has ended, which centers are not handed over.
    """
    around = Surroundings(day)
    if action in LEAVES_THE_TABLE and agreement.being_signed:
        around = Surroundings(day, tabled=await tabled_refusal(tx, agreement))
    if agreement.state in SIGNED_BY_ALL and any(each.replaceable for each in agreement.documents):
        # Whoever left the agreement does not see its amendments any more.
        async with tx.widened(NATIONAL):
            shown = (await tx.execute(ON_PAPER, {"agreement": agreement.id})).scalars()
        around = Surroundings(day, on_paper=frozenset(shown))
    if agreement.state in BEFORE_FREEZING:
        organisations = [party.organisation_id for party in agreement.parties]
        signing = [party.organisation_id for party in agreement.signing_parties]
        async with tx.widened(NATIONAL):
            unvetted = await unvetted_of(tx, organisations)
        unmandated = await unmandated_on(tx, agreement, signing, day)
        around = Surroundings(
            day,
            tuple(unvetted),
            unmandated,
            parent=await parent_refusal(tx, agreement),
            tabled=await tabled_refusal(tx, agreement),
        )
    if agreement.state == AgreementState.legal_review:
        around = around._replace(lost=await _lost_of(tx, agreement.text_hash or ""))
    if agreement.state in NOT_FROZEN:
        around = around._replace(outdated=tuple(await outdated_of(tx, agreement)))
    if agreement.state in OVER:
        around = around._replace(centers_left=await _centers_left(tx, agreement))
    return agreement.amid(around)


async def tabled_refusal(tx: Transaction, agreement: Agreement) -> OnTheTable | None:
    """That a ceremony under way has the agreement in its order, whoever asks."""
    row = CEREMONIES.table.c
    query = select(row.id).where(row.agreements.contains([agreement.id]), row.status.in_(RUNNING))
    async with tx.widened(NATIONAL):
        found = (await tx.execute(query.limit(1))).scalar_one_or_none()
    return OnTheTable(ceremony=found) if found else None


async def _centers_left(tx: Transaction, agreement: Agreement) -> tuple[UUID, ...]:
    """Its centers that are neither closed nor abandoned yet."""
    own = {center.center_id for center in agreement.centers}
    done = select(CenterFactRow.id).where(col(CenterFactRow.id).in_(own), col(CenterFactRow.state).in_(DONE))
    return tuple(sorted(own.difference((await tx.execute(done)).scalars()))) if own else ()


async def _lost_of(tx: Transaction, text_hash: str) -> TextLost | None:
    try:
        await require_bodies(tx, await get_table(tx, text_hash))
    except TextLost as lost:
        return lost
    return None


async def unmandated_on(
    tx: Transaction, agreement: Agreement, organisations: Collection[UUID], day: date
) -> tuple[UUID, ...]:
    """Those of the organisations for which nobody holds a mandate of the day that covers the agreement."""
    # That a party has a mandate is no secret to the others; whose it is, is.
    async with tx.widened(NATIONAL):
        mandated = await mandated_on(tx, agreement, organisations, day)
    return tuple(each for each in organisations if not mandated.get(each))


async def mandated_on(
    tx: Transaction, agreement: Agreement, organisations: Collection[UUID], day: date
) -> dict[UUID, bool]:
    """Those of the organisations for which somebody holds a mandate on the day -> whether one covers the agreement."""
    facts = scope_of(agreement) | {"organisations": list(organisations), "day": day}
    return {row[0]: row[1] for row in (await tx.execute(MANDATED, facts)).all()}


def scope_of(agreement: Agreement) -> dict[str, Any]:
    """By what a mandate's scope covers the agreement."""
    return {
        "agreement_type": agreement.agreement_type,
        "academy": agreement.academy,
        "agreement": agreement.id,
    }


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
