"""The reporting service, ready to be hosted."""

from pathlib import Path

from services.reporting.reactions import reactions
from services.reporting.routes import router
from services.reporting.settings import ReportingSettings
from shared.hosting import Service


def service(settings: ReportingSettings) -> Service:
    """All parts of the reporting service."""
    return Service(
        name="reporting",
        settings=settings,
        router=router,
        reactions=reactions,
        wording=Path(__file__).parent / "wording",
    )
