"""The trial authority: a certificate authority that each installation for trial makes for itself.

Its certificates say SPECIMEN, nobody else trusts it, and production refuses it.
"""

import os
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from services.agreements.sealing.keys import KeyPen
from services.agreements.sealing.port import Signatory
from shared.clock import now
from shared.events.agreements import SignatureLevel

MARK = "SPECIMEN"
LONGEST = 64
"""Bytes of a name in a certificate: RFC 5280 (appendix A, ub-common-name) says characters, `cryptography` bytes."""
USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
AUTHORITY_LASTS = timedelta(days=3650)
CERTIFICATE_LASTS = timedelta(days=730)
DAY = timedelta(days=1)


class TrialAuthority:
    """The authority whose key is in this file, which is made with a random one when it is first needed."""

    name = "trial"
    levels: frozenset[SignatureLevel] = frozenset({"advanced"})

    def __init__(self, file: Path) -> None:
        self.file = file

    async def pen_for(self, signatory: Signatory) -> KeyPen:
        """A fresh key, with a certificate for the organisation."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = [
            (NameOID.ORGANIZATION_NAME, _short(signatory.name.fr)),
            (NameOID.SERIAL_NUMBER, str(signatory.organisation_id)),
            (NameOID.COMMON_NAME, _short(f"{MARK} {signatory.name.fr}")),
        ]
        issued = _certificate(subject, self.certificate.subject, key.public_key(), lasts=CERTIFICATE_LASTS)
        allowed = usage("digital_signature", "content_commitment")
        issued = issued.add_extension(allowed, critical=True).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )
        signed = issued.sign(self._key, SHA256())
        return KeyPen((signed.public_bytes(Encoding.DER), self.certificate.public_bytes(Encoding.DER)), key)

    @property
    def revocations(self) -> bytes:
        """Its revocation list in DER, good for today; it names nobody."""
        made = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        made = made.last_update(now() - DAY).next_update(now() + DAY).add_extension(x509.CRLNumber(1), critical=False)
        made = made.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )
        return made.sign(self._key, SHA256()).public_bytes(Encoding.DER)

    @cached_property
    def certificate(self) -> x509.Certificate:
        """The authority's own."""
        return x509.load_pem_x509_certificate(self._kept)

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        key = load_pem_private_key(self._kept, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self.file} is not a trial authority's")
        return key

    @cached_property
    def _kept(self) -> bytes:
        if not self.file.exists():
            _make(self.file)
        return self.file.read_bytes()


def _make(file: Path) -> None:
    """Make the file whole or not at all, readable by its owner only; of several who start at once, one makes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [(NameOID.COMMON_NAME, f"{MARK} Mithaq {secrets.token_hex(4)}")]
    made = _certificate(subject, _name(subject), key.public_key(), lasts=AUTHORITY_LASTS)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    made = made.add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    certificate = made.sign(key, SHA256()).public_bytes(Encoding.PEM)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate)
    with suppress(FileExistsError):
        os.link(draft, file)
    draft.unlink()


def _certificate(
    subject: list[tuple[x509.ObjectIdentifier, str]],
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    *,
    lasts: timedelta,
) -> x509.CertificateBuilder:
    at: datetime = now()
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - DAY)
        .not_valid_after(at + lasts)
    )


def _name(of: list[tuple[x509.ObjectIdentifier, str]]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in of])


def _short(name: str) -> str:
    return name.encode()[:LONGEST].decode(errors="ignore")


def usage(*allowed: str) -> x509.KeyUsage:
    """What a key may be used for, by the names of RFC 5280 (4.2.1.3) in `cryptography`'s spelling."""
    return x509.KeyUsage(**{kind: kind in allowed for kind in USES})
