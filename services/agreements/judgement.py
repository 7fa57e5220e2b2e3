"""What a file is worth that somebody brings: whether we issued it so, and what each seal in it says and is worth."""

from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import col, select

from services.agreements.agreement import Agreement, Signature
from services.agreements.amendment import Amendment, AmendmentSignature
from services.agreements.bilingual import Bilingual
from services.agreements.commands.papers import vouched_for
from services.agreements.sealing import Flaw, NotReadable, Seal, examine, is_of, sealing
from services.agreements.signed import what_was_signed
from services.agreements.tables import PaperRow
from services.agreements.verification import Standing, Subject, subject_of
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from shared.events.agreements import AgreementParty, SignatureLevel
from shared.messaging import journal
from shared.worker import in_worker

SEALED = "sealed"
"""A paper that carries seals."""


class Worth(StrEnum):
    """What a file turned out to be; of a sealed one, its gravest flaw."""

    known = "known"
    outdated = "outdated"
    voided = "voided"
    """As it was given out, with signatures that count no longer."""
    doubted = "doubted"
    """As it was given out, with signatures that are contested since."""
    unproven = "unproven"
    """Listed among the papers, but what the journal tells prints another today."""
    void = "void"
    """As it was given out or signed, of what was given up since."""
    annex = "annex"
    """A document that is part of what is signed."""
    sealed = "sealed"
    earlier = "earlier"
    """Sealed, but others have sealed since."""
    of_another = "of_another"
    altered = "altered"
    extended = "extended"
    untrusted = "untrusted"
    not_theirs = "not_theirs"
    revoked = "revoked"
    expired = "expired"
    unqualified = "unqualified"
    unrecorded = "unrecorded"
    stale = "stale"
    contested = "contested"
    unreadable = "unreadable"
    not_a_pdf = "not_a_pdf"
    unknown = "unknown"


HOLDING = frozenset({Worth.known, Worth.annex, Worth.sealed, Worth.earlier})
"""Of what holds as far as it goes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a seal says, and what it is worth."""

    party: Bilingual | None
    """None if it names nobody who signed this agreement or amendment, or was to."""
    level: SignatureLevel | None
    """As the journal has it."""
    by_seal: bool
    """Whether its certificate is for seals, as the journal has it."""
    made_at: datetime
    stamped: bool
    """Whether an authority stamped that time; otherwise the seal says it itself."""
    stamp_unreadable: bool
    """Whether it carries a time-stamp that cannot be read."""
    flaws: tuple[Flaw, ...]
    """Why it does not hold, each by its name; none if it does."""
    lapsed: bool
    """Whether its certificate has ended since."""
    revocation_known: bool
    holder: str | None
    """The organisation that its certificate names."""
    confirmed_on: date | None
    """When its party stood by it, if it had been contested."""


@dataclass(frozen=True, slots=True)
class Change:
    """A signature that a paper shows and that is worth less today."""

    party: Bilingual | None
    worth: Worth
    """`voided` or `doubted`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a file is worth, with its hash."""

    worth: Worth
    hash: str
    paper: PaperRow | None = None
    seals: tuple[Verdict, ...] = ()
    changes: tuple[Change, ...] = ()
    """Since the paper was printed."""


async def judge(db: Database, standing: Standing, hash: str, file: bytes | None) -> Finding | None:
    """What a file is worth as a paper of this agreement, amendment or ceremony.

    One that is too long to examine comes as its hash alone; None if it is not known by that.
    """
    finding = await _judge(db, standing, hash, file)
    if finding and standing.void and finding.worth in HOLDING:
        return replace(finding, worth=Worth.void)
    return finding


def _shown_by(signature: Signature | AmendmentSignature) -> tuple[str | None, ...]:
    """The files that show it on paper, and that its party stood by it."""
    return signature.file_hash, signature.confirmed.file_hash if signature.confirmed else None


async def _judge(db: Database, standing: Standing, hash: str, file: bytes | None) -> Finding | None:
    papers = await _papers(db, [hash])
    subject = await subject_of(db, standing.id)
    signed = subject if isinstance(subject, Agreement | Amendment) else None
    paper = papers.get(hash)
    if paper and paper.document != SEALED:
        worth, changes = await _worth_of_paper(db, standing, signed, paper)
        match await vouched_for(db, paper):
            case None:
                return Finding(Worth.unproven, hash, paper)
            case "formerly" if paper.subject_id == standing.id:
                worth, changes = Worth.outdated, ()
        return Finding(worth, hash, paper, changes=changes)
    given = [each for file in await _texts(db, signed) for each in file.signatures] if signed and paper is None else []
    if scan := next((each for each in given if hash in _shown_by(each)), None):
        return Finding(Worth.contested if scan.in_doubt else Worth.sealed, hash)
    if hash in standing.annexes:
        return Finding(Worth.annex, hash)
    if file is None:
        return None
    if not file.startswith(b"%PDF-"):
        return Finding(Worth.not_a_pdf, hash)
    if b"/ByteRange" not in file:
        return Finding(Worth.unknown, hash)
    return await _judge_seals(db, subject, file, hash, ours=paper is not None)


async def _worth_of_paper(
    db: Database, standing: Standing, signed: Agreement | Amendment | None, paper: PaperRow
) -> tuple[Worth, tuple[Change, ...]]:
    if paper.subject_id != standing.id:
        return Worth.of_another, ()
    if paper.content_hash is None or paper.content_hash not in standing.hashes.values():
        return Worth.outdated, ()
    # A certificate names amendments too, whose signatures change without their agreement.
    later = signed and (paper.document == "certificate" or paper.version < signed.version)
    changes = tuple(await _changes(db, signed, paper)) if signed and later else ()
    found = {each.worth for each in changes}
    return next((worth for worth in Worth if worth in found), Worth.known), changes


async def _changes(db: Database, signed: Agreement | Amendment, paper: PaperRow) -> list[Change]:
    """What a paper shows of signatures, party by party, and is not so any more."""
    async with db.transaction(NATIONAL) as tx:
        life = await journal.past(tx, signed.id)
    then = type(signed).fold(signed.id, [each.event for each in life if each.version <= paper.version])
    if paper.document != "certificate":
        return _changed(then, signed)
    shown, today = await _texts(db, then, known_at=paper.issued_at), await _texts(db, signed)
    return [change for before, after in zip(shown, today, strict=False) for change in _changed(before, after)]


def _changed(then: Agreement | Amendment, today: Agreement | Amendment) -> list[Change]:
    kept_of, names = {each.party_id: each for each in today.signatures}, _names(then) | _names(today)
    changes = []
    for shown in then.signatures:
        kept = kept_of.get(shown.party_id)
        if kept is None or kept.signed_at != shown.signed_at:
            changes.append(Change(names.get(shown.party_id), Worth.voided))
        elif kept.in_doubt and not shown.in_doubt:
            changes.append(Change(names.get(shown.party_id), Worth.doubted))
    return changes


async def _texts(
    db: Database, signed: Agreement | Amendment, *, known_at: datetime | None = None
) -> tuple[Agreement | Amendment, ...]:
    """An agreement's texts with the signatures under each; an amendment has one."""
    if isinstance(signed, Amendment):
        return (signed,)
    async with db.transaction(NATIONAL) as tx:
        return (await what_was_signed(tx, signed, known_at=known_at)).texts


def _names(signed: Agreement | Amendment) -> dict[UUID, Bilingual]:
    named = ((each.party_id, signed.names.get(each.organisation_id)) for each in signed.parties)
    return {party: name for party, name in named if name}


async def _judge_seals(db: Database, subject: Subject | None, file: bytes, hash: str, *, ours: bool) -> Finding:
    try:
        seals = await in_worker(examine, file, sealing().trust, now(), ours=ours)
    except (NotReadable, TimeoutError, BrokenProcessPool):
        return Finding(Worth.unreadable, hash)
    if not seals:
        return Finding(Worth.unknown, hash)
    signed = subject if isinstance(subject, Agreement | Amendment) else None
    texts = await _texts(db, signed) if signed else ()
    signatures = {each.file_hash: each for text in texts for each in text.signatures if each.file_hash}
    parties = {str(each.party_id): each for text in texts for each in text.parties}
    papers = await _papers(db, [each.revision for each in seals])
    # What counts, and the file that is current, vouch for the seals under it: a party may have signed again in another
    # way.
    counts = any(each.revision in signatures for each in seals) or (signed is not None and signed.sealed_file == hash)
    verdicts = tuple(
        _verdict(
            each,
            papers.get(each.revision),
            signed,
            parties.get(each.field),
            signatures.get(each.revision),
            counts=counts,
            shared=any(each.key == other.key and each.field != other.field for other in seals),
        )
        for each in seals
    )
    found = {flaw for each in verdicts for flaw in each.flaws}
    if found:
        worth = Worth(next(flaw for flaw in Flaw if flaw in found))
    elif signed is None or any(each.content_hash != signed.content_hash for each in seals):
        worth = Worth.outdated
    else:
        worth = Worth.sealed if signed.sealed_file == hash else Worth.earlier
    return Finding(worth, hash, papers.get(hash), verdicts)


def _verdict(
    seal: Seal,
    paper: PaperRow | None,
    signed: Agreement | Amendment | None,
    party: AgreementParty | None,
    signature: Signature | AmendmentSignature | None,
    *,
    counts: bool,
    shared: bool,
) -> Verdict:
    flaws = set(seal.flaws)
    if shared or (party and not is_of(seal.certificate, party.organisation_id, sealing().holders)):
        flaws.add(Flaw.not_theirs)
    if paper is None:
        flaws.add(Flaw.unrecorded)
    elif signed is None or paper.subject_id != signed.id:
        flaws.add(Flaw.of_another)
    elif signature is None and not counts:
        flaws.add(Flaw.stale)
    elif (signature and signature.in_doubt) or (signature is None and _signed_again(signed, seal.field)):
        flaws.add(Flaw.contested)
    if signature and signature.level == "qualified" and not seal.qualified:
        flaws.add(Flaw.unqualified)
    return Verdict(
        party=signed.names.get(party.organisation_id) if signed and party else None,
        level=signature.level if signature else None,
        by_seal=signature is not None and signature.by_seal,
        made_at=seal.made_at,
        stamped=seal.stamped,
        stamp_unreadable=seal.stamp_unreadable,
        flaws=tuple(flaw for flaw in Flaw if flaw in flaws),
        lapsed=seal.lapsed,
        revocation_known=seal.revocation_known,
        holder=seal.certificate.named,
        confirmed_on=signature.confirmed.day if signature and signature.confirmed else None,
    )


def _signed_again(signed: Agreement | Amendment, field: str) -> bool:
    """Whether the party of a seal that counts no more has signed the same text in another way since."""
    return any(str(each.party_id) == field for each in signed.signatures)


async def _papers(db: Database, hashes: Sequence[str]) -> dict[str, PaperRow]:
    async with db.transaction(NATIONAL) as tx:
        found = await tx.exec(select(PaperRow).where(col(PaperRow.hash).in_(hashes)))
        return {each.hash: each for each in found}
