"""The agreement: who binds themselves to what, from the draft to the end."""

from typing import ClassVar

from services.agreements.agreement.approval import Approval
from services.agreements.agreement.core import BEING_SIGNED, SIGNED_BY_ALL, AgreementState, Core
from services.agreements.agreement.force import Ending, Force, Suspension
from services.agreements.agreement.negotiation import Negotiation
from services.agreements.agreement.obligations import Claim, Obligation, Obligations, ObligationState
from services.agreements.agreement.signing import Signature, Signing


class Agreement(Force, Signing, Approval, Negotiation, Obligations, Core):
    """A partnership agreement between organisations, bilingual, signed by each party."""

    ALLOWED: ClassVar = {
        **Core.ALLOWED,
        **Negotiation.ALLOWED,
        **Approval.ALLOWED,
        **Signing.ALLOWED,
        **Force.ALLOWED,
        **Obligations.ALLOWED,
    }


__all__ = [
    "BEING_SIGNED",
    "SIGNED_BY_ALL",
    "Agreement",
    "AgreementState",
    "Claim",
    "Ending",
    "Obligation",
    "ObligationState",
    "Signature",
    "Suspension",
]
