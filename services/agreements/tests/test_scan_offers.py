"""Who sees to signatures on paper is told what the commands would say: standing, mandate, ceremony, parent."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.errors import AssociationNotAccredited, MandateNotValid
from services.agreements.errors.signing import SignedBeforeText
from services.agreements.permissions import PERMISSIONS
from services.agreements.tests import branches
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    approved,
    attached,
    bound,
    current,
    director,
    end_mandate,
    fill,
    following,
    framework,
    mandate,
    officer,
    operator_of,
    person,
    plan,
    president,
    sign_for,
    signer,
    stand,
    suspend,
)
from services.agreements.tests.test_amendment_scans import scan as scan_amendment
from services.agreements.tests.test_offers import refusal_of
from shared.actor import NATIONAL, Actor, Role
from shared.clock import now, today
from shared.database import Database, Transaction
from shared.ids import new_id
from shared.web import available_actions

DAY = timedelta(days=1)
DEPUTY = person("deputy", Role.academy_director, "MA-06")
"""Somebody else with a mandate for every party: nobody attests their own signature."""
File = Agreement | Amendment
STEPS = {
    Agreement: ("record_scan", "accept_scan", "return_scan"),
    Amendment: ("record_amendment_scan", "accept_amendment_scan", "return_amendment_scan"),
}
LOCKED = text("select relation::regclass from pg_locks where pid = pg_backend_pid() and mode = 'RowShareLock'")


async def as_told(tx: Transaction, file: File, by: Actor) -> File:
    """The file as somebody reads it."""
    if isinstance(file, Amendment):
        return await queries.amendment(tx, file.id, by=by)
    return await queries.agreement(tx, file.id, action="read_agreement", by=by)


async def paper_of(tx: Transaction, file: File) -> str:
    """A document that serves as a scan."""
    agreement = await queries.agreement(tx, _agreement_id(file), action="read_agreement", by=LEGAL)
    return agreement.documents[-1].hash


async def reasons(database: Database, file: File, by: Actor, *, ceremony_id: UUID | None = None) -> dict[str, str]:
    """Step -> why somebody may not take it, as they are told.

    Who is told nothing is refused for no party that is open; who is told why is refused for every party, and for that.
    """
    record, accept, send_back = STEPS[type(file)]
    of_text = {"text_hash": file.text_hash} if isinstance(file, Agreement) else {"content_hash": file.content_hash}
    why: dict[str, str] = {}
    async with database.transaction(by.scope) as tx:
        it = await as_told(tx, file, by)
        brought: dict[str, Any] = of_text | {"file_hash": await paper_of(tx, file), "signed_on": today()}
        brought |= {"ceremony_id": ceremony_id} if ceremony_id else {}

        def attempts(step: str, party_id: UUID, organisation: UUID) -> Callable[..., Awaitable[object]]:
            signed_by = DEPUTY if by == signer(organisation) else signer(organisation)
            more = {record: brought | {"person": signed_by.person}, accept: {}, send_back: {"reason": "r"}}
            return lambda *_: getattr(commands, step)(tx, it.id, party_id=party_id, **more[step], by=by)

        for step in (record, accept, send_back):
            told = PERMISSIONS.refusal_of(by, step, it) or it.refusal_of(step)
            met = {
                each.party_id: await refusal_of(tx, attempts(step, each.party_id, each.organisation_id), it, by)  # type: ignore[arg-type]
                for each in it.parties
            }
            assert (told is None) == (None in met.values()), (step, told, met)
            assert (step in available_actions(by, it, PERMISSIONS)) == (told is None)
            if told:
                why[step] = told.slug
                assert told.slug in {each.slug for each in met.values() if each}, (step, told, met)
            for party_id, refusal in met.items() if step == record else ():
                of_party = it.party_refusal(step, party_id)
                assert (of_party is None) == (refusal is None), (party_id, of_party, refusal)
                if of_party and refusal and it.party(party_id) in it.signing_order.awaited and party_id not in it.scans:
                    assert of_party.slug == refusal.slug, party_id
    return why


def _agreement_id(file: File) -> UUID:
    return file.agreement_id if isinstance(file, Amendment) else file.id


async def offered(database: Database, kind: str) -> File:
    """A file that all three parties are to sign, frozen yesterday, with a paper that serves as a scan."""
    yesterday = now() - DAY
    starts = today() - 40 * DAY if kind == "amendment" else today() + DAY
    terms = current(effective_from=starts)
    agreement = await (bound(database, terms) if kind == "amendment" else approved(database, terms, at=yesterday))
    agreement = await attached(database, agreement, "signed_copy")
    async with database.transaction(NATIONAL) as tx:
        tx.add_all(mandate(each.organisation_id, DEPUTY) for each in agreement.parties)
    if kind == "agreement":
        return agreement
    proposed = await branches.reword(database, await branches.propose(database, agreement), "article-1", "Un")
    return await branches.agree(database, proposed, at=yesterday)


async def read(database: Database, file: File) -> Any:
    """The file as it is."""
    if isinstance(file, Amendment):
        return await branches.reread(database, file)
    return await branches.read(database, file.id)


async def scanned(database: Database, file: File, **changes: Any) -> Any:
    """The association's president has signed on paper, as the officer attests."""
    party = file.parties[1]
    if isinstance(file, Amendment):
        return await scan_amendment(database, file, party.party_id, **changes)
    brought: dict[str, Any] = {
        "party_id": party.party_id,
        "text_hash": file.text_hash,
        "person": president(party.organisation_id).person,
        "file_hash": file.documents[-1].hash,
        "signed_on": today(),
        "by": officer(),
    }
    return await commands.record_scan(database, file.id, **(brought | changes))


async def accept(database: Database, file: File, *, by: Actor = LEGAL) -> Any:
    """Somebody has checked the association's scan."""
    command = commands.accept_amendment_scan if isinstance(file, Amendment) else commands.accept_scan
    return await command(database, file.id, party_id=file.parties[1].party_id, by=by)


async def signed_by_others(database: Database, file: File) -> None:
    """All but the association have signed."""
    for each in (file.parties[0], file.parties[2]):
        if isinstance(file, Amendment):
            await branches.sign_for(database, file, each.party_id)
        else:
            await sign_for(database, file, each.organisation_id)


KINDS_OF_FILE = pytest.mark.parametrize("kind", ["agreement", "amendment"])


@KINDS_OF_FILE
async def test_what_is_offered_of_signatures_on_paper_is_what_is_accepted(database: Database, kind: str) -> None:
    file = await offered(database, kind)
    record, accepting, returning = STEPS[type(file)]
    keepers = (officer(), director(), LEGAL, MINISTRY)
    for by in keepers:
        assert await reasons(database, file, by) == dict.fromkeys((accepting, returning), "no-scan-to-check")
    operator = file.parties[1].organisation_id
    await stand(database, operator, "suspended")
    assert record not in await reasons(database, file, officer()), "others may sign on paper"
    await stand(database, operator, "accredited")
    await scanned(database, file)
    assert await reasons(database, file, officer()) == dict.fromkeys((accepting, returning), "checked-by-another")
    assert await reasons(database, file, LEGAL) == {}
    await stand(database, operator, "suspended")
    for by in (director(), LEGAL):
        assert await reasons(database, file, by) == {accepting: "association-not-accredited"}
    await stand(database, operator, "accredited")
    await signed_by_others(database, file)
    assert await reasons(database, file, LEGAL) == {record: "scan-to-be-checked"}


@KINDS_OF_FILE
async def test_for_a_suspended_association_alone_no_signature_on_paper_is_taken_down(
    database: Database, kind: str
) -> None:
    file = await offered(database, kind)
    record, *checks = STEPS[type(file)]
    await signed_by_others(database, file)
    none = dict.fromkeys(checks, "no-scan-to-check")
    assert await reasons(database, file, officer()) == none
    await stand(database, file.parties[1].organisation_id, "suspended")
    for by in (officer(), LEGAL):
        assert await reasons(database, file, by) == none | {record: "association-not-accredited"}
    with pytest.raises(AssociationNotAccredited):
        await scanned(database, await read(database, file))


@KINDS_OF_FILE
async def test_a_mandate_whose_end_is_known_before_the_check_keeps_the_scan_from_counting(
    database: Database, kind: str
) -> None:
    file = await offered(database, kind)
    _, accepting, _ = STEPS[type(file)]
    waiting = await scanned(database, file, signed_on=today() - DAY)
    (scan,) = waiting.scans.values()
    await end_mandate(database, scan.mandate_id, on=today())
    assert (await read(database, file)).scans == waiting.scans, "it held on the day on the paper"
    assert await reasons(database, file, LEGAL) == {}
    await end_mandate(database, scan.mandate_id, on=today() - DAY)
    (scan,) = (await read(database, file)).scans.values()
    assert scan.contested == today() - DAY, "who reads the file sees it"
    for by in (director(), LEGAL):
        assert await reasons(database, file, by) == {accepting: "mandate-not-valid"}
    with pytest.raises(MandateNotValid):
        await accept(database, file)


@KINDS_OF_FILE
async def test_a_signature_on_paper_is_not_older_than_the_text(database: Database, kind: str) -> None:
    file = await offered(database, kind)
    with pytest.raises(SignedBeforeText) as refused:
        await scanned(database, file, signed_on=today() - 2 * DAY)
    assert refused.value.values == {"signed_on": today() - 2 * DAY, "frozen_on": today() - DAY}
    assert [*(await scanned(database, file, signed_on=today() - DAY)).scans]


@KINDS_OF_FILE
async def test_a_contested_scan_counts_under_another_mandate_of_that_day(database: Database, kind: str) -> None:
    file = await offered(database, kind)
    (scan,) = (await scanned(database, file)).scans.values()
    await end_mandate(database, scan.mandate_id, on=today())
    other = mandate(file.parties[1].organisation_id)
    async with database.transaction(NATIONAL) as tx:
        tx.add(other)
        held = other.id
    assert await reasons(database, file, LEGAL) == {}
    given = (await accept(database, file)).signatures[-1]
    assert (given.mandate_id, given.contested) == (held, None)
    await end_mandate(database, held, on=today())
    assert (await read(database, file)).signatures[-1].contested == today()


@KINDS_OF_FILE
async def test_a_contested_scan_is_returned_and_the_party_signs_again(database: Database, kind: str) -> None:
    file = await offered(database, kind)
    (scan,) = (await scanned(database, file)).scans.values()
    await end_mandate(database, scan.mandate_id, on=today())
    async with database.transaction(NATIONAL) as tx:
        tx.add(mandate(file.parties[1].organisation_id, director(), id=new_id()))
    party_id = file.parties[1].party_id
    command = commands.return_amendment_scan if isinstance(file, Amendment) else commands.return_scan
    await command(database, file.id, party_id=party_id, reason="(fictif) mandat fini", by=LEGAL)
    (again,) = (await scanned(database, await read(database, file), person=director().person)).scans.values()
    assert again.contested is None
    assert (await accept(database, file)).signatures[-1].person == director().person


async def test_in_a_ceremony_under_way_signatures_on_paper_are_taken_down_while_it_is_open(
    database: Database,
) -> None:
    agreement = await attached(database, await approved(database), "signed_copy")
    record, *checks = STEPS[Agreement]
    none = dict.fromkeys(checks, "no-scan-to-check")
    ceremony = await plan(database, agreement.id)
    there = {"ceremony_id": ceremony.id}
    assert await reasons(database, agreement, officer()) == none
    await fill(database, ceremony)
    for by in (officer(), LEGAL):
        assert await reasons(database, agreement, by, **there) == none | {record: "ceremony-not-open"}
    await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    assert await reasons(database, agreement, officer(), **there) == none
    await scanned(database, agreement, ceremony_id=ceremony.id)
    await commands.interrupt_ceremony(database, ceremony.id, reason="panne (fictif)", by=MINISTRY)
    assert await reasons(database, agreement, LEGAL, **there) == {record: "ceremony-not-open"}, "a scan is checked"
    await commands.resume_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    assert await reasons(database, agreement, LEGAL) == {}


async def test_on_paper_too_a_child_waits_for_its_parent(database: Database) -> None:
    parent = await approved(database, framework())
    child = await attached(database, await approved(database, following(parent.id)), "signed_copy")
    record, accepting, returning = STEPS[Agreement]
    none = dict.fromkeys((accepting, returning), "no-scan-to-check")
    for by in (officer(), LEGAL):
        assert await reasons(database, child, by) == none | {record: "parent-not-signed"}
    for each in parent.parties:
        parent = await sign_for(database, parent, each.organisation_id)
    assert await reasons(database, child, officer()) == none
    await scanned(database, child)
    parent = await suspend(database, await attached(database, parent, "suspension_decision"))
    assert parent.announcement
    await commands.let_time_pass(database, parent.id, on=parent.announcement.effective_on)
    assert await reasons(database, child, LEGAL) == dict.fromkeys((record, accepting), "parent-at-rest")


async def test_on_paper_too_an_amendment_waits_while_the_parent_of_its_agreement_rests(database: Database) -> None:
    parent = await attached(database, await bound(database, framework()), "suspension_decision")
    child = await attached(database, await bound(database, following(parent.id)), "signed_copy")
    proposed = await branches.reword(database, await branches.propose(database, child), "article-1", "Un")
    file = await branches.agree(database, proposed)
    record, accepting, returning = STEPS[Amendment]
    none = dict.fromkeys((accepting, returning), "no-scan-to-check")
    assert await reasons(database, file, officer()) == none
    await suspend(database, parent)
    assert await reasons(database, file, officer()) == none | {record: "parent-at-rest"}
    await commands.resume_agreement(database, parent.id, reason="(fictif)", by=MINISTRY)
    await scanned(database, file)
    await suspend(database, await attached(database, parent, "suspension_decision"))
    assert await reasons(database, file, LEGAL) == dict.fromkeys((record, accepting), "parent-at-rest")


async def test_who_reads_of_signatures_on_paper_locks_no_row_and_sees_no_mandate(database: Database) -> None:
    agreement = await attached(database, await approved(database), "signed_copy")
    await scanned(database, agreement)
    async with database.transaction(officer().scope) as tx:
        told = await as_told(tx, agreement, officer())
        assert told.barred("accept_scan", agreement.parties[1].party_id) is None, "its mandate was found"
        assert (await tx.execute(LOCKED)).all() == []
        seen = (await tx.execute(text("select organisation_id from mandate"))).scalars().all()
        assert operator_of(agreement) not in seen
