"""What requests carry and what is answered, one module per noun."""

from services.agreements.schemas.agreements import (
    AgreementAnswer,
    CenterBody,
    DraftAgreement,
    PartyBody,
    ReturnWithRemarks,
    ReviseTerms,
    ReviseText,
    TextAnswer,
)
from services.agreements.schemas.ceremonies import CeremonyAnswer, MinutesAnswer, PlanCeremony, RescheduleCeremony
from services.agreements.schemas.signing import (
    BatchAnswer,
    BatchItem,
    BatchItemAnswer,
    DeclineAgreement,
    PartyAnswer,
    SignAgreement,
    SignatureAnswer,
    SignBatch,
)
from services.agreements.schemas.words import Because, Hash, Line, Paragraph, Seats, each_once

__all__ = [
    "AgreementAnswer",
    "BatchAnswer",
    "BatchItem",
    "BatchItemAnswer",
    "Because",
    "CenterBody",
    "CeremonyAnswer",
    "DeclineAgreement",
    "DraftAgreement",
    "Hash",
    "Line",
    "MinutesAnswer",
    "Paragraph",
    "PartyAnswer",
    "PartyBody",
    "PlanCeremony",
    "RescheduleCeremony",
    "ReturnWithRemarks",
    "ReviseTerms",
    "ReviseText",
    "Seats",
    "SignAgreement",
    "SignBatch",
    "SignatureAnswer",
    "TextAnswer",
    "each_once",
]
