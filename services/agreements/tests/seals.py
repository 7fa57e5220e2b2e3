"""Builders of seals: certificate authorities of any age, sealed sample files, and providers that misbehave."""

import asyncio
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from asn1crypto.cms import CMSAttribute, CMSAttributes, ContentInfo  # type: ignore[import-untyped]
from asn1crypto.keys import PrivateKeyInfo  # type: ignore[import-untyped]
from asn1crypto.x509 import Certificate  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.qualified_asn1 import QcCertificateType, QcStatements
from pyhanko.sign.timestamps import DummyTimeStamper, TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from services.agreements.papers import AgreementPaper, AmendmentPaper, SealPaper, frames_for, render_agreement, samples
from services.agreements.sealing import SEALED, Pen, Prepared, Signatory, Trust, complete, configure, prepare, sealing
from services.agreements.sealing.authority import usage
from services.agreements.sealing.keys import Key, KeyPen
from services.agreements.sealing.qualified import COMPLIANT, DEVICE, TYPES
from services.agreements.sealing.trust import Standing
from services.agreements.settings import AgreementsSettings
from shared.events.agreements import SignatureLevel

AT = datetime(2026, 8, 24, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
STATEMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")
"""The extension qcStatements (RFC 3739, 3.2.6)."""
STAMPS = (ExtendedKeyUsageOID.TIME_STAMPING,)
"""The use of a certificate that stamps the time, and does nothing else."""
NAMES = {NameOID.COMMON_NAME: "Association (fictif)"}
"""What a certificate calls who has it."""
QUALIFIED = (COMPLIANT, DEVICE)
"""What a qualified certificate states of itself."""


@dataclass
class Root:
    """A certificate authority; what it issues holds around AT unless told otherwise."""

    name: str = "Racine (fictif)"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    above: "Root | None" = None
    """The authority that issued its certificate, if it is no root."""

    @property
    def subject(self) -> x509.Name:
        """Its name."""
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])

    @cached_property
    def certificate(self) -> x509.Certificate:
        """Its own certificate."""
        issuer = self.above or self
        serial = 2 if self.above else 1
        made = issuer._builder(self.subject, self.key.public_key(), AT - 3650 * DAY, AT + 3650 * DAY, serial)
        if self.above:
            above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
            made = made.add_extension(above, critical=False)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        made = made.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False
        ).add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
        return made.sign(issuer.key, SHA256())

    @property
    def der(self) -> bytes:
        """The same, as seals carry it."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def trust(self) -> Trust:
        """Trust in nobody else."""
        return Trust((self.der,))

    def issue(
        self,
        first: datetime = AT - DAY,
        last: datetime = AT + 365 * DAY,
        *,
        key: Key | None = None,
        states: Sequence[str] = (),
        types: Sequence[str] = (),
        uses: Sequence[x509.ObjectIdentifier] = (),
        under: Sequence[str] = (),
        names: Mapping[x509.ObjectIdentifier, str] = NAMES,
    ) -> KeyPen:
        """A pen whose certificate holds from one moment to another; if its `uses` are named, for nothing else."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(kind, name) for kind, name in names.items()])
        made = self._builder(subject, key.public_key(), first, last, x509.random_serial_number())
        allowed = usage("digital_signature", "content_commitment")
        made = made.add_extension(allowed, critical=True).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        )
        if uses:
            made = made.add_extension(x509.ExtendedKeyUsage(uses), critical=True)
        if states:
            said: list[dict[str, object]] = [{"statement_id": each} for each in states]
            said += [{"statement_id": TYPES, "statement_info": QcCertificateType(types)}] if types else []
            statements = QcStatements(said).dump()
            made = made.add_extension(x509.UnrecognizedExtension(STATEMENTS, statements), critical=False)
        if under:
            policies = [x509.PolicyInformation(x509.ObjectIdentifier(each), None) for each in under]
            made = made.add_extension(x509.CertificatePolicies(policies), critical=False)
        return KeyPen((made.sign(self.key, SHA256()).public_bytes(Encoding.DER), self.der), key)

    def revoking(
        self, pen: KeyPen, on: datetime, *, told: datetime | None = None, until: datetime = AT + 3650 * DAY
    ) -> Trust:
        """Trust in this root, knowing that it revoked a certificate on a day, since when, and how long that is new."""
        serial = x509.load_der_x509_certificate(pen.chain[0]).serial_number
        revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(on).build()
        made = x509.CertificateRevocationListBuilder().issuer_name(self.subject).last_update(told or on)
        made = made.next_update(until).add_revoked_certificate(revoked)
        made = made.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        ).add_extension(x509.CRLNumber(1), critical=False)
        return Trust((self.der,), (made.sign(self.key, SHA256()).public_bytes(Encoding.DER),))

    def _builder(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
        first: datetime,
        last: datetime,
        serial: int,
    ) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject).public_key(key)
        return made.serial_number(serial).not_valid_before(first).not_valid_after(last)


class Blind(Trust):
    """Trust of somebody who seals with whatever certificate there is."""

    async def standing(self, *_: object, stamps: bool = False) -> Standing:
        """Find nothing wrong."""
        return Standing(None, revocation_known=False)


def sealable(**changes: object) -> AgreementPaper:
    """A sample agreement with frames for its parties' seals."""
    paper = samples.agreement(signatures=())
    frames = frames_for((party.party_id, party.name) for party in paper.parties)
    return paper.model_copy(update={"frames": frames, **changes})


def add_seal(
    file: bytes,
    paper: AgreementPaper | AmendmentPaper,
    place: int,
    pen: KeyPen,
    *,
    trust: Trust | None = None,
    at: datetime = AT,
    level: SignatureLevel = "advanced",
    stamper: TimeStamper | None = None,
) -> bytes:
    """Another revision: the seal of the party at this place, the first one's if the file has none."""
    line = samples.signatures()[place].model_copy(update={"level": level})
    shown = SealPaper(drawn_at=at, title=paper.title, mark="specimen", signature=line)
    prepared = prepare(
        file,
        shown,
        field=str(paper.parties[place].party_id),
        frames=paper.frames if b"/ByteRange" not in file else (),
        about=f"{paper.reference} SHA-256 {paper.content_hash}",
        at=at,
        chain=pen.chain,
        trust=trust or Blind(()),
        stamped=stamper is not None,
    )
    assert isinstance(prepared, Prepared), prepared
    signature = signed_by(pen, prepared.attributes)
    return complete(prepared, signature, token_over(signature, stamper) if stamper else None)


def stamper_of(root: Root, at: datetime, first: datetime = AT - DAY, last: datetime = AT + 365 * DAY) -> TimeStamper:
    """A time-stamping authority under this root, whose clock stands still."""
    pen = root.issue(first, last, key=rsa.generate_private_key(65537, 2048), uses=STAMPS)
    return stamper_with(pen, at)


def stamper_with(pen: KeyPen, at: datetime | None) -> TimeStamper:
    """One that stamps with this certificate, the present time by default."""
    key = pen.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    certificates = [Certificate.load(each) for each in pen.chain]
    others = SimpleCertificateStore.from_certs(certificates[1:])  # type: ignore[no-untyped-call]
    return DummyTimeStamper(certificates[0], PrivateKeyInfo.load(key), certs_to_embed=others, fixed_dt=at)


def token_over(signature: bytes, stamper: TimeStamper) -> bytes:
    """The stamp over a signature."""
    return bytes(asyncio.run(stamper.async_timestamp(hashlib.sha256(signature).digest(), "sha256")).dump())


def with_unreadable_stamps(file: bytes) -> bytes:
    """The file, every stamp in it said to be of something else than a time."""
    time_of, nothing_of = (b"2A864886F70D0109100104", b"2A864886F70D01091001FF")
    assert time_of in file, "it carries a stamp"
    return file.replace(time_of, nothing_of)


def with_an_unreadable_stamp_first(file: bytes) -> bytes:
    """The file, its only seal carrying one that is said to be of something else than a time before its own."""
    [seal] = PdfFileReader(io.BytesIO(file)).embedded_regular_signatures
    first, last = int(seal.byte_range[1]) + 1, int(seal.byte_range[2]) - 1
    message = ContentInfo.load(bytes.fromhex(file[first:last].decode()))
    signer = message["content"]["signer_infos"][0]
    [stamp] = signer["unsigned_attrs"]
    time_of, nothing_of = (bytes.fromhex(each) for each in ("2A864886F70D0109100104", "2A864886F70D0109100100"))
    assert time_of in stamp.dump()
    other = CMSAttribute.load(stamp.dump().replace(time_of, nothing_of))
    signer["unsigned_attrs"] = CMSAttributes([other, stamp])
    filled = message.dump().hex().encode().ljust(last - first, b"0")
    assert len(filled) == last - first, "there is room for both"
    return b"".join((file[:first], filled, file[last:]))


def signed_by(pen: KeyPen, data: bytes) -> bytes:
    """What the pen signs, without an event loop."""
    try:
        pen.sign(data).send(None)
    except StopIteration as done:
        return bytes(done.value)
    raise AssertionError("a key in memory waits for nobody")


def revisions(
    root: Root, number: int = 3, paper: AgreementPaper | AmendmentPaper | None = None, **changes: object
) -> list[bytes]:
    """A paper, by default a sample agreement, sealed by its first parties, one revision after the other."""
    paper = paper or sealable(**changes)
    file, made = render_agreement(paper, "both"), []
    for place in range(number):
        file = add_seal(file, paper, place, root.issue(), trust=root.trust, at=AT + timedelta(minutes=place))
        made.append(file)
    return made


def write_p12(file: Path, pen: KeyPen, passphrase: str = "fictif") -> Path:
    """The pen as a PKCS#12 file."""
    certificate, *others = [x509.load_der_x509_certificate(each) for each in pen.chain]
    secret = BestAvailableEncryption(passphrase.encode())
    file.write_bytes(serialize_key_and_certificates(b"fictif", pen.key, certificate, others, secret))
    return file


def write_roots(file: Path, trust: Trust) -> Path:
    """The trust as a PEM file."""
    lines = [x509.load_der_x509_certificate(each).public_bytes(Encoding.PEM) for each in trust.roots]
    lines += [x509.load_der_x509_crl(each).public_bytes(Encoding.PEM) for each in trust.lists]
    file.write_bytes(b"".join(lines))
    return file


class Hands:
    """A provider that gives the pen that a test put here, or a new one each time, or lets it drop."""

    name = "hands"
    levels = SEALED

    def __init__(self) -> None:
        self.pen: Pen | Callable[[], Pen] | None = None
        self.asked: list[Signatory] = []

    async def pen_for(self, signatory: Signatory) -> Pen:
        """The pen; ConnectionError without one."""
        self.asked.append(signatory)
        if self.pen is None:
            raise ConnectionError("the card was pulled out")
        return self.pen() if callable(self.pen) else self.pen


def hands(_: AgreementsSettings) -> Hands:
    """A factory, as a setting names one."""
    return Hands()


def seal_with(pen: Pen | Callable[[], Pen] | None, trust: Trust, folder: Path, **named: object) -> Hands:
    """Let this installation seal with this pen from now on."""
    roots = write_roots(folder / "roots.pem", trust)
    configure(AgreementsSettings.model_validate({"seal": f"{__name__}:hands", "seal_roots": roots, **named}))
    provider = sealing().provider
    assert isinstance(provider, Hands)
    provider.pen = pen
    return provider
