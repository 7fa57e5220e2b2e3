"""What time does, however often it is asked."""

from collections.abc import Callable
from datetime import date, timedelta
from importlib import import_module

import pytest
from sqlalchemy import cast, func, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import select

from services.agreements import commands, schedule
from services.agreements.agreement import Agreement, AgreementState
from services.agreements.agreement.edition import Edition, EditionState
from services.agreements.tables import AGREEMENTS, CENTER_DAYS, CenterFactRow, ObligationRow, SignatureBatchRow
from services.agreements.terms import Fulfilling, Recurrence
from services.agreements.tests.builders import (
    MINISTRY,
    approved,
    attached,
    batch_of,
    bound,
    current,
    director,
    operator_of,
    owing,
    president,
    sign_for,
    suspend,
)
from services.agreements.tests.dying import killed_at
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.territory import MINISTRY_ID

OUTLASTED = import_module("services.agreements.migrations.versions.0030_outlasted").OUTLASTED


async def state_of(database: Database, id: object) -> AgreementState:
    """Where the agreement stands."""
    return (await read(database, id)).state


async def read(database: Database, id: object) -> Agreement:
    """The agreement."""
    async with database.transaction(NATIONAL) as tx:
        return await AGREEMENTS.read(tx, id)  # type: ignore[arg-type]


async def test_a_signed_agreement_comes_into_force_on_its_start_date(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await approved(database)
    for each in agreement.parties:
        await sign_for(database, agreement, each.organisation_id)
    await schedule.bring_into_force(database)
    assert await state_of(database, agreement.id) == AgreementState.signed
    monkeypatch.setattr(schedule, "today", lambda: agreement.effective_from)
    await schedule.bring_into_force(database)
    await schedule.bring_into_force(database)
    assert await state_of(database, agreement.id) == AgreementState.in_force


async def test_one_agreement_in_trouble_keeps_no_other_waiting(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, other = await bound(database), await bound(database)
    async with database.transaction(NATIONAL) as tx:
        row = AGREEMENTS.table
        gone = func.jsonb_set(row.c.state, text("'{agreement_kind}'"), text("'\"a-kind-that-is-gone\"'"))
        await tx.execute(update(row).where(row.c.id == broken.id).values(state=gone))
    monkeypatch.setattr(schedule, "today", lambda: other.effective_until + timedelta(days=1))
    await schedule.let_time_pass(database)
    await schedule.expire(database)
    assert await state_of(database, other.id) == AgreementState.expired


async def test_an_agreement_is_in_force_at_once_when_it_starts_today(database: Database) -> None:
    agreement = await bound(database, current(effective_from=today()))
    assert agreement.state == AgreementState.in_force


async def test_an_agreement_expires_the_day_after_its_last(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    agreement = await bound(database)
    monkeypatch.setattr(schedule, "today", lambda: agreement.effective_until)
    await schedule.expire(database)
    assert await state_of(database, agreement.id) == AgreementState.in_force
    monkeypatch.setattr(schedule, "today", lambda: agreement.effective_until + timedelta(days=1))
    await schedule.expire(database)
    await schedule.expire(database)
    assert await state_of(database, agreement.id) == AgreementState.expired


async def test_the_schedule_finishes_what_a_crashed_batch_left(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await approved(database)
    party = next(each for each in agreement.parties if each.organisation_id == MINISTRY_ID)
    request = commands.SignatureRequest(
        agreement_id=agreement.id, party_id=party.party_id, text_hash=agreement.text_hash or ""
    )
    gone = request.model_copy(update={"agreement_id": new_id()})
    await commands.sign_batch(database, [gone, request], by=MINISTRY)
    await schedule.resume_batches(database)
    assert await state_of(database, agreement.id) == AgreementState.ready_to_sign, "the request is still at it"
    monkeypatch.setattr(schedule, "LEFT_BEHIND", timedelta(seconds=-1))
    await schedule.resume_batches(database)
    await schedule.resume_batches(database)
    assert await state_of(database, agreement.id) == AgreementState.partially_signed


async def test_a_batch_whose_process_is_killed_is_finished_though_nobody_asks_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreements = [await approved(database) for _ in range(3)]
    batch = await batch_of(database, agreements)
    await killed_at("batch.signed-one", database=database, batch=str(batch.id))
    given = [len((await read(database, each.id)).signatures) for each in agreements]
    assert given == [1, 0, 0], "killed after the first one"
    monkeypatch.setattr(schedule, "LEFT_BEHIND", timedelta(seconds=-1))
    await schedule.resume_batches(database)
    await schedule.resume_batches(database)
    assert [len((await read(database, each.id)).signatures) for each in agreements] == [1, 1, 1]
    async with database.transaction(NATIONAL) as tx:
        signed = text("select count(*) from journal where type = 'ma.mithaq.agreement.party_signed.v1'")
        assert (await tx.execute(signed)).scalar_one() == len(agreements)
        left = (await tx.exec(select(SignatureBatchRow))).one()
    assert left.finished_at and [each["outcome"] for each in left.items] == ["signed"] * 3


async def test_obligations_fall_due_and_editions_open_on_their_day(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await bound(database, owing(current(), {}))
    for _ in range(2):
        await schedule.let_time_pass(database)
    assert (await read(database, agreement.id)).obligations[0].state == "pending", "it starts tomorrow"
    day = agreement.effective_from + timedelta(days=30)
    monkeypatch.setattr(schedule, "today", lambda: day)
    for _ in range(2):
        await schedule.let_time_pass(database)
    found = await read(database, agreement.id)
    assert [each.state.value for each in found.obligations] == ["due"]
    assert [each.state.value for each in found.editions] == ["running"]
    async with database.transaction(NATIONAL) as tx:
        told = [row.type.split(".")[3] for row in await AGREEMENTS.history(tx, agreement.id)]
        (row,) = (await tx.exec(select(ObligationRow))).all()
    assert told[-3:] == ["edition_opened", "obligation_fell_due", "obligation_reminded"], "once, however often asked"
    assert row.state == "due"


async def test_what_outlasted_its_last_edition_by_older_rules_is_looked_at_and_ends(
    database: Database, database_url: Callable[[str], str]
) -> None:
    old, other = [await bound(database, current(effective_from=today() - timedelta(days=9))) for _ in range(2)]
    await schedule.let_time_pass(database)
    ended = old.editions[0].model_copy(update={"ends_on": today() - timedelta(days=1), "state": EditionState.closed})
    row, owner = AGREEMENTS.table, Database(database_url("agreements"), role=None)
    try:
        async with owner.transaction(NATIONAL) as tx:
            state = func.jsonb_set(row.c.state, text("'{editions}'"), cast([ended.model_dump(mode="json")], JSONB))
            await tx.execute(update(row).where(row.c.id == old.id).values(state=state, next_on=None))
            waits = (await tx.execute(select(row.c.next_on).where(row.c.id == other.id))).scalar_one()
        await schedule.let_time_pass(database)
        assert await state_of(database, old.id) == AgreementState.in_force, "no day is known on which it would end"
        async with owner.transaction(NATIONAL) as tx:
            await tx.execute(OUTLASTED, {"today": today()})
            assert (await tx.execute(select(row.c.next_on).where(row.c.id == other.id))).scalar_one() == waits
    finally:
        await owner.dispose()
    await schedule.let_time_pass(database)
    assert await state_of(database, old.id) == AgreementState.expired
    assert await state_of(database, other.id) == AgreementState.in_force


async def test_only_agreements_with_something_to_come_are_looked_at(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await bound(database)
    looked: list[object] = []

    async def look(_: Database, id: object, **__: object) -> None:
        looked.append(id)

    monkeypatch.setattr(commands, "let_time_pass", look)
    await schedule.let_time_pass(database)
    assert looked == []
    monkeypatch.setattr(schedule, "today", lambda: agreement.effective_from)
    await schedule.let_time_pass(database)
    assert looked == [agreement.id]


@pytest.mark.parametrize(("what", "column"), CENTER_DAYS.items(), ids=CENTER_DAYS)
async def test_what_a_center_did_before_the_agreement_was_in_force_fulfils_its_obligation(
    database: Database, what: Fulfilling, column: str
) -> None:
    terms = current(effective_from=today())
    center = terms.centers[0]
    opened = CenterFactRow(
        id=center.center_id,
        agreement_id=new_id(),
        academy="MA-06",
        province=center.province,
        state="opened",
        funded_seats=1,
        unfunded_seats=0,
        **{column: today()},
    )
    async with database.transaction(NATIONAL) as tx:
        tx.add(opened)
    duties = [{"fulfilled_by": each, "center_id": center.center_id} for each in CENTER_DAYS]
    agreement = await bound(database, owing(terms, *duties))
    for _ in range(2):
        await schedule.note_open_centers(database)
    found = (await read(database, agreement.id)).obligations
    states = {duty.fulfilled_by: each.state for duty, each in zip(agreement.duties, found, strict=True)}
    assert states == dict.fromkeys(CENTER_DAYS, "pending") | {what: "fulfilled"}


@pytest.mark.parametrize(
    ("within", "day"),
    [
        (False, lambda edition: edition.starts_on - timedelta(days=1)),
        (True, lambda edition: edition.starts_on),
        (True, lambda edition: edition.ends_on),
        (False, lambda edition: edition.ends_on + timedelta(days=1)),
    ],
    ids=["before it", "its first day", "its last day", "after it"],
)
async def test_an_agreement_is_locked_only_for_seats_filled_in_the_edition_of_its_obligation(
    database: Database, monkeypatch: pytest.MonkeyPatch, within: bool, day: Callable[[Edition], date]
) -> None:
    terms = current()
    center_id = terms.centers[0].center_id
    agreement = await bound(database, owing(terms, {"fulfilled_by": "center_filled", "center_id": center_id}))
    (edition,) = agreement.editions
    await fill_seats(database, agreement, on=day(edition))
    assert await followed(database, monkeypatch) == [agreement.id] * within


@pytest.mark.parametrize("state", ["opened", "suspended", "handing_over", "closed", "abandoned"])
async def test_an_agreement_is_locked_for_a_center_that_stays_open_once_a_period_begins_and_for_no_closed_one(
    database: Database, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    terms = current(effective_from=today())
    center = terms.centers[0]
    monthly = Recurrence(first_due_on=today() + timedelta(days=10), every_months=1)
    waiting = {"fulfilled_by": "center_opened", "center_id": center.center_id, "recurrence": monthly}
    agreement = await bound(database, owing(terms, waiting))
    await open_center(database, agreement, on=today())
    await schedule.note_open_centers(database)
    assert [each.state.value for each in (await read(database, agreement.id)).obligations] == ["fulfilled", "pending"]
    assert await followed(database, monkeypatch) == [], "the next period is to come"
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(update(CenterFactRow).values(state=state))
    monkeypatch.setattr(schedule, "today", lambda: today() + timedelta(days=11))
    lasts = state in ("opened", "suspended")
    assert await followed(database, monkeypatch) == [agreement.id] * lasts
    await schedule.note_open_centers(database)
    _, following = (await read(database, agreement.id)).obligations[:2]
    assert following.settled_on == (today() + timedelta(days=11) if lasts else None)
    assert await followed(database, monkeypatch) == []


async def test_an_agreement_at_rest_is_locked_for_nothing_that_its_centers_do(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was claimed before is not frozen: it stays open while the agreement rests."""
    terms = current(effective_from=today())
    center_id = terms.centers[0].center_id
    agreement = await bound(database, owing(terms, {"fulfilled_by": "center_filled", "center_id": center_id}))
    named = agreement.duties[0].obligation_id
    operator = president(operator_of(agreement))
    await commands.claim_obligation(database, agreement.id, named, evidence="(fictif)", by=operator)
    await fill_seats(database, agreement, on=today())
    agreement = await suspend(database, await attached(database, agreement, "suspension_decision"))
    assert [each.state.value for each in agreement.obligations] == ["claimed"]
    assert await followed(database, monkeypatch) == []
    await commands.resume_agreement(database, agreement.id, reason="(fictif)", by=director())
    assert await followed(database, monkeypatch) == [agreement.id]


async def fill_seats(database: Database, agreement: Agreement, *, on: date) -> None:
    """All seats of the agreement's center are taken since a day."""
    await know_center(database, agreement, filled_on=on)


async def open_center(database: Database, agreement: Agreement, *, on: date) -> None:
    """The agreement's center is open since a day."""
    await know_center(database, agreement, opened_on=on)


async def know_center(database: Database, agreement: Agreement, **days: date) -> None:
    """What is known of the agreement's center."""
    (center,) = agreement.centers
    known = CenterFactRow(
        id=center.center_id,
        agreement_id=agreement.id,
        academy="MA-06",
        province=center.province,
        state="opened",
        funded_seats=1,
        unfunded_seats=0,
        **days,
    )
    async with database.transaction(NATIONAL) as tx:
        tx.add(known)


async def followed(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The agreements that the schedule locks for what their centers did."""
    looked: list[object] = []

    async def look(_: Database, id: object, __: object, **___: object) -> None:
        looked.append(id)

    with monkeypatch.context() as patched:
        patched.setattr(commands, "follow_center", look)
        await schedule.note_open_centers(database)
    return looked


async def test_an_agreement_whose_renewal_lapsed_expires(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    agreement = await bound(database)
    end = agreement.editions[0].ends_on
    for day in (end, end + timedelta(days=1)):
        monkeypatch.setattr(schedule, "today", lambda day=day: day)
        await schedule.let_time_pass(database)
        await schedule.expire(database)
    assert await state_of(database, agreement.id) == AgreementState.expired
