"""A signature that turns out to be under a mandate that had ended: who else signs, and who signs again."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from services.agreements.agreement import Agreement
from services.agreements.errors import AlreadySigned
from services.agreements.signatures import Given, RequestState
from services.agreements.tests.builders import end_mandate, mandate
from services.agreements.tests.test_mandate_races import held, take
from services.agreements.tests.test_scan_offers import (
    KINDS_OF_FILE,
    File,
    accept,
    offered,
    read,
    scanned,
    signed_by_others,
)
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Database
from shared.ids import new_id


async def sign(database: Database, file: File) -> File:
    """The association's president signs."""
    async with database.transaction(NATIONAL) as tx:
        await take(tx, await read(database, file), "sign")
    signed: File = await read(database, file)
    return signed


async def end(database: Database, file: File) -> None:
    """The mandate turns out to have ended before today, and its holder is given another."""
    await end_mandate(database, await held(database, file), on=today())
    async with database.transaction(NATIONAL) as tx:
        tx.add(mandate(file.parties[1].organisation_id, id=new_id()))


async def contested(database: Database, kind: str) -> File:
    """A file that the association alone has signed, which is contested."""
    file = await sign(database, await offered(database, kind))
    await end(database, file)
    told: File = await read(database, file)
    assert [each.contested for each in told.signatures] == [today()]
    return told


def of(file: File, party_id: UUID) -> Sequence[Given]:
    """What a party signed."""
    return [each for each in file.signatures if each.party_id == party_id]


@KINDS_OF_FILE
@pytest.mark.parametrize("on_paper", [False, True], ids=["again", "on paper"])
async def test_while_others_sign_a_contested_signature_completes_nothing_and_is_given_again(
    database: Database, kind: str, on_paper: bool
) -> None:
    file = await contested(database, kind)
    ours = file.parties[1]
    assert ours in file.signing_order.may_sign_now and ours in file.to_remind
    await signed_by_others(database, file)
    waiting = await read(database, file)
    assert waiting.being_signed and [*waiting.signing_order.awaited] == [ours]
    if on_paper:
        await scanned(database, waiting)
        done = await accept(database, waiting)
    else:
        done = await sign(database, waiting)
    assert not done.being_signed and done.signing_order.complete
    (given,) = of(done, ours.party_id)
    assert given.contested is None and (given.level == "handwritten_scan") == on_paper
    assert len(done.signatures) == 3


@KINDS_OF_FILE
async def test_a_signature_that_holds_is_given_once(database: Database, kind: str) -> None:
    file = await contested(database, kind)
    again = await sign(database, file)
    assert [each.contested for each in again.signatures] == [None]
    with pytest.raises(AlreadySigned):
        await sign(database, again)


@KINDS_OF_FILE
async def test_what_everybody_has_signed_stays_signed_when_a_signature_is_contested(
    database: Database, kind: str
) -> None:
    file = await sign(database, await offered(database, kind))
    await signed_by_others(database, file)
    signed = await read(database, file)
    await end(database, signed)
    told = await read(database, signed)
    assert told.state == signed.state and told.signing_order.complete
    assert [each.contested for each in of(told, file.parties[1].party_id)] == [today()]


async def test_whose_signature_is_contested_is_asked_again(database: Database) -> None:
    agreement = await contested(database, "agreement")
    assert isinstance(agreement, Agreement)
    ours = agreement.parties[1].party_id
    assert agreement.request(ours).state is RequestState.requested and agreement.counted == set()
    again = await sign(database, agreement)
    assert isinstance(again, Agreement)
    assert again.request(ours).state is RequestState.signed and again.counted == {ours}
