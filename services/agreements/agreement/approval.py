"""Approval: the text is frozen for signature, under its reference."""

from collections.abc import Sequence
from datetime import date
from typing import ClassVar
from uuid import UUID

from services.agreements.agreement.core import AgreementState, Core, names_of
from services.agreements.bilingual import Bilingual
from services.agreements.content import ClauseRef, content_hash, language_hashes
from services.agreements.errors import TermOver
from shared.events.agreements import AgreementApproved
from shared.events.base import DomainEvent

_S = AgreementState


class Approval(Core):
    """Who must have approved the text before it is frozen."""

    ALLOWED: ClassVar = {"approve_agreement": frozenset({_S.legal_review})}

    def approve(
        self, *, reference: str, names: dict[UUID, Bilingual], clauses: Sequence[ClauseRef], today: date
    ) -> list[DomainEvent]:
        """Freeze the text for signature under its reference, which it keeps if it had one."""
        self.require("approve_agreement")
        if today > self.effective_until:
            raise TermOver(effective_until=self.effective_until)
        assert self.text_hash is not None, "submitted without a text"
        approved = AgreementApproved(
            agreement_id=self.id,
            reference=self.reference or reference,
            text_hash=self.text_hash,
            content_hash=content_hash(self.content(clauses)),
            language_hashes=language_hashes(clauses),
        )
        return [approved.keeping(names=names)]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        match event:
            case AgreementApproved():
                self.state = AgreementState.ready_to_sign
                self.reference = event.reference
                self.names = names_of(event.detail)
                self.remarks = None
        super().apply(event)
