"""One running system per broker, broken again and again."""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
import pytest_asyncio

from tests.failures.system import System
from tests.fixtures.java import do_without
from tests.fixtures.kafka import NoKafka


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["embedded", "kafka"])
async def system(request: pytest.FixtureRequest, run_dir: Path) -> AsyncIterator[System]:
    """The running system."""
    system = System(request.param, Path(mkdtemp(prefix=f"failures-{request.param}-", dir=run_dir)))
    try:
        await system.prepare()
        await system.start_all()
        yield system
    except NoKafka as reason:
        do_without(str(reason))
    finally:
        await system.end()
