"""Documents: the papers beside the text and its annexes, each a file known by its hash, some with a last day."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.agreement.core import AgreementState
from services.agreements.agreement.timely import Timely, earliest
from services.agreements.content import Annex, ClauseRef, Content
from services.agreements.errors.documents import (
    AnnexFrozen,
    AnnexGone,
    DocumentAttachedAlready,
    DocumentCategoryUnknown,
    DocumentMissing,
    DocumentMustExpire,
    DocumentNotAllowedNow,
    DocumentOver,
    DocumentsFull,
    DocumentShowsSignature,
    NoDocumentToWithdraw,
)
from services.agreements.errors.signing import FileUnknown
from services.agreements.kinds import DocumentRule
from services.agreements.terms import BudgetLine
from shared.aggregate import follows
from shared.events.agreements import (
    AgreementAmended,
    AgreementDocumentAttached,
    AgreementDocumentExpired,
    AgreementDocumentReminded,
    AgreementDocumentWithdrawn,
    AgreementSuspended,
    AgreementSuspensionAnnounced,
    AgreementTerminated,
    AgreementTerminationAnnounced,
    AgreementTermsRevised,
)
from shared.events.base import DomainEvent
from shared.refusals import NotFound, Refusal

MOST = 200
"""Documents of one agreement, those of the past included."""


class DocumentState(StrEnum):
    """Where a document stands; whatever it is, it can be read."""

    current = "current"
    used = "used"
    replaced = "replaced"
    withdrawn = "withdrawn"
    expired = "expired"


_S, _D = AgreementState, DocumentState
OPEN = frozenset(_S) - {_S.cancelled, _S.closed}
LIVING = OPEN - {_S.terminated, _S.expired}
"""Where it matters until when a paper holds."""
REPLACEABLE = frozenset({_D.current, _D.expired})
Decision = AgreementSuspensionAnnounced | AgreementSuspended | AgreementTerminationAnnounced | AgreementTerminated
DECIDES: dict[type[Decision], str] = {
    AgreementSuspensionAnnounced: "suspend_agreement",
    AgreementSuspended: "suspend_agreement",
    AgreementTerminationAnnounced: "terminate_agreement",
    AgreementTerminated: "terminate_agreement",
}
"""Events that use up the papers of which each such action needs one of its own."""


class Document(BaseModel):
    """A paper that was attached."""

    model_config = ConfigDict(frozen=True)

    document_id: UUID
    category: str
    hash: str
    """SHA-256 of the file, in hex: under it the file is kept."""
    size: int
    """Bytes."""
    media_type: str
    name: str
    """What whoever brought it calls the file."""
    organisation_id: UUID
    """For whom it was brought."""
    attached_at: datetime
    expires_on: date | None
    """The last day on which it holds."""
    part_of_text: bool = False
    """Whether it was brought as an annex of the text."""
    state: DocumentState = DocumentState.current
    reason: str | None = None
    """Why it was withdrawn."""
    reminded: int | None = None
    """The last reminder: days before its last day."""

    @property
    def replaceable(self) -> bool:
        """Whether it may be withdrawn, or another put in its place."""
        return self.state in REPLACEABLE

    def as_annex(self) -> Annex:
        """The document as a content names it."""
        return Annex(**self.model_dump(include=set(Annex.model_fields)))


class Documents(Timely):
    """Which papers are there, and which are missing for what."""

    ALLOWED: ClassVar = {"attach_document": OPEN, "withdraw_document": OPEN}

    documents: tuple[Document, ...] = ()
    """All that ever were, oldest first."""
    annexed: tuple[UUID, ...] = ()
    """Those that are part of the text now, in their order."""

    @property
    def annexes(self) -> tuple[Annex, ...]:
        """The documents that are part of the text, as it names them."""
        there = {each.document_id: each for each in self.documents}
        return tuple(there[id].as_annex() for id in self.annexed if id in there)

    @property
    def papers_until(self) -> date | None:
        """The last day of the first current document that ends; none where it does not matter any more."""
        return min((until for _, until in self._expiring()), default=None) if self.state in LIVING else None

    def content(self, clauses: Sequence[ClauseRef]) -> Content:
        """All that is agreed, the annexes with it."""
        return super().content(clauses).model_copy(update={"annexes": self.annexes})

    def require_annexes(self, content: Content) -> None:
        """Refuse AnnexGone for an annex that is neither part of the text already nor a current document, as it is."""
        there = {*self.annexes, *(each.as_annex() for each in self.documents if each.state == _D.current)}
        if gone := [each for each in content.annexes if each not in there]:
            raise AnnexGone(documents=[each.document_id for each in gone], names=[each.name for each in gone])

    def in_text(self, document: Document) -> bool:
        """Whether the document changes only as the text does."""
        return document.part_of_text or document.document_id in self.annexed

    def document_refusal(self, action: str, document: Document) -> Refusal | None:
        """Why this document may not be withdrawn now, nor another put in its place; None if it may."""
        if not document.replaceable:
            return DocumentNotAllowedNow(
                kind="document", document=document.document_id, action=action, state=document.state
            )
        if document.hash in self.files_on_paper:
            return DocumentShowsSignature(document=document.document_id)
        return self.annex_refusal() if self.in_text(document) else None

    def annex_refusal(self) -> Refusal | None:
        """Why no annex changes now: annexes are revised while the clauses are, and frozen with them."""
        if self.state not in self.ALLOWED["revise_text"]:
            return AnnexFrozen(kind=self.kind, state=self.state)
        return self.refusal_of("revise_text")

    def document(self, document_id: UUID) -> Document:
        """The document of this id, whatever became of it. Raises NotFound."""
        for each in self.documents:
            if each.document_id == document_id:
                return each
        raise NotFound()

    def document_rule(self, category: str) -> DocumentRule:
        """What the kind says of a category. Refuses DocumentCategoryUnknown."""
        for rule in self.rules.documents:
            if rule.category == category:
                return rule
        raise DocumentCategoryUnknown(
            category=category,
            known=[rule.category for rule in self.rules.documents],
            names=[rule.name.model_dump() for rule in self.rules.documents],
        )

    def require_file(self, hash: str) -> None:
        """Refuse FileUnknown unless a document that was not withdrawn is this file."""
        if not any(each.hash == hash and each.state != _D.withdrawn for each in self.documents):
            raise FileUnknown(file_hash=hash)

    def missing_for(self, action: str) -> list[DocumentRule]:
        """The papers without which the action is refused, and which are not there or hold no more."""
        there = {each.category for each in self.documents if each.state == _D.current}
        cash = any(line.kind == "cash" for line in self.budget)
        wanted = (rule for rule in self.rules.documents if rule.before == action and (cash or not rule.for_cash))
        return [rule for rule in wanted if rule.category not in there]

    def guard(self, action: str) -> Refusal | None:
        """The papers that the kind asks for come first; a step on the way to the action asks for none."""
        if self.completes(action) and (missing := self.missing_for(action)):
            return DocumentMissing(
                action=action,
                categories=[rule.category for rule in missing],
                documents=[rule.name.model_dump() for rule in missing],
            )
        if action == "withdraw_document":
            there = [each for each in self.documents if each.replaceable]
            refusals = [self.document_refusal(action, each) for each in there]
            if None not in refusals:
                return next(iter(refusals), NoDocumentToWithdraw())
        return super().guard(action)

    def attach(
        self,
        document_id: UUID,
        *,
        hash: str,
        size: int,
        media_type: str,
        category: str,
        name: str,
        organisation_id: UUID,
        expires_on: date | None,
        replaces: UUID | None,
        at: datetime,
        today: date,
    ) -> list[DomainEvent]:
        """Attach a file that is kept, in the place of another document of its category if one is named.

        Refuses DocumentCategoryUnknown, DocumentMustExpire, DocumentOver, DocumentAttachedAlready,
        DocumentNotAllowedNow, DocumentShowsSignature, DocumentsFull; an annex also AnnexFrozen, TextLocked.
        """
        self.require("attach_document")
        rule = self.document_rule(category)
        if rule.part_of_text and (refusal := self.annex_refusal()):
            raise refusal
        if rule.expires and expires_on is None:
            raise DocumentMustExpire(document=rule.name.model_dump())
        if expires_on and expires_on < today:
            raise DocumentOver(expires_on=expires_on)
        if replaces and self._replaceable("attach_document", replaces).category != category:
            raise NotFound()
        for each in self.documents:
            if (each.category, each.hash, each.state) == (category, hash, _D.current):
                raise DocumentAttachedAlready(document=each.document_id, name=each.name)
        if len(self.documents) >= MOST:
            raise DocumentsFull(most=MOST)
        attached = AgreementDocumentAttached(
            agreement_id=self.id,
            document_id=document_id,
            category=category,
            hash=hash,
            size=size,
            media_type=media_type,
            expires_on=expires_on,
            replaces=replaces,
        )
        kept = attached.keeping(
            name=name, organisation_id=organisation_id, attached_at=at, part_of_text=rule.part_of_text
        )
        return [kept, *(self.text_changed() if rule.part_of_text else ())]

    def withdraw(self, document_id: UUID, *, reason: str) -> list[DomainEvent]:
        """Let a document count no more.

        Refuses NoDocumentToWithdraw, DocumentNotAllowedNow, DocumentShowsSignature; of an annex also AnnexFrozen,
        TextLocked.
        """
        self.require("withdraw_document")
        found = self._replaceable("withdraw_document", document_id)
        withdrawn = AgreementDocumentWithdrawn(
            agreement_id=self.id, document_id=found.document_id, category=found.category
        )
        return [withdrawn.keeping(reason=reason), *(self.text_changed() if self.in_text(found) else ())]

    def next_on(self) -> date | None:
        """The next reminder of a paper, or the day after its last."""
        if self.state not in LIVING:
            return super().next_on()
        days = [
            expires_on - timedelta(days=before)
            for each, expires_on in self._expiring()
            for before in (*self._recalls(each), -1)
        ]
        return earliest(super().next_on(), *days)

    def due_by(self, today: date) -> list[DomainEvent]:
        """What holds no more; then reminders, of several that were missed only the latest."""
        if self.state not in LIVING:
            return super().due_by(today)
        told: list[DomainEvent] = []
        for each, expires_on in self._expiring():
            one = {"agreement_id": self.id, "document_id": each.document_id, "category": each.category}
            left = (expires_on - today).days
            passed = [days for days in self._recalls(each) if left <= days]
            if left < 0:
                told.append(AgreementDocumentExpired(**one, expires_on=expires_on))
            elif passed:
                told.append(AgreementDocumentReminded(**one, expires_on=expires_on, days=min(passed)))
        return told or super().due_by(today)

    @follows
    def _put_in(self, event: AgreementDocumentAttached) -> None:
        if event.replaces:
            self._change_document(event.replaces, state=_D.replaced)
        fields = event.model_dump(exclude={"agreement_id", "replaces"}) | event.detail
        document = Document.model_validate(fields)
        self.documents = (*self.documents, document)
        if document.part_of_text:
            self.annexed = _with(self.annexed, document.document_id, replaces=event.replaces)

    @follows
    def _take_out(self, event: AgreementDocumentWithdrawn) -> None:
        self._change_document(event.document_id, state=_D.withdrawn, **event.detail)
        self.annexed = tuple(id for id in self.annexed if id != event.document_id)

    @follows
    def _recall(self, event: AgreementDocumentReminded) -> None:
        self._change_document(event.document_id, reminded=event.days)

    @follows
    def _let_run_out(self, event: AgreementDocumentExpired) -> None:
        self._change_document(event.document_id, state=_D.expired)

    @follows
    def _reserve_anew(self, event: AgreementTermsRevised) -> None:
        revised = [BudgetLine.model_validate(line) for line in event.detail.get("budget", ())]
        if _substance(revised) != _substance(self.budget):
            asked = [rule.category for rule in self.rules.documents if rule.for_cash]
            self._spend({*event.detail.get("for_cash", asked)})

    @follows
    def _annex(self, event: AgreementAmended) -> None:
        if "annexed" in event.detail:
            self.annexed = tuple(UUID(id) for id in event.detail["annexed"])

    @follows
    def _use_up(self, event: Decision) -> None:
        action = DECIDES[type(event)]
        self._spend({rule.category for rule in self.rules.documents if rule.once and rule.before == action})

    def _replaceable(self, action: str, document_id: UUID) -> Document:
        found = self.document(document_id)
        if refusal := self.document_refusal(action, found):
            raise refusal
        return found

    def _spend(self, categories: set[str]) -> None:
        for each in self.documents:
            if each.state == _D.current and each.category in categories:
                self._change_document(each.document_id, state=_D.used)

    def _expiring(self) -> Iterator[tuple[Document, date]]:
        for each in self.documents:
            if each.state == _D.current and each.expires_on:
                yield each, each.expires_on

    def _recalls(self, document: Document) -> Iterator[int]:
        """The reminders that are still to come, as days before its last day."""
        for rule in self.rules.documents:
            if rule.category == document.category:
                for days in rule.remind_days:
                    if document.reminded is None or days < document.reminded:
                        yield days

    def _change_document(self, document_id: UUID, **changes: Any) -> None:
        self.documents = tuple(
            each.model_copy(update=changes) if each.document_id == document_id else each for each in self.documents
        )


def _with(annexed: tuple[UUID, ...], new: UUID, *, replaces: UUID | None) -> tuple[UUID, ...]:
    """The annexes with another: in the place of the one it replaces, else after them."""
    return tuple(new if id == replaces else id for id in annexed) if replaces in annexed else (*annexed, new)


def _substance(budget: Iterable[BudgetLine]) -> list[dict[str, Any]]:
    """What is agreed of a budget; its lines have fresh ids with every revision."""
    return [line.model_dump(exclude={"line_id"}) for line in budget]
