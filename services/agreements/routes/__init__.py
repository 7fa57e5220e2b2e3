"""Agreements over HTTP."""

from fastapi import APIRouter

from services.agreements.routes import (
    agreements,
    calendars,
    ceremonies,
    editions,
    obligations,
    papers,
    screens,
    signature_batches,
    verification,
)

router = APIRouter()
for part in (
    agreements,
    obligations,
    editions,
    ceremonies,
    calendars,
    papers,
    screens,
    signature_batches,
    verification,
):
    router.include_router(part.router)
