"""Who may do what in the network service."""

from services.network.mandate import Mandate
from services.network.organisation import Organisation
from shared import territory
from shared.actor import Actor, Role
from shared.web.permissions import ANYONE, Permissions

OFFICES = frozenset({Role.ministry_officer, Role.academy_director, Role.academy_officer})
HEADS = frozenset({Role.ministry_officer, Role.academy_director})
OFFICE_IDS = frozenset(office.organisation_id for office in territory.OFFICES.values())


def in_own_region(actor: Actor, organisation: Organisation) -> bool:
    """An academy registers organisations of its own region; everyone sees them, so their visibility does not say it."""
    return actor.jurisdiction in ("national", organisation.academy)


def named_by_its_head(actor: Actor, mandate: Mandate) -> bool:
    """Only its head, or the ministry, says who signs for an academy or one of its directorates."""
    return mandate.organisation_id not in OFFICE_IDS or actor.has(*HEADS)


PERMISSIONS = Permissions(
    {
        "register_organisation": OFFICES,
        "read_organisations": ANYONE,
        "read_organisation": ANYONE,
        "register_association": OFFICES | {Role.network_coordinator},
        "read_associations": ANYONE,
        "read_association": ANYONE,
        "start_verification": OFFICES,
        "accredit_association": HEADS,
        "refuse_association": HEADS,
        "suspend_association": HEADS,
        "reinstate_association": HEADS,
        "record_mandate": OFFICES | {Role.association_manager, Role.network_coordinator},
        "end_mandate": OFFICES | {Role.association_manager, Role.network_coordinator},
        "read_mandates": ANYONE,
        "read_mandate": ANYONE,
    },
    only={
        "register_organisation": in_own_region,
        "record_mandate": named_by_its_head,
        "end_mandate": named_by_its_head,
    },
)
