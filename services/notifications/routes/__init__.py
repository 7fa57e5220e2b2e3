"""Notifications over HTTP."""

from fastapi import APIRouter

from services.notifications.routes import deliveries, endpoints, feed, stream

router = APIRouter()
for part in (endpoints, deliveries, feed, stream):
    router.include_router(part.router)
