"""The text on its way up the ladder, until it is frozen under its reference."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.agreements.agreement import Agreement
from services.agreements.bilingual import Bilingual
from services.agreements.commands.families import require_parent
from services.agreements.commands.integrity import require_files
from services.agreements.commands.loading import load_for
from services.agreements.commands.substitutions import holder_of, substitution_of
from services.agreements.commands.vetting import look_around, names_of
from services.agreements.legible import of_terms, of_text, require_legible
from services.agreements.tables import AGREEMENTS
from services.agreements.text import get_table, table_clauses
from shared.actor import SYSTEM, Actor, Role
from shared.clock import business_date, now
from shared.database import Transaction, Work

NEXT_NUMBER = text("""
    insert into reference_counter (issuer, year, last) values (:issuer, :year, 1)
    on conflict (issuer, year) do update set last = reference_counter.last + 1
    returning last
""")


async def submit_for_review(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Agreement:
    """Hand the negotiated text to the first step of its ladder. Refuses NotLegible."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "submit_for_review", by, expected)
        await require_parent(tx, agreement)
        events = agreement.submit(at or now())
        await _require_legible(tx, agreement, agreement.names)
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def return_with_remarks(
    db: Work, id: UUID, *, remarks: str, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Agreement:
    """Send the text back to the parties with what is to be changed: the approvals so far are void.

    Whoever holds the step does so, or a substitute of theirs.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "return_with_remarks", by, expected)
        at = at or now()
        person, roles, substitute = await holder_of(tx, agreement, by, business_date(at))
        returned = agreement.return_with_remarks(remarks, person, roles, substitute=substitute, at=at)
        return await AGREEMENTS.record(tx, agreement, returned, by=by)


async def approve_agreement(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Agreement:
    """Approve the current step; the last approval freezes the text and gives the agreement its reference.

    At the last refuses PartiesNotVetted if the network does not know a party or does not accredit an association,
    MandatesMissing if nobody may sign for a party on that day, FileLost if the storage lost an annex, and NotLegible
    for what no paper can show, a party's name among it.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "approve_agreement", by, expected)
        return await _approve(tx, agreement, by.person, by.roles, by=by, at=at or now())


async def approve_as_substitute(
    db: Work, id: UUID, *, person: str, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Agreement:
    """Approve the current step in the place of a person who named this substitute for the day.

    Refuses NoSubstitution, SubstitutionOutOfScope, SubstituteElsewhere, and what approve_agreement refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "approve_as_substitute", by, expected)
        at = at or now()
        granted = await substitution_of(tx, agreement, person, substitute=by, day=business_date(at))
        return await _approve(tx, agreement, granted.person, granted.roles, by=by, substitute=by.person, at=at)


async def report_overdue(db: Work, id: UUID, *, at: datetime) -> Agreement:
    """Tell, once per level, that the current step is late. The schedule asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        agreement = await AGREEMENTS.load(tx, id)
        return await AGREEMENTS.record(tx, agreement, agreement.report_overdue(at), by=SYSTEM)


async def _approve(
    tx: Transaction,
    agreement: Agreement,
    person: str,
    roles: Collection[Role],
    *,
    by: Actor,
    substitute: str | None = None,
    at: datetime,
) -> Agreement:
    (await look_around(tx, agreement, business_date(at))).require("approve_agreement")
    await require_parent(tx, agreement)
    names: dict[UUID, Bilingual] = {}
    reference = agreement.reference
    if agreement.nearly_frozen:
        await require_files(agreement.annexes)
        names = await names_of(tx, (party.organisation_id for party in agreement.parties))
        await _require_legible(tx, agreement, names)
        # The counter's row stays locked until the commit, and a rollback takes the number back: no gaps.
        reference = reference or await _next_reference(tx, agreement.academy, business_date(at).year)
    events = agreement.approve(
        person,
        roles,
        substitute=substitute,
        reference=reference,
        names=names,
        clauses=await get_table(tx, agreement.text_hash or ""),
        at=at,
    )
    return await AGREEMENTS.record(tx, agreement, events, by=by)


async def _require_legible(tx: Transaction, agreement: Agreement, names: Mapping[UUID, Bilingual]) -> None:
    content = agreement.content(await get_table(tx, agreement.text_hash or ""))
    require_legible([*of_terms(content), *of_text(await table_clauses(tx, content.clauses))], names)


async def _next_reference(tx: Transaction, academy: str | None, year: int) -> str:
    issuer = f"AREF-{academy.removeprefix('MA-')}" if academy else "MEN"
    number: int = (await tx.execute(NEXT_NUMBER, {"issuer": issuer, "year": year})).scalar_one()
    return f"{issuer}/{year}-{number:04}"
