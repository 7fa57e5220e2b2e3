"""Who may do what in the centers service."""

from shared.actor import Role
from shared.web.permissions import ANYONE, Permissions

OFFICES = frozenset({Role.academy_director, Role.academy_officer, Role.directorate_officer})
HEADS = frozenset({Role.ministry_officer, Role.academy_director})

PERMISSIONS = Permissions(
    {
        "read_centers": ANYONE,
        "read_center": ANYONE,
        "read_center_history": ANYONE,
        "start_fitting_out": OFFICES | {Role.association_manager},
        "grant_visa": OFFICES,
        "open_center": OFFICES,
        "suspend_center": HEADS,
        "resume_center": HEADS,
        # The operator's to tell, and its offices' when it does not any more: a center has to be closed all the same.
        "report_enrolled": OFFICES | {Role.association_manager},
        "close_center": HEADS,
        "abandon_center": HEADS,
    }
)
