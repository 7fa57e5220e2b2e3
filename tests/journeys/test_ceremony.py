"""The ceremony of 30 August 2024, end to end through the front door, on the embedded broker and on Apache Kafka."""

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import ReadableSpan
from pydantic import SecretStr
from sqlalchemy import text

from cli.demo.academies import Academies
from cli.demo.client import JSON, Client
from cli.demo.outcome import Outcome, outcome
from cli.demo.story import Story
from cli.installation import Installation
from services.notifications.tests.receivers import Receiver, receiver
from shared import telemetry
from shared.actor import NATIONAL
from shared.clock import now
from shared.embedded.identity import load_credentials
from shared.events.catalog import TOPICS
from shared.ids import new_id
from shared.settings import SERVICES, PlatformSettings
from tests.fixtures.eventually import eventually
from tests.journeys.platform import running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

UNPUBLISHED = ("FICTIF-0", "president-01 (fictif)", "000000000000001")
"""Planted where it may be known but not published: receipt numbers, holders of mandates, company identifiers."""

DELIVERIES = text("""
    select event_id::text as event, delivery.academy, endpoint_id::text as endpoint,
           endpoint.state ->> 'channel' as channel, owed_by, again
    from delivery join endpoint on endpoint.id = endpoint_id
""")


@dataclass
class Played:
    """A ceremony that has been played, and all there is to look at."""

    it: Installation
    client: Client
    academies: Academies
    outcome: Outcome
    spans: Sequence[ReadableSpan]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["embedded", "kafka"])
async def played(
    request: pytest.FixtureRequest, server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Played]:
    """The whole story."""
    # A Kafka of its own: the topics of the shared one hold other installations' events.
    kafka = {"kafka_bootstrap": request.getfixturevalue("own_kafka").bootstrap} if request.param == "kafka" else {}
    url = urlunsplit(urlsplit(server_url)._replace(path=f"/j{new_id().hex[-10:]}"))
    async with Academies() as academies:
        with pytest.MonkeyPatch.context() as patch, telemetry.recorded() as spans:
            patch.setenv("MITHAQ_NOTIFICATIONS_SMTP_PORT", str(academies.mail_port))
            wanted = PlatformSettings(
                database_url=SecretStr(url),
                data_dir=Path(tmp_path_factory.mktemp("installation")),
                broker=request.param,
                **kafka,
            )
            started = time.monotonic()
            async with running(wanted) as settings:
                front_door = f"http://127.0.0.1:{settings.port}"
                async with Client(front_door, load_credentials(settings.data_dir)) as client:
                    story = Story(client, academies, lambda step, done, of: None)
                    await story.play()
                    it = Installation(settings)
                    found = await outcome(it, client, story, academies, started=started)
                    yield Played(it, client, academies, found, spans.get_finished_spans())


async def test_every_promise_of_the_ceremony_is_kept(played: Played) -> None:
    found = played.outcome
    assert found.holds, found
    assert (found.agreements_in_force, found.academies_with_agreements) == (17, 9)
    assert (found.centers_planned, found.seats) == (16, 1240)
    assert found.events_lost == found.webhooks_to_wrong_academy == 0


async def test_an_academy_hears_of_its_own_region_only(played: Played) -> None:
    for code, academy in played.academies.by_code.items():
        _, due, *received = played.outcome.by_academy[code]
        assert set(received) == {due}
        assert set(academy.webhooks.values()) == set(academy.emails.values()) == {1}
        assert {frame["academy"] for frame in academy.frames.values()} <= {code}


async def test_an_explanation_says_of_every_event_what_the_log_says(played: Played) -> None:
    """Who was told, on which channel: as decided, as owed, and as it arrived at the academies.

    Two of them name another address afterwards, which is sent all of it: by a recovery, and by a replay.
    """
    async with played.it.database("notifications", role=None) as database, database.transaction(NATIONAL) as tx:
        events = (await tx.execute(text("select event_id::text from notice"))).scalars().all()
    # Time goes on meanwhile: what was told after we asked is not in the answers.
    asked = set(events)
    async with receiver() as recovering, receiver() as replaying:
        late = {
            await _late(played, "MA-06", recovering, "recovery"): ("recovered", recovering),
            await _late(played, "MA-04", replaying, "replay"): ("replayed", replaying),
        }
        owed: dict[str, set[tuple[str | None, ...]]] = defaultdict(set)
        async with played.it.database("notifications", role=None) as database, database.transaction(NATIONAL) as tx:
            for row in await tx.execute(DELIVERIES):
                owed[row.event].add((row.academy, row.endpoint, row.channel, row.owed_by, row.again))
            endpoints = set((await tx.execute(text("select id::text from endpoint"))).scalars())
        assert owed
        said: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        later: dict[str, set[str]] = defaultdict(set)
        for event in events:
            explained = await played.client.get("auditor", f"notifications/{event}/explanation")
            told = [each for each in explained["told"] if each["recipient"] in endpoints]
            assert {_owed(each, "told") for each in told} | {
                _owed(each, each["why"]) for each in explained["sent_later"]
            } == owed[event], event
            for each in told:
                said[each["channel"]][each["jurisdiction"]].add(event)
            for each in explained["sent_later"]:
                later[each["recipient"]].add(event)
                assert (each["why"], each["sending"]["again"]) == (late[each["recipient"]][0],) * 2
        assert later.keys() == late.keys()
        for endpoint, (_, listening) in late.items():
            assert later[endpoint] == {headers["webhook-id"] for headers, _ in listening.received} & asked
    for code, academy in played.academies.by_code.items():
        assert academy.webhooks.keys() & asked == said["webhook"][code]
        assert academy.emails.keys() & asked == said["email"][code]


def _owed(each: JSON, by: str) -> tuple[str | None, ...]:
    """What an explanation says of an endpoint, as the log would have it."""
    return each["jurisdiction"], each["recipient"], each["channel"], by, each["sending"]["again"]


async def _late(played: Played, academy: str, listening: Receiver, how: str) -> str:
    """An address that an academy names after the ceremony, and is sent all of it."""
    desk = f"officer-{academy.lower()}"
    body: JSON = {"channel": "webhook", "address": listening.url, "language": "fr"}
    id: str = (await played.client.post(desk, "endpoints", body))["id"]
    until = now()
    period = {"since": (until - timedelta(days=1)).isoformat()}
    period |= {"until": until.isoformat()} if how == "replay" else {}
    sent = await played.client.post(desk, f"endpoints/{id}/{how}", period)
    assert sent["deliveries"]
    await eventually(lambda: len(listening.received) >= sent["deliveries"], within=30)
    return id


async def test_one_trace_leads_from_the_signature_to_the_webhook(played: Played) -> None:
    signed = [
        span.context.trace_id
        for span in played.spans
        if span.kind.name == "SERVER" and span.name.startswith("POST") and "signatures" in span.name
    ]
    assert signed, sorted({span.name for span in played.spans})
    posted = {span.context.trace_id for span in played.spans if span.kind.name == "CLIENT" and "webhook" in span.name}
    assert set(signed) <= posted, "a signature's trace ends before the webhook"
    linked = {link.context.trace_id for span in played.spans if span.name == "relay publish" for link in span.links}
    assert linked & set(signed), "the relay's spans name no signature"


async def test_what_is_not_to_be_published_is_in_no_topic_feed_or_parked_row(played: Played) -> None:
    async with played.it.broker() as broker:
        for topic in TOPICS:
            async for received in broker.read(topic):
                told = received.message.value.decode() + str(received.message.headers)
                assert not [planted for planted in UNPUBLISHED if planted in told]
    for service, table in [("notifications", "notice"), *((service, "parked") for service in SERVICES)]:
        async with played.it.database(service, role=None) as database, database.transaction(NATIONAL) as tx:
            rows = (await tx.execute(text(f"select t::text from {table} t"))).scalars().all()
        assert not [planted for planted in UNPUBLISHED for row in rows if planted in row]
