"""Who takes part in what is discussed: organisations, and the people who acted, commented or hold a mandate."""

from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.tables import MandateRow
from shared.database import Transaction
from shared.messaging import journal
from shared.territory import ACADEMIES, MINISTRY_ID

File = Agreement | Amendment
People = dict[str, tuple[str | None, UUID | None]]
"""People with their display names and organisations, as far as they are known."""
COMMENTED = text("""
    select distinct on (said ->> 'person') said ->> 'person', said ->> 'name', cast(said ->> 'organisation_id' as uuid)
    from thread, jsonb_array_elements(state -> 'comments') said
    where agreement_id = :agreement_id and amendment_id is not distinct from :amendment_id
    order by said ->> 'person', said ->> 'at' desc
""")
"""Who commented on a file, each as they last did."""


def place_of(file: File) -> dict[str, UUID | None]:
    """The agreement that it is or that it amends, and the amendment, if it is one: where threads on it hang."""
    if isinstance(file, Amendment):
        return {"agreement_id": file.agreement_id, "amendment_id": file.id}
    return {"agreement_id": file.id, "amendment_id": None}


def parties_of(file: File) -> list[UUID]:
    """The organisations of its parties."""
    return [party.organisation_id for party in file.parties]


def present(file: File) -> set[UUID]:
    """The organisations that see it and have something to do with it."""
    keeping = {ACADEMIES[file.academy].organisation_id} if file.academy else set()
    return keeping | {MINISTRY_ID, *parties_of(file)}


async def acted(tx: Transaction, file: File) -> set[str]:
    """The people who took part in it."""
    signed = {each.person for each in file.signatures}
    return signed | {*file.authors} | await journal.actors(tx, file.id)


async def commented(tx: Transaction, file: File) -> People:
    """Who commented on the file, in any of its threads."""
    return {person: (name, home) for person, name, home in (await tx.execute(COMMENTED, place_of(file))).all()}


async def mandated(tx: Transaction, file: File, day: date) -> People:
    """Who holds a party's mandate of this day, as far as it is seen whose it is; mandates give no display name."""
    row = MandateRow
    held = select(col(row.person), col(row.organisation_id)).where(
        col(row.organisation_id).in_(parties_of(file)), col(row.valid_from) <= day, col(row.valid_until) >= day
    )
    return {person: (None, home) for person, home in (await tx.exec(held)).all()}
