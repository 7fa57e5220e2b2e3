"""What requests about signatures carry, and what is answered."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, Field

from services.agreements.agreement import Agreement, AgreementState
from services.agreements.bilingual import Bilingual
from services.agreements.commands import SignatureRequest
from services.agreements.schemas.words import Hash, Paragraph
from services.agreements.tables import SignatureBatchRow
from services.agreements.terms import must_sign
from shared.events.agreements import PartyRole, SignatureLevel
from shared.refusals import Refusal
from shared.web import Body
from shared.web.problems import members_of


class SignAgreement(Body):
    """A signature under the frozen text, for one party."""

    party_id: UUID
    text_hash: Hash = Field(description="of the text that is signed, as the agreement and its text show it")
    ceremony_id: UUID | None = Field(None, description="the open ceremony in which it is signed")
    level: SignatureLevel = "simple"


class DeclineAgreement(Body):
    """A party's refusal to sign the frozen text."""

    party_id: UUID
    text_hash: Hash
    reason: Paragraph


class BatchItem(Body):
    """One signature of a batch."""

    agreement_id: UUID
    party_id: UUID
    text_hash: Hash


class SignBatch(Body):
    """Signatures that one person gives together, each standing for itself."""

    items: Annotated[list[BatchItem], Field(min_length=1, max_length=100)]
    ceremony_id: UUID | None = None
    level: SignatureLevel = "simple"

    def requests(self) -> list[SignatureRequest]:
        """The signatures asked for."""
        return [SignatureRequest(**item.model_dump()) for item in self.items]


class SignatureAnswer(BaseModel):
    """A party's signature."""

    person: str
    mandate_id: UUID
    ceremony_id: UUID | None
    level: SignatureLevel
    signed_at: datetime


class PartyAnswer(BaseModel):
    """A party, what it is there, and whether it has signed."""

    party_id: UUID
    organisation_id: UUID
    name: Bilingual | None = Field(description="as at the freezing of the text; before it, as far as known at drafting")
    roles: list[PartyRole]
    must_sign: bool
    signature: SignatureAnswer | None

    @classmethod
    def all_of(cls, agreement: Agreement) -> list[Self]:
        """The parties in their order."""
        signatures = {each.party_id: SignatureAnswer(**each.model_dump()) for each in agreement.signatures}
        return [
            cls(
                party_id=party.party_id,
                organisation_id=party.organisation_id,
                name=agreement.names.get(party.organisation_id),
                roles=list(party.roles),
                must_sign=must_sign(party),
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


class BatchAnswer(BaseModel):
    """A batch of signatures, finished when none is pending."""

    id: UUID
    finished: bool
    ceremony_id: UUID | None
    level: SignatureLevel
    created_at: datetime
    items: list[BatchItemAnswer]

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
