"""Agreements over HTTP."""

from fastapi import APIRouter

from services.agreements.routes import (
    agreements,
    amendment_signing,
    amendment_threads,
    amendments,
    approval,
    calendars,
    ceremonies,
    checkpoints,
    documents,
    editions,
    force,
    kinds,
    negotiation,
    obligations,
    papers,
    screens,
    searches,
    signature_batches,
    signing,
    substitutions,
    threads,
    verification,
)

router = APIRouter()
for part in (
    searches,  # before what follows /agreements/{id}
    agreements,
    kinds,
    negotiation,
    approval,
    substitutions,
    signing,
    obligations,
    documents,
    threads,
    editions,
    amendments,
    amendment_signing,
    amendment_threads,
    force,
    ceremonies,
    calendars,
    checkpoints,
    papers,
    screens,
    signature_batches,
    verification,
):
    router.include_router(part.router)
