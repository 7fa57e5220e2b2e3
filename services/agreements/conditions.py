"""What decides beside their role whether somebody may act: whose turn, step, scan, document or obligation it is."""

from collections.abc import Iterable
from itertools import chain
from uuid import UUID

from services.agreements.agreement import Agreement, Document, Obligation
from services.agreements.amendment import Amendment
from services.agreements.errors.approval import StepNotTheirs
from services.agreements.errors.documents import NotYourDocument
from services.agreements.errors.negotiation import AcceptedAlready, NotAccepted, NotYourTurn
from services.agreements.errors.obligations import NotYourObligation
from services.agreements.errors.signing import CheckedByAnother, NotYourDelegation
from services.agreements.errors.substitutions import NotYourSubstitution
from services.agreements.jurisdiction import acts_for, may_represent, organisation_of, owns, owns_or_supervises
from services.agreements.substitution import Substitution
from services.agreements.thread import Thread
from shared.actor import Actor, Role
from shared.refusals import Refusal
from shared.web.permissions import Condition


def has_not_accepted(actor: Actor, agreement: Agreement) -> bool | Refusal:
    """Each party accepts for itself, once."""
    own = _own_party(actor, agreement)
    if own is None:
        return False
    return AcceptedAlready(party=own) if agreement.accepted_by(own) else True


def has_accepted(actor: Actor, agreement: Agreement) -> bool | Refusal:
    """Each party takes its own acceptance back."""
    own = _own_party(actor, agreement)
    if own is None:
        return False
    return agreement.accepted_by(own) or NotAccepted(party=own)


def holds_the_text(actor: Actor, agreement: Agreement) -> bool | Refusal:
    """The party whose turn it is passes it on, and who keeps the file may always."""
    return owns(actor, agreement) or _refusal_in_turn(actor, agreement) or True


def writes(actor: Actor, agreement: Agreement) -> bool | Refusal:
    """Who keeps the file writes the draft; in negotiation whoever holds it, the ministry no academy's (domain 4)."""
    if agreement.turn is None or (actor.jurisdiction == "national" and not owns(actor, agreement)):
        return owns(actor, agreement)
    return _refusal_in_turn(actor, agreement) or True


def writes_terms(actor: Actor, agreement: Agreement) -> bool | Refusal:
    """Who keeps the file writes its terms, in negotiation only while holding the text."""
    return owns(actor, agreement) and (_refusal_in_turn(actor, agreement) or True)


def _refusal_in_turn(actor: Actor, agreement: Agreement) -> Refusal | None:
    turn = agreement.turn
    # Terms revised before turns bound their writers may have removed the party that held the text.
    holder = next((each for each in agreement.parties if turn and each.party_id == turn.party_id), None)
    if turn is None or holder is None or acts_for(actor, holder.organisation_id):
        return None
    return NotYourTurn(party=turn.party_id, name=agreement.called([turn.party_id])[0], since=turn.since)


def may_approve(actor: Actor, file: Agreement | Amendment) -> bool | Refusal:
    """Whoever holds the current step, and neither wrote the text nor approved an earlier step."""
    return file.approver_refusal(actor.person, actor.roles) or True


def holds_the_step(actor: Actor, file: Agreement | Amendment) -> bool | Refusal:
    """Whoever holds the current step sends the file back, or whom somebody who holds it named for the day."""
    places = [file.holder_refusal(each.roles, substitute=actor.person) for each in file.stands_for or ()]
    return _one_may([*places, file.holder_refusal(actor.roles)])


def may_substitute(actor: Actor, file: Agreement | Amendment) -> bool | Refusal:
    """Whom somebody who may approve named for the day.

    Where that was not looked up, whoever belongs where the current step is held: a substitute is of the same
    jurisdiction as the person.
    """
    if file.stands_for is not None:
        refusals = [file.approver_refusal(*each, substitute=actor.person) for each in file.stands_for]
        return _one_may(refusals)
    step = file.ladder.current if file.ladder else None
    national = actor.jurisdiction == "national"
    if step is None or any((role == Role.ministry_officer) == national for role in step.roles):
        return True
    return StepNotTheirs(step=step.name.model_dump(), roles=list(step.roles))


def named_it(actor: Actor, substitution: Substitution) -> bool | Refusal:
    """Only who named a substitute takes it back."""
    return actor.person == substitution.person or NotYourSubstitution()


def represents_one_for(action: str) -> Condition:
    """Whether a party for which the actor may act can take this step; if none can, why their own cannot."""

    def condition(actor: Actor, file: Agreement | Amendment) -> bool | Refusal:
        if not may_represent(actor, file):
            return False
        own = (each for each in file.parties if acts_for(actor, each.organisation_id))
        able = chain(own, file.parties if actor.jurisdiction == "national" else ())
        return _one_may(file.party_refusal(action, each.party_id) for each in able)

    return condition


def delegated_one(action: str) -> Condition:
    """Who let another sign for a party that has not signed takes that back; where nobody did, that is no matter."""

    def condition(actor: Actor, file: Agreement | Amendment) -> bool | Refusal:
        own = [party for party, each in file.delegations.items() if each.delegator == actor.person]
        if file.delegations and not own:
            return NotYourDelegation(delegator=next(iter(file.delegations.values())).delegator)
        return not own or _one_may(file.party_refusal(action, each) for each in own)

    return condition


def records_one(action: str) -> Condition:
    """Whether a party's signature on paper can be taken down; if none can, why not one that is waited for."""

    def condition(actor: Actor, file: Agreement | Amendment) -> bool | Refusal:
        if not owns_or_supervises(actor, file):
            return False
        awaited = file.signing_order.awaited
        parties = sorted(file.parties, key=lambda each: each not in awaited)
        return _one_may(file.party_refusal(action, each.party_id) for each in parties)

    return condition


def checks_another(action: str) -> Condition:
    """Whoever keeps or supervises the file checks the scans of signatures that they neither gave nor saw given."""

    def condition(actor: Actor, file: Agreement | Amendment) -> bool | Refusal:
        if not owns_or_supervises(actor, file):
            return False
        theirs = [id for id, scan in file.scans.items() if actor.person not in (scan.person, scan.witness)]
        if file.scans and not theirs:
            return CheckedByAnother()
        return not theirs or _one_may(file.barred(action, each) for each in theirs)

    return condition


def concerned(actor: Actor, action: str, agreement: Agreement, obligation: Obligation) -> bool:
    """Whether the actor's organisation may take the action on this obligation: who owes claims, who is owed decides.

    The keeper of the agreement may confirm what others owe.
    """
    own = organisation_of(actor)
    if action == "claim_obligation":
        return own == obligation.debtor_id
    if action == "waive_obligation":
        return own in agreement.may_waive(obligation)
    keeps = action == "confirm_obligation" and owns(actor, agreement) and own != obligation.debtor_id
    return keeps or own in agreement.creditors(obligation)


def has_one_for(action: str) -> Condition:
    """Whether one of the obligations on which the action may be taken concerns the actor; none at all is no matter."""

    def condition(actor: Actor, agreement: Agreement) -> bool | Refusal:
        there = [each for each in agreement.obligations if each.state in agreement.TAKEN_IN[action]]
        if not there or any(concerned(actor, action, agreement, each) for each in there):
            return True
        return NotYourObligation(obligation=there[0].obligation_id, action=action)

    return condition


def may_withdraw(actor: Actor, agreement: Agreement, document: Document) -> bool | Refusal:
    """Who keeps the agreement withdraws any document, and every party its own; an annex, whoever writes the text."""
    if agreement.in_text(document):
        return writes(actor, agreement)
    own = owns(actor, agreement) or organisation_of(actor) == document.organisation_id
    return own or NotYourDocument(document=document.document_id)


def brought_one(actor: Actor, agreement: Agreement) -> bool | Refusal:
    """Whether the actor may withdraw one of the documents that can be withdrawn; none at all is no matter."""
    there = [each for each in agreement.documents if agreement.document_refusal("withdraw_document", each) is None]
    verdicts = [may_withdraw(actor, agreement, each) for each in there]
    return True if not there or True in verdicts else verdicts[0]


def may_settle(actor: Actor, file: Agreement | Amendment, thread: Thread) -> bool:
    """Who keeps the agreement settles any point, and every party the points it raised."""
    return owns(actor, file) or organisation_of(actor) == thread.comments[0].organisation_id


def _one_may(refusals: Iterable[Refusal | None]) -> bool | Refusal:
    """Whether any of them is no refusal; else the first."""
    first = None
    for refusal in refusals:
        if refusal is None:
            return True
        first = first or refusal
    return first or False


def _own_party(actor: Actor, agreement: Agreement) -> UUID | None:
    return next((each.party_id for each in agreement.parties if acts_for(actor, each.organisation_id)), None)
