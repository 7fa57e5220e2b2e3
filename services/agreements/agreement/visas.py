"""The visa: what all have signed binds nobody before it is recorded, if its kind asks for one."""

from datetime import date, datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from services.agreements.agreement.core import AgreementState
from services.agreements.agreement.force import Force
from services.agreements.agreement.timely import latest
from services.agreements.errors.force import (
    NoVisaNeeded,
    NoVisaRecorded,
    VisaDatedAhead,
    VisaMissing,
    VisaRecordedAlready,
    VisaTookEffect,
)
from shared.aggregate import follows
from shared.events.agreements import AgreementVisaRecorded, AgreementVisaWithdrawn
from shared.events.base import DomainEvent
from shared.refusals import Refusal

SIGNED = frozenset({AgreementState.signed})


class Visa(BaseModel):
    """The visa that the kind asks for, as it was recorded."""

    model_config = ConfigDict(frozen=True)

    visa_number: str
    granted_on: date
    recorded_on: date
    recorded_at: datetime | None = None
    """Its moment; none if it was recorded before that was kept."""
    document_hash: str | None = None
    """SHA-256 of the document itself, in hex."""


class Visas(Force):
    """What waits for a visa, and what has it."""

    ALLOWED: ClassVar = {"record_visa": SIGNED, "withdraw_visa": SIGNED}

    visa: Visa | None = None

    def guard(self, action: str) -> Refusal | None:
        """A visa that is asked for is recorded once, before anything binds."""
        if action == "bring_into_force" and self.rules.visa and self.visa is None:
            return VisaMissing(visa=self.rules.visa.model_dump())
        if action == "record_visa" and self.rules.visa is None:
            return NoVisaNeeded()
        if action == "record_visa" and self.visa:
            return VisaRecordedAlready(visa_number=self.visa.visa_number, recorded_on=self.visa.recorded_on)
        if action == "withdraw_visa" and self.visa is None:
            return NoVisaRecorded()
        return super().guard(action)

    def record_visa(
        self,
        *,
        visa_number: str,
        granted_on: date,
        document_hash: str | None = None,
        today: date,
        at: datetime | None = None,
    ) -> list[DomainEvent]:
        """Take down the visa that all who signed wait for; the agreement binds from today on if it has started.

        Refuses NoVisaNeeded, VisaRecordedAlready, TermOver, VisaDatedAhead.
        """
        self.require("record_visa")
        self._require_term(today)
        if granted_on > today:
            raise VisaDatedAhead(granted_on=granted_on, today=today)
        recorded = AgreementVisaRecorded(
            agreement_id=self.id, visa_number=visa_number, granted_on=granted_on, recorded_on=today
        ).keeping(document_hash=document_hash, recorded_at=at)
        # A child binds once its parent does, which the schedule looks at.
        if self.parent_id is not None:
            return [recorded]
        return [recorded, *self.model_copy().evolve([recorded]).bring_into_force(today)]

    def withdraw_visa(self, *, reason: str, today: date) -> list[DomainEvent]:
        """Take back a visa that was recorded by mistake, before anything binds by it: it is waited for again.

        Refuses NoVisaRecorded, VisaTookEffect.
        """
        self.require("withdraw_visa")
        assert self.visa is not None, "the guard lets nothing through without one"
        if self.parent_id is None and (since := self.binds_from(today)):
            raise VisaTookEffect(visa_number=self.visa.visa_number, effective_from=since)
        withdrawn = AgreementVisaWithdrawn(
            agreement_id=self.id, visa_number=self.visa.visa_number, awaited=(self.keeper.organisation_id,)
        )
        return [withdrawn.keeping(reason=reason)]

    def binds_from(self, today: date, since: date | None = None) -> date | None:
        """Nor before the day on which its visa was recorded."""
        return super().binds_from(today, latest(since, self.visa.recorded_on if self.visa else None))

    def ready_at(self, day: date) -> datetime:
        """Nor before the moment at which its visa was recorded."""
        recorded_at = self.visa.recorded_at if self.visa else None
        return max(each for each in (super().ready_at(day), recorded_at) if each)

    @follows
    def _take_visa(self, event: AgreementVisaRecorded) -> None:
        self.visa = Visa(**event.model_dump(include={*Visa.model_fields}), **event.detail)

    @follows
    def _lose_visa(self, _: AgreementVisaWithdrawn) -> None:
        self.visa = None
