"""What anybody may learn of a paper: whether its code is ours, and how things stand today.

It tells of organisations, never of people.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import Ceremony
from services.agreements.commands.integrity import require_as_told
from services.agreements.commands.passing import both_led_to, led_to
from services.agreements.content import language_hashes
from services.agreements.errors.texts import TextLost
from services.agreements.papers.drawing import CODE, minutes_hash
from services.agreements.signed import Signed, what_was_signed
from services.agreements.tables import AGREEMENTS, AMENDMENTS, CEREMONIES, PaperRow
from services.agreements.text import get_content
from shared.actor import NATIONAL
from shared.clock import business_date, today
from shared.database import Database, Transaction
from shared.events.agreements import SignatureLevel
from shared.refusals import NotFound
from shared.store import Store

Subject = Agreement | Amendment | Ceremony
"""What a paper is about."""
STORES: tuple[Store[Any], ...] = (AGREEMENTS, AMENDMENTS, CEREMONIES)
VOID = frozenset({"cancelled", "refused", "withdrawn"})
"""States of what was given up before it bound anybody."""
NAMED = re.compile(rf"[0-9a-f]{{{CODE}}}")


@dataclass(frozen=True, slots=True)
class Given:
    """A party's signature: of the organisation, never of the person."""

    party: Bilingual
    level: SignatureLevel
    by_seal: bool
    """Whether its certificate is for seals."""
    on: date
    """The day on the paper, for one by hand."""
    holder: str | None
    """The organisation that the certificate names which sealed it."""
    contested: bool
    """Whether the mandate behind it turned out to have ended before it, and its party has not confirmed it since."""
    confirmed_on: date | None
    """When its party confirmed it, if it had been contested."""


@dataclass(frozen=True, slots=True)
class Amended:
    """An amendment that an agreement is made of, with the signatures under it."""

    number: int
    on: date
    content_hash: str
    """Of the agreement as it made it: what these signatures are under."""
    signatures: tuple[Given, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How what a paper is about stands today."""

    kind: str
    """`agreement`, `amendment` or `ceremony`."""
    id: UUID
    state: str
    title: Bilingual | None
    """None while the text is negotiated again: what is negotiated is not for everybody, and neither are its parties."""
    reference: str | None
    parties: tuple[Bilingual, ...]
    signed: int
    """How many have signed of those that sign: parties, or agreements in a ceremony."""
    of: int
    """0 while an amendment is on its way to another approval, which says anew who signs: then nobody is counted."""
    dates: dict[str, date]
    """By what they say: `effective_from`, `effective_until`, `signed_on`, `amended_on`, `applied_on`, `held_on`."""
    hashes: dict[str, str]
    """`content`, `ar` and `fr` of an agreement or as an amendment makes it, `minutes` of a ceremony.

    None while the text is negotiated again, or an amendment is on its way to another approval.
    """
    current: bool
    """Whether the code names what holds today; if not, it was changed or reopened since."""
    signatures: tuple[Given, ...] = ()
    """In the parties' order; of an agreement under the text that all signed, before its amendments."""
    first_hash: str | None = None
    """The content that these are under, if amendments have made it another."""
    amendments: tuple[Amended, ...] = ()
    """Of an agreement, those that it is made of, oldest first."""
    annexes: frozenset[str] = frozenset()
    """Hashes of the files that are signed with the text."""
    number: int | None = None
    """Of an amendment."""
    amends: str | None = None
    """The reference of the agreement that it changes."""

    @property
    def void(self) -> bool:
        """Whether it was given up before it bound anybody."""
        return self.state in VOID

    @property
    def contested(self) -> bool:
        """Whether one of the signatures is."""
        amended = (each for one in self.amendments for each in one.signatures)
        return any(each.contested for each in (*self.signatures, *amended))


async def look_up(db: Database, id: str, code: str) -> Standing | None:
    """How that stands whose paper bears this id and code; None if the two do not fit, whatever the reason.

    Refuses TextTampered if what is kept of it is not what its journal tells: then nothing is told of it.
    """
    try:
        known = UUID(id)
    except ValueError:
        return None
    if not NAMED.fullmatch(code):
        return None
    async with db.transaction(NATIONAL, still=True) as tx:
        subject = await _subject(tx, known)
        if subject is None:
            return None
        amended: Agreement | None = None
        match subject:
            case Agreement():
                led = await led_to(tx, subject.model_copy(), today())
                standing = _of_agreement(led, Signed(led, ()), code)
                amended = led if led.amendments else None
            case Amendment():
                its = await AGREEMENTS.read(tx, subject.agreement_id)
                standing = await _of_amendment(tx, *await both_led_to(tx, its, subject.model_copy(), today()), code)
            case Ceremony():
                standing = _of_ceremony(subject, code)
        if not (standing.current or await _was_issued(tx, known, code)):
            return None
        await require_as_told(tx, subject)
        # What was signed is folded from journals, which are known to be whole from here on.
        return _of_agreement(amended, await what_was_signed(tx, amended), code) if amended else standing


async def subject_of(db: Database, id: UUID) -> Subject | None:
    """The agreement, the amendment or the ceremony of this id."""
    async with db.transaction(NATIONAL) as tx:
        return await _subject(tx, id)


async def _subject(tx: Transaction, id: UUID) -> Subject | None:
    for store in STORES:
        with suppress(NotFound):
            found: Subject = await store.read(tx, id)
            return found
    return None


async def _was_issued(tx: Transaction, id: UUID, code: str) -> bool:
    """Whether a paper with this code was ever given out: what it says may have been changed since."""
    query = select(PaperRow.hash).where(
        col(PaperRow.subject_id) == id, col(PaperRow.content_hash).startswith(code, autoescape=True)
    )
    return (await tx.exec(query.limit(1))).first() is not None


def _of_agreement(agreement: Agreement, signed: Signed, code: str) -> Standing:
    first, amendments = signed
    amended_on = {each.amendment_id: each.amended_on for each in agreement.amendments}
    frozen = agreement.content_hash is not None
    dates = {"effective_from": agreement.effective_from, "effective_until": agreement.effective_until} if frozen else {}
    if not agreement.missing_signatures and first.signatures:
        dates["signed_on"] = business_date(max(each.signed_at for each in first.signatures))
    if agreement.amendments:
        dates["amended_on"] = agreement.amendments[-1].amended_on
    hashes = {}
    if agreement.content_hash and agreement.language_hashes:
        hashes = {"content": agreement.content_hash, **agreement.language_hashes.model_dump()}
    return Standing(
        kind=agreement.kind,
        id=agreement.id,
        state=agreement.status,
        title=agreement.title if frozen else None,
        reference=agreement.reference,
        parties=_parties(agreement) if frozen else (),
        signed=sum(party.party_id in first.counted for party in first.signing_parties),
        of=len(first.signing_parties) if frozen else 0,
        dates=dates,
        hashes=hashes,
        current=hashes.get("content", "").startswith(code),
        signatures=_signatures(first),
        first_hash=first.content_hash if amendments else None,
        amendments=tuple(
            Amended(each.numbered, amended_on[each.id], each.content_hash, _signatures(each)) for each in amendments
        ),
        annexes=frozenset(each.hash for each in agreement.annexes) if frozen else frozenset(),
    )


async def _of_amendment(tx: Transaction, agreement: Agreement, amendment: Amendment, code: str) -> Standing:
    title, hashes = agreement.title, {"content": amendment.content_hash}
    annexes: frozenset[str] = frozenset()
    # How it stands is told without what the store has lost, too.
    with suppress(TextLost):
        title = (await get_content(tx, amendment.base_hash)).title
        branch = await get_content(tx, amendment.content_hash)
        hashes |= language_hashes(branch.clauses).model_dump()
        annexes = frozenset(each.hash for each in branch.annexes)
    if not amendment.frozen:
        hashes, annexes = {}, frozenset()
    dates = {}
    if amendment.signatures and amendment.signing_order.complete:
        dates["signed_on"] = business_date(max(each.signed_at for each in amendment.signatures))
    if amendment.applied_on:
        dates["applied_on"] = amendment.applied_on
    return Standing(
        kind=amendment.kind,
        id=amendment.id,
        state=amendment.status,
        title=title,
        reference=amendment.reference,
        parties=_parties(amendment) if amendment.frozen else (),
        signed=len(amendment.counted),
        of=len(amendment.touched),
        dates=dates,
        hashes=hashes,
        current=hashes.get("content", "").startswith(code),
        signatures=_signatures(amendment),
        annexes=annexes,
        number=amendment.number,
        amends=agreement.reference,
    )


def _parties(file: Agreement | Amendment) -> tuple[Bilingual, ...]:
    named = (file.names.get(party.organisation_id) for party in file.parties)
    return tuple(name for name in named if name)


def _signatures(file: Agreement | Amendment) -> tuple[Given, ...]:
    given = {each.party_id: each for each in file.signatures}
    return tuple(
        Given(
            file.names[party.organisation_id],
            signature.level,
            signature.by_seal,
            signature.day,
            signature.certificate.named if signature.certificate else None,
            signature.in_doubt,
            signature.confirmed.day if signature.confirmed else None,
        )
        for party in file.parties
        if (signature := given.get(party.party_id)) and party.organisation_id in file.names
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
