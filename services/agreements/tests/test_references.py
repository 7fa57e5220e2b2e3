"""References: one series per academy and year, without a gap and without a twin, whatever happens to the freezings."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.tests.builders import LEGAL, accept_for_all, clauses, current, know, officer, outcome_of
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Database
from shared.refusals import NotAllowedNow

MANY = 50
REFERENCES = text("select reference from agreement where reference is not null order by reference")


class Disaster(Exception):
    """What keeps a transaction from committing."""


async def files(database: Database, number: int) -> list[Agreement]:
    """That many files of one academy in legal review."""
    terms, slots = current(), asyncio.Semaphore(6)
    await know(database, terms)

    async def one() -> Agreement:
        async with slots:
            draft = await commands.draft_agreement(database, terms, clauses=clauses(), by=officer())
            await commands.open_negotiation(database, draft.id, by=officer())
            await accept_for_all(database, draft)
            return await commands.submit_for_review(database, draft.id, by=officer())

    return await asyncio.gather(*(one() for _ in range(number)))


async def references(database: Database) -> list[str]:
    """Every reference that was given."""
    async with database.transaction(NATIONAL) as tx:
        return list((await tx.execute(REFERENCES)).scalars())


def series(last: int) -> list[str]:
    """The references from the first on."""
    return [f"AREF-06/{today().year}-{number:04}" for number in range(1, last + 1)]


async def test_fifty_freezings_at_once_leave_no_gap_though_some_are_undone(database: Database) -> None:
    waiting = await files(database, MANY)

    async def freeze(file: Agreement) -> None:
        await commands.approve_agreement(database, file.id, by=LEGAL)

    async def freeze_in_vain(file: Agreement) -> None:
        async with database.transaction(NATIONAL) as tx:
            frozen = await commands.approve_agreement(tx, file.id, by=LEGAL)
            assert frozen.reference, "it had a number"
            raise Disaster

    work = [asyncio.create_task((freeze_in_vain if n % 5 == 0 else freeze)(file)) for n, file in enumerate(waiting)]
    # By then some are through, some under way, and those behind them wait for a connection.
    await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    gone = [task for n, task in enumerate(work) if n % 7 == 3 and task.cancel()]
    done = await asyncio.gather(*work, return_exceptions=True)
    assert {type(each) for each in done} <= {type(None), Disaster, asyncio.CancelledError}
    assert gone, "the client was too late to give up"

    given = await references(database)
    assert 0 < len(given) < MANY and given == series(len(given))
    again = [outcome_of(commands.approve_agreement(database, file.id, by=LEGAL)) for file in waiting]
    assert {type(each) for each in await asyncio.gather(*again)} == {Agreement, type}, "frozen once each"
    assert await references(database) == series(MANY)


async def test_a_number_is_not_given_again_after_a_cancellation(database: Database) -> None:
    first, second = await files(database, 2)
    frozen = await commands.approve_agreement(database, first.id, by=LEGAL)
    await commands.cancel_agreement(database, first.id, reason="(fictif)", by=officer())
    assert await outcome_of(commands.approve_agreement(database, first.id, by=LEGAL)) is NotAllowedNow
    following = await commands.approve_agreement(database, second.id, by=LEGAL)
    assert [frozen.reference, following.reference] == series(2)


async def test_the_database_itself_keeps_references_apart(database: Database) -> None:
    one, other = await files(database, 2)
    await commands.approve_agreement(database, one.id, by=LEGAL)
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text("update reference_counter set last = 0"))
    with pytest.raises(IntegrityError):
        await commands.approve_agreement(database, other.id, by=LEGAL)
    assert await references(database) == series(1)
