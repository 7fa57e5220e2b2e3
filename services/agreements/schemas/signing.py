"""What requests about signatures carry, and what is answered."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, Field

from services.agreements.agreement import Agreement, AgreementState, PartyRequest
from services.agreements.bilingual import Bilingual
from services.agreements.commands import SignatureRequest
from services.agreements.schemas.words import Because, Hash, Line, Paragraph, PersonId
from services.agreements.tables import SignatureBatchRow
from services.agreements.terms import must_sign
from shared.events.agreements import PartyRole, SealingCertificate, SignatureLevel
from shared.refusals import Refusal
from shared.web import Body, BusinessDate, Listing
from shared.web.problems import members_of

GivenLevel = Literal["simple", "advanced", "qualified"]
"""A signature by hand comes with its scan and its witness, never by itself."""


class SignAgreement(Body):
    """A signature under the frozen text, for one party."""

    party_id: UUID
    text_hash: Hash = Field(description="of all that is signed, terms and clauses, as the agreement shows it")
    ceremony_id: UUID | None = Field(None, description="the open ceremony in which it is signed")
    level: GivenLevel = "simple"


class DeclineAgreement(Body):
    """A party's refusal to sign the frozen text."""

    party_id: UUID
    text_hash: Hash
    reason: Paragraph


class DelegateSigning(Body):
    """Who signs for the party in one's place, and on which act that rests."""

    party_id: UUID
    delegate: PersonId = Field(
        description="the person, as issuer#subject; to sign they have to act for the party's organisation"
    )
    valid_until: BusinessDate = Field(description="the last day; that of the mandate or the offer if they end before")
    document: Line = Field(description="reference of the act of delegation")


class WithdrawDelegation(Because):
    """Why another does not sign for a party any more."""

    party_id: UUID


class SeenOnPaper(Body):
    """A signature on paper that the sender saw given."""

    party_id: UUID
    person: Line = Field(description="who signed, as issuer#subject; mandated or a delegate on that day")
    file_hash: Hash = Field(description="SHA-256 of the scan, a document of the agreement")
    signed_on: BusinessDate


class RecordScan(SeenOnPaper):
    """A signature under the frozen text on paper, that the sender saw given."""

    text_hash: Hash
    ceremony_id: UUID | None = None


class AcceptScan(Body):
    """Whose scan is found good."""

    party_id: UUID


class ReturnScan(Body):
    """Whose scan is not, and why."""

    party_id: UUID
    reason: Paragraph


class Confirming(Body):
    """That a party stands by its signature that is contested."""

    party_id: UUID
    file_hash: Hash | None = Field(
        None, description="SHA-256 of a document of the agreement that shows it; it stands for any level of signature"
    )


class ConfirmSignature(Confirming):
    """The same, of a signature under an agreement."""

    text_hash: Hash = Field(description="of what was signed, as the signature has it")


class ConfirmationAnswer(BaseModel):
    """By what a contested signature was confirmed."""

    person: str
    mandate_id: UUID
    confirmed_at: datetime
    file_hash: str | None = Field(description="SHA-256 of the document that shows it")


class BatchItem(Body):
    """One signature of a batch."""

    agreement_id: UUID
    party_id: UUID
    text_hash: Hash


class SignBatch(Body):
    """Signatures that one person gives together, each standing for itself."""

    items: Annotated[list[BatchItem], Field(min_length=1, max_length=100)]
    ceremony_id: UUID | None = None
    level: GivenLevel = "simple"

    def requests(self) -> list[SignatureRequest]:
        """The signatures asked for."""
        return [SignatureRequest(**item.model_dump()) for item in self.items]


class SignatureAnswer(BaseModel):
    """A party's signature."""

    person: str
    mandate_id: UUID
    ceremony_id: UUID | None
    level: SignatureLevel
    signed_at: datetime = Field(description="when it counted; one on paper counts from its check on")
    on_behalf_of: str | None = Field(description="the mandated person, when a delegate signed")
    signed_on: date | None = Field(description="the day on the paper")
    witness: str | None = Field(description="who attests a signature on paper")
    file_hash: str | None = Field(description="SHA-256 of the sealed PDF, or of the scan")
    certificate: SealingCertificate | None = Field(description="whose certificate sealed it")
    contested: date | None = Field(description="from this day on the mandate held no more, as became known later")
    confirmed: ConfirmationAnswer | None = Field(description="by which its party stands by it though it is contested")
    text_hash: str = Field(description="of what was signed")


class PartyAnswer(BaseModel):
    """A party, what it is there, and whether it has signed."""

    party_id: UUID
    organisation_id: UUID
    name: Bilingual | None = Field(description="as at the freezing of the text; before it, as far as known at drafting")
    roles: list[PartyRole]
    must_sign: bool
    request: PartyRequest | None = Field(description="of its signature, from the freezing of the text on")
    signature: SignatureAnswer | None

    @classmethod
    def all_of(cls, agreement: Agreement) -> list[Self]:
        """The parties in their order."""
        signatures = {each.party_id: SignatureAnswer(**each.model_dump()) for each in agreement.signatures}
        requests = {each.party_id: each for each in agreement.requests}
        return [
            cls(
                party_id=party.party_id,
                organisation_id=party.organisation_id,
                name=agreement.names.get(party.organisation_id),
                roles=list(party.roles),
                must_sign=must_sign(party),
                request=requests.get(party.party_id),
                signature=signatures.get(party.party_id),
            )
            for party in agreement.parties
        ]


class BatchItemAnswer(BaseModel):
    """What became of one signature."""

    agreement_id: UUID
    party_id: UUID
    outcome: Literal["pending", "signed", "refused"]
    state: AgreementState | None = Field(None, description="of the agreement after the signature")
    version: int | None = Field(None, description="of the agreement after the signature")
    problem: dict[str, Any] | None = Field(None, description="why it was refused, as a problem (RFC 9457)")


class BatchAnswer(Listing[BatchItemAnswer]):
    """A batch of signatures, finished when none is pending."""

    id: UUID
    finished: bool
    ceremony_id: UUID | None
    level: SignatureLevel
    created_at: datetime

    @classmethod
    def of(cls, batch: SignatureBatchRow, request: Request) -> Self:
        """The batch, with its refusals in the reader's language."""
        return cls(
            **batch.model_dump(include={"id", "ceremony_id", "level", "created_at"}),
            finished=batch.finished_at is not None,
            items=[
                BatchItemAnswer(**item, problem=_problem(item["refusal"], request) if "refusal" in item else None)
                for item in batch.items
            ],
        )


def _problem(kept: dict[str, Any], request: Request) -> dict[str, Any]:
    kind = type("KeptRefusal", (Refusal,), {"slug": kept["slug"], "status": kept["status"]})
    members = members_of(request, kind(**kept["values"]))
    # They belong to a whole answer, and would make a repeated one differ.
    return {name: value for name, value in members.items() if name not in ("instance", "trace_id")}
