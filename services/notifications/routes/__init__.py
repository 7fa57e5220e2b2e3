"""Notifications over HTTP."""

from fastapi import APIRouter

from services.notifications.routes import deliveries, endpoints, feed, people, receipts, stream, subscriptions

router = APIRouter()
for part in (endpoints, deliveries, feed, stream, subscriptions, people, receipts):
    router.include_router(part.router)
