"""Whose a certificate is: the legal person that its issuer names in it, and for which party it may seal."""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from uuid import UUID

from asn1crypto.x509 import Certificate  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from services.agreements.sealing.qualified import purpose_of
from shared.events.agreements import SealingCertificate
from shared.texts import hidden_in, in_one_line

PERSON = (NameOID.SURNAME, NameOID.GIVEN_NAME, NameOID.PSEUDONYM)
"""What only a natural person's certificate has (ETSI EN 319 412-2, 4.2.4): its common name is nobody's business."""
LONGEST = 128
"""Signs of a name that are kept."""

Holders = Mapping[UUID, Sequence[str]]
"""Organisation -> what its certificates call it, now or before: its organizationIdentifier, or its O."""


def certificate_of(der: bytes) -> SealingCertificate:
    """What is told of a certificate: the organisation, never a person."""
    read = x509.load_der_x509_certificate(der)
    person = any(read.subject.get_attributes_for_oid(each) for each in PERSON)
    name = _of(read, NameOID.ORGANIZATION_NAME) or (None if person else _of(read, NameOID.COMMON_NAME))
    return SealingCertificate(
        holder=name,
        identifier=_of(read, NameOID.ORGANIZATION_IDENTIFIER),
        fingerprint=read.fingerprint(SHA256()).hex(),
        purpose=purpose_of(Certificate.load(der)),
    )


def key_of(der: bytes) -> str:
    """What is the same in every certificate of one key."""
    key = x509.load_der_x509_certificate(der).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def is_of(certificate: SealingCertificate, organisation: UUID, holders: Holders) -> bool:
    """Whether a certificate may be this organisation's, as far as the installation says whose which is.

    One that is listed has a certificate that calls it so; the others have none that calls itself one of those.
    """
    called = {_plain(each) for each in (certificate.identifier, certificate.holder) if each}
    theirs = {each for each, names in holders.items() if not called.isdisjoint(map(_plain, names))}
    return organisation in theirs or not (theirs or organisation in holders)


def _of(read: x509.Certificate, kind: x509.ObjectIdentifier) -> str | None:
    for each in read.subject.get_attributes_for_oid(kind):
        name = in_one_line(each.value) if isinstance(each.value, str) else ""
        if shown := "".join(sign for sign in name if not hidden_in(sign)):
            return shown[:LONGEST]
    return None


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
