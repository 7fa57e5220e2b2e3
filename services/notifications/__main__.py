"""Run the notifications service: python -m services.notifications [--only …]."""

from services.notifications.app import service
from services.notifications.settings import NotificationsSettings
from shared.hosting import main

main(lambda: service(NotificationsSettings()))
