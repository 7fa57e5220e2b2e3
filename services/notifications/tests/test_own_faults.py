"""A fault of our own is no fault of the receiver: it ends no endpoint, loses nothing and holds up nobody for ever."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from services.notifications import commands
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OPERATOR, happening, registered, rows, told
from services.notifications.tests.builders import settings as builders_settings
from services.notifications.tests.conftest import Sending
from services.notifications.tests.receivers import mailbox, receiver
from services.notifications.tests.test_academy_letters import STATUTORY, given_up, settled
from shared.actor import NATIONAL
from shared.database import Database
from shared.events.network import AssociationRegistered
from tests.fixtures.database import Databases
from tests.fixtures.eventually import eventually

ADDRESS = "avis@academie.example"


Keep = Callable[[UUID, dict[str, str]], Awaitable[None]]


@pytest.fixture
def keep(databases: Databases, database: Database) -> Keep:
    """`await keep(event, summaries)`: a notice has these words, whatever it said when it was told."""

    async def change(event_id: UUID, summaries: dict[str, str]) -> None:
        owner = await databases("notifications", role=None)
        async with owner.transaction(NATIONAL) as tx:
            asked = {"id": event_id, "summaries": json.dumps(summaries)}
            await tx.execute(
                text("update notice set summaries = cast(:summaries as jsonb) where event_id = :id"), asked
            )

    return change


async def three_of_which_nobody_can_write_the_first(database: Database, keep: Keep) -> UUID:
    """Three notices, of which the first has no words in the language of its reader; gives its event."""
    first, _, _ = await told(database, happening(), happening(), happening())
    await keep(first.id, {"xx": "?"})
    return first.id


async def reasons(database: Database) -> list[str]:
    """Why each attempt went as it did."""
    return [row.reason for row in await rows(database, "select reason from attempt order by id")]


async def test_a_name_of_several_lines_is_one_line_of_the_subject(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    named = AssociationRegistered.example | {"name_ar": "جمعية\nب (وهمي)", "name_fr": "Asso\r\nBcc: x@y.example\n"}
    async with mailbox() as (box, port):
        await registered(database, settings, ADDRESS, channel="email")
        await told(database, happening(AssociationRegistered.model_validate(named)), happening())
        async with sending(smtp_port=port):
            await settled(database, "delivered", "delivered")
    assert "Asso Bcc: x@y.example" in str(box.received[0]["Subject"])
    assert box.received[0]["Bcc"] is None


async def test_what_was_worded_in_several_lines_before_is_one_line_of_the_subject(
    database: Database, settings: NotificationsSettings, sending: Sending, keep: Keep
) -> None:
    async with mailbox() as (box, port):
        await registered(database, settings, ADDRESS, channel="email")
        (event,) = await told(database)
        await keep(event.id, {"fr": "Une\nconvention (fictif)", "ar": "-", "en": "-"})
        async with sending(smtp_port=port):
            await settled(database, "delivered")
    assert "Une convention (fictif)" in str(box.received[0]["Subject"])


async def test_an_e_mail_that_cannot_be_written_steps_aside(
    database: Database, settings: NotificationsSettings, sending: Sending, keep: Keep
) -> None:
    async with mailbox() as (box, port):
        await registered(database, settings, ADDRESS, channel="email")
        await three_of_which_nobody_can_write_the_first(database, keep)
        async with sending(smtp_port=port):
            await settled(database, "refused", "delivered", "delivered")
    assert len(box.received) == 2
    assert (await reasons(database))[0] == "not_written KeyError"
    assert await rows(database, "select enabled from lane") == [(True,)]


async def test_a_webhook_that_cannot_be_written_steps_aside_until_it_is_asked_for_again(
    database: Database, settings: NotificationsSettings, sending: Sending, keep: Keep
) -> None:
    async with receiver() as academy:
        await registered(database, settings, academy.url)
        event_id = await three_of_which_nobody_can_write_the_first(database, keep)
        async with sending():
            await settled(database, "refused", "delivered", "delivered")
        await keep(event_id, {"fr": "Rédigée (fictif)"})
        ((delivery,),) = await rows(database, f"select id from delivery where event_id = '{event_id}'")
        await commands.redeliver(database, delivery, by=OPERATOR)
        async with sending():
            await settled(database, "delivered", "delivered", "delivered")
    assert academy.ids[-1] == str(event_id)


async def test_a_statutory_e_mail_that_cannot_be_written_is_told_to_who_can_see_to_it(
    database: Database, settings: NotificationsSettings, sending: Sending, keep: Keep
) -> None:
    async with mailbox() as (_, port), receiver() as other:
        await registered(database, settings, ADDRESS, channel="email")
        await registered(database, settings, other.url)
        (event,) = await told(database, happening(STATUTORY))
        await keep(event.id, {"xx": "?"})
        async with sending(smtp_port=port):
            await settled(database, "refused", "refused")
            await eventually(lambda: _said(database))
    (said,) = await given_up(database)
    assert said.event.model_dump()["event_id"] == event.id


@pytest.mark.parametrize("retries", [(), (0.01,)])
async def test_a_fault_of_our_own_that_lasts_disables_no_endpoint(
    database: Database, settings: NotificationsSettings, sending: Sending, tmp_path: Path, retries: tuple[float, ...]
) -> None:
    elsewhere = builders_settings(tmp_path / "another installation")
    async with receiver() as academy:
        await registered(database, elsewhere, academy.url)
        await told(database, happening(), happening())
        async with sending(retries=retries):
            await settled(database, "refused", "refused")
        assert await rows(database, "select enabled from lane") == [(True,)]
        assert {*await reasons(database)} == {"own_fault CannotOpen"}
        # Nothing is lost: with the key of its secret it is sent.
        ((first,), _) = await rows(database, "select id from delivery order by sequence")
        await commands.redeliver(database, first, by=OPERATOR)
        async with sending(key_encryption_key=elsewhere.key_encryption_key, platform=elsewhere.platform):
            await settled(database, "delivered", "refused")


async def _said(database: Database) -> bool:
    return len(await given_up(database)) == 1
