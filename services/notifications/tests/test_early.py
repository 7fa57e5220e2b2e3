"""Notifications that catch up hear each topic by itself: an amendment may come before its agreement."""

import pytest

from services.notifications.early import EARLY, tell_early
from services.notifications.reactions import deliver
from services.notifications.schedule import tell_what_came_early
from services.notifications.tests.builders import actor, message, notifying, person, rows
from services.notifications.tests.conftest import Reads
from shared.actor import NATIONAL, Role
from shared.database import Database
from shared.events.agreements import AgreementDrafted, AgreementParty, AmendmentAgreed, AmendmentProposed
from shared.ids import new_id
from shared.messaging import parked
from shared.messaging import reactions as reacting
from shared.messaging.broker import Broker, Message
from tests.fixtures.eventually import eventually

ASSOCIATION, AGREEMENT, AMENDMENT = new_id(), new_id(), new_id()
MANAGER = actor(Role.association_manager, jurisdiction=f"org:{ASSOCIATION}", name="manager")
IDS = {"agreement_id": str(AGREEMENT), "amendment_id": str(AMENDMENT)}


@pytest.fixture
def story() -> tuple[list[Message], Message]:
    """An amendment of the first kind, that does not say whom it concerns; and its agreement, that does."""
    party = AgreementParty(party_id=new_id(), organisation_id=ASSOCIATION, roles=("operator",))
    proposed = message(AmendmentProposed, AMENDMENT, 1, **IDS, parties=[])
    agreed = message(AmendmentAgreed, AMENDMENT, 2, **IDS)
    parties = [party.model_dump(mode="json")]
    return [proposed, agreed], message(AgreementDrafted, AGREEMENT, 1, agreement_id=str(AGREEMENT), parties=parties)


async def test_an_amendment_that_does_not_say_whom_it_concerns_is_told_once_its_agreement_is_known(
    database: Database,
    broker: Broker,
    reads: Reads,
    story: tuple[list[Message], Message],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reacting, "PAUSES", (60,))
    await broker.ensure_topics(deliver.topics)
    await person(database, MANAGER)
    amendment, agreement = story

    async def waits() -> None:
        async with database.transaction(NATIONAL) as tx:
            found = [(row.version, row.reason) for row in await parked.parked(tx, deliver.id)]
        assert found == [(1, EARLY), (2, None)]

    async def told(count: int) -> None:
        assert len(await rows(database, "select 1 from notice")) == count

    async with notifying(database, broker):
        await broker.publish(amendment)
        await eventually(waits)
        await told(0)
        assert await tell_early(database) == 0, "its agreement is not known yet"
        await waits()
        await broker.publish([agreement])
        await eventually(lambda: told(1))
        await tell_what_came_early(database)
        await told(3)
    assert AmendmentAgreed.type in [each.type for each in await reads(MANAGER)]
    await tell_what_came_early(database)
    await told(3)


async def test_an_amendment_whose_agreement_is_known_does_not_wait(
    database: Database, broker: Broker, reads: Reads, story: tuple[list[Message], Message]
) -> None:
    await broker.ensure_topics(deliver.topics)
    await person(database, MANAGER)
    amendment, agreement = story

    async def told() -> None:
        assert len(await rows(database, "select 1 from notice")) == 3

    async with notifying(database, broker):
        await broker.publish([agreement])
        await eventually(lambda: _one(database))
        await broker.publish(amendment)
        await eventually(told)
    assert AmendmentAgreed.type in [each.type for each in await reads(MANAGER)]


async def _one(database: Database) -> None:
    assert len(await rows(database, "select 1 from notice")) == 1
