"""A seal is one more revision of a file: prepared here, signed by whoever holds the key, set in here.

Both halves run in the worker. The first seal certifies (ISO 32000-2, 12.8.2.2): from then on nothing may be added but
seals in the frames that are there. A seal is PAdES baseline B-T (ETSI EN 319 142-1) where an authority
stamps the time, and B-LT with the revocation lists of all issuers; else it is B-B, and the journal proves its time.
"""

import asyncio
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asn1crypto.cms import CMSAttributes  # type: ignore[import-untyped]
from asn1crypto.crl import CertificateList  # type: ignore[import-untyped]
from asn1crypto.x509 import Certificate  # type: ignore[import-untyped]
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import AxisAlignment, Margins, SimpleBoxLayoutRule
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter, append_signature_field
from pyhanko.sign.signers.pdf_byterange import PreparedByteRangeDigest
from pyhanko.sign.signers.pdf_cms import ExternalSigner
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator.registry import SimpleCertificateStore

from services.agreements.papers import Frame, SealPaper, box_of, render_seal
from services.agreements.sealing.holder import key_of
from services.agreements.sealing.qualified import is_qualified
from services.agreements.sealing.tagging import tag_fields
from services.agreements.sealing.timestamps import HASH, Given
from services.agreements.sealing.trust import Flaw, Trust

FILLING = SimpleBoxLayoutRule(
    x_align=AxisAlignment.ALIGN_MID, y_align=AxisAlignment.ALIGN_MID, margins=Margins(0, 0, 0, 0)
)
"""A seal fills its frame."""
ROOM = 32_768
"""Hexadecimal digits kept free for the signature and its certificates; once more for a time-stamp and its own."""


LARGEST_LIST = 65_536
"""Bytes of a revocation list that is put into a file: each party's seal may bring another one, and people upload it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file with a gap, and what is to be signed for it."""

    file: bytes
    gap: PreparedByteRangeDigest
    attributes: bytes
    """The signed attributes in DER: over them goes the signature."""
    chain: tuple[bytes, ...]


def prepare(
    file: bytes,
    shown: SealPaper,
    *,
    field: str,
    frames: Sequence[Frame],
    about: str,
    at: datetime,
    chain: tuple[bytes, ...],
    trust: Trust,
    stamped: bool = False,
) -> Prepared | Flaw | None:
    """Another revision of the file, lacking only the signature; or what is wrong with the certificate.

    None if the party's field bears a seal already.

    Not theirs is a certificate whose key has sealed for another party.

    The revocation lists of the trust are laid into the file (ISO 32000-2, 12.8.4.3), so that whoever verifies it needs
    none of ours.

    `frames` become fields with the first seal and are none after it; `field` is the party's. `about` is signed along.
    `stamped` leaves room for a time-stamp.
    """
    signing, *others = [Certificate.load(each) for each in chain]
    if flaw := asyncio.run(trust.standing(signing, others, at)).flaw:
        return flaw
    if shown.signature.level == "qualified" and not is_qualified(signing, trust.policies):
        return Flaw.unqualified
    # What follows begins on a line of its own (ISO 19005-2, 6.1.9); Typst leaves its last line open.
    writer = IncrementalPdfFileWriter(io.BytesIO(file if file.endswith(b"\n") else file + b"\n"))
    sealed = writer.prev.embedded_signatures
    if any(each.field_name == field for each in sealed):
        return None
    if key_of(chain[0]) in {key_of(each.signer_cert.dump()) for each in sealed}:
        return Flaw.not_theirs
    pages = max((frame.page for frame in frames), default=0) + 1
    for frame in frames:
        name, read = str(frame.party_id), f"{frame.party.ar} / {frame.party.fr}"
        place = SigFieldSpec(name, on_page=frame.page - pages, box=box_of(frame), readable_field_name=read)
        append_signature_field(writer, place)
    if frames:
        tag_fields(writer)
    known = [CertificateList.load(each) for each in trust.lists if len(each) <= LARGEST_LIST]
    if known:
        DocumentSecurityStore.supply_dss_in_writer(writer, None, certs=[signing, *others], crls=known)
    signer = _signer(chain)
    metadata = PdfSignatureMetadata(
        field_name=field,
        md_algorithm=HASH,
        reason=about,
        name=shown.signature.party.fr,
        subfilter=SigSeedSubFilter.PADES,
        certify=bool(frames),
        docmdp_permissions=MDPPerm.FILL_FORMS,
    )
    with tempfile.NamedTemporaryFile(suffix=".pdf") as drawn:
        drawn.write(render_seal(shown))
        drawn.flush()
        style = StaticStampStyle.from_pdf_file(drawn.name, border_width=0, background_layout=FILLING)
        session = PdfSigner(metadata, signer, stamp_style=style).init_signing_session(writer, existing_fields_only=True)
        session.system_time = at
        unsigned = session.prepare_tbs_document(validation_info=None, bytes_reserved=ROOM * (2 if stamped else 1))
        written = io.BytesIO()
        gap, _ = unsigned.digest_tbs_document(output=written)
    attributes = asyncio.run(signer.signed_attrs(gap.document_digest, HASH, use_pades=True))
    return Prepared(written.getvalue(), gap, attributes.dump(), chain)


def complete(prepared: Prepared, signature: bytes, token: bytes | None = None) -> bytes:
    """The sealed file, with the token of a time-stamp if there is one."""
    signer = _signer(prepared.chain, signature)
    attributes = CMSAttributes.load(prepared.attributes)
    stamper = Given(token) if token else None
    contents = asyncio.run(signer.async_sign_prescribed_attributes(HASH, attributes, timestamper=stamper))
    file = io.BytesIO(prepared.file)
    prepared.gap.fill_with_cms(file, contents)
    return file.getvalue()


def _signer(chain: tuple[bytes, ...], signature: bytes | None = None) -> ExternalSigner:
    certificates = [Certificate.load(each) for each in chain]
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(certificates)
    return ExternalSigner(certificates[0], store, signature_value=signature)
