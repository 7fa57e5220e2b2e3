"""Negotiation: the text is with the parties, or with legal review."""

from typing import Any, ClassVar

from services.agreements.agreement.core import BEING_SIGNED, AgreementState, Core
from services.agreements.errors import TextMissing
from shared.events.agreements import AgreementNegotiationOpened, AgreementSubmittedForReview
from shared.events.base import DomainEvent

_S = AgreementState


class Negotiation(Core):
    """Whose turn it is, until the text goes to legal review."""

    ALLOWED: ClassVar = {
        "open_negotiation": frozenset({_S.draft}),
        "submit_for_review": frozenset({_S.negotiation}),
        "return_with_remarks": frozenset({_S.legal_review}),
        "reopen_text": BEING_SIGNED,
    }

    def open_negotiation(self) -> list[DomainEvent]:
        """Hand the draft to the parties."""
        self.require("open_negotiation")
        return [AgreementNegotiationOpened(agreement_id=self.id, because="drafted")]

    def submit(self) -> list[DomainEvent]:
        """Hand the negotiated text to legal review. Refuses TextMissing."""
        self.require("submit_for_review")
        if self.text_hash is None:
            raise TextMissing()
        return [AgreementSubmittedForReview(agreement_id=self.id)]

    def return_with_remarks(self, remarks: str) -> list[DomainEvent]:
        """Send the text back to the parties."""
        self.require("return_with_remarks")
        return [AgreementNegotiationOpened(agreement_id=self.id, because="remarks").keeping(remarks=remarks)]

    def reopen(self, reason: str) -> list[DomainEvent]:
        """Take the frozen text back into negotiation; signatures given so far are void."""
        self.require("reopen_text")
        return [AgreementNegotiationOpened(agreement_id=self.id, because="reopened").keeping(remarks=reason)]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        detail: dict[str, Any] = event.detail
        match event:
            case AgreementNegotiationOpened():
                self.state = AgreementState.negotiation
                self.remarks = detail.get("remarks")
            case AgreementSubmittedForReview():
                self.state = AgreementState.legal_review
        super().apply(event)
