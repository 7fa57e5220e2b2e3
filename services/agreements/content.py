"""The content of an agreement: all that is agreed and signed, under one hash."""

import hashlib
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.agreements.bilingual import Bilingual
from services.agreements.terms import BudgetLine, Duty, Terms
from shared.audit import canonical
from shared.events.agreements import AgreementParty, CenterToOpen, LanguageHashes


class ClauseRef(BaseModel):
    """A clause by its key, its titles and the hashes of its two bodies: a row of an agreement's table of clauses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    title: Bilingual
    ar: str
    fr: str


class Annex(BaseModel):
    """A document that is part of what is agreed: its name, and the file by its hash."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document_id: UUID
    name: str
    hash: str = Field(description="SHA-256 of the file, in hex")
    media_type: str


class Content(BaseModel):
    """What the parties agree on. Where the agreement stands, and how far its duties are met, is not part of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Bilingual
    parties: tuple[AgreementParty, ...]
    centers: tuple[CenterToOpen, ...]
    obligations: tuple[Duty, ...]
    budget: tuple[BudgetLine, ...]
    school_year: str
    effective_from: date
    effective_until: date
    clauses: tuple[ClauseRef, ...]
    annexes: tuple[Annex, ...] = Field((), exclude_if=lambda annexes: not annexes)
    """Left out where there are none: the hash of what was frozen before there were annexes holds."""

    def terms(self, agreement_kind: str, academy: str | None) -> Terms:
        """What is agreed beside the text, as it is drafted."""
        agreed = {name: getattr(self, name) for name in Terms.model_fields if hasattr(self, name)}
        return Terms(agreement_kind=agreement_kind, academy=academy, **agreed)


def content_hash(content: Content) -> str:
    """SHA-256 in hex of the content's canonical JSON: who has the content can work it out again."""
    return hashlib.sha256(canonical(content.model_dump(mode="json"))).hexdigest()


def language_hashes(clauses: Sequence[ClauseRef]) -> LanguageHashes:
    """SHA-256 in hex of each language's text alone: keys, titles and bodies in their order."""

    def of(language: str) -> str:
        rows = [[each.key, getattr(each.title, language), getattr(each, language)] for each in clauses]
        return hashlib.sha256(canonical(rows)).hexdigest()

    return LanguageHashes(ar=of("ar"), fr=of("fr"))
