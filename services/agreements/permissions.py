"""Who may do what in the agreements service: one table, and whose agreement it is."""

from services.agreements.agreement import Agreement
from shared.actor import Actor, Role
from shared.territory import ACADEMIES
from shared.web.permissions import ANYONE, Permissions

MINISTRY = frozenset({Role.ministry_officer})
DESK = frozenset({Role.ministry_officer, Role.academy_director, Role.academy_officer})
HEADS = frozenset({Role.ministry_officer, Role.academy_director})
SIGNERS = HEADS | {Role.association_manager, Role.network_coordinator}
"""They sign under a mandate, which the commands ask for."""


def owns(actor: Actor, agreement: Agreement) -> bool:
    """An academy keeps its own agreements, the ministry the national ones; neither changes the other's."""
    return actor.jurisdiction == (agreement.academy or "national")


def owns_or_supervises(actor: Actor, agreement: Agreement) -> bool:
    """The owner, and the ministry for all."""
    return actor.jurisdiction == "national" or owns(actor, agreement)


def is_national(actor: Actor, _: object) -> bool:
    """Minutes tell of every agreement of a ceremony, so that they are read where all of them may be seen."""
    return actor.jurisdiction == "national"


def may_represent(actor: Actor, agreement: Agreement) -> bool:
    """Whether a party's organisation lies in the actor's jurisdiction, so that a mandate for it may be theirs."""
    if actor.jurisdiction == "national":
        return True
    academy = ACADEMIES.get(actor.jurisdiction)
    own = f"org:{academy.organisation_id}" if academy else actor.jurisdiction
    return any(f"org:{party.organisation_id}" == own for party in agreement.parties)


PERMISSIONS = Permissions(
    {
        "draft_agreement": DESK,
        "read_agreements": ANYONE,
        "read_agreement": ANYONE,
        "read_text": ANYONE,
        "read_signatures": ANYONE,
        "read_agreement_history": ANYONE,
        "revise_text": DESK,
        "open_negotiation": DESK,
        "submit_for_review": DESK,
        "return_with_remarks": MINISTRY,
        "approve_agreement": MINISTRY,
        "reopen_text": DESK,
        "sign_agreement": SIGNERS,
        "decline_agreement": SIGNERS,
        "suspend_agreement": HEADS,
        "resume_agreement": HEADS,
        "terminate_agreement": HEADS,
        "cancel_agreement": DESK,
        "plan_ceremony": MINISTRY,
        "read_ceremonies": ANYONE,
        "read_ceremony": ANYONE,
        "read_minutes": ANYONE,
        "read_lobby": ANYONE,
        "name_chair": MINISTRY,
        "admit_attendee": MINISTRY,
        "strike_agreement": MINISTRY,
        "call_agreement": MINISTRY,
        "open_screen": MINISTRY,
        "close_screens": MINISTRY,
        "postpone_ceremony": MINISTRY,
        "reschedule_ceremony": MINISTRY,
        "prepare_ceremony": MINISTRY,
        "open_ceremony": MINISTRY,
        "interrupt_ceremony": MINISTRY,
        "resume_ceremony": MINISTRY,
        "close_ceremony": MINISTRY,
        "adopt_minutes": MINISTRY,
        "cancel_ceremony": MINISTRY,
        "sign_batch": SIGNERS,
        "read_signature_batch": SIGNERS,
    },
    only={
        "draft_agreement": owns,
        "revise_text": owns,
        "open_negotiation": owns,
        "submit_for_review": owns,
        "reopen_text": owns_or_supervises,
        "sign_agreement": may_represent,
        "decline_agreement": may_represent,
        "suspend_agreement": owns,
        "resume_agreement": owns,
        "terminate_agreement": owns,
        "cancel_agreement": owns,
        "read_minutes": is_national,
    },
)
