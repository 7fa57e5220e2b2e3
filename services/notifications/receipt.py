"""Receipt: that an academy acknowledges what it was told, before a deadline. A missing one escalates once."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID, uuid5

from services.notifications.errors import ReceiptNotDue
from shared.aggregate import Aggregate
from shared.events.base import DomainEvent
from shared.events.notifications import ReceiptAsked, ReceiptGiven, ReceiptOverdue


class ReceiptState(StrEnum):
    """Whether it was given."""

    unknown = "unknown"
    asked = "asked"
    overdue = "overdue"
    given = "given"


class Receipt(Aggregate):
    """One academy's receipt of one notice."""

    kind: ClassVar[str] = "receipt"
    ALLOWED: ClassVar[Mapping[str, frozenset[str]]] = {
        "acknowledge_receipt": frozenset({ReceiptState.asked, ReceiptState.overdue}),
        "escalate_receipt": frozenset({ReceiptState.asked}),
    }

    state: ReceiptState = ReceiptState.unknown
    academy: str = ""
    event_id: UUID | None = None
    event_type: str = ""
    due_at: datetime | None = None
    given_by: str | None = None

    @staticmethod
    def id_of(event_id: UUID, academy: str) -> UUID:
        """The id of an academy's receipt of an event: there is one."""
        return uuid5(event_id, academy)

    def ask(self, *, academy: str, event_id: UUID, event_type: str, due_at: datetime) -> list[DomainEvent]:
        """Ask an academy to acknowledge an event it is told of."""
        return [
            ReceiptAsked(receipt_id=self.id, academy=academy, event_id=event_id, event_type=event_type, due_at=due_at)
        ]

    def acknowledge(self, *, by: str) -> list[DomainEvent]:
        """Say that it was received; late too."""
        self.require("acknowledge_receipt")
        assert self.event_id is not None
        given = ReceiptGiven(receipt_id=self.id, academy=self.academy, event_id=self.event_id)
        return [given.keeping(by=by)]

    def escalate(self, at: datetime) -> list[DomainEvent]:
        """Say that the deadline passed. Refuses ReceiptNotDue before it."""
        self.require("escalate_receipt")
        assert self.event_id is not None and self.due_at is not None
        if at < self.due_at:
            raise ReceiptNotDue(due_at=self.due_at)
        return [ReceiptOverdue(receipt_id=self.id, academy=self.academy, event_id=self.event_id, due_at=self.due_at)]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        match event:
            case ReceiptAsked():
                self.state = ReceiptState.asked
                self.academy, self.event_id, self.event_type = event.academy, event.event_id, event.event_type
                self.due_at = event.due_at
            case ReceiptGiven():
                self.state = ReceiptState.given
                self.given_by = event.detail["by"]
            case ReceiptOverdue():
                self.state = ReceiptState.overdue

    def audience(self) -> tuple[str, ...]:
        """The academy."""
        return (self.academy,)

    def visible_to(self) -> tuple[str, ...]:
        """The academy."""
        return (self.academy,)
