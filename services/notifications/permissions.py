"""Who may do what in the notifications service."""

from shared.actor import Role
from shared.web.permissions import Permissions

DESK = frozenset({Role.academy_director, Role.academy_officer, Role.academy_system, Role.operator})
READERS = DESK | {Role.ministry_officer, Role.auditor}

PERMISSIONS = Permissions(
    {
        "register_endpoint": DESK,
        "change_endpoint": DESK,
        "secure_endpoint": DESK,
        "rotate_secret": DESK,
        "pause_endpoint": DESK,
        "resume_endpoint": DESK,
        "disable_endpoint": DESK | {Role.system},
        "enable_endpoint": DESK,
        "send_test": DESK,
        "recover_missed": DESK,
        "replay_feed": DESK,
        "redeliver": DESK,
        "read_endpoints": READERS,
        "read_endpoint": READERS,
        "read_health": READERS,
        "read_attempts": READERS,
        "read_deliveries": READERS,
        "read_delivery": READERS,
        "read_delivery_attempts": READERS,
        "read_feed": READERS,
        "read_stream": READERS,
    }
)
