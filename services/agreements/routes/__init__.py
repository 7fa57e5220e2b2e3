"""Agreements over HTTP."""

from fastapi import APIRouter

from services.agreements.routes import agreements, ceremonies, screens, signature_batches

router = APIRouter()
for part in (agreements, ceremonies, screens, signature_batches):
    router.include_router(part.router)
