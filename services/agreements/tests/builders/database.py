"""Agreements in the database, as far on their way as a test needs them."""

from collections.abc import Awaitable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.agreements import commands, queries
from services.agreements.agreement import Agreement, Scope
from services.agreements.commands.sealing import ReadySeal
from services.agreements.tables import SignatureBatchRow
from services.agreements.terms import Terms
from services.agreements.tests.builders.agreements import DECISION, approver, head_of, holds_until, keeper
from services.agreements.tests.builders.neighbours import know
from services.agreements.tests.builders.papers import pdf
from services.agreements.tests.builders.people import MINISTRY, officer, signer
from services.agreements.tests.builders.terms import clauses, current, owing
from services.agreements.text import Clause
from shared import files
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Database, Work
from shared.ids import new_id
from shared.refusals import Refusal
from tests.fixtures.days import clock_ahead
from tests.fixtures.eventually import eventually

ASKED = frozenset({"centers", "notified_on", "effective_on"})
"""What of a decision its preview is asked with."""
WAITING = text(
    "select count(*) from pg_locks join pg_stat_activity using (pid) where not granted and datname = current_database()"
)
"""How many transactions wait for a lock."""


def long_ago() -> AbstractContextManager[None]:
    """It is two months earlier: of what is signed then, notice can be over today."""
    return clock_ahead(lambda: timedelta(days=-61))


async def signed_by_all(database: Database, terms: Terms) -> Agreement:
    """An agreement in the database that all its parties have signed, two months ago."""
    with long_ago():
        return await sign_all(database, await approved(database, terms))


async def sign_all(database: Database, agreement: Agreement) -> Agreement:
    """All sign who are still to, each in their turn and at the level that is asked."""
    while agreement.being_signed:
        order, level = agreement.signing_order, agreement.rules.signing.least_level
        turn = next(each for each in order.may_sign_now if each in order.awaited)
        agreement = await sign_for(database, agreement, turn.organisation_id, level=level)
    return agreement


async def reviewed(
    database: Database, terms: Terms | None = None, *, text: Sequence[Clause] | None = None
) -> Agreement:
    """An agreement in the database that is in legal review, its parties known; `text` is its kind's if ()."""
    terms = terms or current()
    await know(database, terms)
    by = officer(terms.academy) if terms.academy else MINISTRY
    agreement = await commands.draft_agreement(database, terms, clauses=clauses() if text is None else text, by=by)
    await commands.open_negotiation(database, agreement.id, by=by)
    await accept_for_all(database, agreement)
    return await commands.submit_for_review(database, agreement.id, by=by)


async def accept_for_all(database: Database, agreement: Agreement) -> None:
    """Every party that signs accepts the text."""
    for each in agreement.not_accepted:
        by = signer(each.organisation_id)
        text_hash = agreement.text_hash or ""
        await commands.accept_text(database, agreement.id, party_id=each.party_id, text_hash=text_hash, by=by)


async def approved(
    database: Database,
    terms: Terms | None = None,
    *,
    text: Sequence[Clause] | None = None,
    at: datetime | None = None,
) -> Agreement:
    """An agreement in the database whose text is frozen, today unless told otherwise, with all its parties known."""
    agreement = await reviewed(database, terms, text=text)
    for rule in agreement.missing_for("approve_agreement"):
        await attached(database, agreement, rule.category)
    while agreement.state == "legal_review":
        agreement = await commands.approve_agreement(database, agreement.id, by=approver(agreement), at=at)
    return agreement


async def attached(database: Database, agreement: Agreement, category: str, **options: Any) -> Agreement:
    """The agreement in the database with another paper, brought by whoever keeps it unless told otherwise."""
    file = await files.put(options.pop("content", None) or pdf(str(new_id())))
    until = holds_until(agreement, category)
    fields: dict[str, Any] = {"name": "exemple.pdf", "expires_on": until, "by": keeper(agreement)}
    return await commands.attach_document(database, agreement.id, file, category=category, **(fields | options))


async def bound(database: Database, terms: Terms | None = None, *, text: Sequence[Clause] | None = None) -> Agreement:
    """An agreement in the database, signed two months ago and in force, with the papers that its kind asks for."""
    terms = terms or current()
    with long_ago():
        agreement = await approved(database, terms, text=text)
        for rule in agreement.rules.documents:
            if rule.before and rule.before != "approve_agreement":
                await attached(database, agreement, rule.category)
        agreement = await sign_all(database, agreement)
    if agreement.state == "signed":
        agreement = await commands.bring_into_force(database, agreement.id, on=max(agreement.effective_from, today()))
    return agreement


def decision_on(agreement: Agreement) -> dict[str, Any]:
    """On what its suspension or termination stands: notice was given on the day on which all had signed."""
    assert agreement.signed_on, "not all have signed"
    return DECISION | {"notified_on": agreement.signed_on}


async def suspend(database: Database, agreement: Agreement, *, scope: Scope = "money", **changes: Any) -> Agreement:
    """The agreement at rest from today on unless told otherwise, its impact acknowledged."""
    by = head_of(agreement)
    decision = decision_on(agreement) | changes
    asked = {name: value for name, value in decision.items() if name in ASKED}
    looked = await queries.impact(database, agreement.id, action="suspend_agreement", scope=scope, **asked, by=by)
    given: dict[str, Any] = {"scope": scope, "acknowledgement": looked.fingerprint, "by": by}
    return await commands.suspend_agreement(database, agreement.id, **(given | decision))


async def terminate(database: Database, agreement: Agreement, **changes: Any) -> Agreement:
    """The agreement ended today unless told otherwise, its impact acknowledged."""
    by = head_of(agreement)
    decision = decision_on(agreement) | changes
    asked = {name: value for name, value in decision.items() if name in ASKED}
    looked = await queries.impact(database, agreement.id, action="terminate_agreement", **asked, by=by)
    given: dict[str, Any] = {"acknowledgement": looked.fingerprint, "by": by}
    return await commands.terminate_agreement(database, agreement.id, **(given | decision))


async def late(database: Database, terms: Terms | None = None) -> Agreement:
    """An agreement in the database whose second party is late since nine days with what it owes the first."""
    terms = terms or current(effective_from=today() - timedelta(days=40))
    agreement = await bound(database, owing(terms, {"due_on": today() - timedelta(days=10)}))
    return await commands.let_time_pass(database, agreement.id, on=today())


async def sign_for(database: Work, agreement: Agreement, organisation: UUID, **options: Any) -> Agreement:
    """A signature by the organisation's signer."""
    party_id = next(each.party_id for each in agreement.parties if each.organisation_id == organisation)
    asked = {"party_id": party_id, "text_hash": agreement.text_hash, "by": signer(organisation)} | options

    async def sign(seal: ReadySeal | Refusal | None = None) -> Agreement:
        return await commands.sign_agreement(database, agreement.id, **asked, seal=seal)

    return await (commands.sealed(database, agreement.id, sign, **asked) if isinstance(database, Database) else sign())


async def outcome_of(work: Awaitable[object]) -> object:
    """What the command gives, or the type of its refusal."""
    try:
        return await work
    except Refusal as refusal:
        return type(refusal)


async def batch_of(database: Database, agreements: Sequence[Agreement], **options: Any) -> SignatureBatchRow:
    """The ministry's signatures under these agreements, taken down and not yet given."""
    requests = [
        commands.SignatureRequest(
            agreement_id=each.id, party_id=each.parties[2].party_id, text_hash=each.text_hash or ""
        )
        for each in agreements
    ]
    return await commands.sign_batch(database, requests, by=MINISTRY, **options)


async def somebody_waits(database: Database) -> None:
    """Until a transaction waits for a lock that another one holds."""

    async def waits() -> bool:
        async with database.transaction(NATIONAL) as tx:
            return bool((await tx.execute(WAITING)).scalar_one())

    await eventually(waits)
