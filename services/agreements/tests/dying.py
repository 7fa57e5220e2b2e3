"""Seals an agreement in a process of its own, which a test kills: python -m services.agreements.tests.dying JSON."""

import asyncio
import json
import sys
from pathlib import Path
from uuid import UUID

from services.agreements import sealing
from services.agreements.papers import issuer
from services.agreements.settings import AgreementsSettings
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.builders import MINISTRY, sign_for
from shared import files
from shared.database import Database
from shared.settings import PlatformSettings
from shared.territory import MINISTRY_ID


async def main(asked: dict[str, str]) -> None:
    """One advanced signature of the ministry's."""
    platform = PlatformSettings(data_dir=Path(asked["data_dir"]))
    issuer.configure(platform)
    sealing.configure(AgreementsSettings(platform=platform))
    files.configure(asked["files"])
    database = Database(asked["database"], pool_size=2)
    async with database.transaction(MINISTRY.scope) as tx:
        agreement = await AGREEMENTS.read(tx, UUID(asked["agreement"]))
    await sign_for(database, agreement, MINISTRY_ID, level="advanced")
    await database.dispose()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
