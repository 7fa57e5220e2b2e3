"""Certificates for tests: an authority, and what it issues."""

import ssl
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from shared.clock import now


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The key in PEM, in the clear."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def certified(
    name: str, by: Pair | None = None, *, since: int = -10, days: int = 30, address: str = "127.0.0.1"
) -> Pair:
    """A certificate for an address by this authority, or an authority.

    It is valid from `since` days from now until `days` days from now.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = by.certificate.subject if by else subject
    signing_key = by.key if by else key
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now() + timedelta(days=since))
        .not_valid_after(now() + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=by is None,
                crl_sign=by is None,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    return Pair(builder.sign(signing_key, hashes.SHA256()), key)


def serving(pair: Pair, folder: Path, *, demands: Pair | None = None) -> ssl.SSLContext:
    """How a receiver serves TLS; it may demand client certificates of an authority."""
    (folder / "server.pem").write_text(pair.pem)
    (folder / "server.key").write_text(pair.key_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    if demands:
        context.load_verify_locations(cadata=demands.pem)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
