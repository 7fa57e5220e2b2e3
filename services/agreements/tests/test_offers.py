"""What an agreement offers somebody is what they may do, in every state and for every role: no more, and no less."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, get_args

import pytest

from services.agreements import commands, queries
from services.agreements.agreement import Agreement, AgreementState, Confirmation, Document
from services.agreements.conditions import concerned, may_withdraw
from services.agreements.jurisdiction import acts_for
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.documents import DocumentAnswer
from services.agreements.schemas.searches import Search
from services.agreements.steps import BINDS, LEAVES_THE_TABLE, UNDER_MANDATE
from services.agreements.tables import AGREEMENTS, CenterFactRow
from services.agreements.terms import Terms
from services.agreements.tests.builders import (
    DECISION,
    LEGAL,
    MINISTRY,
    accept_for_all,
    ask_for_a_visa,
    attached,
    bound,
    clauses,
    current,
    director,
    know,
    long_ago,
    mandate,
    officer,
    owing,
    party,
    person,
    president,
    sign_for,
    stored,
    suspend,
    terminate,
)
from services.agreements.touched import Action
from shared import files
from shared.actor import NATIONAL, Actor, Role
from shared.clock import today
from shared.database import Database, Transaction
from shared.ids import new_id
from shared.money import Money
from shared.refusals import Forbidden, NotFound, Refusal
from shared.territory import NETWORK_ID
from shared.web import available_actions
from tests.web.routes import WHOLE

OPERATOR = new_id()
PRESIDENT = president(OPERATOR)
DELEGATE = person("delegate", Role.association_manager, f"org:{OPERATOR}")
EVERYBODY = {
    "keeper": officer(),
    "director": director(),
    "ministry": MINISTRY,
    "legal": LEGAL,
    "nobody's substitute": person("newcomer", Role.ministry_officer, "national"),
    "president": PRESIDENT,
    "delegate": DELEGATE,
    "network": person("network", Role.network_coordinator, f"org:{NETWORK_ID}"),
    "other-academy": officer("MA-07"),
}
WHY: dict[str, Any] = {"reason": "(fictif)"}
Try = Callable[[Transaction, Agreement, Actor], Awaitable[object]]


def party_of(agreement: Agreement, by: Actor, action: str = "") -> Any:
    """The party that somebody would take this step for: their own if it can, for the nation any that can."""
    own = [each for each in agreement.parties if acts_for(by, each.organisation_id)]
    able = [*own, *(agreement.parties if by.jurisdiction == "national" else ())] or list(agreement.parties)
    if not action:
        return able[0].party_id
    return next((each for each in able if agreement.party_refusal(action, each.party_id) is None), able[0]).party_id


def terms_of(agreement: Agreement) -> Terms:
    """What is agreed, to be put again."""
    kept = {name: getattr(agreement, name) for name in Terms.model_fields if name != "obligations"}
    return Terms(**kept, obligations=agreement.duties)


def another(by: Actor) -> str:
    """A ministry's person with a mandate for every party, other than this one."""
    return (MINISTRY if by == LEGAL else LEGAL).person


def scan_of(agreement: Agreement) -> str:
    """The paper that serves as a scan."""
    return next((each.hash for each in agreement.documents if each.category == "signed_copy"), "0" * 64)


def to_withdraw(agreement: Agreement, by: Actor) -> Any:
    """A document that somebody would withdraw: one that they may, if there is one."""
    there = [each for each in agreement.documents if agreement.document_refusal("withdraw_document", each) is None]
    mine = [each.document_id for each in there if may_withdraw(by, agreement, each) is True]
    return next(iter([*mine, *(each.document_id for each in there)]), new_id())


def annex_of(agreement: Agreement) -> Document | None:
    """The annex of its text, if it has one."""
    return next((each for each in agreement.documents if each.category == "text_annex"), None)


def delegated(agreement: Agreement, by: Actor) -> Any:
    """A party for which somebody lets another sign, if there is one; else one for which anybody does."""
    mine = [party for party, each in agreement.delegations.items() if each.delegator == by.person]
    return next(iter([*mine, *agreement.delegations]), agreement.parties[0].party_id)


def to_check(agreement: Agreement) -> Any:
    """The party whose signature on paper waits for its check."""
    return next((each.party_id for each in agreement.requests if each.scan), agreement.parties[0].party_id)


def entry_for(action: str) -> Callable[[Agreement, Actor], dict[str, Any]]:
    """The entry of the ledger on which somebody would take the action: one that concerns them, if there is one."""

    def entry(agreement: Agreement, by: Actor) -> dict[str, Any]:
        there = [each for each in agreement.obligations if each.state in agreement.TAKEN_IN[action]]
        mine = [each for each in there if concerned(by, action, agreement, each)]
        each = next(iter([*mine, *there, *agreement.obligations]), None)
        return {"obligation_id": each.obligation_id if each else new_id(), "occurrence": each.occurrence if each else 1}

    return entry


def carried(agreement: Agreement) -> dict[str, Any]:
    """The next edition, with everything in it."""
    ends_on = (agreement.editions[-1].ends_on if agreement.editions else today()) + timedelta(days=30)
    return {
        "school_year": "2030/2031",
        "budget_year": ends_on.year,
        "ends_on": ends_on,
        "funded_seats": 1,
        "unfunded_seats": 0,
        "amount": Money(centimes=0),
        "parties": [each.party_id for each in agreement.parties],
        "obligations": [],
    }


def plain(command: Callable[..., Awaitable[object]], **fixed: Any) -> Try:
    """A try that takes the same arguments whoever it is."""
    return lambda tx, it, by: command(tx, it.id, **fixed, by=by)


def of_entry(action: str, **fixed: Any) -> Try:
    """A try on an entry of the ledger."""
    command, entry = getattr(commands, action), entry_for(action)
    return lambda tx, it, by: command(tx, it.id, **entry(it, by), **fixed, by=by)


def of_party(action: str, **fixed: Any) -> Try:
    """A try for a party, naming the frozen text."""
    command = getattr(commands, action)
    return lambda tx, it, by: command(
        tx, it.id, party_id=party_of(it, by, action), text_hash=it.text_hash or "", **fixed, by=by
    )


def looked_at(action: Action, **fixed: Any) -> Try:
    """A try of a decision whose impact was looked at."""

    async def decide(tx: Transaction, it: Agreement, by: Actor) -> object:
        given = fixed | DECISION | {"notified_on": it.signed_on}
        asked = {name: value for name, value in given.items() if name in ("scope", "notified_on")}
        looked = await queries.impact(tx, it.id, action=action, **asked, by=by)
        return await getattr(commands, action)(tx, it.id, **given, acknowledgement=looked.fingerprint, by=by)

    return decide


TRIES: dict[str, Try] = {
    "revise_text": plain(commands.revise_text, clauses=clauses(3)),
    "revise_terms": lambda tx, it, by: commands.revise_terms(tx, it.id, terms_of(it), by=by),
    "redraw_clauses": plain(commands.redraw_clauses),
    "open_negotiation": plain(commands.open_negotiation),
    "pass_turn": lambda tx, it, by: commands.pass_turn(
        tx,
        it.id,
        party_id=next(each.party_id for each in it.parties if it.turn is None or each.party_id != it.turn.party_id),
        by=by,
    ),
    "accept_text": lambda tx, it, by: commands.accept_text(
        tx, it.id, party_id=party_of(it, by), text_hash=it.text_hash or "", by=by
    ),
    "withdraw_acceptance": lambda tx, it, by: commands.withdraw_acceptance(
        tx, it.id, party_id=party_of(it, by), **WHY, by=by
    ),
    "unlock_text": plain(commands.unlock_text, **WHY),
    "reopen_text": plain(commands.reopen_text, **WHY),
    "submit_for_review": plain(commands.submit_for_review),
    "approve_agreement": plain(commands.approve_agreement),
    "approve_as_substitute": lambda tx, it, by: commands.approve_as_substitute(tx, it.id, person=another(by), by=by),
    "return_with_remarks": plain(commands.return_with_remarks, remarks="(fictif)"),
    "sign_agreement": of_party("sign_agreement"),
    "decline_agreement": of_party("decline_agreement", **WHY),
    "confirm_signature": of_party("confirm_signature"),
    "delegate_signing": lambda tx, it, by: commands.delegate_signing(
        tx,
        it.id,
        party_id=party_of(it, by, "delegate_signing"),
        delegate="issuer#delegate",
        valid_until=today(),
        document="d",
        by=by,
    ),
    "withdraw_delegation": lambda tx, it, by: commands.withdraw_delegation(
        tx, it.id, party_id=delegated(it, by), **WHY, by=by
    ),
    "record_scan": lambda tx, it, by: commands.record_scan(
        tx,
        it.id,
        party_id=party_of(it, by, "record_scan"),
        text_hash=it.text_hash or "",
        person=another(by),
        file_hash=scan_of(it),
        signed_on=today(),
        by=by,
    ),
    "accept_scan": lambda tx, it, by: commands.accept_scan(tx, it.id, party_id=to_check(it), by=by),
    "return_scan": lambda tx, it, by: commands.return_scan(tx, it.id, party_id=to_check(it), **WHY, by=by),
    "renew_offer": plain(commands.renew_offer),
    "attach_document": plain(commands.attach_document, file=stored(b"(fictif)"), category="annex", name="exemple.pdf"),
    "withdraw_document": lambda tx, it, by: commands.withdraw_document(tx, it.id, to_withdraw(it, by), **WHY, by=by),
    "record_visa": lambda tx, it, by: commands.record_visa(
        tx, it.id, visa_number="VISA-EXEMPLE-2", granted_on=today(), by=by
    ),
    "withdraw_visa": plain(commands.withdraw_visa, **WHY),
    "suspend_agreement": looked_at("suspend_agreement", scope="centers"),
    "resume_agreement": plain(commands.resume_agreement, **WHY),
    "terminate_agreement": looked_at("terminate_agreement"),
    "withdraw_announcement": plain(commands.withdraw_announcement, **WHY),
    "close_agreement": plain(commands.close_agreement, confirmed=get_args(Confirmation), document="d"),
    "propose_amendment": plain(commands.propose_amendment, amendment_type="correction", **WHY),
    "cancel_agreement": plain(commands.cancel_agreement, **WHY),
    "claim_obligation": of_entry("claim_obligation", evidence="(fictif)"),
    "return_obligation": of_entry("return_obligation", **WHY),
    "confirm_obligation": of_entry("confirm_obligation"),
    "waive_obligation": of_entry("waive_obligation", **WHY),
    "evaluate_renewal": plain(commands.evaluate_renewal, outcome="favourable", **WHY),
    "return_renewal": plain(commands.return_renewal, **WHY),
    "renew_agreement": lambda tx, it, by: commands.renew_agreement(tx, it.id, **carried(it), by=by),
    "decline_renewal": plain(commands.decline_renewal, **WHY),
    "close_edition": lambda tx, it, by: commands.close_edition(
        tx, it.id, next((each.number for each in it.editions if each.state == "under_review"), 1), by=by
    ),
}
"""What an agreement offers, each with arguments that are right for who tries it, if there are any."""
ANNEX: dict[str, Try] = {
    "attach": plain(commands.attach_document, file=stored(b"(fictif)"), category="text_annex", name="exemple.pdf"),
    "replace": lambda tx, it, by: commands.attach_document(
        tx, it.id, stored(b"(fictif)"), category="text_annex", name="n", replaces=it.annexed[0], by=by
    ),
    "withdraw": lambda tx, it, by: commands.withdraw_document(tx, it.id, it.annexed[0], **WHY, by=by),
}
"""What changes an annex; it is offered as the revision of the text is."""
ON_ROWS_BESIDE = {"redraw_clauses", "accept_text", "submit_for_review", "approve_agreement", "close_agreement"}
LOOKED_UP = UNDER_MANDATE | BINDS | LEAVES_THE_TABLE | ON_ROWS_BESIDE
"""Whether these can be done may rest on more than the agreement, its reader and the day: lists do not look it up."""


async def life(database: Database) -> AsyncIterator[tuple[str, Agreement]]:
    """An agreement at every turn of its life, and what became of others."""
    for one, other in ((LEGAL, MINISTRY), (MINISTRY, LEGAL)):
        day: dict[str, Any] = {"valid_from": today(), "valid_until": today(), "reason": "(fictif)"}
        await commands.grant_substitution(database, substitute=other.person, **day, by=one)
    keeper, starts = officer(), today() - timedelta(days=1)

    async def made(terms: Terms) -> Agreement:
        await know(database, terms)
        async with database.transaction(NATIONAL) as tx:
            for each in terms.parties:
                for by in (MINISTRY, LEGAL):
                    await tx.merge(mandate(each.organisation_id, by))
        it = await commands.draft_agreement(database, terms, clauses=clauses(), by=keeper)
        await attached(database, it, "text_annex")
        return await attached(database, it, "signed_copy")

    async def handed_over(terms: Terms, state: str = "closed") -> None:
        place = {"agreement_id": new_id(), "academy": "MA-06", "province": terms.centers[0].province}
        async with database.transaction(NATIONAL) as tx:
            for each in terms.centers:
                tx.add(CenterFactRow(id=each.center_id, state=state, funded_seats=0, unfunded_seats=0, **place))

    async def frozen(terms: Terms) -> Agreement:
        it = await made(terms)
        await commands.open_negotiation(database, it.id, by=keeper)
        await accept_for_all(database, it)
        await commands.submit_for_review(database, it.id, by=keeper)
        for rule in it.rules.documents:
            if rule.before:
                await attached(database, it, rule.category)
        return await commands.approve_agreement(database, it.id, by=LEGAL)

    async def in_force() -> Agreement:
        terms = current(operator=OPERATOR, effective_from=starts)
        opening = {"fulfilled_by": "center_opened", "center_id": terms.centers[0].center_id}
        back = {"debtor": terms.parties[0].party_id, "creditor": terms.parties[1].party_id}
        await handed_over(terms)
        with long_ago():
            it = await frozen(owing(terms, {}, opening, {"creditor": None}, back))
            for each in it.parties:
                it = await sign_for(database, it, each.organisation_id)
        return await commands.bring_into_force(database, it.id, on=today())

    terms = current(operator=OPERATOR, others=[party(new_id(), "witness")])
    it = await made(terms)
    yield "draft", it
    it = await commands.open_negotiation(database, it.id, by=keeper)
    yield "negotiation", it
    it = await commands.pass_turn(database, it.id, party_id=party_of(it, PRESIDENT), by=keeper)
    yield "negotiation, in the association's hands", it
    it = await commands.accept_text(
        database, it.id, party_id=party_of(it, PRESIDENT), text_hash=it.text_hash or "", by=PRESIDENT
    )
    yield "negotiation, accepted by one", it
    await accept_for_all(database, it)
    yield "negotiation, accepted by all", await read(database, it)
    it = await commands.submit_for_review(database, it.id, by=keeper)
    yield "legal review", it
    it = await commands.approve_agreement(database, it.id, by=LEGAL)
    yield "ready to sign", it
    given: dict[str, Any] = {"party_id": party_of(it, PRESIDENT), "valid_until": today(), "document": "d"}
    it = await commands.delegate_signing(database, it.id, delegate=DELEGATE.person, **given, by=PRESIDENT)
    yield "ready to sign, one by a delegate", it
    scan: dict[str, Any] = {"text_hash": it.text_hash or "", "file_hash": scan_of(it), "signed_on": today()}
    it = await commands.record_scan(
        database, it.id, party_id=party_of(it, PRESIDENT), person=PRESIDENT.person, **scan, by=keeper
    )
    yield "ready to sign, one on paper", it
    it = await commands.accept_scan(database, it.id, party_id=party_of(it, PRESIDENT), by=director())
    yield "partially signed", it
    yield "the offer is over", await commands.let_time_pass(database, it.id, on=it.effective_from + timedelta(days=90))
    it = await frozen(current(operator=OPERATOR))
    yield "cancelled", await commands.cancel_agreement(database, it.id, reason="(fictif)", by=keeper)
    it = await frozen(current(operator=OPERATOR))
    for each in it.parties:
        it = await sign_for(database, it, each.organisation_id)
    yield "signed", it
    it = await frozen(current(operator=OPERATOR, effective_from=starts, agreement_kind="academy-association-visa"))
    for each in it.parties:
        it = await sign_for(database, it, each.organisation_id)
    yield "signed, its visa missing", it
    it = await in_force()
    yield "in force", it
    it = await commands.let_time_pass(database, it.id, on=it.editions[0].ends_on)
    yield "in force, obligations and renewal due", it
    entry = entry_for("claim_obligation")(it, PRESIDENT)
    it = await commands.claim_obligation(database, it.id, **entry, evidence="(fictif)", by=PRESIDENT)
    it = await commands.evaluate_renewal(database, it.id, outcome="favourable", reason="(fictif)", by=keeper)
    yield "in force, one claimed, evaluated", it
    tomorrow = today() + timedelta(days=1)
    yield "in force, a suspension announced", await suspend(database, it, effective_on=tomorrow)
    await commands.withdraw_announcement(database, it.id, reason="(fictif)", by=director())
    it = await attached(database, it, "suspension_decision")
    it = await suspend(database, it, scope="centers")
    yield "suspended", it
    it = await commands.resume_agreement(database, it.id, reason="(fictif)", by=director())
    it = await commands.renew_agreement(database, it.id, **carried(it), by=director())
    it = await commands.let_time_pass(database, it.id, on=it.editions[0].ends_on + timedelta(days=1))
    yield "edition under review", it
    yield "terminated", await terminate(database, it)
    it = await in_force()
    yield "expired", await commands.let_time_pass(database, it.id, on=it.effective_until + timedelta(days=1))
    for state, told in (("handing_over", "a center is left"), ("closed", "all settled")):
        terms = current(operator=OPERATOR, effective_from=starts)
        await handed_over(terms, state)
        it = await terminate(database, await bound(database, terms))
        it = await commands.close_edition(database, it.id, 1, by=keeper)
        yield f"terminated, {told}", it
    confirmed = get_args(Confirmation)
    yield "closed", await commands.close_agreement(database, it.id, confirmed=confirmed, document="d", by=director())


async def read(database: Database, it: Agreement) -> Agreement:
    """The agreement as it is now."""
    async with database.transaction(NATIONAL) as tx:
        return await AGREEMENTS.read(tx, it.id)


async def as_told(tx: Transaction, it: Agreement, by: Actor) -> Agreement:
    """The agreement as whoever reads it is told of it; as it is for whoever may not."""
    if not by.within(it.visible_to()):
        return it
    return await queries.agreement(tx, it.id, action="read_agreement", by=by)


async def as_listed(tx: Transaction, it: Agreement, by: Actor) -> Agreement:
    """The agreement as a list tells whoever reads it."""
    listed, _ = await queries.agreements(tx, Search(sort="-drafted_at"), page=WHOLE, by=by)
    return next(each for each in listed if each.id == it.id)


class TakenBack(Exception):
    """What was tried succeeds, and is not kept."""


async def refusal_of(tx: Transaction, attempt: Try, it: Agreement, by: Actor) -> Refusal | None:
    """What keeps somebody from an action, tried and taken back."""
    try:
        async with tx.begin_nested():
            await attempt(tx, it, by)
            raise TakenBack  # noqa: TRY301 - it ends the savepoint
    except TakenBack:
        return None
    except Refusal as refusal:
        return refusal


async def test_what_is_offered_is_what_is_accepted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Roles that may never take an action, and strangers, are refused it on its route (test_permissions).

    Here are the others, and one try by each stranger.
    """
    ask_for_a_visa(monkeypatch)
    offerable = [action for action in Agreement.ALLOWED if action in PERMISSIONS]
    assert sorted(offerable) == sorted(TRIES), "every action that may be offered is tried"
    await files.put(b"(fictif)")
    seen: set[str] = set()
    wrong: list[str] = []
    async for name, there in life(database):
        seen.add(there.state)
        closed: dict[str, Refusal] = {}
        async with database.transaction(NATIONAL) as tx:
            for who, by in EVERYBODY.items():
                it = await as_told(tx, there, by)
                offered = available_actions(by, it, PERMISSIONS)
                if not by.within(it.visible_to()):
                    if offered or not isinstance(await refusal_of(tx, TRIES["revise_text"], it, by), NotFound):
                        wrong.append(f"{who} sees it, {name}: {offered}")
                    continue
                listed = available_actions(by, await as_listed(tx, there, by), PERMISSIONS)
                if ({*offered} ^ {*listed}) - LOOKED_UP:
                    wrong.append(f"lists offer {who}, {name}: {listed}")
                for action in (each for each in offerable if by.has(*PERMISSIONS[each])):
                    # What the state refuses it refuses to everybody: tried until somebody hears it who may else.
                    refusal = closed.get(action) or await refusal_of(tx, TRIES[action], it, by)
                    if refusal and it.refusal_of(action) and not isinstance(refusal, Forbidden):
                        closed[action] = refusal
                    if (action in offered) != (refusal is None):
                        wrong.append(f"{action} by {who}, {name}: {refusal!r}")
                annex, revised = annex_of(it), "revise_text" in offered
                shown = annex and DocumentAnswer.of(it, annex, by).available_actions
                if annex and ("withdraw_document" in (shown or ())) != revised:
                    wrong.append(f"an annex offers {shown} to {who}, {name}")
                for how in ANNEX if annex else ("attach",):
                    refusal = await refusal_of(tx, ANNEX[how], it, by)
                    if revised != (refusal is None):
                        wrong.append(f"to {how} an annex by {who}, {name}: {refusal!r}")
    assert not wrong, "\n".join(wrong)
    assert seen == {*AgreementState}, "every state was visited"
