"""What anybody may learn of a paper: whether its code is ours, and how things stand today.

It tells of organisations, never of people.
"""

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from services.agreements.agreement import Agreement
from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import Ceremony
from services.agreements.papers.drawing import CODE, minutes_hash
from services.agreements.tables import AGREEMENTS, CEREMONIES, PaperRow
from services.agreements.terms import must_sign
from shared.actor import NATIONAL
from shared.clock import business_date
from shared.database import Database, Transaction
from shared.refusals import NotFound

NAMED = re.compile(rf"[0-9a-f]{{{CODE}}}")


@dataclass(frozen=True, slots=True)
class Standing:
    """How what a paper is about stands today."""

    kind: str
    """`agreement` or `ceremony`."""
    id: UUID
    state: str
    title: Bilingual
    reference: str | None
    parties: tuple[Bilingual, ...]
    signed: int
    """How many have signed of those that sign: parties, or agreements in a ceremony."""
    of: int
    dates: dict[str, date]
    """By what they say: `effective_from`, `effective_until`, `signed_on`, `amended_on`, `held_on`."""
    hashes: dict[str, str]
    """`content`, `ar` and `fr` of an agreement, `minutes` of a ceremony; none while the text is negotiated again."""
    current: bool
    """Whether the code names what holds today; if not, it was changed or reopened since."""
    contested: bool = False
    """Whether the mandate behind a signature turned out to have ended before it."""


async def look_up(db: Database, id: str, code: str) -> Standing | None:
    """How that stands whose paper bears this id and code; None if the two do not fit, whatever the reason."""
    try:
        known = UUID(id)
    except ValueError:
        return None
    if not NAMED.fullmatch(code):
        return None
    async with db.transaction(NATIONAL) as tx:
        subject = await _subject(tx, known)
        if subject is None:
            return None
        standing = _of_agreement(subject, code) if isinstance(subject, Agreement) else _of_ceremony(subject, code)
        return standing if standing.current or await _was_issued(tx, known, code) else None


async def subject_of(db: Database, id: UUID) -> Agreement | Ceremony | None:
    """The agreement or the ceremony of this id."""
    async with db.transaction(NATIONAL) as tx:
        return await _subject(tx, id)


async def _subject(tx: Transaction, id: UUID) -> Agreement | Ceremony | None:
    try:
        return await AGREEMENTS.read(tx, id)
    except NotFound:
        pass
    try:
        return await CEREMONIES.read(tx, id)
    except NotFound:
        return None


async def _was_issued(tx: Transaction, id: UUID, code: str) -> bool:
    """Whether a paper with this code was ever given out: what it says may have been changed since."""
    query = select(PaperRow.hash).where(
        col(PaperRow.subject_id) == id, col(PaperRow.content_hash).startswith(code, autoescape=True)
    )
    return (await tx.exec(query.limit(1))).first() is not None


def _of_agreement(agreement: Agreement, code: str) -> Standing:
    signed = {each.party_id for each in agreement.signatures}
    dates = {"effective_from": agreement.effective_from, "effective_until": agreement.effective_until}
    if not agreement.missing_signatures and agreement.signatures:
        dates["signed_on"] = business_date(max(each.signed_at for each in agreement.signatures))
    if agreement.amendments:
        dates["amended_on"] = agreement.amendments[-1].amended_on
    hashes = {}
    if agreement.content_hash and agreement.language_hashes:
        hashes = {"content": agreement.content_hash, **agreement.language_hashes.model_dump()}
    return Standing(
        kind=agreement.kind,
        id=agreement.id,
        state=agreement.status,
        title=agreement.title,
        reference=agreement.reference,
        parties=tuple(
            agreement.names[party.organisation_id]
            for party in agreement.parties
            if party.organisation_id in agreement.names
        ),
        signed=len(signed),
        of=sum(must_sign(party) for party in agreement.parties),
        dates=dates,
        hashes=hashes,
        current=hashes.get("content", "").startswith(code),
        contested=any(each.contested for each in agreement.signatures),
    )


def _of_ceremony(ceremony: Ceremony, code: str) -> Standing:
    hashes = {"minutes": minutes_hash(ceremony)} if ceremony.minutes else {}
    return Standing(
        kind=ceremony.kind,
        id=ceremony.id,
        state=ceremony.status,
        title=ceremony.title,
        reference=None,
        parties=(),
        signed=len(ceremony.signed),
        of=len(ceremony.agreements),
        dates={"held_on": business_date(ceremony.closed_at)} if ceremony.closed_at else {},
        hashes=hashes,
        current=hashes.get("minutes", "").startswith(code),
    )
