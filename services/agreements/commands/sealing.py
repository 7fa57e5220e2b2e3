"""Making seals: outside the transaction that records the signature, which checks that nothing moved meanwhile.

A file is kept before the signature is recorded, and goes again if that is refused; a crash in between leaves at worst a
file that nobody refers to.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import structlog
from cryptography import x509
from sqlalchemy.dialects.postgresql import insert

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.errors.sealing import (
    CertificateNotQualified,
    CertificateNotTrusted,
    CertificateNotValid,
    CertificateOfAnother,
    CertificateRevoked,
    LevelNotOffered,
    PlaceSealed,
    SealedFileDamaged,
    SealUnavailable,
)
from services.agreements.papers import AgreementPaper, AmendmentPaper, SealPaper, render_agreement, require_printable
from services.agreements.sealing import (
    PATIENCE,
    SEALED,
    Flaw,
    Provider,
    Signatory,
    Trust,
    certificate_of,
    complete,
    counts,
    is_of,
    prepare,
    sealing,
    stamp,
    verifies,
)
from services.agreements.tables import PaperRow
from shared import files
from shared.clock import business_date, now
from shared.database import Database, Transaction
from shared.events.agreements import (
    AgreementPartySigned,
    AmendmentPartySigned,
    SealingCertificate,
    SignatureLevel,
)
from shared.messaging.crash import crash_point
from shared.named_files import Brought, bring, drop, holds
from shared.refusals import ConcurrentChange, Refusal
from shared.worker import in_worker

log = structlog.get_logger(__name__)
T = TypeVar("T")
TRIES = 10
"""How often a seal is made anew because another process signed first."""
_turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()


class SealOvertaken(Exception):
    """What is signed moved on since the seal was made, or none was; another must be made."""


@dataclass(frozen=True, slots=True)
class ReadySeal:
    """A sealed file that is kept and not recorded yet."""

    id: UUID
    version: int
    """Of the agreement or the amendment that it was made for."""
    party_id: UUID
    at: datetime
    brought: Brought
    certificate: SealingCertificate
    archived_file: str | None
    """Of the file before its first seal; none with later ones. Every try prints the same, so that it stays."""

    @property
    def file_hash(self) -> str:
        """Of the sealed file."""
        return self.brought.file.hash


async def seal_first(
    db: Database,
    id: UUID,
    level: SignatureLevel,
    make: Callable[[], Awaitable[ReadySeal]],
    sign: Callable[[ReadySeal | Refusal | None], Awaitable[T]],
) -> T:
    """What `sign` gives, called with the seal that it needs, or why there is none: it says so in its turn.

    A seal goes on top of those that are there. Who signs the same file in this process waits for that; if another
    process was quicker, the seal is made anew. Refuses ConcurrentChange after TRIES.
    """
    if level not in SEALED:
        return await sign(None)
    turn = _turns.setdefault(id, asyncio.Lock())
    async with turn:
        for _ in range(TRIES):
            seal: ReadySeal | Refusal
            try:
                seal = await make()
            except Refusal as refusal:
                seal = refusal
            try:
                return await sign(seal)
            except Exception as error:
                if isinstance(seal, ReadySeal):
                    await drop(db, seal.brought)
                if not isinstance(error, SealOvertaken):
                    raise
    raise ConcurrentChange()


async def use_seal(
    tx: Transaction,
    file: Agreement | Amendment,
    party_id: UUID,
    level: SignatureLevel,
    seal: ReadySeal | Refusal | None,
) -> None:
    """Let a signature of a level that is sealed rest on its seal, and know the file again when somebody brings it.

    Raises SealOvertaken unless the file is as it was and the party the same, and the refusal that is in a seal's place.
    """
    if level not in SEALED:
        return
    if isinstance(seal, Refusal):
        raise seal
    if seal is None or (seal.id, seal.version, seal.party_id) != (file.id, file.version, party_id):
        raise SealOvertaken
    for each in filter(None, (seal.file_hash, seal.archived_file)):
        if not await holds(tx, each):
            raise SealOvertaken
    await _remember_files(tx, file, seal)


async def make_seal(
    db: Database,
    file: Agreement | Amendment,
    signed: AgreementPartySigned | AmendmentPartySigned,
    shown: SealPaper,
    unsealed: AgreementPaper | AmendmentPaper | None,
    at: datetime,
) -> ReadySeal:
    """Seal a file for the signature that is about to be recorded; `unsealed` prints its beginning.

    Refuses LevelNotOffered, NoCertificate, CertificateOfAnother, CertificateNotTrusted, CertificateNotValid,
    CertificateRevoked, CertificateNotQualified, SealUnavailable, SealedFileDamaged, PlaceSealed,
    CharactersNotPrintable.
    """
    provider = provider_of(signed.level)
    party = shown.signature.party
    pen = await _patiently(provider.pen_for(Signatory(signed.organisation_id, party, signed.person, signed.level)))
    certificate = certificate_of(pen.chain[0])
    another = CertificateOfAnother(
        organisation=signed.organisation_id, name=party.model_dump(), holder=certificate.named or "-"
    )
    if not is_of(certificate, signed.organisation_id, sealing().holders):
        raise another
    shown = shown.naming(certificate)
    archived, beginning = await _beginning(file, unsealed)
    require_printable(shown.model_dump_json())
    trust = sealing().trust
    prepared = await in_worker(
        prepare,
        beginning,
        shown,
        field=str(signed.party_id),
        frames=unsealed.frames if unsealed else (),
        about=f"{file.reference} SHA-256 {file.content_hash}",
        at=at,
        chain=pen.chain,
        trust=trust,
        stamped=sealing().timestamps is not None,
    )
    if prepared is Flaw.not_theirs:
        raise another
    if isinstance(prepared, Flaw):
        raise _refusal_for(prepared, pen.chain[0])
    if prepared is None:
        raise PlaceSealed()
    signature = await _patiently(pen.sign(prepared.attributes))
    if not verifies(pen.chain[0], signature, prepared.attributes):
        log.error("a provider's signature does not verify", provider=provider.name)
        raise SealUnavailable()
    token = await _stamped(signature, trust)
    made = await in_worker(complete, prepared, signature, token)
    brought = await bring(db, made, files.measure(BytesIO(made), files.MOST_BYTES))
    crash_point("seal.kept")
    return ReadySeal(file.id, file.version, signed.party_id, at, brought, certificate, archived)


def provider_of(level: SignatureLevel) -> Provider:
    """Who seals at this level. Refuses LevelNotOffered."""
    provider = sealing().provider
    if provider is None or level not in provider.levels:
        offered = sorted(provider.levels) if provider else []
        raise LevelNotOffered(level=level, offered=["simple", *offered])
    return provider


async def _remember_files(tx: Transaction, file: Agreement | Amendment, seal: ReadySeal) -> None:
    known = {"sealed": seal.file_hash, file.kind: seal.archived_file}
    for document, hash in known.items():
        if hash:
            row = PaperRow(
                hash=hash,
                visible_to=list(file.visible_to()),
                subject_id=file.id,
                document=document,
                version=file.version,
                language="both",
                content_hash=file.content_hash,
                issued_at=now(),
            )
            await tx.execute(insert(PaperRow).values(row.model_dump()).on_conflict_do_nothing())


async def _beginning(
    file: Agreement | Amendment, unsealed: AgreementPaper | AmendmentPaper | None
) -> tuple[str | None, bytes]:
    if unsealed:
        require_printable(unsealed.model_dump_json())
        printed = await in_worker(render_agreement, unsealed, "both")
        return (await files.put(printed)).hash, printed
    assert file.sealed_file is not None, "neither sealed nor to be printed"
    try:
        return None, await files.get(file.sealed_file)
    except (FileNotFoundError, files.FileDamaged):
        raise SealedFileDamaged(hash=file.sealed_file) from None


async def _patiently(answer: Awaitable[T]) -> T:
    """A provider's answer; whatever goes wrong there is its being away, and its refusals are its own."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await answer
    except Refusal:
        raise
    except Exception as error:
        log.exception("a provider of seals fails")
        raise SealUnavailable() from error


async def _stamped(signature: bytes, trust: Trust) -> bytes | None:
    """The time-stamp of a signature; None where no authority gives any. Refuses SealUnavailable."""
    authority = sealing().timestamps
    if authority is None:
        return None
    token = await _patiently(stamp(authority, signature))
    if not await in_worker(counts, token, signature, trust, now()):
        log.error("a time-stamp does not count", authority=authority)
        raise SealUnavailable()
    return token


def _refusal_for(flaw: Flaw, certificate: bytes) -> Refusal:
    if flaw is Flaw.expired:
        read = x509.load_der_x509_certificate(certificate)
        first, last = business_date(read.not_valid_before_utc), business_date(read.not_valid_after_utc)
        return CertificateNotValid(valid_from=first, valid_until=last)
    named: dict[Flaw, type[Refusal]] = {Flaw.revoked: CertificateRevoked, Flaw.unqualified: CertificateNotQualified}
    return named.get(flaw, CertificateNotTrusted)()
