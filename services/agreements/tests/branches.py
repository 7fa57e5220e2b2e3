"""Builders of amendments: branches of agreements in the database, on their way to being applied."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.bilingual import Bilingual
from services.agreements.commands.sealing import ReadySeal
from services.agreements.content import Content
from services.agreements.merge import Place, Side
from services.agreements.tables import AGREEMENTS, AMENDMENTS
from services.agreements.terms import BudgetLine, Duty, Terms
from services.agreements.tests.builders import LEGAL, MINISTRY, current, director, officer, signer
from services.agreements.text import Clause, Prose, table_of
from shared.actor import NATIONAL, Actor
from shared.clock import today
from shared.database import Database
from shared.events.agreements import AmendmentType
from shared.ids import new_id
from shared.money import Money
from shared.refusals import Refusal


def running(**changes: Any) -> Terms:
    """Terms of an agreement that is in force as soon as all have signed, of an association of its own."""
    return current(**({"effective_from": today() - timedelta(days=40)} | changes))


def keeper_of(file: Agreement | Amendment) -> Actor:
    """Who proposes and edits."""
    return officer(file.academy) if file.academy else MINISTRY


def approver_of(amendment: Amendment) -> Actor:
    """Who holds the only step of its ladder."""
    return director(amendment.academy or "") if amendment.amendment_type == "correction" else LEGAL


async def read(database: Database, id: UUID) -> Agreement:
    """The agreement as it is."""
    async with database.transaction(NATIONAL) as tx:
        return await AGREEMENTS.read(tx, id)


async def reread(database: Database, amendment: Amendment) -> Amendment:
    """The amendment as it is."""
    async with database.transaction(NATIONAL) as tx:
        return await AMENDMENTS.read(tx, amendment.id)


async def branch_of(database: Database, amendment: Amendment) -> Content:
    """The content of the branch."""
    return (await queries.amendment_content(database, amendment.id, by=LEGAL))[1]


async def propose(database: Database, agreement: Agreement, amendment_type: AmendmentType = "scope") -> Amendment:
    """A branch of the agreement as it is."""
    by = keeper_of(agreement)
    return await commands.propose_amendment(
        database, agreement.id, amendment_type=amendment_type, reason="(fictif) motif", by=by
    )


async def revise(
    database: Database, amendment: Amendment, *, clauses: Sequence[Clause] | None = None, **changes: Any
) -> Amendment:
    """The branch with these changes."""
    _, branch, text = await queries.amendment_content(database, amendment.id, by=LEGAL)
    text = list(clauses or text)
    content = branch.model_copy(update=changes | {"clauses": table_of(text)})
    return await commands.revise_amendment(database, amendment.id, content, text, by=keeper_of(amendment))


async def reworded(database: Database, amendment: Amendment, key: str, words: str) -> list[Clause]:
    """The clauses of the branch, one of them with other words."""
    _, _, text = await queries.amendment_content(database, amendment.id, by=LEGAL)
    assert key in {each.key for each in text}
    body = Prose(ar=f"{words} (وهمي).", fr=f"{words} (fictif).")
    return [each.model_copy(update={"body": body}) if each.key == key else each for each in text]


async def reword(database: Database, amendment: Amendment, key: str, words: str) -> Amendment:
    """The branch, one of its clauses with other words."""
    return await revise(database, amendment, clauses=await reworded(database, amendment, key, words))


async def agree(database: Database, amendment: Amendment, *, at: datetime | None = None) -> Amendment:
    """Submitted and approved: frozen under its number, today unless told otherwise."""
    submitted = await commands.submit_amendment(database, amendment.id, by=keeper_of(amendment))
    return await commands.approve_amendment(database, submitted.id, by=approver_of(submitted), at=at)


async def sign_for(database: Database, amendment: Amendment, party_id: UUID, **options: Any) -> Amendment:
    """A signature for the party by its organisation's signer."""
    by = options.pop("by", None) or signer(amendment.party(party_id).organisation_id)
    asked: dict[str, Any] = {"party_id": party_id, "content_hash": amendment.content_hash, "by": by} | options

    async def sign(seal: ReadySeal | Refusal | None) -> Amendment:
        return await commands.sign_amendment(database, amendment.id, **asked, seal=seal)

    return await commands.sealed_amendment(database, amendment.id, sign, **asked)


async def carry(database: Database, amendment: Amendment) -> Amendment:
    """From a proposal to its last signature."""
    amendment = await agree(database, amendment)
    for party_id in amendment.touched:
        amendment = await sign_for(database, amendment, party_id)
    return amendment


async def rebase(database: Database, amendment: Amendment, resolved: dict[Place, Side] | None = None) -> Amendment:
    """The branch on the agreement as it is."""
    return await commands.rebase_amendment(database, amendment.id, resolved=resolved, by=keeper_of(amendment))


def budget_line(payer: UUID, centimes: int = 5_000_000, **changes: Any) -> BudgetLine:
    """What a party brings."""
    fields: dict[str, Any] = {
        "line_id": new_id(),
        "payer": payer,
        "heading": Bilingual(ar="تجهيزات (وهمي)", fr="Équipement (fictif)"),
        "kind": "cash",
        "amount": Money(centimes=centimes),
        "budget_year": 2024,
    }
    return BudgetLine(**(fields | changes))


def owed(content: Agreement | Content, **changes: Any) -> Duty:
    """What the second party owes the first."""
    fields: dict[str, Any] = {
        "obligation_id": new_id(),
        "debtor": content.parties[1].party_id,
        "creditor": content.parties[0].party_id,
        "what": Bilingual(ar="التزام (وهمي)", fr="Obligation (fictif)"),
        "due_days": 60,
    }
    return Duty(**(fields | changes))
