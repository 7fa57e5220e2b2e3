"""Confirming: a party stands by its signature that turned out to be under a mandate that had ended."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.agreements.amendment.core import AmendmentState
from services.agreements.amendment.signing import Signing
from services.agreements.signatures import Confirmed, confirmed
from services.agreements.signing_order import require_level
from shared.aggregate import follows
from shared.events.agreements import AmendmentSignatureConfirmed
from shared.events.base import DomainEvent

SIGNED_BY_ALL = frozenset({AmendmentState.signed, AmendmentState.applied})


class Confirming(Signing):
    """What was contested once all had signed, and confirmed since."""

    ALLOWED: ClassVar = {"confirm_amendment_signature": SIGNED_BY_ALL}

    def confirm_signature(
        self,
        party_id: UUID,
        *,
        content_hash: str,
        person: str,
        mandate_id: UUID,
        at: datetime,
        file_hash: str | None = None,
    ) -> list[DomainEvent]:
        """Confirm the contested signature of a party, under the branch that it was given under.

        On paper it stands for any level. Refuses NotAParty, NotTouched, NothingContested, ContentHashDiffers,
        SignsForOthers, LevelTooLow.
        """
        party = self._party_for("confirm_amendment_signature", party_id, content_hash)
        self.require("confirm_amendment_signature")
        self.require_person(party_id, person)
        require_level("handwritten_scan" if file_hash else "simple", self.rules.signing.least_level)
        return [
            AmendmentSignatureConfirmed(
                amendment_id=self.id,
                agreement_id=self.agreement_id,
                party_id=party_id,
                organisation_id=party.organisation_id,
                person=person,
                mandate_id=mandate_id,
                content_hash=content_hash,
                confirmed_at=at,
                file_hash=file_hash,
            )
        ]

    @follows
    def _confirm(self, event: AmendmentSignatureConfirmed) -> None:
        self.signatures = confirmed(self.signatures, event.party_id, Confirmed.told(event))
