"""What was signed: the text that all signed first, then each amendment, with the signatures under it.

An amended agreement keeps the signatures of those who are its parties today, whichever text they are under. Its journal
knows which that is, and what those signed who are parties no more.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from services.agreements.agreement import Agreement, Signature
from services.agreements.amendment import Amendment, AmendmentSignature
from shared.actor import NATIONAL
from shared.database import Transaction
from shared.events.agreements import AgreementSigned
from shared.events.base import DomainEvent
from shared.messaging.journal import past


class Signed(NamedTuple):
    """An agreement's texts with the signatures under them, and what has become known of these since."""

    first: Agreement
    """As all signed it; as it is, before there is an amendment."""
    amendments: tuple[Amendment, ...]
    """Those that it is made of, oldest first."""

    @property
    def texts(self) -> tuple[Agreement | Amendment, ...]:
        """All of them, in the order in which they were signed."""
        return (self.first, *self.amendments)


async def what_was_signed(tx: Transaction, agreement: Agreement, *, known_at: datetime | None = None) -> Signed:
    """What parties signed of an agreement in its version; of its amendments as was known at an instant, or is now.

    Whoever may read the agreement may read what it is made of, whoever signed it.
    """
    if not agreement.amendments:
        return Signed(agreement, ())
    async with tx.widened(NATIONAL):
        life = await past(tx, agreement.id)
        branches = [await past(tx, each.amendment_id, known_at=known_at) for each in agreement.amendments]
    first = as_all_signed(agreement.id, (each.event for each in life if each.version <= agreement.version))
    amendments = (
        Amendment.fold(each.amendment_id, (one.event for one in branch))
        for each, branch in zip(agreement.amendments, branches, strict=True)
    )
    return Signed(first, tuple(_confirmed_here(each, agreement) for each in amendments))


def as_all_signed(id: UUID, life: Iterable[DomainEvent]) -> Agreement:
    """The agreement with its last signature, and its signatures as they were known last while their party was one."""
    whole = first = Agreement(id=id)
    for event in life:
        whole.evolve([event])
        if isinstance(event, AgreementSigned):
            first = whole.model_copy()
        kept = {_which(each): each for each in whole.signatures}
        first.signatures = tuple(kept.get(_which(each), each) for each in first.signatures)
    return first


def _which(signature: Signature) -> tuple[object, ...]:
    return signature.party_id, signature.signed_at, signature.text_hash


def _confirmed_here(amendment: Amendment, agreement: Agreement) -> Amendment:
    """The amendment; whom it brought in may have stood by their signature where the agreement keeps it."""
    here = {(each.party_id, each.signed_at): each.confirmed for each in agreement.signatures}

    def told(signature: AmendmentSignature) -> AmendmentSignature:
        confirmed = signature.confirmed or here.get((signature.party_id, signature.signed_at))
        return signature.model_copy(update={"confirmed": confirmed})

    return amendment.model_copy(update={"signatures": tuple(told(each) for each in amendment.signatures)})
