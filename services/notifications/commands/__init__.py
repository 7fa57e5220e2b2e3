"""What academies, people and operators do with notifications: one function per verb, each one transaction."""

from services.notifications.commands.deliveries import Replay, forget_attempts, recover_missed, redeliver, replay_feed
from services.notifications.commands.endpoints import (
    Issued,
    change_endpoint,
    disable_endpoint,
    enable_endpoint,
    pause_endpoint,
    register_endpoint,
    resume_endpoint,
    rotate_secret,
    secure_endpoint,
    send_test,
)
from services.notifications.commands.keeping import forget_secrets, rewrap_secrets
from services.notifications.commands.people import (
    end_person,
    make_known,
    mark_all_read,
    mark_read,
    report_bounces,
    set_preferences,
)
from services.notifications.commands.readers import count_readers, count_subscribers
from services.notifications.commands.receipts import acknowledge_receipt, escalate_receipts
from services.notifications.commands.subscriptions import end_subscription, subscribe

__all__ = [
    "Issued",
    "Replay",
    "acknowledge_receipt",
    "change_endpoint",
    "count_readers",
    "count_subscribers",
    "disable_endpoint",
    "enable_endpoint",
    "end_person",
    "end_subscription",
    "escalate_receipts",
    "forget_attempts",
    "forget_secrets",
    "make_known",
    "mark_all_read",
    "mark_read",
    "pause_endpoint",
    "recover_missed",
    "redeliver",
    "register_endpoint",
    "replay_feed",
    "report_bounces",
    "resume_endpoint",
    "rewrap_secrets",
    "rotate_secret",
    "secure_endpoint",
    "send_test",
    "set_preferences",
    "subscribe",
]
