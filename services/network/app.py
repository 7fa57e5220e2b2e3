"""The network service, ready to be hosted."""

from pathlib import Path

from services.network.routes import router
from services.network.schedule import schedule
from services.network.settings import NetworkSettings
from shared.hosting import Service


def service(settings: NetworkSettings) -> Service:
    """All parts of the network service."""
    return Service(
        name="network",
        settings=settings,
        router=router,
        schedule=schedule,
        wording=Path(__file__).parent / "wording",
    )
