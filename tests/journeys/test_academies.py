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
from services.notifications.settings import RETRIES
from services.notifications.tests.receivers import Receiver, receiver
from shared.actor import NATIONAL
from shared.clock import now
from shared.embedded.identity import load_credentials
from shared.ids import new_id
from shared.settings import PlatformSettings
from tests.fixtures.eventually import eventually
from tests.fixtures.ports import free_port
from tests.journeys.platform import running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

OVERLAP = timedelta(seconds=1.5)
PROVINCES = {"MA-06": "MA-CAS", "MA-04": "MA-RAB"}
RESTS = text("""
    select greatest(due_at, open_until) - clock_timestamp() from lane
    where endpoint_id = :endpoint and enabled and lease_token is null and due_at > clock_timestamp()
""")
"""For how long a lane is left alone, once its last attempt is written down."""
PASSES = [
    text(f"update {table} set {instant} = {instant} - cast(:time as interval) where academy = :academy")
    for table, instant in (
        ("feed_entry", "told_at"),
        ("delivery", "next_attempt_at"),
        ("attempt", "at"),
        ("lane", "due_at"),
        ("lane", "open_until"),
    )
]


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

    async def raw_feed(self, after: int) -> bytes:
        """What it was told behind a number, as it comes over the line."""
        url = f"{self.client.url}/api/v1/notifications/feed?limit=100&after={after}"
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
        patch.setenv("MITHAQ_NOTIFICATIONS_IDLE_POLL", "0.1")
        patch.setenv("MITHAQ_NOTIFICATIONS_ROTATION_OVERLAP", str(OVERLAP.total_seconds()))
        settings = await stack.enter_async_context(running(wanted))
        client = await stack.enter_async_context(
            Client(f"http://127.0.0.1:{settings.port}", load_credentials(settings.data_dir))
        )
        receivers = {code: await stack.enter_async_context(receiver(port=free_port())) for code in PROVINCES}
        mine, neighbour = [await named(client, code, receivers[code]) for code in PROVINCES]
        yield Region(Installation(settings), Desk(client), mine, neighbour)


async def named(client: Client, code: str, receiver: Receiver) -> Academy:
    """An academy that names its receiver."""
    body = {"channel": "webhook", "address": receiver.url, "language": "fr"}
    issued = await client.post(f"officer-{code.lower()}", "endpoints", body)
    return Academy(code, client, receiver, issued, [issued["secret"]])


async def arrived(academy: Academy, after: int = 0) -> list[JSON]:
    """Wait until the receiver has all that stands in the feed behind a number; that part of the feed."""
    told: list[JSON] = []

    async def complete() -> None:
        told[:] = await academy.feed(after)
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


async def test_an_academy_that_was_down_for_three_days_catches_up_by_its_feed_and_by_recovery(region: Region) -> None:
    """A second receiver of the same academy is up all the time: what it is sent is what would have been delivered."""
    academy = region.mine
    async with receiver() as second:
        witness = await named(academy.client, academy.code, second)
        await region.happen(academy)
        await eventually(lambda: _has_heard_of(witness, "ma.mithaq.mandate.recorded.v1"), within=20)
        await arrived(academy)
        await academy.receiver.close()
        known = max(json.loads(body)["sequence"] for body in academy.bodies.values())
        away = timedelta()
        for number in range(len(RETRIES)):
            if number % 3 == 0:
                await region.happen(academy)
            away += await _time_passes(region.it, academy, await _until_the_next_attempt(region.it, academy))
        await eventually(lambda: _is(academy, "disabled"), within=20)
        await region.happen(academy)
        away += await _time_passes(region.it, academy, timedelta(days=1))
        await eventually(lambda: _has_heard_of(witness, "ma.mithaq.endpoint.disabled.v1"), within=20)
        assert away > timedelta(days=3)

        missed = await academy.feed(after=known)
        assert [each["sequence"] for each in missed] == list(range(known + 1, known + 1 + len(missed)))
        assert not academy.bodies.keys() & {each["id"] for each in missed}
        line = await academy.raw_feed(after=known)
        await academy.receiver.open(port=urlsplit(academy.receiver.url).port or 0)
        await academy.act("enabling")
        await academy.act("recovery", {"since": (now() - away - timedelta(hours=1)).isoformat()})
        await arrived(academy)
        await arrived(witness, after=known)
    caught_up = [each["id"] for each in missed]
    for id in caught_up:
        assert academy.bodies[id] == witness.bodies[id], "recovery sent other bytes than were due"
        said, _, before = witness.bodies[id].rpartition(b',"previous_sequence":')
        assert before and said + b"}" in line, "the feed's bytes are not those that were due"
    arrivals = dict.fromkeys(headers["webhook-id"] for headers, _ in academy.receiver.received)
    assert [id for id in arrivals if id in caught_up] == caught_up, "what was missed came out of order"
    tried = await _attempts(academy, caught_up[0])
    assert [each["code"] for each in tried] == ["connection_refused"] * (1 + len(RETRIES)) + ["taken"]


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


async def _is(academy: Academy, state: str) -> bool:
    path = f"endpoints/{academy.endpoint['id']}"
    return bool((await academy.client.get(academy.desk, path))["state"] == state)


async def _has_heard_of(academy: Academy, type: str) -> bool:
    return any(json.loads(body)["type"] == type for body in academy.bodies.values())


async def _attempts(academy: Academy, event: str) -> list[JSON]:
    """How sending an event to an academy's receiver went, oldest first."""
    owed = await academy.client.all(academy.desk, "deliveries", endpoint_id=academy.endpoint["id"])
    (delivery,) = (each["id"] for each in owed if each["event_id"] == event)
    return (await academy.client.all(academy.desk, f"deliveries/{delivery}/attempts"))[::-1]


async def _until_the_next_attempt(it: Installation, academy: Academy) -> timedelta:
    """How long an attempt that has failed lets its lane rest."""
    async with it.database("notifications", role=None) as database:

        async def rests() -> timedelta:
            async with database.transaction(NATIONAL) as tx:
                left: timedelta | None = (await tx.execute(RESTS, {"endpoint": academy.endpoint["id"]})).scalar()
            assert left, "it is tried, or has not been"
            return left

        return await eventually(rests, within=20)


async def _time_passes(it: Installation, academy: Academy, time: timedelta) -> timedelta:
    """All that an academy was told and tried is that much older, and what is due that much nearer."""
    async with it.database("notifications", role=None) as database, database.transaction(NATIONAL) as tx:
        for passes in PASSES:
            await tx.execute(passes, {"academy": academy.code, "time": time})
    return time


async def _national(it: Installation) -> set[str]:
    """The ids of what every academy is told."""
    query = text("select event_id::text from notice where cardinality(audience) = 12")
    async with it.database("notifications", role=None) as database, database.transaction(NATIONAL) as tx:
        return set((await tx.execute(query)).scalars().all())
