"""Business dates: what a request names can be reckoned with, and one that cannot holds up nothing else."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, text, update

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.errors import AgreedDayNotPossible, DayNotPossible, SchoolYearNotOne
from services.agreements.tables import AGREEMENTS
from services.agreements.terms import Recurrence, Terms, check_school_year, check_terms
from services.agreements.tests import branches
from services.agreements.tests.builders import (
    MINISTRY,
    approved,
    attached,
    batch_of,
    body_of,
    bound,
    current,
    long_ago,
    network_terms,
    officer,
    owing,
    regional,
    sign_all,
    terminate,
)
from shared.actor import NATIONAL
from shared.clock import FIRST_DAY, LAST_DAY, end_of, start_of, today
from shared.database import Database
from shared.ids import new_id
from shared.territory import MINISTRY_ID
from tests.web.conventions import is_problem

BEFORE, BEHIND = FIRST_DAY - timedelta(days=1), LAST_DAY + timedelta(days=1)
FAR = date(9999, 12, 31)
BEFORE_THE_FIRST = start_of(FIRST_DAY).astimezone(UTC) - timedelta(seconds=1)
AFTER_THE_LAST = end_of(LAST_DAY) + timedelta(microseconds=1)


@pytest.mark.parametrize(
    "terms",
    [
        regional(effective_from=BEFORE),
        regional(effective_until=BEHIND),
        regional(effective_from=date.min),
        regional(effective_from=FAR, effective_until=FAR),
        owing(regional(effective_from=date(9999, 6, 1), effective_until=FAR), {"due_days": 300}),
        owing(regional(), {"due_on": BEHIND, "survives": True}),
        owing(regional(), {"due_on": FAR, "survives": True}),
        owing(regional(), {"recurrence": Recurrence(first_due_on=FAR, every_months=1), "survives": True}),
    ],
    ids=["before", "behind", "the first year", "the last year", "days", "a day behind", "a far day", "again and again"],
)
def test_terms_name_days_that_can_be_reckoned_with(terms: Terms) -> None:
    with pytest.raises(DayNotPossible) as refused:
        check_terms(terms)
    assert (refused.value.values["first"], refused.value.values["last"]) == (FIRST_DAY, LAST_DAY)


def test_the_first_and_the_last_day_are_possible() -> None:
    without_editions: dict[str, Any] = {"agreement_kind": "framework"}
    terms = network_terms(**without_editions, effective_from=FIRST_DAY, effective_until=LAST_DAY)
    check_terms(owing(terms, {"due_on": LAST_DAY}))


@pytest.mark.parametrize("school_year", ["2024/2099", "2025/2024", "2024/2024"])
def test_a_school_year_is_two_years_that_follow_one_another(school_year: str) -> None:
    with pytest.raises(SchoolYearNotOne):
        check_terms(regional(school_year=school_year))
    with pytest.raises(SchoolYearNotOne):
        check_school_year(school_year)


async def test_who_drafts_is_told_which_days_are_possible(as_: Any) -> None:
    body = body_of(owing(current(), {"due_on": FAR, "survives": True}))
    told = is_problem(await as_(officer()).post("/agreements", body, Accept_Language="fr"), 422, "day-not-possible")
    assert "9999-12-31" in told["detail"] and "du 2000-01-01 au 2100-12-31" in told["detail"]


async def test_an_amendment_names_no_other_days(database: Database) -> None:
    agreement = await bound(database, owing(current(), {}))
    branch = await branches.propose(database, agreement)
    far = agreement.duties[0].model_copy(update={"due_on": FAR, "due_days": None, "survives": True})
    with pytest.raises(DayNotPossible):
        await branches.revise(database, branch, obligations=(far,))


async def test_decisions_name_no_other_days(as_: Any) -> None:
    resume = {"reason": "(fictif)", "effective_on": "0001-01-01"}
    answered = await as_(officer()).post(f"/agreements/{new_id()}/resumption", resume, If_Match='"1"')
    told = is_problem(answered, 422, "malformed")["errors"][0]
    assert (told["pointer"], told["code"]) == ("#/effective_on", "greater_than_equal")


@pytest.mark.parametrize(("files", "signed"), [("agreements", "text_hash"), ("amendments", "content_hash")])
async def test_a_signature_on_paper_is_of_no_other_day(as_: Any, files: str, signed: str) -> None:
    scan = {"party_id": str(new_id()), signed: "0" * 64, "person": MINISTRY.person, "file_hash": "0" * 64}
    answered = await as_(officer()).post(f"/{files}/{new_id()}/scans", scan | {"signed_on": "0001-01-01"})
    (told,) = is_problem(answered, 422, "malformed")["errors"]
    assert (told["pointer"], told["code"]) == ("#/signed_on", "greater_than_equal")


@pytest.mark.parametrize(
    ("planned_for", "code"),
    [
        (BEFORE_THE_FIRST.isoformat(), "greater_than_equal"),
        ("0001-01-01T00:00:00+14:00", "greater_than_equal"),
        (AFTER_THE_LAST.isoformat(), "less_than"),
        ("9999-12-31T23:59:59-12:00", "less_than"),
    ],
)
async def test_a_ceremony_is_planned_for_a_day_that_can_be_reckoned_with(
    as_: Any, database: Database, planned_for: str, code: str
) -> None:
    agreement = await approved(database)
    name = {"ar": "حفل (وهمي)", "fr": "Cérémonie (fictif)"}
    body = {"title": name, "planned_for": planned_for, "agreements": [str(agreement.id)]}
    planning = await as_(MINISTRY).post("/ceremonies", body)
    moving = await as_(MINISTRY).post(
        f"/ceremonies/{new_id()}/rescheduling", {"planned_for": planned_for}, If_Match='"1"'
    )
    for answered in (planning, moving):
        (told,) = is_problem(answered, 422, "malformed")["errors"]
        assert (told["pointer"], told["code"]) == ("#/planned_for", code)


async def test_the_first_and_the_last_instant_of_the_possible_days_are_planned_for(
    as_: Any, database: Database
) -> None:
    name = {"ar": "حفل (وهمي)", "fr": "Cérémonie (fictif)"}
    for planned_for in (start_of(FIRST_DAY).isoformat(), end_of(LAST_DAY).isoformat()):
        agreement = await approved(database)
        body = {"title": name, "planned_for": planned_for, "agreements": [str(agreement.id)]}
        answered = await as_(MINISTRY).post("/ceremonies", body)
        assert answered.status_code == 201, answered.text
        assert datetime.fromisoformat(answered.json()["planned_for"]) == datetime.fromisoformat(planned_for)


async def test_a_signature_of_a_batch_that_fails_leaves_the_others_theirs(database: Database) -> None:
    first, broken, last = [await approved(database) for _ in range(3)]
    async with database.transaction(NATIONAL) as tx:
        row = AGREEMENTS.table
        gone = func.jsonb_set(row.c.state, text("'{kept_rules}'"), text("'\"no rules\"'"))
        await tx.execute(update(row).where(row.c.id == broken.id).values(state=gone))
    done = await commands.resume_batch(database, await batch_of(database, [first, broken, last]))
    assert [each["outcome"] for each in done.items] == ["signed", "refused", "signed"]
    assert done.items[1]["refusal"] == {"slug": "internal-error", "status": 500, "values": {}}
    assert done.finished_at


async def frozen_before(
    database: Database, monkeypatch: pytest.MonkeyPatch, *duties: dict[str, Any], **changes: Any
) -> Agreement:
    """An agreement that was frozen before its days were refused."""
    with monkeypatch.context() as before:
        before.setattr("services.agreements.terms.impossible_day", lambda *_: None)
        before.setattr("services.agreements.agreement.core.impossible_day", lambda *_: None)
        return await approved(database, owing(current(**changes), *duties))


@pytest.mark.parametrize(
    ("duty", "days"),
    [
        ({"due_on": FAR}, 0),
        ({"due_on": FAR}, 1),
        ({"recurrence": Recurrence(first_due_on=FAR, every_months=1)}, 0),
    ],
    ids=["a duty", "a duty of what starts later", "again and again"],
)
async def test_what_was_frozen_with_an_impossible_day_is_not_signed_but_given_up(
    as_: Any, database: Database, monkeypatch: pytest.MonkeyPatch, duty: dict[str, Any], days: int
) -> None:
    starts = today() + timedelta(days=days)
    old = await frozen_before(database, monkeypatch, duty | {"survives": True}, effective_from=starts)
    ministry = next(each.party_id for each in old.parties if each.organisation_id == MINISTRY_ID)
    body = {"party_id": str(ministry), "text_hash": old.text_hash}
    for language, word in {"ar": "9999-12-31", "fr": "annulez", "en": "cancel"}.items():
        answered = await as_(MINISTRY).post(f"/agreements/{old.id}/signatures", body, Accept_Language=language)
        assert word in is_problem(answered, 409, "agreed-day-not-possible")["detail"]
    (item,) = (await commands.resume_batch(database, await batch_of(database, [old]))).items
    assert (item["outcome"], item["refusal"]["slug"]) == ("refused", "agreed-day-not-possible")
    told = (await as_(officer()).get(f"/agreements/{old.id}")).json()
    assert {"cancel_agreement", "reopen_text"} <= {*told["available_actions"]}
    assert "agreed-day-not-possible" in {each["type"].split("/")[-1] for each in told["unavailable_actions"]}
    assert (await commands.cancel_agreement(database, old.id, reason="(fictif)", by=officer())).state == "cancelled"


async def test_what_all_signed_with_an_impossible_day_does_not_bind_but_is_terminated(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = today() + timedelta(days=1)
    with long_ago():
        old = await frozen_before(database, monkeypatch, {"due_on": FAR, "survives": True}, effective_from=starts)
        old = await attached(database, old, "termination_decision")
        with monkeypatch.context() as before:
            before.setattr("services.agreements.agreement.core.impossible_day", lambda *_: None)
            old = await sign_all(database, old)
    with pytest.raises(AgreedDayNotPossible):
        await commands.bring_into_force(database, old.id, on=old.effective_from)
    assert (await terminate(database, old, effective_on=today())).state == "terminated"
