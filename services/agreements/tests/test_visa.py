"""The visa: what all have signed binds nobody before the visa that its kind asks for is recorded."""

import asyncio
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI, Request
from httpx import AsyncClient
from sqlalchemy import select, text

from services.agreements import commands, queries, schedule
from services.agreements.agreement import Agreement, AgreementState
from services.agreements.agreement.family import Parent
from services.agreements.errors import TermOver
from services.agreements.errors.force import (
    NoVisaNeeded,
    NoVisaRecorded,
    VisaDatedAhead,
    VisaMissing,
    VisaRecordedAlready,
    VisaTookEffect,
)
from services.agreements.errors.signing import FileUnknown
from services.agreements.kinds import KINDS, read_kinds
from services.agreements.schemas.searches import Search
from services.agreements.tables import AGREEMENTS, AMENDMENTS
from services.agreements.terms import Terms
from services.agreements.tests import branches
from services.agreements.tests.builders import (
    AT,
    DECISION,
    MINISTRY,
    approved,
    ask_for_a_visa,
    attached,
    bound,
    change_kind,
    current,
    director,
    in_force,
    network_terms,
    officer,
    outcome_of,
    ready,
    regional,
    sign,
    signed,
    signed_by_all,
    somebody_waits,
    suspend,
)
from services.agreements.tests.test_kinds import CLAUSE, LOCAL
from services.agreements.waiting import awaits_visa
from shared.actor import NATIONAL
from shared.clock import now, today
from shared.database import Database
from shared.events.agreements import (
    AgreementCameIntoForce,
    AgreementExpired,
    AgreementVisaAwaited,
    AgreementVisaWithdrawn,
)
from shared.ids import new_id
from shared.refusals import NotAllowedNow
from shared.web import PageRequest, etag
from tests.fixtures.database import Databases
from tests.fixtures.identity import Issuer
from tests.web.conventions import is_problem
from tests.web.routes import client_of

START = date(2024, 9, 2)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def kind(monkeypatch: pytest.MonkeyPatch) -> str:
    """A kind that asks for a visa; it may follow a framework."""
    kind = ask_for_a_visa(monkeypatch)
    change_kind(monkeypatch, "framework", children=(kind,))
    return kind


def waiting(**changes: Any) -> Agreement:
    """Signed by all some days before its start, without its visa."""
    return signed(regional(agreement_kind="academy-association-visa", **changes))


def record(agreement: Agreement, on: date, **changes: Any) -> Agreement:
    """The visa recorded on a day, granted the day before."""
    given: dict[str, Any] = {"visa_number": "VISA-EXEMPLE-2", "granted_on": on - DAY, "today": on}
    return agreement.evolve(agreement.record_visa(**(given | changes)))


def test_none_of_the_kinds_asks_for_a_visa_unless_its_file_says_so(kind: str, tmp_path: Path) -> None:
    assert [each for each, rules in KINDS.items() if rules.visa] == [kind]
    (tmp_path / "essai").mkdir()
    for key in ("object", "duties"):
        (tmp_path / "essai" / f"{key}.toml").write_text(CLAUSE.format(key=key), "utf-8")
    (tmp_path / "essai.toml").write_text('visa = { ar = "تأشيرة (مثال)", fr = "Visa (exemple)" }\n' + LOCAL, "utf-8")
    visa = read_kinds(tmp_path)["essai"].visa
    assert visa and visa.fr == "Visa (exemple)"


def test_what_needs_a_visa_binds_nobody_before_it_is_recorded() -> None:
    agreement = waiting()
    for day in (START, START + 40 * DAY):
        with pytest.raises(VisaMissing):
            agreement.bring_into_force(day)
    record(agreement, START + 40 * DAY)
    assert (agreement.state, agreement.in_force_on) == (AgreementState.in_force, START + 40 * DAY)
    assert agreement.visa and agreement.visa.granted_on == START + 39 * DAY


def test_the_last_signature_after_the_start_lets_nothing_bind_without_its_visa() -> None:
    begun: Any = {"effective_from": AT.date(), "effective_until": AT.date() + 900 * DAY}
    assert signed(regional(**begun), at=AT + 9 * DAY).state == AgreementState.in_force
    late = signed(regional(agreement_kind="academy-association-visa", **begun), at=AT + 9 * DAY)
    assert late.state == AgreementState.signed


def test_a_visa_before_the_start_leaves_the_start_as_it_is() -> None:
    agreement = record(waiting(), START - DAY)
    assert agreement.state == AgreementState.signed
    assert agreement.bring_into_force(START - DAY) == []
    (bound,) = agreement.bring_into_force(START + 9 * DAY)
    assert isinstance(bound, AgreementCameIntoForce) and bound.in_force_on == START


def test_a_visa_is_recorded_once_and_only_where_it_is_asked_for() -> None:
    with pytest.raises(NoVisaNeeded):
        record(signed(), START)
    with pytest.raises(VisaRecordedAlready):
        record(record(waiting(), START - 2 * DAY), START - DAY)


def test_a_visa_is_recorded_when_it_is_granted_and_before_the_term() -> None:
    agreement = waiting()
    with pytest.raises(VisaDatedAhead):
        record(agreement, START, granted_on=START + DAY)
    with pytest.raises(TermOver):
        record(agreement, agreement.effective_until + DAY)


async def test_a_visa_names_a_file_of_the_agreement(database: Database, kind: str) -> None:
    agreement = await signed_by_all(database, current(agreement_kind=kind))
    given: dict[str, Any] = {"visa_number": "VISA-EXEMPLE-2", "granted_on": today(), "by": officer()}
    with pytest.raises(FileUnknown):
        await commands.record_visa(database, agreement.id, **given, document_hash="ef" * 32)
    hash = (await attached(database, agreement, "annex")).documents[-1].hash
    agreement = await commands.record_visa(database, agreement.id, **given, document_hash=hash)
    assert agreement.visa and agreement.visa.document_hash == hash


def test_a_child_with_its_visa_waits_for_its_parent() -> None:
    parent = in_force(network_terms(agreement_kind="framework", effective_from=START))
    child = record(waiting(parent_id=parent.id), START + 5 * DAY)
    assert child.state == AgreementState.signed
    (bound,) = child.bring_into_force_with(Parent(parent), START + 9 * DAY)
    assert isinstance(bound, AgreementCameIntoForce) and bound.in_force_on == START + 5 * DAY


def test_what_is_to_end_by_the_day_of_its_visa_never_binds() -> None:
    agreement = waiting()
    decision = DECISION | {"notified_on": START, "today": START}
    agreement.evolve(agreement.terminate(**decision))
    assert agreement.announcement
    record(agreement, agreement.announcement.effective_on)
    assert agreement.visa and agreement.state == AgreementState.signed
    ended = agreement.evolve(agreement.pass_time(agreement.effective_until))
    assert ended.state == AgreementState.terminated and ended.in_force_on is None


def test_what_never_bound_ends_with_its_term_and_leaves_nothing_open() -> None:
    agreement = waiting()
    over = agreement.effective_until + DAY
    assert agreement.catch_up(agreement.effective_until) == []
    (expired,) = agreement.catch_up(over)
    assert isinstance(expired, AgreementExpired) and expired.because == "never_bound"
    agreement.evolve([expired])
    assert agreement.state == AgreementState.expired and agreement.in_force_on is None
    assert not agreement.obligations and {each.state for each in agreement.editions} == {"cancelled"}
    assert agreement.refusal_of("close_agreement") is None and agreement.next_on() is None


def test_what_was_to_bind_within_its_term_did_though_nobody_looked_before_its_end() -> None:
    for agreement in (signed(regional()), record(waiting(), START - DAY)):
        bound, *_, expired = agreement.catch_up(agreement.effective_until + 9 * DAY)
        assert isinstance(bound, AgreementCameIntoForce) and bound.in_force_on == START
        assert isinstance(expired, AgreementExpired) and expired.because == "term_over"


def test_a_child_whose_framework_rested_to_its_end_never_bound() -> None:
    parent = in_force(network_terms(agreement_kind="framework", effective_until=date(2028, 8, 31)))
    child = signed(regional(parent_id=parent.id))
    parent.evolve(parent.suspend(scope="money", centers=(), **DECISION, today=START))
    over = child.effective_until + 9 * DAY
    (expired,) = child.catch_up(over, Parent(parent))
    assert isinstance(expired, AgreementExpired) and expired.because == "never_bound"
    parent.evolve(parent.resume(reason="(fictif)", effective_on=over, today=over))
    assert child.catch_up(over, Parent(parent)) == [expired], "it binds from no day after its term"
    assert child.bring_into_force_with(Parent(parent), over) == []


def test_a_child_ends_with_its_parent_and_not_with_its_term_whichever_is_looked_at_first() -> None:
    parent = in_force(network_terms(agreement_kind="framework", effective_until=date(2028, 8, 31)))
    parent.evolve(parent.terminate(**DECISION, today=START + 9 * DAY))
    for child in (waiting(parent_id=parent.id), in_force(regional(parent_id=parent.id))):
        child.evolve(child.catch_up(child.effective_until + DAY, Parent(parent)))
        assert child.state == AgreementState.terminated
        assert child.ending and child.ending.effective_on == START + 9 * DAY


async def test_the_schedule_ends_what_never_bound_and_its_amendments(
    database: Database, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await signed_by_all(database, current(agreement_kind=kind))
    amendment = await branches.propose(database, agreement)
    awaiting = Search(awaits="visa")
    page = PageRequest(cast(Request, None), None, 20)
    for days, state in ((0, "signed"), (1, "expired")):
        monkeypatch.setattr(schedule, "today", lambda days=days: agreement.effective_until + days * DAY)
        await schedule.expire(database)
        found, _ = await queries.agreements(database, awaiting, page=page, by=officer())
        assert [each.state for each in found] == (["signed"] if state == "signed" else [])
        async with database.transaction(NATIONAL) as tx:
            assert (await AGREEMENTS.read(tx, agreement.id)).state == state
    await schedule.apply_amendments(database)
    async with database.transaction(NATIONAL) as tx:
        assert (await AMENDMENTS.read(tx, amendment.id)).state == "withdrawn"


async def test_the_schedule_looks_at_what_waits_for_a_visa_only_once_it_is_recorded(
    database: Database, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await signed_by_all(database, current(agreement_kind=kind))
    without = await signed_by_all(database, current(agreement_kind=kind))
    plain = await signed_by_all(database, current())
    given: dict[str, Any] = {"visa_number": "VISA-EXEMPLE-2", "granted_on": today(), "by": officer()}
    assert (await commands.record_visa(database, agreement.id, **given)).state == AgreementState.signed
    monkeypatch.setattr(schedule, "today", lambda: today() + DAY)
    with monkeypatch.context() as patched:
        looked: list[object] = []

        async def look(_: Database, id: object, **__: object) -> None:
            looked.append(id)

        patched.setattr(commands, "bring_into_force", look)
        await schedule.bring_into_force(database)
    assert looked == sorted([agreement.id, plain.id])
    await schedule.bring_into_force(database)
    async with database.transaction(NATIONAL) as tx:
        found = [await AGREEMENTS.read(tx, each.id) for each in (agreement, without, plain)]
    assert [each.state for each in found] == ["in_force", "signed", "in_force"]
    assert found[0].in_force_on == agreement.effective_from
    with pytest.raises(VisaMissing):
        await commands.bring_into_force(database, without.id, on=today() + DAY)


async def test_what_waits_for_its_visa_says_so_until_it_is_recorded(
    app: FastAPI, database: Database, issuer: Issuer, kind: str
) -> None:
    agreement = await signed_by_all(database, current(agreement_kind=kind, effective_from=today()))
    agreement = await attached(database, agreement, "annex")
    url = f"/api/v1/agreements/{agreement.id}"
    body = {
        "visa_number": "VISA-EXEMPLE-2",
        "granted_on": str(today() - DAY),
        "document_hash": agreement.documents[-1].hash,
    }
    async with client_of(app, issuer.token(officer())) as keeper:
        told = (await keeper.get(url, headers={"Accept-Language": "fr"})).json()
        (why,) = [each for each in told["unavailable_actions"] if each["action"] == "bring_into_force"]
        assert why["type"] == "/problems/visa-missing" and "Visa (exemple)" in why["detail"]
        assert (told["state"], told["visa"]) == ("signed", None) and "record_visa" in told["available_actions"]
        before = now()
        versioned = {"If-Match": etag(agreement.version)}
        is_problem(
            await keeper.post(f"{url}/visa", json=body | {"granted_on": str(today() + DAY)}, headers=versioned),
            422,
            "visa-dated-ahead",
        )
        recorded = await keeper.post(f"{url}/visa", json=body, headers=versioned)
        told = (await keeper.get(url)).json()
        assert recorded.status_code == 200 and told["state"] == "in_force"
        assert told["visa"].pop("recorded_at") and told["visa"] == body | {"recorded_on": str(today())}
        assert "bring_into_force" not in {each["action"] for each in told["unavailable_actions"]}
        past = (await keeper.get(url, params={"as_of": before.isoformat()})).json()
        assert (past["state"], past["visa"]) == ("signed", None), "it binds from its visa on, on the same day"


def test_a_visa_recorded_by_mistake_is_taken_back_before_its_effect_and_recorded_again() -> None:
    agreement = record(waiting(), START - 5 * DAY)
    agreement.evolve(agreement.withdraw_visa(reason="(fictif) mauvais numéro", today=START - DAY))
    assert (agreement.visa, agreement.state) == (None, AgreementState.signed)
    with pytest.raises(VisaMissing):
        agreement.bring_into_force(START)
    with pytest.raises(NoVisaRecorded):
        agreement.withdraw_visa(reason="(fictif)", today=START)
    record(agreement, START + 2 * DAY, visa_number="VISA-EXEMPLE-3")
    assert agreement.visa and agreement.visa.visa_number == "VISA-EXEMPLE-3"
    assert agreement.in_force_on == START + 2 * DAY


def test_a_visa_is_not_taken_back_once_the_agreement_binds_by_it() -> None:
    agreement = record(waiting(), START - 5 * DAY)
    with pytest.raises(VisaTookEffect):
        agreement.withdraw_visa(reason="(fictif)", today=START)
    bound = record(waiting(), START + DAY)
    with pytest.raises(NotAllowedNow):
        bound.withdraw_visa(reason="(fictif)", today=START + DAY)


async def test_a_childs_visa_is_not_taken_back_once_its_parent_lets_it_bind(database: Database, kind: str) -> None:
    days = {"effective_from": today() - 30 * DAY, "effective_until": today() + 1000 * DAY}
    parent = await bound(database, network_terms(agreement_kind="framework", **days))
    given: dict[str, Any] = {"visa_number": "VISA-EXEMPLE-2", "granted_on": today(), "by": officer()}
    for resting in (True, False):
        child = await signed_by_all(database, child_of(parent, kind))
        if resting:
            parent = await suspend(database, parent)
        await commands.record_visa(database, child.id, **given)
        told = await queries.agreement(database, child.id, action="read_agreement", by=officer())
        assert (told.refusal_of("withdraw_visa") is None) is resting
        withdrawal = outcome_of(commands.withdraw_visa(database, child.id, reason="(fictif)", by=officer()))
        assert (await withdrawal is NotAllowedNow) is not resting
        if resting:
            await commands.resume_agreement(database, parent.id, reason="(fictif)", by=MINISTRY)
    await schedule.bring_into_force(database)
    async with database.transaction(NATIONAL) as tx:
        assert (await AGREEMENTS.read(tx, child.id)).in_force_on == today()


async def test_a_visa_that_is_taken_back_while_the_parent_goes_on_again_waits_for_it(
    database: Database, kind: str
) -> None:
    days = {"effective_from": today() - 30 * DAY, "effective_until": today() + 1000 * DAY}
    parent = await bound(database, network_terms(agreement_kind="framework", **days))
    child = await signed_by_all(database, child_of(parent, kind))
    parent = await suspend(database, parent)
    await commands.record_visa(database, child.id, visa_number="V", granted_on=today(), by=officer())
    async with database.transaction(NATIONAL) as tx:
        await commands.resume_agreement(tx, parent.id, reason="(fictif)", by=MINISTRY)
        withdrawal = commands.withdraw_visa(database, child.id, reason="(fictif)", by=officer())
        withdrawing = asyncio.create_task(outcome_of(withdrawal))
        await somebody_waits(database)
        assert not withdrawing.done()
    assert await withdrawing is NotAllowedNow, "it binds since its parent does"


def child_of(parent: Agreement, kind: str) -> Terms:
    """Terms of what waits for a visa and follows a framework."""
    return current(
        agreement_kind=kind,
        parent_id=parent.id,
        effective_from=today(),
        effective_until=today() + 300 * DAY,
    )


def test_who_waits_for_a_visa_is_told_once_all_have_signed_and_when_it_is_taken_back() -> None:
    agreement = waiting()
    keeper = agreement.keeper.organisation_id
    unsigned = ready(regional(agreement_kind="academy-association-visa"))
    *others, last = (each.party_id for each in unsigned.parties)
    for party_id in others:
        sign(unsigned, party_id)
    who: dict[str, Any] = {"person": "somebody", "mandate_id": new_id(), "ceremony_id": None, "level": "simple"}
    told = unsigned.sign(last, text_hash=unsigned.text_hash or "", at=AT, **who)[-1]
    assert isinstance(told, AgreementVisaAwaited) and told.awaited == (keeper,)
    (withdrawn,) = record(agreement, START - DAY).withdraw_visa(reason="(fictif)", today=START - DAY)
    assert isinstance(withdrawn, AgreementVisaWithdrawn) and withdrawn.awaited == (keeper,)
    assert "reason" not in withdrawn.model_dump() and withdrawn.detail == {"reason": "(fictif)"}


async def test_what_waits_for_a_visa_is_found_until_it_is_recorded_and_again_once_it_is_taken_back(
    app: FastAPI, database: Database, issuer: Issuer, kind: str
) -> None:
    agreement = await signed_by_all(database, current(agreement_kind=kind))
    await signed_by_all(database, current())
    await approved(database, current(agreement_kind=kind))
    url = f"/api/v1/agreements/{agreement.id}"

    async def found(client: AsyncClient) -> list[str]:
        answered = await client.get("/api/v1/agreements", params={"awaits": "visa"})
        return [each["id"] for each in answered.json()["items"]]

    body = {"visa_number": "VISA-EXEMPLE-2", "granted_on": str(today())}
    async with client_of(app, issuer.token(officer("MA-07"))) as other:
        assert await found(other) == []
    async with client_of(app, issuer.token(officer())) as keeper:
        assert await found(keeper) == [str(agreement.id)]
        recorded = await keeper.post(f"{url}/visa", json=body, headers={"If-Match": etag(agreement.version)})
        told = recorded.json()
        assert told["state"] == "signed" and "withdraw_visa" in told["available_actions"]
        assert await found(keeper) == []
        versioned = {"If-Match": etag(told["version"])}
        withdrawn = await keeper.post(f"{url}/visa/withdrawal", json={"reason": "(fictif)"}, headers=versioned)
        assert withdrawn.status_code == 200 and withdrawn.json()["visa"] is None
        assert await found(keeper) == [str(agreement.id)]


async def test_the_preview_of_an_end_lets_nothing_bind_without_its_visa(database: Database, kind: str) -> None:
    agreement = await signed_by_all(database, current(agreement_kind=kind))
    looked = await queries.impact(
        database, agreement.id, action="terminate_agreement", notified_on=today(), by=director()
    )
    assert (looked.agreements[0].state, looked.agreements[0].becomes) == ("signed", "terminated")


async def test_what_waits_for_a_visa_is_had_from_indexes_that_hold_nothing_else(
    database: Database, databases: Databases, kind: str
) -> None:
    await signed_by_all(database, current(agreement_kind=kind))
    statement = select(AGREEMENTS.table.c.id).where(awaits_visa())
    asked = statement.compile(database.engine, compile_kwargs={"literal_binds": True})
    others = """
        insert into agreement
        select (jsonb_populate_record(agreement, jsonb_build_object('id', gen_random_uuid(), 'reference', null))).*
        from agreement, generate_series(1, 500)
    """
    owner = await databases("agreements", role=None)
    async with owner.transaction(NATIONAL) as tx:
        await tx.execute(text(others))
        await tx.execute(text("analyze agreement"))
    async with database.transaction(NATIONAL) as tx:
        plan = "\n".join((await (await tx.connection()).exec_driver_sql(f"explain {asked}")).scalars())
    assert "on agreement_awaits_kept_visa" in plan and "on agreement_may_await_visa" in plan, plan
    assert f"Index Cond: (agreement_kind = '{kind}'::text)" in plan, plan
