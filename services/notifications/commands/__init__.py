"""What academies, people and operators do with notifications: one function per verb, each one transaction."""

from services.notifications.commands.deliveries import redeliver
from services.notifications.commands.endpoints import (
    Issued,
    disable_endpoint,
    enable_endpoint,
    register_endpoint,
    rotate_secret,
)

__all__ = ["Issued", "disable_endpoint", "enable_endpoint", "redeliver", "register_endpoint", "rotate_secret"]
