"""The agreements service, ready to be hosted."""

from pathlib import Path

from services.agreements import parameters, sealing
from services.agreements.papers import issuer
from services.agreements.reactions import reactions
from services.agreements.routes import router
from services.agreements.schedule import schedule
from services.agreements.settings import AgreementsSettings
from shared import files
from shared.hosting import Service


def service(settings: AgreementsSettings) -> Service:
    """All parts of the agreements service; its documents are kept where the platform says."""
    files.configure(settings.platform.files_location, **settings.platform.s3)
    issuer.configure(settings.platform)
    sealing.configure(settings)
    parameters.configure(settings)
    return Service(
        name="agreements",
        settings=settings,
        router=router,
        reactions=reactions,
        schedule=schedule,
        wording=Path(__file__).parent / "wording",
        facts={"seals": sealing.sealing().told},
    )
