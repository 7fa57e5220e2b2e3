"""The agreements service's tables."""

from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Index, LargeBinary, Text, Uuid, any_, bindparam, delete, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlmodel import Field, col

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.ceremony import Ceremony
from services.agreements.checkpoint import Checkpoint
from services.agreements.clause_words import clause_terms_of, clauses_of, keep_words
from services.agreements.substitution import Substitution
from services.agreements.terms import Fulfilling
from services.agreements.thread import Thread
from services.agreements.words import TEXT, terms_of
from shared.actor import Actor
from shared.database import Transaction
from shared.events.agreements import SignatureLevel
from shared.events.base import DomainEvent
from shared.store import AggregateRow, Store, service_base

Base = service_base("agreements")
SEEN_BY = {
    # The nation's scope is said first and apart, and spares a term the look at its agreement (migration 0015).
    "agreement_term": "current_setting('mithaq.scope', true) = 'national'"
    " or (select true from agreement where agreement.id = agreement_id)",
    "thread": "exists (select from agreement where agreement.id = agreement_id)",
    **dict.fromkeys(("association_standing", "center_fact", "organisation", "reference_counter", "screen"), None),
    **dict.fromkeys(("chain_head", "clause_word"), None),
}
"""The condition on which rows are seen, where it is not that `visible_to` is in scope; None for those of nobody."""


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
        Index("agreement_effective_until", "effective_until", "id"),
        Index("agreement_parent", "parent_id", postgresql_where=text("parent_id is not null")),
        Index("agreement_kind", "agreement_kind", "id"),
        Index("agreement_type", "agreement_type", "id"),
        Index("agreement_effective_from", "effective_from", "id"),
        Index("agreement_updated_at", "updated_at", "id"),
        Index("agreement_by_reference", text("coalesce(reference, id::text)"), "id"),
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
    updated_at: datetime | None = Field(
        None,
        sa_type=DateTime(timezone=True),
        nullable=False,
        sa_column_kwargs={"server_default": text("clock_timestamp()"), "onupdate": func.clock_timestamp()},
    )


class AgreementTermRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """An index as a table: which agreements a word, or the code of somebody who may see them, leads to.

    PostgreSQL uses no GIN index under row-level security, since what matches arrays and texts might tell of hidden
    rows; equality and order of plain text may be looked up first.
    """

    __tablename__ = "agreement_term"
    __table_args__ = (Index("agreement_term_agreement", "agreement_id", "term"),)

    term: str = Field(sa_type=Text(collation="C"), primary_key=True)
    agreement_id: UUID = Field(primary_key=True)


class ClauseWordRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """A word that a clause has in one of its languages. The clause is a term of every agreement that has it."""

    __tablename__ = "clause_word"
    __table_args__ = (Index("clause_word_clause", "clause", "word"),)

    word: str = Field(sa_type=Text(collation="C"), primary_key=True)
    clause: str = Field(sa_type=Text(collation="C"), primary_key=True)


class SavedSearchRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """What a person looks for again and again: filters and order, under a name of their own."""

    __tablename__ = "saved_search"
    __table_args__ = (Index("saved_search_name", "person", "name", unique=True),)

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    person: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    search: dict[str, Any] = Field(sa_type=JSONB)


class CheckpointRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """The checkpoint: one row."""

    __tablename__ = "checkpoint"


class ChainHeadRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """An aggregate's hash chain as the last checkpoint binds it: a leaf of its Merkle tree."""

    __tablename__ = "chain_head"

    aggregate_id: UUID = Field(primary_key=True)
    version: int
    head: bytes = Field(sa_type=LargeBinary)


class CeremonyRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A ceremony; `agreements` is its order of business."""

    __tablename__ = "ceremony"
    __table_args__ = (
        Index("ceremony_status", "status", "id"),
        Index("ceremony_agreements", "agreements", postgresql_using="gin"),
    )

    status: str = Field(sa_type=Text)
    planned_for: datetime = Field(sa_type=DateTime(timezone=True))
    agreements: list[UUID] = Field(sa_type=ARRAY(Uuid))


class AmendmentRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """An amendment of an agreement."""

    __tablename__ = "amendment"
    __table_args__ = (
        Index("amendment_agreement", "agreement_id", "id"),
        Index("amendment_number", "agreement_id", "number", unique=True),
        Index("amendment_approval_due_on", "approval_due_on", postgresql_where=text("approval_due_on is not null")),
    )

    status: str = Field(sa_type=Text)
    agreement_id: UUID
    number: int | None = Field(None, nullable=True)
    approval_due_on: date | None = Field(None, nullable=True)
    """As of an agreement."""


class SubstitutionRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """Somebody approves in a person's place between two days, both included."""

    __tablename__ = "substitution"
    __table_args__ = (Index("substitution_substitute", "substitute", "person"),)

    status: str = Field(sa_type=Text)
    person: str = Field(sa_type=Text)
    substitute: str = Field(sa_type=Text)
    valid_from: date
    valid_until: date


class ThreadRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A thread of comments: seen by whoever sees its agreement, not by its own `visible_to`."""

    __tablename__ = "thread"
    __table_args__ = (Index("thread_agreement", "agreement_id", "id"),)

    agreement_id: UUID
    status: str = Field(sa_type=Text)
    clause: str | None = Field(None, sa_type=Text, nullable=True)
    organisation_id: UUID
    """Who opened it."""


class ReferenceCounterRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """The last number given to an agreement, per issuer and year; locked by the approval that draws the next."""

    __tablename__ = "reference_counter"

    issuer: str = Field(sa_type=Text, primary_key=True)
    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    last: int


class SignatureBatchRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """Signatures that a person gives together, and what became of each: resumed from here after a crash."""

    __tablename__ = "signature_batch"
    __table_args__ = (Index("signature_batch_unfinished", "id", postgresql_where=text("finished_at is null")),)

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    person: str = Field(sa_type=Text)
    actor: dict[str, Any] = Field(sa_type=JSONB)
    ceremony_id: UUID | None = None
    level: SignatureLevel = Field(sa_type=Text)
    items: list[dict[str, Any]] = Field(sa_type=JSONB)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    finished_at: datetime | None = Field(None, sa_type=DateTime(timezone=True), nullable=True)


OWED = text("state in ('pending', 'due', 'claimed')")


class ObligationRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """An entry of an agreement's ledger, to be searched across agreements; written with its agreement."""

    __tablename__ = "obligation"
    __table_args__ = (
        Index("obligation_due", "due_on", "obligation_id", "occurrence"),
        Index("obligation_owed", "due_on", "obligation_id", "occurrence", postgresql_where=OWED),
        Index("obligation_debtor", "debtor_id", "due_on"),
        Index("obligation_agreement", "agreement_id"),
        Index("obligation_center", "center_id", postgresql_where=OWED),
    )

    obligation_id: UUID = Field(primary_key=True)
    occurrence: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    agreement_id: UUID
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    debtor_id: UUID
    creditor_id: UUID | None = None
    what_ar: str = Field(sa_type=Text)
    what_fr: str = Field(sa_type=Text)
    due_on: date
    state: str = Field(sa_type=Text)
    center_id: UUID | None = None
    fulfilled_by: str | None = Field(None, sa_type=Text)
    """What the center does to fulfil it; its opening where it names a center and no more."""


class CenterFactRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """What we know of an agreement's center, from the centers' events: numbers, never people."""

    __tablename__ = "center_fact"
    __table_args__ = (Index("center_fact_agreement", "agreement_id"),)

    id: UUID = Field(primary_key=True)
    agreement_id: UUID
    academy: str = Field(sa_type=Text)
    province: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    visa_granted_on: date | None = None
    opened_on: date | None = None
    filled_on: date | None = None
    """When all its seats were taken, if they were at the last count."""
    funded_seats: int
    unfunded_seats: int
    learners: int | None = None
    """As they were last counted; none as long as the center has told no number."""
    funded_learners: int | None = None
    """Of these, how many on funded seats."""
    counted_on: date | None = None


CENTER_DAYS: Mapping[Fulfilling, str] = {
    "center_opened": "opened_on",
    "center_visa_granted": "visa_granted_on",
    "center_filled": "filled_on",
}
"""What a center does that may fulfil an obligation -> the column with its day."""


class EndpointFactRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """Where an academy is told, from the notifications' events: that there is an address, never which."""

    __tablename__ = "endpoint_fact"
    __table_args__ = (Index("endpoint_fact_academy", "academy"),)

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    academy: str = Field(sa_type=Text)
    enabled: bool


class ReaderFactRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """How many people of a jurisdiction are known to the notifications, from their events: never who they are."""

    __tablename__ = "reader_fact"
    __table_args__ = (Index("reader_fact_jurisdiction", "jurisdiction"),)

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    jurisdiction: str = Field(sa_type=Text)
    people: int


class CalendarRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """A calendar feed; its address carries a token of which this row keeps the SHA-256 only."""

    __tablename__ = "calendar"
    __table_args__ = (
        Index("calendar_digest", "digest", unique=True),
        Index("calendar_person", "person", "id"),
    )

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    person: str = Field(sa_type=Text)
    jurisdiction: str = Field(sa_type=Text)
    organisation_id: UUID | None = None
    language: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    revoked_at: datetime | None = Field(None, sa_type=DateTime(timezone=True), nullable=True)


class ScreenRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """A public screen of a ceremony; its address carries a secret of which this row keeps the SHA-256 only."""

    __tablename__ = "screen"
    __table_args__ = (Index("screen_ceremony", "ceremony_id"),)

    digest: str = Field(sa_type=Text, primary_key=True)
    ceremony_id: UUID


class PaperRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """A paper that was given out, so that it is known again by the SHA-256 of its file."""

    __tablename__ = "paper"
    __table_args__ = (Index("paper_subject", "subject_id"),)

    hash: str = Field(sa_type=Text, primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    subject_id: UUID
    """The agreement's, the amendment's or the ceremony's."""
    document: str = Field(sa_type=Text)
    """`agreement`, `amendment`, `certificate`, `minutes`, or `sealed`: the file with the seals of so many parties."""
    version: int
    language: str = Field(sa_type=Text)
    content_hash: str | None = Field(None, sa_type=Text, nullable=True)
    """What its code names; none on drafts."""
    issued_at: datetime = Field(sa_type=DateTime(timezone=True))


class OrganisationRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """What we know of an organisation or association, from the network's events."""

    __tablename__ = "organisation"

    id: UUID = Field(primary_key=True)
    name_ar: str = Field(sa_type=Text)
    name_fr: str = Field(sa_type=Text)


class AssociationStandingRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """Where an association stands in the register: only an accredited one signs."""

    __tablename__ = "association_standing"

    id: UUID = Field(primary_key=True)
    standing: str = Field(sa_type=Text)


class MandateRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """A person may sign for an organisation between two days, both included, what lies in its scope.

    Agreements of these types, of these academies, these agreements; all where none is named.
    """

    __tablename__ = "mandate"
    __table_args__ = (Index("mandate_holder", "organisation_id", "person"),)

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    organisation_id: UUID
    person: str = Field(sa_type=Text)
    valid_from: date
    valid_until: date
    agreement_types: list[str] = Field(default_factory=list, sa_type=ARRAY(Text))
    academies: list[str] = Field(default_factory=list, sa_type=ARRAY(Text))
    agreements: list[UUID] = Field(default_factory=list, sa_type=ARRAY(Uuid))


WAITING = ("center_id", "fulfilled_by")
PUT_OBLIGATIONS = insert(ObligationRow.__table__)
PUT_OBLIGATIONS = PUT_OBLIGATIONS.on_conflict_do_update(
    index_elements=["obligation_id", "occurrence"],
    set_={
        name: PUT_OBLIGATIONS.excluded[name]
        for name in ("visible_to", "debtor_id", "creditor_id", "what_ar", "what_fr", "due_on", "state", *WAITING)
    },
)


PUT_TERMS = insert(AgreementTermRow).on_conflict_do_nothing()
DROP_TERMS = delete(AgreementTermRow).where(
    col(AgreementTermRow.agreement_id) == bindparam("id"),
    col(AgreementTermRow.term) == any_(bindparam("gone", type_=ARRAY(Text))),
)


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
        before = _entries(aggregate)
        found_by, stood = terms_of(aggregate), (aggregate.status, aggregate.text_hash)
        recorded = await super().record(tx, aggregate, events, by=by, at=at)
        changed = [values for key, values in _entries(recorded).items() if before.get(key) != values]
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


def _entries(agreement: Agreement) -> dict[tuple[UUID, int], dict[str, Any]]:
    duties = {duty.obligation_id: duty for duty in (*agreement.gone, *agreement.duties)}
    return {
        (each.obligation_id, each.occurrence): {
            "agreement_id": agreement.id,
            "visible_to": list(agreement.visible_to()),
            "what_ar": duties[each.obligation_id].what.ar,
            "what_fr": duties[each.obligation_id].what.fr,
            "center_id": duties[each.obligation_id].center_id,
            "fulfilled_by": duties[each.obligation_id].fulfilled_by,
            **each.model_dump(include={"obligation_id", "occurrence", "debtor_id", "creditor_id", "due_on", "state"}),
        }
        for each in agreement.obligations
    }


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
    },
)
CEREMONIES = Store(
    Ceremony,
    CeremonyRow,
    lambda each: {"status": each.status, "planned_for": each.planned_for, "agreements": list(each.agreements)},
)
CHECKPOINTS = Store(Checkpoint, CheckpointRow)


class ThreadStore(Store[Thread]):
    """Threads; whoever asks for some has been let in to their agreement."""

    def within(self, tx: Transaction) -> list[ColumnElement[bool]]:  # noqa: ARG002 - as in every store
        """No condition of its own."""
        return []


THREADS = ThreadStore(
    Thread,
    ThreadRow,
    lambda each: {
        "agreement_id": each.agreement_id,
        "status": each.status,
        "clause": each.clause,
        "organisation_id": each.comments[0].organisation_id,
    },
)
SUBSTITUTIONS = Store(
    Substitution,
    SubstitutionRow,
    lambda each: {
        "status": each.status,
        "person": each.person,
        "substitute": each.substitute,
        "valid_from": each.valid_from,
        "valid_until": each.valid_until,
    },
)
AMENDMENTS = Store(
    Amendment,
    AmendmentRow,
    lambda each: {
        "status": each.status,
        "agreement_id": each.agreement_id,
        "number": each.number,
        "approval_due_on": each.approval_due_on,
    },
)
