"""Receipts: asked with the notice, given by the academy, escalated once when the deadline has passed."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import text

from services.notifications import commands
from services.notifications.errors import ReceiptNotDue
from services.notifications.receipt import Receipt, ReceiptState
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.tests.builders import (
    AT,
    FOREIGNER,
    OFFICER,
    actor,
    happening,
    person,
    published,
    rows,
    told,
)
from services.notifications.tests.conftest import Reads
from shared.actor import NATIONAL, Role
from shared.clock import now
from shared.database import Database
from shared.events.agreements import AgreementApproved, AgreementSuspended
from shared.events.base import DomainEvent
from shared.events.notifications import ReceiptOverdue
from shared.ids import new_id
from shared.refusals import Forbidden, NotAllowedNow, NotFound

DIRECTOR = actor(Role.academy_director, name="director")
SUSPENDED = AgreementSuspended.model_validate(AgreementSuspended.example)


def late() -> datetime:
    """When a receipt that is asked for now is overdue."""
    return now() + timedelta(days=6)


def asked(event_id: UUID | None = None) -> Receipt:
    """A receipt that MA-06 was asked for."""
    receipt = Receipt(id=new_id())
    return receipt.evolve(receipt.ask(academy="MA-06", event_id=event_id or new_id(), event_type="a", due_at=AT))


async def suspension(database: Database, *audience: str) -> UUID:
    """A statutory event is told; its id."""
    (event,) = await told(database, happening(SUSPENDED, audience=audience or ("MA-06",)))
    return event.id


async def states(database: Database) -> list[tuple[str, str]]:
    """Academy and state of all receipts."""
    return [tuple(row) for row in await rows(database, "select academy, status from receipt order by academy")]


async def test_each_academy_told_is_asked_for_its_receipt_and_the_work_is_settled_when_it_is_given(
    database: Database, reads: Reads
) -> None:
    await person(database, OFFICER)
    event = await suspension(database, "MA-05", "MA-06")
    assert await states(database) == [("MA-05", "asked"), ("MA-06", "asked")]
    await told(database, *await published(database))
    (item,) = await reads(OFFICER, to_do=True)
    receipt = Receipt.id_of(event, "MA-06")
    assert (item.queue, item.path) == ("to_acknowledge", f"/receipts/{receipt}")
    given = await commands.acknowledge_receipt(database, receipt, by=OFFICER)
    assert (given.state, given.given_by) == (ReceiptState.given, OFFICER.person)
    await told(database, *await published(database))
    assert await reads(OFFICER, to_do=True) == []


async def test_what_need_not_be_acknowledged_asks_for_nothing(database: Database) -> None:
    await told(database, happening(AgreementApproved.model_validate(AgreementApproved.example)))
    assert await states(database) == []


async def test_a_missing_receipt_escalates_once_to_the_academy_and_the_nation(database: Database, reads: Reads) -> None:
    ministry = actor(Role.ministry_officer, jurisdiction="national", name="ministry")
    await person(database, DIRECTOR, email="weekly", address="director@academie.example")
    await person(database, ministry)
    await suspension(database)
    assert await commands.escalate_receipts(database, now()) == 0
    assert await commands.escalate_receipts(database, late()) == 1
    assert await commands.escalate_receipts(database, late()) == 0
    (overdue,) = [each for each in await published(database) if isinstance(each.event, ReceiptOverdue)]
    before = len(await rows(database, "select 1 from letter where state = 'waiting'"))
    await told(database, overdue)
    for one in (DIRECTOR, ministry):
        assert (await reads(one))[0].event_id == overdue.id
    assert len(await rows(database, "select 1 from letter where state = 'waiting'")) == before + 1


async def test_a_receipt_in_trouble_keeps_no_other_from_escalating(database: Database) -> None:
    bad = Receipt.id_of(await suspension(database), "MA-06")
    await suspension(database, "MA-05")
    broken = text("update receipt set state = jsonb_set(state, '{due_at}', '\"nonsense\"') where id = :bad")
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(broken, {"bad": bad})
    assert await commands.escalate_receipts(database, late()) == 1
    assert await states(database) == [("MA-05", "overdue"), ("MA-06", "asked")]


async def test_a_receipt_that_was_given_does_not_escalate_and_a_late_one_is_still_taken(database: Database) -> None:
    first, second = await suspension(database), await suspension(database)
    await commands.acknowledge_receipt(database, Receipt.id_of(first, "MA-06"), by=OFFICER)
    assert await commands.escalate_receipts(database, late()) == 1
    given = await commands.acknowledge_receipt(database, Receipt.id_of(second, "MA-06"), by=OFFICER)
    assert given.state is ReceiptState.given
    with pytest.raises(NotAllowedNow):
        await commands.acknowledge_receipt(database, given.id, by=OFFICER)


async def test_only_the_academy_itself_acknowledges(database: Database) -> None:
    receipt = Receipt.id_of(await suspension(database), "MA-06")
    with pytest.raises(NotFound):
        await commands.acknowledge_receipt(database, receipt, by=FOREIGNER)
    for role in (Role.auditor, Role.operator):
        with pytest.raises(Forbidden):
            await commands.acknowledge_receipt(database, receipt, by=actor(role))


async def test_two_who_acknowledge_at_once_acknowledge_once(database: Database) -> None:
    await commands.subscribe(database, Subscribe(), by=OFFICER)
    receipt = Receipt.id_of(await suspension(database), "MA-06")
    async with database.transaction(NATIONAL) as tx:
        await commands.acknowledge_receipt(tx, receipt, by=OFFICER)
        with pytest.raises(NotAllowedNow):
            await commands.acknowledge_receipt(tx, receipt, by=DIRECTOR)


class Life(RuleBasedStateMachine):
    """A receipt under every order of what may happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.receipt = asked()
        self.events: list[DomainEvent] = []

    @rule()
    def acknowledge(self) -> None:
        """The academy acknowledges."""
        allowed = self.receipt.refusal_of("acknowledge_receipt") is None
        try:
            events = self.receipt.acknowledge(by="somebody")
        except NotAllowedNow:
            assert not allowed and self.receipt.state is ReceiptState.given
            return
        self.receipt.evolve(events)
        self.events += events

    @rule(hours=st.integers(-48, 48))
    def escalate(self, hours: int) -> None:
        """Time passes."""
        try:
            events = self.receipt.escalate(AT + timedelta(hours=hours))
        except ReceiptNotDue:
            assert hours < 0
            return
        except NotAllowedNow:
            assert self.receipt.state is not ReceiptState.asked
            return
        self.receipt.evolve(events)
        self.events += events

    @invariant()
    def happens_once(self) -> None:
        """It is given once and escalates once at most, and never after it was given."""
        kinds = [event.type.split(".")[3] for event in self.events]
        assert kinds in ([], ["given"], ["overdue"], ["overdue", "given"])


TestLife = Life.TestCase
TestLife.settings = hypothesis_settings(max_examples=30, stateful_step_count=10, deadline=None)
