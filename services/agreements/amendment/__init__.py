"""The amendment: a branch of an agreement's whole content, approved and signed in a life of its own, then applied."""

from typing import ClassVar

from services.agreements.amendment.applying import Applying, Hindrance
from services.agreements.amendment.approval import Approval
from services.agreements.amendment.confirming import Confirming
from services.agreements.amendment.core import BEING_SIGNED, OPEN, AmendmentState, Core
from services.agreements.amendment.signing import AmendmentSignature, Signing


class Amendment(Applying, Confirming):
    """What shall be other in an agreement."""

    ALLOWED: ClassVar = {
        **Core.ALLOWED,
        **Approval.ALLOWED,
        **Signing.ALLOWED,
        **Confirming.ALLOWED,
        **Applying.ALLOWED,
    }


__all__ = ["BEING_SIGNED", "OPEN", "Amendment", "AmendmentSignature", "AmendmentState", "Hindrance"]
