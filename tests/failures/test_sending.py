"""The fault matrix of sending: whatever dies or misbehaves, every academy gets its own, once in effect, and signed."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psutil
import pytest
import pytest_asyncio
from sqlalchemy import text

from services.notifications import commands
from services.notifications.endpoint import Scheme
from services.notifications.identity import Credentials
from services.notifications.people import person_id
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.tests.builders import actor, happening, person, registered, rows, told
from services.notifications.tests.certificates import certified, serving
from shared.actor import NATIONAL, Role
from shared.events.agreements import AgreementTextRevised
from tests.failures.impostor import FLAWS, Flaw, impostor
from tests.failures.mailroom import OVERLAP, Gate, Mailroom, Misbehaviour, babble, cut, endless, loris, swallow
from tests.fixtures.eventually import eventually

FULL = os.environ.get("MITHAQ_FAULTS") == "full"
KILLS = 20 if FULL else 4
"""Kills per row."""
ROTATIONS = 40 if FULL else 10
CRASHES = 6 if FULL else 2
"""Crashes of the database."""
SEED = int(os.environ.get("MITHAQ_SEED", "2024"))
SOON = 45.0
"""Seconds within which everything must be at rest again."""
ACADEMIES = ("MA-03", "MA-06", "MA-11")
QUIET = AgreementTextRevised.model_validate(AgreementTextRevised.example)
"""Something that is told as people prefer."""

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600 if FULL else 180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mailroom(run_dir: Path) -> AsyncIterator[Mailroom]:
    """Sending that runs."""
    mailroom = Mailroom(Path(mkdtemp(prefix="failures-sending-", dir=run_dir)))
    try:
        await mailroom.prepare()
        for academy in ACADEMIES:
            await mailroom.add_receiver(academy)
        yield mailroom
    finally:
        await mailroom.end()


@asynccontextmanager
async def under_load(mailroom: Mailroom) -> AsyncIterator[None]:
    """Break sending inside the block; afterwards everything has arrived, once in effect, in order, and verified."""
    try:
        if not mailroom.senders:
            await mailroom.start()
        async with mailroom.load(*ACADEMIES):
            yield
        await eventually(mailroom.at_rest, within=SOON, every=0.1)
        assert await mailroom.violations() == []
    except BaseException as error:
        error.add_note(f"MITHAQ_SEED={SEED}\n{mailroom.last_words()}")
        raise


@asynccontextmanager
async def misbehaving(gate: Gate, behaves: Misbehaviour) -> AsyncIterator[None]:
    """Let a receiver misbehave inside the block, and be well after it whatever happened there."""
    gate.behaves = behaves
    gate.cut()
    try:
        yield
    finally:
        gate.behaves = None
        gate.cut()


async def test_senders_whose_clocks_are_ten_minutes_wrong_take_turns_and_are_believed(mailroom: Mailroom) -> None:
    """Leases and signatures follow the database's clock, not the senders'."""
    await mailroom.kill_all()
    before = {id: len(receiver.got) for id, receiver in mailroom.receivers.items()}
    async with under_load(mailroom):
        await mailroom.start(clock=600)
        await mailroom.start(clock=-600)
        await asyncio.sleep(6)
    for id, receiver in mailroom.receivers.items():
        fresh = receiver.got[before[id] :]
        assert len(fresh) > 20
        assert len(fresh) == len(set(fresh)), "a lane had two senders at once"
    await mailroom.kill_all()


async def test_secrets_that_are_rotated_under_load_verify_while_they_live_and_not_after(mailroom: Mailroom) -> None:
    """A rotation begins while the last two overlap still, and every fourth passes from a shared secret to a key pair.

    Every signature that arrives must be by a secret that lived then, and every secret that lives on must have signed.
    """
    receivers = list(mailroom.receivers.values())
    schemes: Iterator[Scheme] = cycle(("v1", "v1a", "v1a", "v1"))
    async with under_load(mailroom):
        for scheme in islice(schemes, ROTATIONS):
            await asyncio.gather(*(mailroom.rotate(receiver, scheme) for receiver in receivers))
            await asyncio.sleep(OVERLAP.total_seconds() * 0.55)
            # A machine that is slow for a moment sends nothing meanwhile.
            await eventually(lambda: all(each.keys[-1].verified for each in receivers), within=SOON)
    for receiver in receivers:
        used = [key.shown[:5] for key in receiver.keys if key.verified]
        assert len(used) > ROTATIONS, "a secret signed nothing"
        assert used.count("whpk_") >= ROTATIONS // 2


@pytest.mark.parametrize("behaves", [loris, endless, swallow, cut, babble], ids=lambda each: each.__name__)
async def test_a_receiver_that_misbehaves_holds_up_nobody_and_gets_everything_once_it_is_well(
    mailroom: Mailroom, behaves: Misbehaviour
) -> None:
    process = mailroom.senders[-1] if mailroom.senders else await mailroom.start()
    async with under_load(mailroom), misbehaving(mailroom.gates[0], behaves):
        (ill, *healthy) = mailroom.receivers.values()
        had = [len(receiver.got) for receiver in healthy]
        before = psutil.Process(process.pid).memory_info().rss
        # Were each of theirs to wait for one of its deadlines, of a second, there would not be time for so many.
        await eventually(
            lambda: all(len(each.got) >= before + 60 for each, before in zip(healthy, had, strict=True)), within=SOON
        )
        assert psutil.Process(process.pid).memory_info().rss - before < 50 << 20
        waiting = "select count(*) from delivery where state = 'waiting' and endpoint_id = :id"
        ((count,),) = await rows(mailroom.database, waiting, id=ill.endpoint_id)
        assert count, "it has nothing to catch up"


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.name)
async def test_a_receiver_that_cannot_be_trusted_hears_nothing_and_everything_once_that_is_mended(
    mailroom: Mailroom, tmp_path: Path, flaw: Flaw
) -> None:
    theirs, clients = certified("academy's authority"), certified("authority of its clients")
    ours = certified("mithaq", clients)
    if not mailroom.senders:
        await mailroom.start()
    with impostor(flaw.serve(theirs, tmp_path)) as instead:
        credentials = Credentials(ours.pem, ours.key_pem, theirs.pem)
        async with mailroom.guest("MA-01", instead.port, credentials) as receiver:
            events = await told(mailroom.database, *(happening(audience=("MA-01",)) for _ in range(3)))
            query = "select result, status, reason from attempt where endpoint_id = :id"

            async def tried() -> None:
                found = await rows(mailroom.database, query, id=receiver.endpoint_id)
                assert len(found) > 1
                # Once in a while this machine is slower than the deadline; that is not what is looked at here.
                said = {each.reason for each in found} - {"timeout"}
                assert said and said <= {flaw.reason, flaw.or_else}
                assert {(each.result, each.status) for each in found} == {("failed", None)}

            await eventually(tried, within=SOON)
            instead.leave()
            assert bool(instead.heard) == (flaw.name == "plain"), "only who speaks no TLS hears how we begin it"
            assert not [event for event in events if str(event.id).encode() in instead.heard]
            assert not receiver.got
            mended = serving(certified("receiver", theirs), tmp_path, demands=clients)
            async with mailroom.served(instead.port, mended):
                await eventually(mailroom.at_rest, within=SOON)
            assert receiver.got == [event.id for event in events]
            assert await mailroom.violations() == []


async def times_mailed(mailroom: Mailroom, issued: commands.Issued) -> list[int]:
    """How often each mail came that an academy's address was owed: each did, and to nobody else."""
    endpoint, mailbox = issued.endpoint, mailroom.mailbox
    query = "select event_id from delivery where endpoint_id = :id"
    owed = {
        f"<{each.event_id}.{endpoint.id}@localhost>" for each in await rows(mailroom.database, query, id=endpoint.id)
    }
    assert {each for each in mailbox.kept if f".{endpoint.id}@" in each} == owed
    assert all(mailbox.addressed[each] == {endpoint.address} for each in owed)
    return [mailbox.kept[each] for each in owed]


async def test_mail_is_repeated_at_most_once_per_death_of_the_mail_server_or_of_a_sender(mailroom: Mailroom) -> None:
    chance, mailbox, kills = random.Random(SEED), mailroom.mailbox, 0
    issued = await registered(
        mailroom.database, mailroom.settings, "avis@academie.example", academy="MA-06", channel="email"
    )
    deaths = mailbox.deaths
    async with under_load(mailroom):
        try:
            for number in range(KILLS):
                mailbox.handed.clear()
                mailbox.dies = number % 2 == 0
                mailbox.pause = 0.0 if mailbox.dies else 0.3
                await asyncio.wait_for(mailbox.handed.wait(), SOON)
                if mailbox.dies:
                    mailbox.dies = False
                else:
                    kills += 1
                    await asyncio.sleep(chance.uniform(0, 0.2))
                    await mailroom.kill_all()
                    await mailroom.start()
        finally:
            mailbox.dies, mailbox.pause = False, 0.0
    times = await times_mailed(mailroom, issued)
    assert len(times) > KILLS
    assert sum(times) - len(times) <= kills + mailbox.deaths - deaths
    await mailroom.disable(issued.endpoint.id)


async def test_a_database_that_crashes_loses_no_message_and_repeats_at_most_what_was_under_way(
    mailroom: Mailroom,
) -> None:
    """What arrived and was not written down is sent again: under the same id, and of mail one at a time."""
    issued = await registered(
        mailroom.database, mailroom.settings, "avis@academie.example", academy="MA-06", channel="email"
    )
    before = {id: list(receiver.got) for id, receiver in mailroom.receivers.items()}
    async with under_load(mailroom):
        for _ in range(CRASHES):
            had = {id: len(receiver.got) for id, receiver in mailroom.receivers.items()}
            await eventually(
                lambda: all(len(receiver.got) > had[id] + 5 for id, receiver in mailroom.receivers.items()),  # noqa: B023
                within=SOON,
            )
            await mailroom.crash()
    times = await times_mailed(mailroom, issued)
    assert len(times) > 5 * CRASHES
    assert max(times) <= 1 + CRASHES
    for id, receiver in mailroom.receivers.items():
        assert len(set(receiver.got[len(before[id]) :])) > 5 * CRASHES
    await mailroom.disable(issued.endpoint.id)


async def test_mail_to_people_and_academies_is_repeated_once_per_death_of_its_server_and_none_is_lost(
    mailroom: Mailroom,
) -> None:
    """The server has all of a message each time, and is gone before it says so: nobody can know whether it keeps it."""
    mailbox, database = mailroom.mailbox, mailroom.database
    at_once, gathering, foreigner = (
        actor(Role.academy_officer, jurisdiction=academy, name=f"of-{address}")
        for academy, address in (("MA-02", "at-once"), ("MA-02", "gathering"), ("MA-07", "foreign"))
    )
    for by, email in ((at_once, "immediate"), (gathering, "daily"), (foreigner, "immediate")):
        await person(database, by, address=f"{by.subject}@academie.example", email=email)
        await commands.subscribe(database, Subscribe(), by=by)
    issued = await registered(database, mailroom.settings, "avis@academie.example", academy="MA-02", channel="email")
    await mailroom.kill_all()
    await mailroom.start(patience=15)
    mailbox.dies_over_each = KILLS
    try:
        events = await told(database, *(happening(QUIET, audience=("MA-02",)) for _ in range(2)))
        async with database.transaction(NATIONAL) as tx:
            await tx.execute(text("update letter set next_attempt_at = now() where state = 'open'"))
        asked = """
            select letter.id, letter.person_id, letter.state, attempts, array_agg(distinct line.event_id) as events,
                array(select reason from letter_attempt where letter_id = letter.id order by id) as reasons
            from letter join letter_line line on line.letter_id = letter.id
            where letter.person_id = any(:people) group by letter.id
        """
        people = [person_id(by.person) for by in (at_once, gathering, foreigner)]

        async def arrived() -> Sequence[Any]:
            assert await mailroom.at_rest()
            found = await rows(database, asked, people=people)
            assert {each.state for each in found} == {"sent"}
            return found

        letters = await eventually(arrived, within=SOON, every=0.1)
    finally:
        mailbox.dies_over_each = 0
    expected = {f"<{event.id}.{issued.endpoint.id}@localhost>": {"avis@academie.example"} for event in events}
    for letter in letters:
        assert letter.reasons == ["connection_lost"] * KILLS + ["taken SMTP 250"] and letter.attempts == KILLS + 1
        to = {people[0]: "of-at-once", people[1]: "of-gathering"}[letter.person_id]
        expected[f"<letter.{letter.id}@localhost>"] = {f"{to}@academie.example"}
        assert all(str(event) in mailbox.texts[f"<letter.{letter.id}@localhost>"] for event in letter.events)
    assert sorted(len(letter.events) for letter in letters) == [1, 1, 2], "each by itself, and both in a digest"
    ours = {id for id, text in mailbox.texts.items() if any(str(event.id) in id + text for event in events)}
    assert {id: mailbox.addressed[id] for id in ours} == expected
    assert {mailbox.kept[id] for id in ours} == {1 + KILLS}
    await mailroom.disable(issued.endpoint.id)


@pytest.mark.parametrize(
    ("point", "academy", "repeated"), [("postman.claimed", "MA-08", 0), ("postman.sent", "MA-10", KILLS)]
)
async def test_a_letter_to_a_person_outlives_its_postmen_and_is_repeated_at_most_once_per_death(
    mailroom: Mailroom, point: str, academy: str, repeated: int
) -> None:
    await mailroom.kill_all()
    by = actor(Role.academy_officer, jurisdiction=academy, name=point)
    await person(mailroom.database, by, address="agent@academie.example", email="immediate")
    await commands.subscribe(mailroom.database, Subscribe(), by=by)
    await told(mailroom.database, happening(audience=(academy,)))
    query = "select id, state from letter where person_id = :person"
    ((letter, _),) = await rows(mailroom.database, query, person=person_id(by.person))
    for _ in range(KILLS):
        await (await mailroom.start(crash_at=point)).dies()
    await mailroom.start()

    async def sent() -> None:
        assert await rows(mailroom.database, query, person=person_id(by.person)) == [(letter, "sent")]

    await eventually(sent, within=SOON, every=0.1)
    assert mailroom.mailbox.kept[f"<letter.{letter}@localhost>"] == 1 + repeated
