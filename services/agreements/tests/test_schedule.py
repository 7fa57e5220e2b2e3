"""What time does, however often it is asked."""

from datetime import timedelta

import pytest

from services.agreements import commands, schedule
from services.agreements.agreement import AgreementState
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.builders import MINISTRY, approved, bound, current, sign_for
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.territory import MINISTRY_ID


async def state_of(database: Database, id: object) -> AgreementState:
    """Where the agreement stands."""
    async with database.transaction(NATIONAL) as tx:
        return (await AGREEMENTS.read(tx, id)).state  # type: ignore[arg-type]


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
