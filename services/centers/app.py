"""The centers service, ready to be hosted."""

from pathlib import Path

from fastapi import FastAPI

from services.centers.reactions import reactions
from services.centers.routes import router
from services.centers.schedule import schedule
from services.centers.settings import CentersSettings
from shared import hosting
from shared.hosting import Service


def service(settings: CentersSettings) -> Service:
    """All parts of the centers service."""
    return Service(
        name="centers",
        settings=settings,
        router=router,
        reactions=reactions,
        schedule=schedule,
        wording=Path(__file__).parent / "wording",
    )


def create_app(settings: CentersSettings) -> FastAPI:
    """The centers service as an ASGI app."""
    return hosting.create_app(service(settings))
