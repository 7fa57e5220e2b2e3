"""What papers say: everything that is printed, as data. The same data gives the same bytes."""

from datetime import date, datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.bilingual import Bilingual
from services.agreements.content import Annex
from services.agreements.kinds import ContentPart
from services.agreements.terms import BudgetLine, Duty
from services.agreements.text import Clause
from shared.events.agreements import AmendmentType, LanguageHashes, PartyRole, SealingCertificate, SignatureLevel

Language = Literal["ar", "fr", "both"]
"""The language of a paper; `both` sets the two in columns beside one another."""
Mark = Literal["draft", "specimen"]
"""What is written across every page: the text is not frozen, or the installation is one for trial."""


class Part(BaseModel):
    """Something that a paper says; it never changes."""

    model_config = ConfigDict(frozen=True)


class PartyLine(Part):
    """A party, with what it is in the agreement."""

    party_id: UUID
    name: Bilingual
    roles: tuple[PartyRole, ...]


class CenterLine(Part):
    """A center with its seats."""

    name: Bilingual
    province: Bilingual
    operator: Bilingual
    funded_seats: int
    unfunded_seats: int


class SignatureLine(Part):
    """A party's signature, or that it is missing while `signed_at` is none."""

    party: Bilingual
    signed_at: datetime | None = None
    signed_on: date | None = None
    """The day on the paper, for a signature by hand."""
    level: SignatureLevel | None = None
    mandate_id: UUID | None = None
    delegated: bool = False
    """Whether another signed for the mandated person."""
    ceremony: Bilingual | None = None
    certificate: str | None = None
    """The organisation that the certificate names which sealed it."""
    by_seal: bool = False
    """Whether that certificate is for seals, which are no signatures in the law's words."""
    contested: bool = False
    """Whether the mandate turned out to have ended before the signature, which was not confirmed since."""
    confirmed_on: date | None = None
    """When the party confirmed it, if it had been contested."""


class AmendmentLine(Part):
    """An amendment that the agreement is made of, and who signed it."""

    number: int
    amendment_type: AmendmentType
    amended_on: date
    signed_by: tuple[Bilingual, ...]


class Frame(Part):
    """A party's place on the pages at the end, where its seal goes."""

    party_id: UUID
    party: Bilingual
    page: int
    """Among these pages, from 0."""
    left: int
    """Points from the left margin."""
    top: int
    """Points from the top margin."""


class FileLine(Part):
    """A file that belongs to the agreement: its SHA-256 in hex, and what it is."""

    kind: Literal["archived", "sealed", "scan"]
    """The PDF/A from before the first seal, the PDF that carries the seals, or a signature on paper."""
    hash: str
    party: Bilingual | None = None
    """Whose signature it is."""
    number: int | None = None
    """Of the amendment to which it belongs, if it belongs to one."""


class Paper(Part):
    """What every paper has."""

    drawn_at: datetime
    """When what it says became so: the file's date, so that the same version gives the same file."""
    title: Bilingual
    academy: Bilingual | None = None
    """The academy under the ministry in the header; none on national papers."""
    reference: str | None = None
    address: str | None = None
    """Where anybody verifies the paper, in its QR code; none on drafts."""
    mark: Mark | None = None


class AgreementPaper(Paper):
    """An agreement, as it stands in one version."""

    version: int
    school_year: str
    effective_from: date
    effective_until: date
    parties: tuple[PartyLine, ...]
    clauses: tuple[Clause, ...]
    obligations: tuple[Duty, ...] = ()
    budget: tuple[BudgetLine, ...] = ()
    centers: tuple[CenterLine, ...] = ()
    annexes: tuple[Annex, ...] = ()
    signatures: tuple[SignatureLine, ...] = ()
    frames: tuple[Frame, ...] = ()
    """In place of the signatures, on the file that takes the seals."""
    amendments: tuple[AmendmentLine, ...] = ()
    """Oldest first; what the paper says is the agreement as they left it."""
    content_hash: str | None = None
    """None until the text is frozen."""
    language_hashes: LanguageHashes | None = None


Value = Clause | PartyLine | CenterLine | Duty | BudgetLine | Annex | Bilingual | date | str | tuple[Bilingual, ...]
"""What a part of an agreement says: the last are a title, a date, a school year, and names in their order."""


class ChangedPart(Part):
    """A part of the agreement that an amendment makes another."""

    part: ContentPart
    what: dict[str, str]
    """Which it is, by language."""
    before: Value | None
    """None if it is added."""
    after: Value | None
    """None if it is taken out."""


class AmendmentPaper(Paper):
    """An amendment, as it stands in one version: what it changes, part by part."""

    version: int
    number: int | None
    """None until it is approved."""
    amendment_type: AmendmentType
    amends: str | None
    """The agreement's reference."""
    parties: tuple[PartyLine, ...]
    """Of the agreement before and after."""
    gone: tuple[PartyLine, ...] = ()
    """Those that earlier amendments took out: what this one was drafted to change may still name them."""
    centers: dict[UUID, Bilingual] = {}
    """The names of its centers, before and after."""
    changes: tuple[ChangedPart, ...]
    signatures: tuple[SignatureLine, ...] = ()
    frames: tuple[Frame, ...] = ()
    """In place of the signatures, on the file that takes the seals."""
    content_hash: str | None = None
    """Of the agreement as it becomes; none until it is frozen."""
    language_hashes: LanguageHashes | None = None


class SealPaper(Paper):
    """What a seal shows in its frame: of the party, not of the person."""

    signature: SignatureLine

    def naming(self, certificate: SealingCertificate) -> Self:
        """The same, with whom the certificate names."""
        named = {"certificate": certificate.named, "by_seal": certificate.purpose == "seal"}
        return self.model_copy(update={"signature": self.signature.model_copy(update=named)})


class SignedAmendment(Part):
    """An amendment that the agreement is made of, with the text that it makes and the signatures under it."""

    number: int
    amendment_type: AmendmentType
    amended_on: date
    signatures: tuple[SignatureLine, ...]
    """Of those whom it touches, and of nobody else."""
    content_hash: str
    language_hashes: LanguageHashes


class CertificatePaper(Paper):
    """Who signed which text, and where the journal says so."""

    version: int
    head: str
    """The hash of the agreement's last journal row, in hex: the chain's end at this version."""
    signatures: tuple[SignatureLine, ...]
    """Under the text that all signed, of which the hashes are; of parties that have left since, too."""
    content_hash: str
    language_hashes: LanguageHashes
    amendments: tuple[SignedAmendment, ...] = ()
    """Oldest first."""
    files: tuple[FileLine, ...] = ()


class MinutesPaper(Paper):
    """The minutes of a ceremony, or an extract of them: Markdown in each language."""

    ar: str
    fr: str
    whole: bool = True
    """Whether they are the minutes as they were drawn up at the closing, and no extract."""
    adopted: bool
    minutes_hash: str
