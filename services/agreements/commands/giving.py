"""Giving a signature, under an agreement or an amendment: what it rests on, and its seal, which is made first."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.commands.amendment_applying import amended_at_once
from services.agreements.commands.authority import in_place_of, may_bind
from services.agreements.commands.integrity import require_untampered
from services.agreements.commands.sealing import ReadySeal, make_seal, seal_first, use_seal
from services.agreements.papers import AgreementPaper, AmendmentPaper
from services.agreements.papers.drawing import draw_seal, draw_sealable, draw_sealable_amendment
from shared.actor import Actor
from shared.clock import business_date, now
from shared.database import Database, Transaction
from shared.events.agreements import AgreementPartySigned, AmendmentPartySigned, SignatureLevel
from shared.events.base import DomainEvent
from shared.refusals import Refusal

T = TypeVar("T")
Sign = Callable[[ReadySeal | Refusal | None], Awaitable[T]]
"""Records a signature with its seal, or says why there is none."""
Look = Callable[[Transaction], Awaitable[tuple[Agreement, Agreement | Amendment]]]
"""Reads what is to be signed, beside the agreement that it is of, for who may sign it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a signature."""

    party_id: UUID
    hash: str
    """Of what is signed: an agreement's text, an amendment's content."""
    level: SignatureLevel
    by: Actor
    ceremony_id: UUID | None = None


async def sealed_first(db: Database, id: UUID, asked: Asked, look: Look, sign: Sign[T], at: datetime | None) -> T:
    """What `sign` gives, with its seal made first if the level asks for one."""
    return await seal_first(db, id, asked.level, lambda: _seal_for(db, asked, look, at or now()), sign)


async def give(
    tx: Transaction,
    agreement: Agreement,
    file: Agreement | Amendment,
    asked: Asked,
    seal: ReadySeal | Refusal | None,
    at: datetime | None,
) -> tuple[list[DomainEvent], datetime]:
    """A signature and when it is given, which its seal says if the level asks for one.

    Refuses NoMandate, MandateNotValid, MandateOutOfScope, DelegationOver, AssociationNotAccredited; TextTampered;
    CeremonyNotOpen, NotInTheCeremony or SignedInItsCeremony; what require_parent_signed, the file's `sign` and making
    the seal refuse.
    """
    ready = seal if isinstance(seal, ReadySeal) else None
    at = ready.at if ready else at or now()
    events = await _signed(tx, agreement, file, asked, at, ready)
    await use_seal(tx, file, asked.party_id, asked.level, seal)
    return events, at


async def _seal_for(db: Database, asked: Asked, look: Look, at: datetime) -> ReadySeal:
    """A seal for a signature that would be recorded now. Nothing is asked of a provider for one that would not."""
    async with db.transaction(asked.by.scope) as tx:
        agreement, file = await look(tx)
        signed, *_ = events = await _signed(tx, agreement, file, asked, at)
        assert isinstance(signed, AgreementPartySigned | AmendmentPartySigned)
        first = file.sealed_file is None
        unsealed: AgreementPaper | AmendmentPaper | None
        if isinstance(file, Agreement):
            unsealed = await draw_sealable(tx, file) if first else None
        else:
            await amended_at_once(tx, agreement, file.model_copy().evolve(events), business_date(at))
            unsealed = await draw_sealable_amendment(tx, agreement, file) if first else None
        shown = await draw_seal(tx, file, signed, at)
    return await make_seal(db, file, signed, shown, unsealed, at)


async def _signed(
    tx: Transaction,
    agreement: Agreement,
    file: Agreement | Amendment,
    asked: Asked,
    at: datetime,
    seal: ReadySeal | None = None,
) -> list[DomainEvent]:
    party, person, day = file.party(asked.party_id), asked.by.person, business_date(at)
    on_behalf_of = await in_place_of(tx, agreement, file, party, person, day)
    tabled = agreement.id if file is agreement else None
    mandate_id = await may_bind(
        tx, agreement, party, on_behalf_of or person, day, tabled=tabled, ceremony_id=asked.ceremony_id
    )
    given: dict[str, Any] = {
        "person": person,
        "mandate_id": mandate_id,
        "level": asked.level,
        "on_behalf_of": on_behalf_of,
        "at": at,
        "file_hash": seal.file_hash if seal else None,
        "archived_file": seal.archived_file if seal else None,
        "certificate": seal.certificate if seal else None,
    }
    if isinstance(file, Agreement):
        events = file.sign(asked.party_id, text_hash=asked.hash, ceremony_id=asked.ceremony_id, **given)
    else:
        events = file.sign(asked.party_id, content_hash=asked.hash, **given)
    await require_untampered(tx, file)
    return events
