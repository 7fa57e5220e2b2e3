"""Confirming: a party stands by its signature that turned out to be under a mandate that had ended."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.agreements.agreement.core import SIGNED_BY_ALL
from services.agreements.agreement.signing import Signing
from services.agreements.errors import TextHashDiffers
from services.agreements.signatures import Confirmed, confirmed
from services.agreements.signing_order import require_level
from shared.aggregate import follows
from shared.events.agreements import AgreementSignatureConfirmed
from shared.events.base import DomainEvent


class Confirming(Signing):
    """What was contested once all had signed, and confirmed since."""

    ALLOWED: ClassVar = {"confirm_signature": SIGNED_BY_ALL}

    def confirm_signature(
        self,
        party_id: UUID,
        *,
        text_hash: str,
        person: str,
        mandate_id: UUID,
        at: datetime,
        file_hash: str | None = None,
    ) -> list[DomainEvent]:
        """Confirm the contested signature of a party, under the text that it was given under.

        On paper it stands for any level. Refuses NotAParty, NothingContested, TextHashDiffers, SignsForOthers,
        LevelTooLow.
        """
        party = self._party_for("confirm_signature", party_id)
        self.require("confirm_signature")
        [signed] = [each.text_hash for each in self.signatures if each.party_id == party_id]
        if text_hash != signed:
            raise TextHashDiffers(frozen=signed, named=text_hash)
        self.require_person(party_id, person)
        require_level("handwritten_scan" if file_hash else "simple", self.rules.signing.least_level)
        return [
            AgreementSignatureConfirmed(
                agreement_id=self.id,
                party_id=party_id,
                organisation_id=party.organisation_id,
                person=person,
                mandate_id=mandate_id,
                text_hash=text_hash,
                confirmed_at=at,
                file_hash=file_hash,
            )
        ]

    @follows
    def _confirm(self, event: AgreementSignatureConfirmed) -> None:
        self.signatures = confirmed(self.signatures, event.party_id, Confirmed.told(event))
