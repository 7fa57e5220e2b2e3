"""The centers service, ready to be hosted."""

from pathlib import Path

from services.centers.reactions import reactions
from services.centers.routes import router
from services.centers.schedule import schedule
from services.centers.settings import CentersSettings
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
