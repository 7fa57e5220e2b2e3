"""The port behind which keys and certificates lie: who seals, and with what, is the installation's choice.

An adapter is two methods. The document never reaches it: it is asked for a certificate, then for a signature over the
attributes that are to be signed (a few hundred bytes), so that a smart card, a PKCS#11 module or a remote service as
the Cloud Signature Consortium describes it fits as well as a key file. `MITHAQ_AGREEMENTS_SEAL` names it as
`package.module:factory`; the factory takes the service's settings.

- **PKCS#11** (a token or an HSM): `pen_for` opens a session and reads the certificate of the object whose label stands
  for the party; `sign` calls C_Sign with CKM_SHA256_RSA_PKCS, or with CKM_ECDSA over a hash of its own. C_Sign gives r
  and s of an ECDSA signature side by side; this port wants them as a DER sequence (RFC 3279, 2.2.3). docs/pkcs11.md has
  an adapter that was run with SoftHSM; our tests run none.
- **Remote** (CSC API 2): `pen_for` calls credentials/info for the person who signs and asks for their consent; `sign`
  hashes with SHA-256 and calls signatures/signHash. Each may take as long as PATIENCE. What our tests run is a signer
  behind HTTP that answers in this way, no trust service's.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.agreements.bilingual import Bilingual
from shared.events.agreements import SignatureLevel

SEALED: frozenset[SignatureLevel] = frozenset({"advanced", "qualified"})
"""The levels of signature that a seal carries; a simple one is a fact of the journal, one by hand is a scan."""
PATIENCE = 30.0
"""Seconds that a provider gets for a certificate, and again for a signature."""


@dataclass(frozen=True, slots=True)
class Signatory:
    """For whom a seal is made."""

    organisation_id: UUID
    name: Bilingual
    """The organisation's."""
    person: str
    """Who signs for it, as issuer#subject."""
    level: SignatureLevel


class Pen(Protocol):
    """A certificate, and the key that belongs to it."""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Certificates in DER: the signing one first, then each one's issuer."""
        ...

    async def sign(self, data: bytes) -> bytes:
        """A signature over SHA-256 of the data: PKCS#1 v1.5 by an RSA key, DER by an elliptic curve's."""
        ...


class Provider(Protocol):
    """Where certificates and keys come from."""

    name: str
    levels: frozenset[SignatureLevel]
    """What its certificates are said to be good for; a qualified one has to bear it out by its statements."""

    async def pen_for(self, signatory: Signatory) -> Pen:
        """The pen for one seal: the organisation's own, and no other's.

        Refuses NoCertificate; anything else it raises counts as being away for the moment. What it gives is compared
        with what the installation says of whose certificates are whose, and a key seals for one party of a file.
        """
        ...
