"""What requests about documents carry, and what is answered."""

import unicodedata
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from services.agreements.agreement import Agreement, AgreementState, Document, DocumentState
from services.agreements.bilingual import Bilingual
from services.agreements.conditions import may_withdraw
from services.agreements.kinds import DocumentRule
from services.agreements.permissions import PERMISSIONS
from shared.actor import Actor
from shared.web import Listing


def _plain(name: str) -> str:
    """The name without what nobody sees: a sign that turns the direction of writing hides what a file is."""
    kept = "".join(sign for sign in name if unicodedata.category(sign)[0] != "C").strip(" .")
    if not kept or {"/", "\\"} & set(kept):
        raise ValueError("not a file name")
    return kept


FileName = Annotated[str, StringConstraints(max_length=150), AfterValidator(_plain)]


class DocumentAnswer(BaseModel):
    """A paper beside the agreement's text."""

    id: UUID
    category: str
    category_name: Bilingual | None
    state: DocumentState
    name: str
    hash: str = Field(description="SHA-256 of the file, in hex")
    size: int = Field(description="bytes")
    media_type: str
    organisation_id: UUID = Field(description="for whom it was brought")
    attached_at: datetime
    expires_on: date | None = Field(description="the last day on which it holds")
    part_of_text: bool = Field(description="whether it is an annex, which changes only as the text does")
    reason: str | None = Field(description="why it was withdrawn")
    available_actions: list[str]

    @classmethod
    def of(cls, agreement: Agreement, document: Document, by: Actor) -> Self:
        """What the actor is shown."""
        names = {rule.category: rule.name for rule in agreement.rules.documents}
        return cls(
            **document.model_dump(exclude={"document_id", "reminded", "part_of_text"}),
            id=document.document_id,
            category_name=names.get(document.category),
            part_of_text=agreement.in_text(document),
            available_actions=list(_available(agreement, document, by)),
        )

    @classmethod
    def last_of(cls, agreement: Agreement, by: Actor) -> Self:
        """What the actor is shown of the document that came last."""
        return cls.of(agreement, agreement.documents[-1], by)


class MissingDocument(BaseModel):
    """A paper that is not there, or holds no more, and the action that waits for it."""

    category: str
    name: Bilingual
    before: str


class RequiredDocument(BaseModel):
    """A paper without which something is refused, whether or not it is there."""

    category: str
    name: Bilingual
    before: str = Field(description="the action that needs it")
    state: AgreementState | None = Field(description="that the action leads to; none if it leaves the state as it is")
    there: bool = Field(description="whether one is there that holds")
    expires_on: date | None = Field(description="the last day on which the one that holds longest does")

    @classmethod
    def of(cls, agreement: Agreement, rule: DocumentRule, action: str) -> Self:
        """As the agreement has it."""
        held = [each for each in agreement.documents if (each.category, each.state) == (rule.category, "current")]
        days = [each.expires_on for each in held]
        return cls(
            category=rule.category,
            name=rule.name,
            before=action,
            state=AgreementState(rule.state) if rule.state else None,
            there=bool(held),
            expires_on=None if None in days else max((day for day in days if day), default=None),
        )


class DocumentsAnswer(Listing[DocumentAnswer]):
    """The papers of an agreement, and those that are missing."""

    missing: list[MissingDocument]
    required: list[RequiredDocument]

    @classmethod
    def of(cls, agreement: Agreement, by: Actor) -> Self:
        """What the actor is shown."""
        actions = dict.fromkeys(rule.before for rule in agreement.rules.documents if rule.before)
        missing = [
            MissingDocument(category=rule.category, name=rule.name, before=action)
            for action in actions
            for rule in agreement.missing_for(action)
        ]
        rules = agreement.rules.documents
        return cls(
            items=[DocumentAnswer.of(agreement, each, by) for each in agreement.documents],
            missing=missing,
            required=[RequiredDocument.of(agreement, rule, rule.before) for rule in rules if rule.before],
        )


def _available(agreement: Agreement, document: Document, by: Actor) -> Iterator[str]:
    action = "withdraw_document"
    free = agreement.refusal_of(action) is None and agreement.document_refusal(action, document) is None
    if free and PERMISSIONS.may(by, action, agreement) and may_withdraw(by, agreement, document) is True:
        yield action
