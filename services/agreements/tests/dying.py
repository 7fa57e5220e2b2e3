"""Signs in a process of its own, which a test kills: python -m services.agreements.tests.dying JSON."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from uuid import UUID

from services.agreements import commands, sealing
from services.agreements.papers import issuer
from services.agreements.settings import AgreementsSettings
from services.agreements.tables import AGREEMENTS, SignatureBatchRow
from services.agreements.tests.builders import MINISTRY, sign_for
from shared import files
from shared.database import Database
from shared.settings import PlatformSettings
from shared.territory import MINISTRY_ID


async def killed_at(point: str, *, database: Database, **asked: str) -> None:
    """Have it done in another process, which kills itself at this point as a power cut would."""
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.agreements.tests.dying", json.dumps(asked | {"database": url})),
        env=os.environ | {"MITHAQ_CRASH_AT": point},
    )
    assert await process.wait() == -signal.SIGKILL


async def main(asked: dict[str, str]) -> None:
    """One advanced signature of the ministry's under an `agreement`, or all of a `batch`."""
    database = Database(asked["database"], pool_size=2)
    if "batch" in asked:
        async with database.transaction(MINISTRY.scope) as tx:
            batch = await tx.get_one(SignatureBatchRow, UUID(asked["batch"]))
        await commands.resume_batch(database, batch)
    else:
        await _seal(database, asked)
    await database.dispose()


async def _seal(database: Database, asked: dict[str, str]) -> None:
    platform = PlatformSettings(data_dir=Path(asked["data_dir"]))
    issuer.configure(platform)
    sealing.configure(AgreementsSettings(platform=platform))
    files.configure(asked["files"])
    async with database.transaction(MINISTRY.scope) as tx:
        agreement = await AGREEMENTS.read(tx, UUID(asked["agreement"]))
    await sign_for(database, agreement, MINISTRY_ID, level="advanced")


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
