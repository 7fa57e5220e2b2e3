"""A platform with its people and its days, for journeys through years of an agreement's life."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from cli.demo.client import Client
from cli.demo.desk import Desk
from cli.installation import Installation
from services.agreements import schedule
from shared.clock import CASABLANCA
from shared.database import Database
from shared.embedded.identity import load_credentials
from shared.settings import PlatformSettings
from tests.fixtures.days import clock_ahead
from tests.journeys.platform import running


@pytest.fixture
async def here(installation: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """A platform of this test's own, running."""
    async with running(PlatformSettings(database_url=SecretStr(installation), data_dir=tmp_path)) as settings:
        yield Installation(settings)


@pytest.fixture
async def desk(here: Installation) -> AsyncIterator[Desk]:
    """Who works on it, through its front door."""
    url = f"http://127.0.0.1:{here.settings.port}"
    async with Client(url, load_credentials(here.settings.data_dir)) as client:
        yield Desk(client)


@dataclass
class Calendar:
    """The day it is for all services; a journey moves it on. Tokens and leases keep real time."""

    agreements: Database
    ahead: timedelta = timedelta()

    async def reach(self, day: date) -> None:
        """It is noon of this day in Morocco, and time has done its work on the agreements."""
        self.ahead = datetime.combine(day, time(12), CASABLANCA) - datetime.now(CASABLANCA)
        for job in (schedule.bring_into_force, schedule.let_time_pass, schedule.end_with_parents, schedule.expire):
            await job(self.agreements)


@pytest.fixture
async def calendar(here: Installation) -> AsyncIterator[Calendar]:
    """Today, until it is moved on."""
    async with here.database("agreements") as agreements:
        moved = Calendar(agreements)
        with clock_ahead(lambda: moved.ahead):
            yield moved
