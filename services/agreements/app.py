"""The agreements service, ready to be hosted."""

from pathlib import Path

from services.agreements.reactions import reactions
from services.agreements.routes import router
from services.agreements.schedule import schedule
from services.agreements.settings import AgreementsSettings
from shared.hosting import Service


def service(settings: AgreementsSettings) -> Service:
    """All parts of the agreements service."""
    return Service(
        name="agreements",
        settings=settings,
        router=router,
        reactions=reactions,
        schedule=schedule,
        wording=Path(__file__).parent / "wording",
    )
