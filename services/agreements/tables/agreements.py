"""Agreements, and the numbers that they draw."""

from collections.abc import Sequence, Set
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, Text, func, text
from sqlmodel import Field

from services.agreements.agreement import Agreement
from services.agreements.clause_words import clause_terms_of, clauses_of, keep_words
from services.agreements.tables.base import Base
from services.agreements.tables.obligations import PUT_OBLIGATIONS, entries_of
from services.agreements.tables.searches import DROP_TERMS, PUT_TERMS
from services.agreements.words import TEXT, terms_of
from shared.actor import Actor
from shared.database import Transaction
from shared.events.base import DomainEvent
from shared.store import AggregateRow, Store

UNVISAED = "agreement.status = 'signed' and agreement.state -> 'visa' ->> 'visa_number' is null"
# What keeps the rules of its kind, and what keeps none: there the kind of today tells whether it asks for a visa.
AWAITS_KEPT_VISA = f"{UNVISAED} and cast(agreement.state ->> 'kept_rules' as jsonb) ->> 'visa' is not null"
MAY_AWAIT_VISA = f"{UNVISAED} and agreement.state ->> 'kept_rules' is null"


class AgreementRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """An agreement."""

    __tablename__ = "agreement"
    __table_args__ = (
        Index("agreement_status", "status", "id"),
        Index("agreement_academy", "academy", "id"),
        Index("agreement_reference", "reference", unique=True),
        Index("agreement_next_on", "next_on", postgresql_where=text("next_on is not null")),
        Index(
            "agreement_renewal_deadline",
            "renewal_deadline_on",
            postgresql_where=text("renewal_deadline_on is not null"),
        ),
        Index("agreement_offered_until", "offered_until", postgresql_where=text("offered_until is not null")),
        Index("agreement_announced_on", "announced_on", postgresql_where=text("announced_on is not null")),
        Index("agreement_approval_due_on", "approval_due_on", postgresql_where=text("approval_due_on is not null")),
        Index("agreement_papers_until", "papers_until", postgresql_where=text("papers_until is not null")),
        Index("agreement_begins", "effective_from", postgresql_where=text("status = 'signed'")),
        Index("agreement_effective_until", "effective_until", "id"),
        Index("agreement_awaits_kept_visa", "id", postgresql_where=text(AWAITS_KEPT_VISA)),
        Index("agreement_may_await_visa", "agreement_kind", "id", postgresql_where=text(MAY_AWAIT_VISA)),
        Index("agreement_parent", "parent_id", postgresql_where=text("parent_id is not null")),
        Index("agreement_kind", "agreement_kind", "id"),
        Index("agreement_type", "agreement_type", "id"),
        Index("agreement_effective_from", "effective_from", "id"),
        Index("agreement_updated_at", "updated_at", "id"),
        Index("agreement_by_reference", text("coalesce(reference, id::text)"), "id"),
        # All that a search filters and orders by, and who may see it: so it needs no row to know which are found.
        Index(
            "agreement_found",
            *("status", "agreement_kind", "agreement_type", "academy", "id"),
            postgresql_include=["visible_to", "reference", "effective_from", "effective_until", "updated_at"],
        ),
    )

    status: str = Field(sa_type=Text)
    agreement_kind: str = Field(sa_type=Text)
    agreement_type: str = Field(sa_type=Text)
    academy: str | None = Field(None, sa_type=Text, nullable=True)
    reference: str | None = Field(None, sa_type=Text, nullable=True)
    effective_from: date
    effective_until: date
    parent_id: UUID | None = Field(None, nullable=True)
    next_on: date | None = Field(None, nullable=True)
    """When the schedule looks at it next."""
    renewal_deadline_on: date | None = Field(None, nullable=True)
    """Of a renewal that is to be decided."""
    offered_until: date | None = Field(None, nullable=True)
    """The last day to sign, while it is offered for signature."""
    announced: str | None = Field(None, sa_type=Text, nullable=True)
    """A suspension or a termination whose day has not come."""
    announced_on: date | None = Field(None, nullable=True)
    """The day on which it takes effect."""
    approval_due_on: date | None = Field(None, nullable=True)
    """The last day of the step of the approval ladder that is waited for, if its time is limited."""
    papers_until: date | None = Field(None, nullable=True)
    """The last day of the first of its documents that ends, while it matters."""
    updated_at: datetime | None = Field(
        None,
        sa_type=DateTime(timezone=True),
        nullable=False,
        sa_column_kwargs={"server_default": text("clock_timestamp()"), "onupdate": func.clock_timestamp()},
    )


class ReferenceCounterRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """The last number given to an agreement, per issuer and year; locked by the approval that draws the next."""

    __tablename__ = "reference_counter"

    issuer: str = Field(sa_type=Text, primary_key=True)
    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    last: int


class AgreementStore(Store[Agreement]):
    """Agreements, with their ledgers and what they are found by beside them in rows."""

    async def record(
        self,
        tx: Transaction,
        aggregate: Agreement,
        events: Sequence[DomainEvent],
        *,
        by: Actor,
        at: datetime | None = None,
    ) -> Agreement:
        """Record the events, and rewrite the entries of the ledger and the terms that they changed."""
        before = entries_of(aggregate)
        found_by, stood = terms_of(aggregate), (aggregate.status, aggregate.text_hash)
        recorded = await super().record(tx, aggregate, events, by=by, at=at)
        changed = [values for key, values in entries_of(recorded).items() if before.get(key) != values]
        if changed:
            await (await tx.connection()).execute(PUT_OBLIGATIONS, changed)
        await self._find(tx, recorded.id, terms_of(recorded), before=found_by)
        if (recorded.status, recorded.text_hash) != stood:
            await self.find_by_clauses(tx, recorded)
        return recorded

    async def find_by_clauses(self, tx: Transaction, agreement: Agreement) -> None:
        """Let the agreement, which is locked, be found by the clauses that it has, and by no others.

        By what is there: a version from before clauses were terms, which may run beside this one, writes none.
        """
        there, clauses = await clause_terms_of(tx, agreement.id), await clauses_of(tx, agreement.text_hash)
        await keep_words(tx, {term: clauses[term] for term in clauses.keys() - there})
        text = {TEXT + agreement.text_hash} if agreement.text_hash else set()
        await self._find(tx, agreement.id, clauses.keys() | text, before=there)

    async def _find(self, tx: Transaction, id: UUID, terms: Set[str], *, before: Set[str]) -> None:
        connection = await tx.connection()
        if gone := before - terms:
            await connection.execute(DROP_TERMS, {"id": id, "gone": sorted(gone)})
        if new := terms - before:
            await connection.execute(PUT_TERMS, [{"term": term, "agreement_id": id} for term in sorted(new)])


AGREEMENTS = AgreementStore(
    Agreement,
    AgreementRow,
    lambda each: {
        "status": each.status,
        "agreement_kind": each.agreement_kind,
        "agreement_type": each.agreement_type,
        "academy": each.academy,
        "reference": each.reference,
        "effective_from": each.effective_from,
        "effective_until": each.effective_until,
        "parent_id": each.parent_id,
        "next_on": each.next_on(),
        "renewal_deadline_on": each.renewal_deadline_on,
        "offered_until": each.expires_on,
        "announced": each.announcement.announced if each.announcement else None,
        "announced_on": each.announcement.effective_on if each.announcement else None,
        "approval_due_on": each.approval_due_on,
        "papers_until": each.papers_until,
    },
    told=True,
)
