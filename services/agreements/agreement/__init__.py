"""The agreement: who binds themselves to what, from the draft to the end."""

from typing import ClassVar

from services.agreements.agreement.amending import Amending, AppliedAmendment
from services.agreements.agreement.approval import Approval
from services.agreements.agreement.closing import ClosedFile, Closing, Confirmation
from services.agreements.agreement.confirming import Confirming
from services.agreements.agreement.core import BEING_SIGNED, SIGNED_BY_ALL, AgreementState, Core
from services.agreements.agreement.documents import Document, Documents, DocumentState
from services.agreements.agreement.edition import Edition, EditionState, Outcome, Renewal, RenewalState
from services.agreements.agreement.editions import Editions
from services.agreements.agreement.family import Family
from services.agreements.agreement.force import Announcement, Ending, Force, Scope, Suspension
from services.agreements.agreement.negotiation import Acceptance, Negotiation, Turn
from services.agreements.agreement.obligation import Claim, Obligation, ObligationState
from services.agreements.agreement.renewals import Renewals
from services.agreements.agreement.scans import Scans
from services.agreements.agreement.signing import Signing
from services.agreements.agreement.visas import Visa, Visas
from services.agreements.signatures import Delegation, PartyRequest, RequestState, Scan, Signature


class Agreement(
    Amending, Closing, Family, Visas, Force, Confirming, Scans, Approval, Negotiation, Renewals, Documents, Core
):
    """A partnership agreement between organisations, bilingual, signed by each party."""

    ALLOWED: ClassVar = {
        **Core.ALLOWED,
        **Negotiation.ALLOWED,
        **Approval.ALLOWED,
        **Signing.ALLOWED,
        **Scans.ALLOWED,
        **Confirming.ALLOWED,
        **Visas.ALLOWED,
        **Force.ALLOWED,
        **Family.ALLOWED,
        **Editions.ALLOWED,
        **Renewals.ALLOWED,
        **Documents.ALLOWED,
        **Amending.ALLOWED,
        **Closing.ALLOWED,
    }


__all__ = [
    "BEING_SIGNED",
    "SIGNED_BY_ALL",
    "Acceptance",
    "Agreement",
    "AgreementState",
    "Announcement",
    "AppliedAmendment",
    "Claim",
    "ClosedFile",
    "Confirmation",
    "Delegation",
    "Document",
    "DocumentState",
    "Edition",
    "EditionState",
    "Ending",
    "Obligation",
    "ObligationState",
    "Outcome",
    "PartyRequest",
    "Renewal",
    "RenewalState",
    "RequestState",
    "Scan",
    "Scope",
    "Signature",
    "Suspension",
    "Turn",
    "Visa",
]
