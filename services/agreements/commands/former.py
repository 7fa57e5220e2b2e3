"""What was to be agreed before: looked up in the journals, whose events and hashes keep it for good."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.agreement.core import names_of
from services.agreements.amendment import Amendment
from services.agreements.bilingual import Bilingual
from services.agreements.content import Content
from services.agreements.errors.texts import TextLost
from services.agreements.outdated import Facts, differing, outdated
from services.agreements.surroundings import OutdatedClause
from services.agreements.terms import Terms
from services.agreements.text import get_content, get_table, table_clauses
from shared.actor import NATIONAL
from shared.database import Transaction
from shared.events.agreements import (
    AgreementAmended,
    AgreementDrafted,
    AgreementTermsRevised,
    AmendmentProposed,
    AmendmentRebased,
    AmendmentRevised,
)
from shared.messaging import journal

AGREEING = (AgreementDrafted, AgreementTermsRevised, AgreementAmended)
"""By these an agreement comes to its terms."""
BRANCHING = (AmendmentProposed, AmendmentRevised, AmendmentRebased)
"""By these an amendment comes to its content."""


DRAWN = ("title", "parties", "centers", "school_year", "effective_from", "effective_until", "budget", "obligations")
"""What of the terms a text is drawn from, or names."""


def facts_of(file: Agreement | Amendment, content: Content) -> Facts:
    """What a text of the file with this content is drawn from."""
    return _facts(file, {name: getattr(content, name) for name in DRAWN}, file.names)


async def outdated_of(tx: Transaction, agreement: Agreement) -> list[OutdatedClause]:
    """The clauses of an agreement's text that do not say what its terms say; none of a text that is lost."""
    if not agreement.terms_revised or agreement.text_hash is None:
        return []
    try:
        content = agreement.content(await get_table(tx, agreement.text_hash))
        present = facts_of(agreement, content)
        if not (left := differing(content.clauses, present)):
            return []
        clauses = await table_clauses(tx, left)
    except TextLost:
        return []
    return outdated(clauses, present, await _agreed_before(tx, agreement))


async def outdated_on(tx: Transaction, agreement: Agreement, amendment: Amendment) -> list[OutdatedClause]:
    """The clauses of an amendment's branch that do not say what its terms say; none of a text that is lost."""
    try:
        branch = await get_content(tx, amendment.content_hash)
        present = facts_of(amendment, branch)
        if not (left := differing(branch.clauses, present)):
            return []
        return outdated(await table_clauses(tx, left), present, await _branched_before(tx, agreement, amendment))
    except TextLost:
        return []


async def _branched_before(tx: Transaction, agreement: Agreement, amendment: Amendment) -> list[Facts]:
    """The same for the amendment's content, after what its agreement came by. Refuses TextLost."""
    life = await journal.past(tx, amendment.id, types=[each.type for each in BRANCHING])
    told = [(each.event.detail.get("base_hash"), getattr(each.event, "content_hash", None)) for each in life]
    hashes = dict.fromkeys(hash for each in told for hash in each if hash and hash != amendment.content_hash)
    # Whoever the amendment brings in does not see the agreement yet.
    async with tx.widened(NATIONAL):
        former = await _agreed_before(tx, agreement)
    return former + [facts_of(amendment, await get_content(tx, hash)) for hash in hashes]


async def _agreed_before(tx: Transaction, agreement: Agreement) -> list[Facts]:
    """What the agreement came to its terms by, oldest first; the present ones are the last."""
    life = await journal.past(tx, agreement.id, types=[each.type for each in AGREEING])
    # The first agreements said nothing of a budget or of obligations.
    told = [
        {"budget": (), "obligations": ()} | each.event.model_dump(include=set(DRAWN)) | each.event.detail
        for each in life
    ]
    return [_facts(agreement, {name: each[name] for name in DRAWN}, names_of(each)) for each in told]


def _facts(file: Agreement | Amendment, drawn: Mapping[str, Any], names: Mapping[UUID, Bilingual]) -> Facts:
    kind = {"agreement_kind": file.agreement_kind, "academy": file.academy}
    return Facts(Terms.model_validate({**drawn, **kind}), names)
