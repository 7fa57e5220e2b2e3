"""Notifications over HTTP."""

from fastapi import APIRouter

from services.notifications.routes import deliveries, endpoints, feed, people, stream, subscriptions

router = APIRouter()
for part in (endpoints, deliveries, feed, stream, subscriptions, people):
    router.include_router(part.router)
