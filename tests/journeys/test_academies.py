"""What an academy lives through: days without a receiver, a new secret, and a neighbour of whom it hears nothing."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from cli.demo.client import JSON, Client, Refused
from cli.demo.desk import Desk
from cli.installation import Installation
from services.notifications.tests.receivers import Receiver, receiver
from shared.actor import NATIONAL
from shared.clock import now
from shared.embedded.identity import load_credentials
from shared.ids import new_id
from shared.settings import PlatformSettings
from tests.fixtures.eventually import eventually
from tests.journeys.platform import running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

OVERLAP = timedelta(seconds=1.5)
PROVINCES = {"MA-06": "MA-CAS", "MA-04": "MA-RAB"}
DAYS_AGO = text("""
    update feed_entry set told_at = told_at - make_interval(hours => cast(72 - (sequence - :after) as int))
    where academy = 'MA-06' and sequence > :after
""")


@dataclass
class Academy:
    """An academy's own system: its receiver, its secret, its access to the API."""

    code: str
    client: Client
    receiver: Receiver
    endpoint: JSON
    secrets: list[str] = field(default_factory=list)

    @property
    def desk(self) -> str:
        """Who asks for it."""
        return f"officer-{self.code.lower()}"

    @property
    def bodies(self) -> dict[str, bytes]:
        """The bodies that arrived, by webhook-id."""
        return {headers["webhook-id"]: body for headers, body in self.receiver.received}

    async def act(self, action: str, body: JSON | None = None) -> JSON:
        """Do something with the endpoint as it is now."""
        path = f"endpoints/{self.endpoint['id']}"
        version = (await self.client.get(self.desk, path))["version"] if body is None else None
        return await self.client.post(self.desk, f"{path}/{action}", body, version=version)

    async def feed(self, after: int = 0) -> list[JSON]:
        """All that it was told behind a number."""
        return await self.client.all(self.desk, "notifications/feed", after=str(after))

    async def raw_feed(self) -> bytes:
        """The feed as it comes over the line."""
        url = f"{self.client.url}/api/v1/notifications/feed?limit=100"
        headers = {"Authorization": f"Bearer {await self.client.token(self.desk)}", "Accept-Language": "fr"}
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            return await answer.read()


@dataclass
class Region:
    """The platform with two academies that are told."""

    it: Installation
    desk: Desk
    mine: Academy
    neighbour: Academy
    associations: int = 0

    async def happen(self, *academies: Academy) -> None:
        """Let an association be registered and accredited in each of these academies."""
        for academy in academies:
            self.associations += 1
            name = {"ar": f"جمعية {self.associations} (وهمية)", "fr": f"Association {self.associations} (fictive)"}
            await self.desk.register_association(self.associations, academy.code, PROVINCES[academy.code], name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def region(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Region]:
    """A platform on which two academies named their receivers."""
    wanted = PlatformSettings(
        database_url=SecretStr(urlunsplit(urlsplit(server_url)._replace(path=f"/a{new_id().hex[-10:]}"))),
        data_dir=Path(tmp_path_factory.mktemp("installation")),
    )
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("MITHAQ_NOTIFICATIONS_ROTATION_OVERLAP", str(OVERLAP.total_seconds()))
        settings = await stack.enter_async_context(running(wanted))
        client = await stack.enter_async_context(
            Client(f"http://127.0.0.1:{settings.port}", load_credentials(settings.data_dir))
        )
        academies = []
        for code in PROVINCES:
            listening = await stack.enter_async_context(receiver())
            body = {"channel": "webhook", "address": listening.url, "language": "fr"}
            issued = await client.post(f"officer-{code.lower()}", "endpoints", body)
            academies.append(Academy(code, client, listening, issued, [issued["secret"]]))
        mine, neighbour = academies
        yield Region(Installation(settings), Desk(client), mine, neighbour)


async def arrived(academy: Academy) -> list[JSON]:
    """Wait until the receiver has all that stands in the feed; the feed."""
    told: list[JSON] = []

    async def complete() -> None:
        told[:] = await academy.feed()
        missing = {each["id"] for each in told} - academy.bodies.keys()
        assert told and not missing, [(e["sequence"], e["type"]) for e in told if e["id"] in missing]

    await eventually(complete, within=30)
    return told


async def test_two_academies_hear_of_their_own_alone(region: Region) -> None:
    await region.happen(region.mine, region.neighbour)
    for academy, other in ((region.mine, region.neighbour), (region.neighbour, region.mine)):
        told = await arrived(academy)
        assert {each["academy"] for each in told} == {academy.code}
        assert {json.loads(body)["academy"] for body in academy.bodies.values()} == {academy.code}
        for headers, body in academy.receiver.received:
            assert any(_verifies(secret, body, headers) for secret in academy.secrets)
            assert not any(_verifies(secret, body, headers) for secret in other.secrets)
    # The ministry's and the network's own news concern every academy; nothing else is known to both.
    both = region.mine.bodies.keys() & region.neighbour.bodies.keys()
    assert await _national(region.it) >= both
    assert region.mine.bodies.keys() - both and region.neighbour.bodies.keys() - both
    with pytest.raises(Refused) as refused:
        await region.mine.client.get(region.mine.desk, "notifications/feed", academy=region.neighbour.code)
    assert refused.value.slug == "not-found"


async def test_an_academy_that_was_away_for_three_days_catches_up_by_its_feed_and_by_recovery(region: Region) -> None:
    academy = region.mine
    await arrived(academy)
    await academy.act("disabling")
    known = (await academy.feed())[-1]["sequence"]
    for _ in range(2):
        await region.happen(academy)
    await eventually(lambda: _at_least(academy, known, 6), within=30)
    await _days_pass(region.it, known)

    missed = await academy.feed(after=known)
    assert [each["sequence"] for each in missed] == list(range(known + 1, known + 1 + len(missed)))
    assert not academy.bodies.keys() & {each["id"] for each in missed}, "a disabled endpoint was sent something"
    await academy.act("enabling")
    recovered = await academy.act("recovery", {"since": (now() - timedelta(days=4)).isoformat()})
    assert recovered["deliveries"] >= len(missed)
    told = await arrived(academy)
    line = await academy.raw_feed()
    for each in told:
        body = academy.bodies[each["id"]]
        assert json.loads(body) == each
        assert body in line, "the webhook's bytes are not the feed's"
    caught_up = [each["id"] for each in missed]
    arrivals = dict.fromkeys(headers["webhook-id"] for headers, _ in academy.receiver.received)
    assert [id for id in arrivals if id in caught_up] == caught_up, "what was missed came out of order"


async def test_while_a_secret_is_replaced_both_verify_and_then_the_new_one_alone(region: Region) -> None:
    academy = region.neighbour
    old, new = academy.secrets[-1], (await academy.act("secret"))["secret"]
    academy.secrets.append(new)
    await region.happen(academy)
    await arrived(academy)
    headers, body = academy.receiver.received[-1]
    for secret in (old, new):
        Webhook(secret).verify(body, headers)

    async def ends() -> None:
        await region.happen(academy)
        await arrived(academy)
        headers, body = academy.receiver.received[-1]
        Webhook(new).verify(body, headers)
        assert not _verifies(old, body, headers), "the old secret still signs"

    await eventually(ends, within=20)


def _verifies(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    with suppress(WebhookVerificationError):
        Webhook(secret).verify(body, headers)
        return True
    return False


async def _at_least(academy: Academy, known: int, count: int) -> bool:
    return len(await academy.feed(after=known)) >= count


async def _days_pass(it: Installation, after: int) -> None:
    """Let what was told behind this number have been told in the course of an hour each, three days ago."""
    async with it.database("notifications", role=None) as database, database.transaction(NATIONAL) as tx:
        await tx.execute(DAYS_AGO, {"after": after})


async def _national(it: Installation) -> set[str]:
    """The ids of what every academy is told."""
    query = text("select event_id::text from notice where cardinality(audience) = 12")
    async with it.database("notifications", role=None) as database, database.transaction(NATIONAL) as tx:
        return set((await tx.execute(query)).scalars().all())
