"""Notice is given of what all have signed: the first day on which a suspension or an end can be told to the parties."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.agreements import schedule
from services.agreements.agreement import Agreement, AgreementState, Scan, Signature
from services.agreements.agreement.family import Parent
from services.agreements.errors.force import NoticeTooEarly
from services.agreements.kinds import KINDS
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.builders import (
    AT,
    DECISION,
    approved,
    bound,
    current,
    director,
    following,
    framework,
    in_force,
    network_terms,
    papered,
    party,
    ready,
    regional,
    sign,
    sign_all,
    signed,
    terminate,
)
from shared.actor import NATIONAL
from shared.database import Database
from shared.events.agreements import AgreementAmended, AgreementParty, AgreementTerminationAnnounced
from shared.ids import new_id
from tests.web.conventions import is_problem

S = AgreementState
DAY = timedelta(days=1)
LATER = date(2025, 1, 13)
NOTICE = KINDS["academy-association"].notice_days
Decide = Callable[..., list[Any]]


def suspend(agreement: Agreement, notified_on: date, today: date = LATER) -> list[Any]:
    """What follows from a suspension on that notice."""
    what = DECISION | {"notified_on": notified_on, "scope": "money", "centers": (), "today": today}
    return agreement.suspend(**what)


def end(agreement: Agreement, notified_on: date, today: date = LATER) -> list[Any]:
    """What follows from a termination on that notice."""
    return agreement.terminate(**(DECISION | {"notified_on": notified_on, "today": today}))


def first_day(agreement: Agreement, decide: Decide = end) -> date:
    """The first day on which notice can be given: the day before is refused by naming it."""
    with pytest.raises(NoticeTooEarly) as refused:
        decide(agreement, date(2024, 1, 1))
    first = refused.value.values["earliest"]
    with pytest.raises(NoticeTooEarly):
        decide(agreement, first - DAY)
    assert isinstance(first, date) and decide(agreement, first)
    return first


@pytest.mark.parametrize("decide", [suspend, end])
def test_notice_is_given_at_the_earliest_on_the_day_on_which_all_had_signed(decide: Decide) -> None:
    assert first_day(in_force(), decide) == AT.date()


def test_no_notice_is_over_on_the_day_of_signing() -> None:
    agreement, day = signed(), AT.date()
    with pytest.raises(NoticeTooEarly):
        end(agreement, day - NOTICE * DAY, today=day)
    agreement.evolve(end(agreement, day, today=day))
    assert agreement.announcement and agreement.announcement.effective_on == day + NOTICE * DAY


def test_what_is_signed_is_given_notice_of_before_it_binds() -> None:
    agreement = signed()
    assert agreement.effective_from > AT.date() == first_day(agreement)


def test_the_day_of_the_last_signature_is_moroccos() -> None:
    agreement = papered(ready())
    first, *others = agreement.parties
    sign(agreement, first.party_id, at=AT)
    for each in others:
        sign(agreement, each.party_id, at=datetime(2024, 7, 1, 23, 30, tzinfo=UTC))
    assert first_day(agreement) == date(2024, 7, 2)


def test_a_signature_on_paper_lets_notice_be_given_from_its_check_on_whatever_day_the_paper_bears() -> None:
    agreement, checked = papered(ready()), AT + 9 * DAY
    *others, last = agreement.parties
    for each in others:
        sign(agreement, each.party_id)
    paper = Scan(mandate_id=new_id(), person="signer", file_hash="cd" * 32, signed_on=AT.date(), witness="witness")
    hash = agreement.text_hash or ""
    agreement.evolve(agreement.record_scan(last.party_id, paper, text_hash=hash, today=checked.date()))
    agreement.evolve(agreement.accept_scan(last.party_id, checker="checker", mandate_id=new_id(), at=checked))
    assert first_day(agreement) == checked.date()


def test_what_rests_or_has_gone_on_is_given_notice_of_as_before() -> None:
    agreement = in_force()
    agreement.evolve(suspend(agreement, AT.date()))
    assert first_day(agreement) == AT.date()
    agreement.evolve(agreement.resume(reason="(fictif)", effective_on=LATER, today=LATER))
    papered(agreement)
    assert first_day(agreement, suspend) == AT.date()


def amended(
    agreement: Agreement, parties: tuple[AgreementParty, ...], *signed_at: tuple[AgreementParty, datetime]
) -> None:
    """The agreement becomes one between these parties, of whom some signed it with the amendment only."""
    signatures = [
        Signature(
            party_id=each.party_id,
            text_hash="cd" * 32,
            person="x",
            mandate_id=new_id(),
            ceremony_id=None,
            level="simple",
            signed_at=at,
        )
        for each, at in signed_at
    ]
    content = agreement.content(()).model_copy(update={"parties": parties})
    what: dict[str, Any] = {"amendment_id": new_id(), "number": 1, "amendment_type": "parties", "names": {}}
    events = agreement.amend(content, text_hash="cd" * 32, **what, signatures=signatures, today=LATER - DAY)
    assert isinstance(events[-1], AgreementAmended)
    agreement.evolve(events)


def test_who_is_brought_in_by_an_amendment_is_given_notice_once_they_have_signed() -> None:
    agreement, funder, at = in_force(), party(new_id(), "funder"), AT + 150 * DAY
    amended(agreement, (*agreement.parties, funder), (funder, at))
    assert first_day(agreement) == at.date()


def test_an_amendment_between_those_who_signed_moves_no_notice() -> None:
    agreement = in_force()
    amended(agreement, agreement.parties)
    assert first_day(agreement) == AT.date()


def test_that_the_last_to_sign_is_let_go_lets_no_notice_be_given_before_all_had_signed() -> None:
    funder = party(new_id(), "funder")
    agreement = papered(ready(regional(others=[funder])))
    for each in agreement.parties:
        sign(agreement, each.party_id, at=AT + (9 * DAY if each == funder else 0 * DAY))
    agreement.evolve(agreement.bring_into_force(agreement.effective_from))
    amended(agreement, tuple(each for each in agreement.parties if each != funder))
    assert len(agreement.signatures) == 3 and first_day(agreement) == AT.date() + 9 * DAY


def test_a_child_signed_after_the_notice_of_its_framework_ends_with_it() -> None:
    parent, child = in_force(network_terms()), signed(at=AT + 40 * DAY)
    parent.evolve(end(parent, AT.date()))
    child.evolve(child.catch_up(LATER, Parent(parent)))
    assert child.ending and child.signed_on and child.ending.notified_on == AT.date() < child.signed_on
    assert (child.state, child.ending.effective_on) == (S.terminated, LATER)


async def test_the_end_of_a_framework_takes_all_that_follow_it_though_one_was_signed_after_the_notice(
    database: Database,
) -> None:
    parent = await bound(database, framework())
    before = await bound(database, following(parent.id))
    after = await sign_all(database, await approved(database, following(parent.id)))
    parent = await terminate(database, parent)
    assert parent.ending and parent.ending.notified_on and after.signed_on
    assert parent.ending.notified_on < after.signed_on
    await schedule.end_with_parents(database)
    async with database.transaction(NATIONAL) as tx:
        assert {(await AGREEMENTS.read(tx, each.id)).state for each in (before, after)} == {S.terminated}


def test_what_was_announced_before_notice_had_a_first_day_takes_effect_on_its_day() -> None:
    agreement = in_force()
    grounds = {"reason": "r", "document": "D", "document_hash": None, "notified_on": date(2024, 1, 1)}
    announced = AgreementTerminationAnnounced(
        agreement_id=agreement.id, academy=agreement.academy, effective_on=LATER
    ).keeping(**grounds)
    agreement.evolve([announced])
    agreement.evolve(agreement.pass_time(LATER))
    assert agreement.state == S.terminated
    assert agreement.ending and agreement.ending.notified_on == date(2024, 1, 1)


@pytest.mark.parametrize(
    ("action", "path", "more"),
    [("suspend_agreement", "suspension", {"scope": "money"}), ("terminate_agreement", "termination", {})],
)
async def test_the_preview_refuses_a_notice_as_the_decision_does_and_says_what_to_do(
    as_: Any, database: Database, action: str, path: str, more: dict[str, str]
) -> None:
    agreement = await bound(database, current())
    first = agreement.signed_on
    assert first
    asked = {"notified_on": str(first - DAY), **more}
    body = {"reason": "r", "document": "d", "acknowledgement": "0-0", **asked}
    by, version = as_(director()), {"If_Match": f'"{agreement.version}"'}
    looked = await by.get(f"/agreements/{agreement.id}/impact", action=action, **asked)
    assert is_problem(looked, 409, "notice-too-early")["earliest"] == str(first)
    for language, word in {"ar": "أشعروها", "fr": "Notifiez-les", "en": "Give it"}.items():
        decided = await by.post(f"/agreements/{agreement.id}/{path}", body, **version, Accept_Language=language)
        problem = is_problem(decided, 409, "notice-too-early")
        assert word in problem["detail"] and problem["earliest"] == str(first)
    asked["notified_on"] = str(first)
    assert (await by.get(f"/agreements/{agreement.id}/impact", action=action, **asked)).status_code == 200
