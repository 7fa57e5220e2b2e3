"""The ceremony of 30 August 2024, end to end through the front door, on the embedded broker and on Apache Kafka."""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP
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
from shared.database import Database
from shared.embedded.identity import load_credentials
from shared.events.catalog import TOPICS
from shared.ids import new_id
from shared.settings import SERVICES, PlatformSettings
from tests.fixtures.eventually import eventually
from tests.journeys.platform import running
from tests.journeys.readers import Post, Reader, two_readers

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

UNPUBLISHED = ("FICTIF-0", "president-01 (fictif)", "000000000000001")
"""Planted where it may be known but not published: receipt numbers, holders of mandates, company identifiers."""

UUIDS = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
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
    readers: tuple[Reader, ...]
    before: frozenset[str]
    """The events that were told before the readers were known: nothing was decided about them then."""
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
    readers = two_readers()
    async with Academies() as academies, _listening(Post(academies, readers)) as mail_port:
        with pytest.MonkeyPatch.context() as patch, telemetry.recorded() as spans:
            patch.setenv("MITHAQ_NOTIFICATIONS_SMTP_PORT", str(mail_port))
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
                    for reader in readers:
                        await reader.begin(client)
                    it = Installation(settings)
                    async with it.database("notifications", role=None) as database:
                        before = frozenset(await _column(database, "select event_id::text from notice"))
                    story = Story(client, academies, lambda step, done, of: None)
                    await story.play()
                    found = await outcome(it, client, story, academies, started=started)
                    yield Played(it, client, academies, readers, before, found, spans.get_finished_spans())


@asynccontextmanager
async def _listening(handler: Post) -> AsyncIterator[int]:
    """The port of a mail server inside the block."""
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await server.wait_closed()


@dataclass
class Explained:
    """What is explained of every event of the ceremony."""

    answers: dict[str, JSON]
    """By event."""
    late: dict[str, tuple[str, Receiver]]
    """Endpoints that were named afterwards and sent all of it: how, and who listened there."""

    def told(self, recipient: str, channel: str) -> dict[str, JSON]:
        """By event: what is said of a recipient who was told on a channel."""
        return {
            event: each
            for event, answer in self.answers.items()
            for each in answer["told"]
            if (each["recipient"], each["channel"]) == (recipient, channel)
        }

    def not_told(self, recipient: str) -> dict[str, list[JSON]]:
        """By event: what is said of a recipient who was not told, on a channel or at all."""
        found: dict[str, list[JSON]] = defaultdict(list)
        for event, answer in self.answers.items():
            for each in answer["not_told"]:
                if each["recipient"] == recipient:
                    found[event].append(each)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def explained(played: Played) -> AsyncIterator[Explained]:
    """What is explained, once two academies named another address and what was gathered for a digest was sent."""
    async with played.it.database("notifications", role=None) as database:
        # Time goes on meanwhile: what was told after we asked is not in the answers.
        events = await _column(database, "select event_id::text from notice")
        async with receiver() as recovering, receiver() as replaying:
            late = {
                await _late(played, "MA-06", recovering, "recovery"): ("recovered", recovering),
                await _late(played, "MA-04", replaying, "replay"): ("replayed", replaying),
            }
            async with database.transaction(NATIONAL) as tx:
                await tx.execute(text("update letter set next_attempt_at = clock_timestamp() where state = 'open'"))

            async def sent() -> None:
                waiting = "select state from letter join letter_line on letter_id = letter.id where event_id::text"
                found = await _column(database, f"{waiting} = any(:events)", events=events)
                assert set(found) == {"sent"}, set(found)

            await eventually(sent, within=30)
            asked = asyncio.Semaphore(4)

            async def explain(event: str) -> JSON:
                async with asked:
                    return await played.client.get("auditor", f"notifications/{event}/explanation")

            answers = await asyncio.gather(*map(explain, events))
            yield Explained(dict(zip(events, answers, strict=True)), late)


async def _column(database: Database, query: str, **values: Any) -> list[Any]:
    async with database.transaction(NATIONAL) as tx:
        return list((await tx.execute(text(query), values)).scalars())


async def test_every_promise_of_the_ceremony_is_kept(played: Played) -> None:
    found = played.outcome
    assert found.holds, found
    assert (found.agreements_in_force, found.academies_with_agreements) == (17, 9)
    assert (found.centers_planned, found.seats) == (16, 1240)
    assert found.events_lost == found.webhooks_to_wrong_academy == found.webhooks_unverified == 0
    assert found.notices_due == found.webhooks_received == found.emails_received == found.frames_received
    assert found.notices_due == sum(due for _, due, *_ in found.by_academy.values())


async def test_an_academy_hears_of_its_own_region_only(played: Played) -> None:
    for code, academy in played.academies.by_code.items():
        _, due, *received = played.outcome.by_academy[code]
        assert set(received) == {due}
        assert set(academy.webhooks.values()) == set(academy.emails.values()) == {1}
        assert {frame["academy"] for frame in academy.frames.values()} <= {code}


async def test_an_explanation_says_of_every_event_what_the_log_says(played: Played, explained: Explained) -> None:
    """Which endpoint was told, on which channel: as decided, as owed, and as it arrived at the academies.

    Two academies name another address afterwards, which is sent all of it: by a recovery, and by a replay.
    """
    owed: dict[str, set[tuple[str | None, ...]]] = defaultdict(set)
    async with played.it.database("notifications", role=None) as database, database.transaction(NATIONAL) as tx:
        for row in await tx.execute(DELIVERIES):
            owed[row.event].add((row.academy, row.endpoint, row.channel, row.owed_by, row.again))
        endpoints = set((await tx.execute(text("select id::text from endpoint"))).scalars())
    assert owed
    said: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    later: dict[str, set[str]] = defaultdict(set)
    for event, answer in explained.answers.items():
        told = [each for each in answer["told"] if each["recipient"] in endpoints]
        assert {_owed(each, "told") for each in told} | {
            _owed(each, each["why"]) for each in answer["sent_later"]
        } == owed[event], event
        for each in told:
            said[each["channel"]][each["jurisdiction"]].add(event)
        for each in answer["sent_later"]:
            later[each["recipient"]].add(event)
            assert (each["why"], each["sending"]["again"]) == (explained.late[each["recipient"]][0],) * 2
    asked = explained.answers.keys()
    assert later.keys() == explained.late.keys()
    for endpoint, (_, listening) in explained.late.items():
        assert later[endpoint] == {headers["webhook-id"] for headers, _ in listening.received} & asked
    for code, academy in played.academies.by_code.items():
        assert academy.webhooks.keys() & asked == said["webhook"][code]
        assert academy.emails.keys() & asked == said["email"][code]


async def test_an_explanation_says_of_every_event_what_people_found_in_their_inbox_and_post(
    played: Played, explained: Explained
) -> None:
    """Two people of two academies, told at once and by digest: each as explained, and whoever was not told, why."""
    for reader in played.readers:
        inbox, post = explained.told(reader.id, "inbox"), explained.told(reader.id, "email")
        items = {item["event_id"]: item for item in await played.client.all(reader.persona, "inbox")}
        assert items.keys() & explained.answers.keys() == inbox.keys()
        # Each letter came once, and tells what it is explained to tell, no more and no less.
        assert set(reader.letters.values()) == {1}
        told = {event: set[str]() for event in post}
        for id, letter in reader.texts.items():
            for event in explained.answers.keys() & set(UUIDS.findall(letter)):
                told[event].add(id)
        assert told == {event: {f"<letter.{each['sending']['id']}@localhost>"} for event, each in post.items()}
        assert {each["sending"]["state"] for each in post.values()} == {"sent"}
        assert reader.languages == {each["language"] for each in (*post.values(), *inbox.values())}
        not_told = explained.not_told(reader.id)
        for event in explained.answers.keys() - played.before:
            answer = explained.answers[event]
            entries = [each[event] for each in (inbox, post) if event in each] + not_told.get(event, [])
            concerned = reader.academy in answer["audience"]
            expected: list[set[str | None]] = [{None}, {"inbox", "email"}] if concerned else [set()]
            assert {each["channel"] for each in entries} in expected and len(entries) <= 2, answer
            assert all(each["jurisdiction"] == reader.academy for each in entries)
            for each in entries:
                _holds(each, answer, reader)
    at_once, daily = played.readers
    assert len(at_once.letters) > len(daily.letters) >= 1
    for reader in played.readers:
        reasons = {each["why"] for entries in explained.not_told(reader.id).values() for each in entries}
        assert {"no_rule_matches", "switched_off"} <= reasons, "nothing is shown of who is not told"


def _holds(each: JSON, answer: JSON, reader: Reader) -> None:
    """The reason that is given is the reader's own wish, or the event's kind."""
    asked_for = reader.asked_for(answer["type"], answer["importance"])
    match each["why"]:
        case "rule":
            assert asked_for and each["rule"] == reader.rule
        case "work":
            assert not asked_for and each["rule"] is None
        case "statutory":
            assert answer["statutory"]
        case "no_rule_matches":
            assert each["channel"] is None and not asked_for
        case "switched_off":
            assert reader.wishes(each["channel"], answer["type"]) == "off" and not answer["statutory"]
        case other:
            raise AssertionError(f"{other} is no reason here")
    assert each["reason"], "it is said in words"


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
