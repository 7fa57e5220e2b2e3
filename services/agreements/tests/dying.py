"""Seals an agreement in a process of its own, which a test kills: python -m services.agreements.tests.dying JSON."""

import asyncio
import json
import sys
from pathlib import Path
from uuid import UUID

from services.agreements import commands, sealing
from services.agreements.papers import issuer
from services.agreements.settings import AgreementsSettings
from services.agreements.tests.builders import MINISTRY
from shared import files
from shared.database import Database
from shared.settings import PlatformSettings


async def main(asked: dict[str, str]) -> None:
    """One advanced signature of the ministry's."""
    platform = PlatformSettings(data_dir=Path(asked["data_dir"]))
    issuer.configure(platform)
    sealing.configure(AgreementsSettings(platform=platform))
    files.configure(asked["files"])
    database = Database(asked["database"], pool_size=2)
    await commands.sign_agreement(
        database,
        UUID(asked["agreement"]),
        party_id=UUID(asked["party"]),
        text_hash=asked["text_hash"],
        level="advanced",
        by=MINISTRY,
    )
    await database.dispose()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
