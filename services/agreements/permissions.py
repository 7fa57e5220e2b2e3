"""Who may do what in the agreements service: one table, and whose agreement it is."""

from collections.abc import Iterable, Iterator
from uuid import UUID

from services.agreements.agreement import Agreement, Document, Obligation
from services.agreements.amendment import Amendment
from services.agreements.ceremony import Ceremony
from services.agreements.errors.approval import StepNotTheirs
from services.agreements.errors.documents import NotYourDocument
from services.agreements.errors.negotiation import AcceptedAlready, NotAccepted, NotYourTurn
from services.agreements.errors.obligations import NotYourObligation
from services.agreements.errors.signing import CheckedByAnother, NotYourDelegation
from services.agreements.errors.substitutions import NotYourSubstitution
from services.agreements.steps import CHECKS, RECALLS, RECORDS, UNDER_MANDATE
from services.agreements.substitution import Substitution
from services.agreements.thread import Thread
from shared.actor import Actor, Role
from shared.refusals import Refusal
from shared.territory import MINISTRY_ID, OFFICES
from shared.web.permissions import ANYONE, Condition, Permissions

DESK = frozenset({Role.ministry_officer, Role.academy_director, Role.academy_officer})
HEADS = frozenset({Role.ministry_officer, Role.academy_director})
SIGNERS = HEADS | {Role.directorate_officer, Role.association_manager, Role.network_coordinator}
"""They sign under a mandate, which the commands ask for."""
APPROVERS = DESK
"""Those whom a kind's ladder may ask; the ladder says who holds which step."""
HEADS_OF_PEOPLE = HEADS | {Role.association_manager, Role.network_coordinator, Role.operator}
"""They end what people of theirs leave behind; within their jurisdiction, which of an operator is the nation."""
PARTNERS = SIGNERS | {Role.academy_officer}
"""They see to what their organisation owes and is owed."""


def heads_people(actor: Actor) -> bool:
    """Whether they see to what is another person's of their jurisdiction."""
    return actor.has(*HEADS_OF_PEOPLE)


def owns(actor: Actor, file: Agreement | Amendment | Ceremony) -> bool:
    """An academy keeps its own agreements, the ministry the national ones; neither changes the other's.

    A ceremony is an academy's if that keeps all of its agreements.
    """
    return actor.jurisdiction == (file.academy or "national")


def owns_or_supervises(actor: Actor, file: Agreement | Amendment | Ceremony) -> bool:
    """The owner, and the ministry for all."""
    return actor.jurisdiction == "national" or owns(actor, file)


def may_represent(actor: Actor, file: Agreement | Amendment) -> bool:
    """Whether a party's organisation lies in the actor's jurisdiction, so that a mandate for it may be theirs."""
    if actor.jurisdiction == "national":
        return True
    return any(party.organisation_id == organisation_of(actor) for party in file.parties)


def organisation_of(actor: Actor) -> UUID | None:
    """The organisation that the actor acts for; none for a jurisdiction that is nobody's."""
    if actor.jurisdiction == "national":
        return MINISTRY_ID
    if actor.jurisdiction in OFFICES:
        return OFFICES[actor.jurisdiction].organisation_id
    kind, _, id = actor.jurisdiction.partition(":")
    return UUID(id) if kind == "org" else None


def represented(actor: Actor) -> UUID:
    """The same, for actions that the table leaves to those who act for one."""
    found = organisation_of(actor)
    assert found is not None, "nobody else is let in"
    return found


def acts_for(actor: Actor, organisation: UUID) -> bool:
    """Whether the actor acts for this organisation."""
    return organisation_of(actor) == organisation


def _one_may(refusals: Iterable[Refusal | None]) -> bool | Refusal:
    """Whether any of them is no refusal; else the first."""
    first = None
    for refusal in refusals:
        if refusal is None:
            return True
        first = first or refusal
    return first or False


def represents_one_for(action: str) -> Condition:
    """Whether a party for which the actor may act can take this step; if none can, why their own cannot."""

    def condition(actor: Actor, file: Agreement | Amendment) -> bool | Refusal:
        if not may_represent(actor, file):
            return False
        national = actor.jurisdiction == "national"
        able = [each for each in file.parties if national or acts_for(actor, each.organisation_id)]
        able.sort(key=lambda each: not acts_for(actor, each.organisation_id))
        return _one_may(file.party_refusal(action, each.party_id) for each in able)

    return condition


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


def _own_party(actor: Actor, agreement: Agreement) -> UUID | None:
    return next((each.party_id for each in agreement.parties if acts_for(actor, each.organisation_id)), None)


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


def obligation_verdicts(
    actor: Actor, agreement: Agreement, obligation: Obligation
) -> Iterator[tuple[str, Refusal | None]]:
    """What refuses each action on this obligation, of those that the actor's role may take."""
    for action in agreement.TAKEN_IN:
        if PERMISSIONS.may_ever(actor, action):
            if concerned(actor, action, agreement, obligation):
                yield action, agreement.obligation_refusal(action, obligation)
            else:
                yield action, NotYourObligation(obligation=obligation.obligation_id, action=action)


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


def may_settle(actor: Actor, file: Agreement | Amendment, thread: Thread) -> bool:
    """Who keeps the agreement settles any point, and every party the points it raised."""
    return owns(actor, file) or organisation_of(actor) == thread.comments[0].organisation_id


def brought_one(actor: Actor, agreement: Agreement) -> bool | Refusal:
    """Whether the actor may withdraw one of the documents that can be withdrawn; none at all is no matter."""
    there = [each for each in agreement.documents if agreement.document_refusal("withdraw_document", each) is None]
    verdicts = [may_withdraw(actor, agreement, each) for each in there]
    return True if not there or True in verdicts else verdicts[0]


PERMISSIONS = Permissions(
    {
        "draft_agreement": DESK,
        "read_agreements": ANYONE,
        "export_agreements": ANYONE,
        "save_search": ANYONE,
        "read_saved_searches": ANYONE,
        "read_saved_search": ANYONE,
        "forget_search": ANYONE,
        "read_agreement": ANYONE,
        "read_text": ANYONE,
        "read_signatures": ANYONE,
        "read_agreement_history": ANYONE,
        "read_changes": ANYONE,
        "read_checkpoints": ANYONE,
        "read_proof": ANYONE,
        "revise_text": PARTNERS,
        "revise_terms": DESK,
        "redraw_clauses": PARTNERS,
        "read_kinds": ANYONE,
        "open_negotiation": DESK,
        "submit_for_review": DESK,
        "pass_turn": PARTNERS,
        "accept_text": PARTNERS,
        "withdraw_acceptance": PARTNERS,
        "unlock_text": DESK,
        "return_with_remarks": APPROVERS,
        "approve_agreement": APPROVERS,
        "approve_as_substitute": APPROVERS,
        "grant_substitution": APPROVERS,
        "read_substitutions": APPROVERS,
        "revoke_substitution": APPROVERS,
        "reopen_text": DESK,
        "sign_agreement": SIGNERS,
        "decline_agreement": SIGNERS,
        "delegate_signing": SIGNERS,
        "withdraw_delegation": SIGNERS,
        "confirm_signature": SIGNERS,
        "record_scan": DESK,
        "accept_scan": DESK,
        "return_scan": DESK,
        "renew_offer": DESK,
        "record_visa": DESK,
        "withdraw_visa": DESK,
        "suspend_agreement": HEADS,
        "resume_agreement": HEADS,
        "terminate_agreement": HEADS,
        "read_impact": DESK,
        "withdraw_announcement": HEADS,
        "close_agreement": HEADS,
        "cancel_agreement": DESK,
        "read_obligations": ANYONE,
        "export_obligations": ANYONE,
        "read_agreement_obligations": ANYONE,
        "claim_obligation": PARTNERS,
        "return_obligation": PARTNERS,
        "confirm_obligation": PARTNERS,
        "waive_obligation": PARTNERS,
        "attach_document": PARTNERS,
        "withdraw_document": PARTNERS,
        "read_documents": ANYONE,
        "read_document_file": ANYONE,
        "open_thread": PARTNERS,
        "read_threads": ANYONE,
        "read_thread": ANYONE,
        "read_open_points": ANYONE,
        "answer_thread": PARTNERS,
        "resolve_thread": PARTNERS,
        "reopen_thread": PARTNERS,
        "read_participants": ANYONE,
        "open_amendment_thread": PARTNERS,
        "read_amendment_threads": ANYONE,
        "read_amendment_thread": ANYONE,
        "read_amendment_open_points": ANYONE,
        "answer_amendment_thread": PARTNERS,
        "resolve_amendment_thread": PARTNERS,
        "reopen_amendment_thread": PARTNERS,
        "read_amendment_participants": ANYONE,
        "read_editions": ANYONE,
        "propose_amendment": DESK,
        "read_amendments": ANYONE,
        "export_amendments": ANYONE,
        "read_amendment": ANYONE,
        "read_amendment_content": ANYONE,
        "read_amendment_changes": ANYONE,
        "read_amendment_conflicts": ANYONE,
        "read_amendment_history": ANYONE,
        "revise_amendment": DESK,
        "redraw_amendment": DESK,
        "submit_amendment": DESK,
        "approve_amendment": APPROVERS,
        "approve_amendment_as_substitute": APPROVERS,
        "return_amendment": APPROVERS,
        "refuse_amendment": APPROVERS,
        "sign_amendment": SIGNERS,
        "decline_amendment": SIGNERS,
        "delegate_amendment": SIGNERS,
        "withdraw_amendment_delegation": SIGNERS,
        "confirm_amendment_signature": SIGNERS,
        "record_amendment_scan": DESK,
        "accept_amendment_scan": DESK,
        "return_amendment_scan": DESK,
        "renew_amendment_offer": DESK,
        "rebase_amendment": DESK,
        "withdraw_amendment": DESK,
        "evaluate_renewal": DESK,
        "return_renewal": HEADS,
        "renew_agreement": HEADS,
        "decline_renewal": HEADS,
        "close_edition": DESK,
        "create_calendar": ANYONE,
        "read_calendars": ANYONE,
        "renew_calendar": ANYONE,
        "revoke_calendar": ANYONE,
        "plan_ceremony": DESK,
        "read_ceremonies": ANYONE,
        "read_ceremony": ANYONE,
        "read_minutes": ANYONE,
        "read_agreement_paper": ANYONE,
        "read_amendment_paper": ANYONE,
        "read_certificate": ANYONE,
        "read_sealed_paper": ANYONE,
        "read_sealed_amendment": ANYONE,
        "read_minutes_paper": ANYONE,
        "read_lobby": ANYONE,
        "name_chair": DESK,
        "admit_attendee": DESK,
        "release_attendee": DESK,
        "change_order": DESK,
        "strike_agreement": DESK,
        "call_agreement": DESK,
        "open_screen": DESK,
        "close_screens": DESK,
        "postpone_ceremony": DESK,
        "reschedule_ceremony": DESK,
        "prepare_ceremony": DESK,
        "open_ceremony": DESK,
        "interrupt_ceremony": DESK,
        "resume_ceremony": DESK,
        "close_ceremony": DESK,
        "adopt_minutes": HEADS,
        "cancel_ceremony": DESK,
        "sign_batch": SIGNERS,
        "read_signature_batch": SIGNERS,
    },
    only={
        "draft_agreement": owns,
        "revise_text": writes,
        "revise_terms": writes_terms,
        "redraw_clauses": writes,
        "open_negotiation": owns,
        "submit_for_review": owns,
        "pass_turn": holds_the_text,
        "accept_text": has_not_accepted,
        "withdraw_acceptance": has_accepted,
        "unlock_text": owns,
        "approve_agreement": may_approve,
        "return_with_remarks": holds_the_step,
        "approve_as_substitute": may_substitute,
        "revoke_substitution": named_it,
        "reopen_text": owns_or_supervises,
        **{action: represents_one_for(action) for action in UNDER_MANDATE},
        **{action: delegated_one(action) for action in RECALLS},
        **{action: records_one(action) for action in RECORDS},
        **{action: checks_another(action) for action in CHECKS},
        "renew_offer": owns_or_supervises,
        "record_visa": owns,
        "withdraw_visa": owns,
        "suspend_agreement": owns,
        "resume_agreement": owns,
        "terminate_agreement": owns,
        "read_impact": owns,
        "withdraw_announcement": owns,
        "close_agreement": owns,
        "cancel_agreement": owns,
        **{action: has_one_for(action) for action in Agreement.TAKEN_IN},
        "attach_document": may_represent,
        "withdraw_document": brought_one,
        "propose_amendment": owns,
        "revise_amendment": owns,
        "redraw_amendment": owns,
        "submit_amendment": owns,
        "approve_amendment": may_approve,
        "approve_amendment_as_substitute": may_substitute,
        "return_amendment": holds_the_step,
        "refuse_amendment": holds_the_step,
        "rebase_amendment": owns,
        "renew_amendment_offer": owns,
        "withdraw_amendment": owns,
        "open_thread": may_represent,
        "answer_thread": may_represent,
        "resolve_thread": may_represent,
        "reopen_thread": may_represent,
        "open_amendment_thread": may_represent,
        "answer_amendment_thread": may_represent,
        "resolve_amendment_thread": may_represent,
        "reopen_amendment_thread": may_represent,
        "evaluate_renewal": owns,
        "return_renewal": owns,
        "renew_agreement": owns,
        "decline_renewal": owns,
        "close_edition": owns,
        **dict.fromkeys(Ceremony.ALLOWED, owns_or_supervises),
    },
)
