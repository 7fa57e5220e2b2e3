"""A mandate's end becomes known while somebody signs under it: whoever comes later knows of the other."""

import asyncio
from collections.abc import Awaitable
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from services.agreements import commands
from services.agreements.amendment import Amendment
from services.agreements.errors import MandateNotValid
from services.agreements.signatures import Mandated
from services.agreements.tables import AGREEMENTS, MandateRow
from services.agreements.tests.builders import (
    LEGAL,
    end_mandate,
    mandate,
    officer,
    outcome_of,
    president,
    somebody_waits,
)
from services.agreements.tests.test_scan_offers import KINDS_OF_FILE, File, offered, paper_of, read, scanned
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Database, Transaction
from shared.ids import new_id
from shared.messaging.retrying import passes_by_itself

STEPS = pytest.mark.parametrize("step", ["sign", "scan", "accept"])


async def ready(database: Database, kind: str, step: str) -> File:
    """A file under which the association is to take the step; its scan names another mandate than it will rest on."""
    file = await offered(database, kind)
    if step == "accept":
        await scanned(database, file)
        await end_mandate(database, await held(database, file), on=today())
        async with database.transaction(NATIONAL) as tx:
            tx.add(mandate(file.parties[1].organisation_id, id=new_id()))
    return file


async def held(database: Database, file: File) -> UUID:
    """The mandate that the association's president holds today."""
    organisation = file.parties[1].organisation_id
    query = select(MandateRow.id).where(
        col(MandateRow.organisation_id) == organisation,
        col(MandateRow.person) == president(organisation).person,
        col(MandateRow.valid_until) >= today(),
    )
    async with database.transaction(NATIONAL) as tx:
        return (await tx.exec(query)).one()


async def take(tx: Transaction, file: File, step: str) -> File:
    """The association signs, signs on paper, or has its scan checked."""
    amended, party = isinstance(file, Amendment), file.parties[1]
    text = {"content_hash": file.content_hash} if isinstance(file, Amendment) else {"text_hash": file.text_hash}
    head = president(party.organisation_id)
    command, told = {
        "sign": ("sign_amendment" if amended else "sign_agreement", text | {"by": head}),
        "scan": (
            "record_amendment_scan" if amended else "record_scan",
            text
            | {"person": head.person, "file_hash": await paper_of(tx, file), "signed_on": today(), "by": officer()},
        ),
        "accept": ("accept_amendment_scan" if amended else "accept_scan", {"by": LEGAL}),
    }[step]
    taken: File = await getattr(commands, command)(tx, file.id, party_id=party.party_id, **told)
    return taken


def given(file: File) -> Mandated:
    """What of the file rests on the association's mandate: its signature, or its scan that waits."""
    party_id = file.parties[1].party_id
    return next((each for each in file.signatures if each.party_id == party_id), None) or file.scans[party_id]


@STEPS
@KINDS_OF_FILE
async def test_an_end_that_comes_while_somebody_signs_waits_and_contests_the_signature(
    database: Database, kind: str, step: str
) -> None:
    file = await ready(database, kind, step)
    mandate_id = await held(database, file)
    async with database.transaction(NATIONAL) as tx:
        assert given(await take(tx, file, step)).mandate_id == mandate_id
        ending = asyncio.create_task(end_mandate(database, mandate_id, on=today()))
        await somebody_waits(database)
        assert not ending.done()
    await ending
    assert given(await read(database, file)).contested == today()


@STEPS
@KINDS_OF_FILE
async def test_a_signature_that_comes_while_the_end_is_noted_waits_and_is_refused(
    database: Database, kind: str, step: str
) -> None:
    file = await ready(database, kind, step)

    async def alone() -> None:
        async with database.transaction(NATIONAL) as tx:
            await take(tx, file, step)

    async with database.transaction(NATIONAL) as tx:
        await end_mandate(tx, await held(database, file), on=today())
        signing = asyncio.create_task(outcome_of(alone()))
        await somebody_waits(database)
        assert not signing.done()
    assert await signing is MandateNotValid
    assert (await read(database, file)).signatures == ()


async def test_where_both_wait_for_one_another_one_is_ended_and_tried_again(database: Database) -> None:
    file = await offered(database, "agreement")
    await scanned(database, file)
    mandate_id = await held(database, file)

    async def failure_of(work: Awaitable[None]) -> DBAPIError | None:
        try:
            await work
        except DBAPIError as error:
            return error
        return None

    async def accept() -> None:
        async with database.transaction(NATIONAL) as tx:
            await AGREEMENTS.load(tx, file.id)
            holding.set()
            await somebody_waits(database)
            await take(tx, file, "accept")

    holding = asyncio.Event()
    accepting = asyncio.create_task(failure_of(accept()))
    await holding.wait()
    ended = await failure_of(end_mandate(database, mandate_id, on=today()))
    (failure,) = (each for each in (ended, await accepting) if each)
    assert passes_by_itself(failure)
    await end_mandate(database, mandate_id, on=today())
    assert given(await read(database, file)).contested == today()
