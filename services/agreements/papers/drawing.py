"""Drawing up papers: what an agreement, an amendment or a ceremony says in one version, gathered for the printer."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import desc, select

from services.agreements.agreement import Agreement, Signature
from services.agreements.agreement.core import SIGNED_BY_ALL
from services.agreements.amendment import Amendment
from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import Ceremony, CeremonyState
from services.agreements.content import Content, language_hashes
from services.agreements.merge import COLLECTIONS, Change, diff
from services.agreements.papers.fonts import with_gaps_shown
from services.agreements.papers.frames import frames_for
from services.agreements.papers.issuer import issuer
from services.agreements.papers.paper import (
    AgreementPaper,
    AmendmentLine,
    AmendmentPaper,
    CenterLine,
    CertificatePaper,
    ChangedPart,
    FileLine,
    Mark,
    MinutesPaper,
    PartyLine,
    SealPaper,
    SignatureLine,
    SignedAmendment,
)
from services.agreements.places import name_of, part_named
from services.agreements.signed import what_was_signed
from services.agreements.tables import AMENDMENTS, CEREMONIES
from services.agreements.text import get_clauses, get_content, in_words
from shared.actor import NATIONAL
from shared.audit import canonical
from shared.database import Transaction
from shared.events.agreements import (
    AgreementApproved,
    AgreementParty,
    AgreementPartySigned,
    AmendmentAgreed,
    AmendmentPartySigned,
    CenterToOpen,
)
from shared.events.base import DomainEvent
from shared.messaging.tables import JournalRow
from shared.refusals import NotAllowedNow
from shared.store import digest
from shared.territory import ACADEMIES, PROVINCES

CODE = 16
"""Hexadecimal digits of a hash that a QR code carries."""


async def draw_agreement(tx: Transaction, agreement: Agreement) -> AgreementPaper:
    """The agreement in its version: a draft until its text is frozen."""
    drawn_at, _ = await _moment(tx, agreement.id, agreement.version)
    frozen = agreement.content_hash is not None
    return AgreementPaper(
        drawn_at=drawn_at,
        title=agreement.title,
        academy=_academy(agreement),
        reference=agreement.reference,
        address=address_of(agreement.id, agreement.content_hash) if agreement.content_hash else None,
        mark=_mark(frozen=frozen),
        version=agreement.version,
        school_year=agreement.school_year,
        effective_from=agreement.effective_from,
        effective_until=agreement.effective_until,
        parties=_parties(agreement),
        clauses=tuple(await get_clauses(tx, agreement.text_hash)) if agreement.text_hash else (),
        obligations=agreement.duties,
        budget=agreement.budget,
        centers=tuple(_center(agreement, center) for center in agreement.centers),
        annexes=agreement.annexes,
        signatures=await _signatures(tx, agreement) if frozen else (),
        amendments=await _amendments(tx, agreement),
        content_hash=agreement.content_hash,
        language_hashes=agreement.language_hashes,
    )


async def draw_sealable(tx: Transaction, agreement: Agreement) -> AgreementPaper:
    """The frozen text with a frame for each party's seal: the same paper whenever it is drawn while it is frozen."""
    framed = await _framed(tx, agreement, AgreementApproved)
    return (await draw_agreement(tx, agreement)).model_copy(update=framed)


async def draw_amendment(tx: Transaction, agreement: Agreement, amendment: Amendment) -> AmendmentPaper:
    """The amendment in its version: a draft until it is frozen."""
    drawn_at, _ = await _moment(tx, amendment.id, amendment.version)
    base, branch = await get_content(tx, amendment.base_hash), await get_content(tx, amendment.content_hash)
    changes = await in_words(tx, diff(base, branch))
    frozen = amendment.frozen
    return AmendmentPaper(
        drawn_at=drawn_at,
        title=base.title,
        academy=_academy(amendment),
        reference=amendment.reference,
        address=address_of(amendment.id, amendment.content_hash) if frozen else None,
        mark=_mark(frozen=frozen),
        version=amendment.version,
        number=amendment.number,
        amendment_type=amendment.amendment_type,
        amends=agreement.reference,
        parties=_parties(amendment),
        gone=await _gone(tx, agreement, amendment),
        centers={
            each.center_id: Bilingual(ar=each.name_ar, fr=each.name_fr)
            for content in (base, branch)
            for each in content.centers
        },
        changes=tuple(_changed(amendment, each, (base, branch)) for each in changes),
        signatures=await _signatures(tx, amendment) if frozen else (),
        content_hash=amendment.content_hash if frozen else None,
        language_hashes=language_hashes(branch.clauses) if frozen else None,
    )


async def draw_sealable_amendment(tx: Transaction, agreement: Agreement, amendment: Amendment) -> AmendmentPaper:
    """The frozen amendment with a frame for each seal: the same paper whenever it is drawn while it is frozen."""
    framed = await _framed(tx, amendment, AmendmentAgreed)
    return (await draw_amendment(tx, agreement, amendment)).model_copy(update=framed)


async def draw_seal(
    tx: Transaction, file: Agreement | Amendment, signed: AgreementPartySigned | AmendmentPartySigned, at: datetime
) -> SealPaper:
    """What the seal of this signature shows."""
    ceremony_id = signed.ceremony_id if isinstance(signed, AgreementPartySigned) else None
    ceremonies = await _titles(tx, {ceremony_id} if ceremony_id else set())
    party = _name(file, signed.organisation_id)
    return SealPaper(
        drawn_at=at,
        title=party,
        mark=_mark(frozen=True),
        signature=SignatureLine(
            party=party,
            signed_at=at,
            level=signed.level,
            mandate_id=signed.mandate_id,
            delegated=signed.on_behalf_of is not None,
            ceremony=next(iter(ceremonies.values()), None),
        ),
    )


async def draw_certificate(
    tx: Transaction, agreement: Agreement, *, known_at: datetime | None = None
) -> CertificatePaper:
    """Who signed what, and where the journal says so; of amendments as was known at an instant, or is now.

    Its code is that of the agreement as it is. NotAllowedNow before all have signed, and where the approval did not
    tell the hashes of the text yet.
    """
    if agreement.state not in SIGNED_BY_ALL or agreement.content_hash is None:
        raise NotAllowedNow(action="read_certificate", kind=agreement.kind, state=agreement.status, allowed=[])
    drawn_at, head = await _moment(tx, agreement.id, agreement.version)
    signed = await what_was_signed(tx, agreement, known_at=known_at)
    first = signed.first
    if first.content_hash is None or first.language_hashes is None:
        raise NotAllowedNow(action="read_certificate", kind=agreement.kind, state=agreement.status, allowed=[])
    amended_on = {each.amendment_id: each.amended_on for each in agreement.amendments}
    return CertificatePaper(
        drawn_at=drawn_at,
        title=first.title,
        academy=_academy(agreement),
        reference=agreement.reference,
        address=address_of(agreement.id, agreement.content_hash),
        mark=_mark(frozen=True),
        version=agreement.version,
        head=head,
        signatures=await _signatures(tx, first),
        content_hash=first.content_hash,
        language_hashes=first.language_hashes,
        amendments=tuple([await _signed(tx, each, amended_on[each.id]) for each in signed.amendments]),
        files=tuple(file for each in signed.texts for file in _files(each)),
    )


async def draw_former_certificate(tx: Transaction, agreement: Agreement) -> CertificatePaper:
    """The certificate of an amended agreement as it was given out before it told its texts apart (decision 0086).

    It names today's text as the one that all signed: it is printed only to know again what was given out.
    """
    former = {
        "title": agreement.title,
        "signatures": await _signatures(tx, agreement),
        "content_hash": agreement.content_hash,
        "language_hashes": agreement.language_hashes,
        "amendments": (),
        "files": tuple(_files(agreement)),
    }
    return (await draw_certificate(tx, agreement)).model_copy(update=former)


async def draw_minutes(tx: Transaction, ceremony: Ceremony, said: Mapping[str, str], *, whole: bool) -> MinutesPaper:
    """The minutes of a closed ceremony, or an extract of them: what they say in each language.

    An extract bears the code of the whole. What the fonts lack is shown as a gap, of an organisation renamed since
    the texts were frozen: nobody can put minutes otherwise.
    """
    drawn_at, _ = await _moment(tx, ceremony.id, ceremony.version)
    hash = minutes_hash(ceremony)
    return MinutesPaper(
        drawn_at=drawn_at,
        title=_shown(ceremony.title),
        address=address_of(ceremony.id, hash),
        mark=_mark(frozen=True),
        ar=with_gaps_shown(said["ar"]),
        fr=with_gaps_shown(said["fr"]),
        whole=whole,
        adopted=ceremony.state == CeremonyState.minutes_adopted,
        minutes_hash=hash,
    )


def minutes_hash(ceremony: Ceremony) -> str:
    """The hash over the minutes in both languages."""
    return digest(canonical(ceremony.minutes).decode())


def address_of(id: UUID, hash: str) -> str:
    """The page that says what a paper is worth."""
    return f"{issuer().address}/v/{id}?h={hash[:CODE]}"


async def _moment(tx: Transaction, id: UUID, version: int) -> tuple[datetime, str]:
    """When the version came about, and the end of its chain in hex."""
    query = select(JournalRow.occurred_at, JournalRow.hash).where(  # type: ignore[call-overload]
        JournalRow.aggregate_id == id, JournalRow.aggregate_version == version
    )
    occurred_at, hash = (await tx.execute(query)).one()
    return occurred_at, hash.hex()


async def _framed(tx: Transaction, file: Agreement | Amendment, freezing: type[DomainEvent]) -> dict[str, object]:
    """What makes a paper the one that takes the seals: that of its freezing, with frames in place of signatures."""
    query = select(JournalRow.occurred_at, JournalRow.aggregate_version).where(  # type: ignore[call-overload]
        JournalRow.aggregate_id == file.id, JournalRow.type == freezing.type
    )
    frozen_at, version = (await tx.execute(query.order_by(desc("aggregate_version")).limit(1))).one()
    frames = frames_for((party.party_id, _name(file, party.organisation_id)) for party in file.signing_parties)
    return {"drawn_at": frozen_at, "version": version, "signatures": (), "frames": frames}


async def _signatures(tx: Transaction, file: Agreement | Amendment) -> tuple[SignatureLine, ...]:
    given = {each.party_id: each for each in file.signatures}
    sittings = {id: each.ceremony_id for id, each in given.items() if isinstance(each, Signature) and each.ceremony_id}
    ceremonies = await _titles(tx, set(sittings.values()))
    return tuple(
        SignatureLine(
            party=_name(file, party.organisation_id),
            signed_at=signature.signed_at,
            signed_on=signature.signed_on,
            level=signature.level,
            mandate_id=signature.mandate_id,
            delegated=signature.on_behalf_of is not None,
            ceremony=ceremonies[sittings[party.party_id]] if party.party_id in sittings else None,
            certificate=signature.certificate.named if signature.certificate else None,
            by_seal=signature.by_seal,
            contested=signature.in_doubt,
            confirmed_on=signature.confirmed.day if signature.confirmed else None,
        )
        if (signature := given.get(party.party_id))
        else SignatureLine(party=_name(file, party.organisation_id))
        for party in file.signing_parties
    )


def _parties(file: Agreement | Amendment) -> tuple[PartyLine, ...]:
    return tuple(_party(file, each) for each in file.parties)


def _party(file: Agreement | Amendment, party: AgreementParty) -> PartyLine:
    return PartyLine(party_id=party.party_id, name=_name(file, party.organisation_id), roles=party.roles)


def _center(file: Agreement | Amendment, center: CenterToOpen) -> CenterLine:
    province = PROVINCES[center.province]
    return CenterLine(
        name=Bilingual(ar=center.name_ar, fr=center.name_fr),
        province=Bilingual(ar=province.name_ar, fr=province.name_fr),
        operator=_name(file, center.operator_id),
        funded_seats=center.funded_seats,
        unfunded_seats=center.unfunded_seats,
    )


def _changed(amendment: Amendment, change: Change, contents: Sequence[Content]) -> ChangedPart:
    """A change as people read it: with names for ids."""
    names = {each.organisation_id: _name(amendment, each.organisation_id) for each in amendment.parties}

    def told(value: Any) -> Any:
        match value:
            case AgreementParty():
                return _party(amendment, value)
            case CenterToOpen():
                return _center(amendment, value)
            case list():
                return tuple(called[key] for key in value)
        return value

    called: dict[str, Bilingual] = {}
    if change.part == "order":
        [id] = [id for field, id in COLLECTIONS.values() if field == change.key]
        there = [each for content in contents for each in getattr(content, change.key)]
        called = {str(getattr(each, id)): name for each in there if (name := name_of(each, names))}
    what = part_named(change.part, change.key, change.after if change.before is None else change.before, names)
    return ChangedPart(part=change.part, what=what, before=told(change.before), after=told(change.after))


async def _amendments(tx: Transaction, agreement: Agreement) -> tuple[AmendmentLine, ...]:
    """Those it is made of, and who signed them."""
    applied = await _applied(tx, agreement)
    return tuple(
        AmendmentLine(
            **each.model_dump(exclude={"amendment_id"}),
            signed_by=tuple(one.names[one.party(given.party_id).organisation_id] for given in one.signatures),
        )
        for each, one in zip(agreement.amendments, applied, strict=True)
    )


async def _gone(tx: Transaction, agreement: Agreement, amendment: Amendment) -> tuple[PartyLine, ...]:
    """The parties that the agreement had before amendments, and that neither side of this one has."""
    there = {each.party_id for each in amendment.parties}
    had = {each.party_id: each for one in await _applied(tx, agreement) for each in one.parties}
    return tuple(_party(agreement, each) for id, each in had.items() if id not in there)


async def _applied(tx: Transaction, agreement: Agreement) -> list[Amendment]:
    """What the agreement is made of is part of what its readers may read, whoever signed it."""
    async with tx.widened(NATIONAL):
        return [await AMENDMENTS.read(tx, each.amendment_id) for each in agreement.amendments]


async def _signed(tx: Transaction, amendment: Amendment, amended_on: date) -> SignedAmendment:
    """An amendment with the signatures under it."""
    content = await get_content(tx, amendment.content_hash)
    return SignedAmendment(
        number=amendment.numbered,
        amendment_type=amendment.amendment_type,
        amended_on=amended_on,
        signatures=await _signatures(tx, amendment),
        content_hash=amendment.content_hash,
        language_hashes=language_hashes(content.clauses),
    )


async def _titles(tx: Transaction, ceremonies: set[UUID]) -> Mapping[UUID, Bilingual]:
    """Whoever may read the paper may read where it was signed, even if they were no party yet."""
    async with tx.widened(NATIONAL):
        return {id: _shown((await CEREMONIES.read(tx, id)).title) for id in ceremonies}


def _shown(title: Bilingual) -> Bilingual:
    """A title may be from before it had to be printable."""
    return Bilingual(ar=with_gaps_shown(title.ar), fr=with_gaps_shown(title.fr))


def _files(file: Agreement | Amendment) -> list[FileLine]:
    number = file.number if isinstance(file, Amendment) else None
    files = [
        FileLine(kind="archived", hash=file.archived_file, number=number) if file.archived_file else None,
        FileLine(kind="sealed", hash=file.sealed_file, number=number) if file.sealed_file else None,
        *(
            FileLine(
                kind="scan",
                hash=signature.file_hash,
                party=_name(file, file.party(signature.party_id).organisation_id),
                number=number,
            )
            for signature in file.signatures
            if signature.file_hash and signature.level == "handwritten_scan"
        ),
    ]
    return [each for each in files if each]


def _name(file: Agreement | Amendment, organisation: UUID) -> Bilingual:
    return file.names.get(organisation) or Bilingual(ar=str(organisation), fr=str(organisation))


def _academy(file: Agreement | Amendment) -> Bilingual | None:
    academy = ACADEMIES[file.academy] if file.academy else None
    return Bilingual(ar=academy.name_ar, fr=academy.name_fr) if academy else None


def _mark(*, frozen: bool) -> Mark | None:
    if not frozen:
        return "draft"
    return "specimen" if issuer().trial else None
