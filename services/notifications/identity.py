"""Identity: what TLS with one receiver rests on beyond the public authorities, and how it is kept and used."""

import json
import ssl
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_bytes
from typing import Self
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from services.notifications.endpoint import Identity
from services.notifications.errors import CertificateRefused
from shared.clock import now


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client certificate with its chain and key, and an authority to trust; all PEM, none of them required."""

    certificate: str | None = None
    key: str | None = None
    authority: str | None = None

    def described(self, key_id: UUID) -> Identity:
        """What may be known of them. Raises CertificateRefused."""
        own, until = self._own()
        return Identity(key_id=key_id, certificate=own, certificate_until=until, authority=self._trusted())

    def sealed_form(self) -> bytes:
        """The bytes to seal."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_sealed_form(cls, opened: bytes) -> Self:
        """What `sealed_form` made."""
        return cls(**json.loads(opened))

    def context(self) -> ssl.SSLContext:
        """TLS with these credentials."""
        context = ssl.create_default_context(cadata=self.authority)
        if self.certificate and self.key:
            _load(context, self.certificate, self.key)
        return context

    def _own(self) -> tuple[str | None, datetime | None]:
        if self.certificate is None and self.key is None:
            return None, None
        if self.certificate is None or self.key is None:
            raise CertificateRefused(reason="certificate_incomplete")
        first = _certificates(self.certificate)[0]
        try:
            key = load_pem_private_key(self.key.encode(), None)
        except (ValueError, TypeError):
            raise CertificateRefused(reason="certificate_key") from None
        public = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if key.public_key().public_bytes(*public) != first.public_key().public_bytes(*public):
            raise CertificateRefused(reason="certificate_other_key")
        until = first.not_valid_after_utc
        if until <= now():
            raise CertificateRefused(reason="certificate_ended")
        return _fingerprint(first), until

    def _trusted(self) -> str | None:
        return _fingerprint(_certificates(self.authority)[0]) if self.authority else None


def _certificates(pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise CertificateRefused(reason="certificate_unreadable") from None


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # OpenSSL reads files only: the key lies in one for a moment, under a passphrase that never leaves this process.
    passphrase = token_bytes(32).hex()
    locked = load_pem_private_key(key.encode(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode())
    )
    with tempfile.TemporaryDirectory() as folder:
        chain, private = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(certificate)
        private.write_bytes(locked)
        context.load_cert_chain(chain, private, passphrase)
