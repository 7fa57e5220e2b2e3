"""Who may do what in the notifications service."""

from services.notifications.endpoint import Endpoint
from shared.actor import Actor, Role
from shared.aggregate import Aggregate
from shared.web.permissions import ANYONE, Permissions

DESK = frozenset({Role.academy_director, Role.academy_officer, Role.academy_system, Role.operator})
READERS = DESK | {Role.ministry_officer, Role.auditor}


def _keeps(by: Actor, owner: Aggregate) -> bool:
    """Anyone subscribes for themselves; for an endpoint only those who keep it."""
    return not isinstance(owner, Endpoint) or by.has(*DESK)


PERMISSIONS = Permissions(
    {
        "register_endpoint": DESK,
        "change_endpoint": DESK,
        "secure_endpoint": DESK,
        "rotate_secret": DESK,
        "rewrap_secrets": {Role.operator},
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
        "subscribe": ANYONE,
        "read_subscriptions": ANYONE,
        "rehearse_subscription": ANYONE,
        "end_subscription": ANYONE,
        "read_explanation": ANYONE,
        "read_unheard": READERS,
        "read_receipts": READERS,
        "acknowledge_receipt": DESK - {Role.operator},
        "read_preferences": ANYONE,
        "set_preferences": ANYONE,
        "read_inbox": ANYONE,
        "read_inbox_counts": ANYONE,
        "read_letter_attempts": ANYONE,
        "mark_read": ANYONE,
        "mark_all_read": ANYONE,
        "report_bounces": {Role.operator},
        "end_person": {Role.operator},
        "read_event_types": ANYONE,
        "preview_notice": ANYONE,
    },
    only=dict.fromkeys(("subscribe", "rehearse_subscription", "end_subscription"), _keeps),
)
