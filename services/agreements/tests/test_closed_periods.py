"""Times of the year in which a kind's actions rest, as data."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, cast

import pytest
from pydantic import ValidationError

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.errors.approval import ClosedPeriod
from services.agreements.kinds import KINDS, Closure, Kind
from services.agreements.permissions import PERMISSIONS
from services.agreements.surroundings import Surroundings
from services.agreements.tests.branches import propose, reword
from services.agreements.tests.builders import (
    LEGAL,
    approved,
    bound,
    current,
    drafted,
    know,
    officer,
    papered,
    ready,
    regional,
    reviewed,
    sign,
    sign_for,
)
from shared.clock import today
from shared.database import Database
from shared.territory import MINISTRY_ID

REASON = {"ar": "عطلة (وهمي)", "fr": "Congés (fictif)"}


def closure(first: str, last: str, *actions: str) -> Closure:
    """A time that is closed, for a fictitious reason."""
    return Closure.model_validate({"first": first, "last": last, "reason": REASON, "actions": actions or ("any",)})


@pytest.mark.parametrize(
    ("first", "last", "day", "until"),
    [
        ("08-01", "08-31", date(2025, 7, 31), None),
        ("08-01", "08-31", date(2025, 8, 1), date(2025, 8, 31)),
        ("08-01", "08-31", date(2025, 8, 31), date(2025, 8, 31)),
        ("08-01", "08-31", date(2025, 9, 1), None),
        ("05-01", "05-01", date(2025, 5, 1), date(2025, 5, 1)),
        ("05-01", "05-01", date(2025, 5, 2), None),
        ("12-20", "01-05", date(2025, 12, 19), None),
        ("12-20", "01-05", date(2025, 12, 20), date(2026, 1, 5)),
        ("12-20", "01-05", date(2025, 12, 31), date(2026, 1, 5)),
        ("12-20", "01-05", date(2026, 1, 1), date(2026, 1, 5)),
        ("12-20", "01-05", date(2026, 1, 5), date(2026, 1, 5)),
        ("12-20", "01-05", date(2026, 1, 6), None),
        ("02-15", "02-29", date(2025, 2, 28), date(2025, 2, 28)),
        ("02-15", "02-29", date(2028, 2, 29), date(2028, 2, 29)),
        ("02-15", "02-29", date(2025, 3, 1), None),
    ],
)
def test_a_time_is_closed_from_its_first_day_to_its_last(first: str, last: str, day: date, until: date | None) -> None:
    assert closure(first, last).until(day) == until


@pytest.mark.parametrize("wrong", ["13-01", "02-30", "8-1", "2025-08-01", ""])
def test_a_day_that_no_year_has_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        closure(wrong, "08-31")


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_no_kind_of_ours_closes_anything_and_none_could_name_an_unknown_action(kind: Kind) -> None:
    known = {*Agreement.ALLOWED, *Amendment.ALLOWED} & PERMISSIONS.keys()
    assert {action for each in kind.closed for action in each.actions} <= known
    assert not kind.closed, "no public text names one"


@pytest.fixture
def rest(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Lets a kind that is otherwise an academy's close these actions between two days; gives its id."""

    def add(first: date, last: date, *actions: str) -> str:
        closed = (closure(f"{first:%m-%d}", f"{last:%m-%d}", *actions),)
        kind = KINDS["academy-association"].model_copy(update={"id": "resting", "closed": closed})
        monkeypatch.setitem(cast(dict[str, Kind], KINDS), "resting", kind)
        return kind.id

    return add


def test_what_nobody_does_is_not_closed(rest: Callable[..., str]) -> None:
    kind = rest(date(2024, 1, 1), date(2024, 12, 31), "bring_into_force", "revise_text")
    agreement = papered(ready(regional(agreement_kind=kind)))
    for each in agreement.parties:
        sign(agreement, each.party_id)
    assert agreement.refusal_of("bring_into_force") is None, "the schedule is told of no day"
    draft = drafted(regional(agreement_kind=kind))
    assert draft.refusal_of("revise_text") is None
    closed = draft.amid(Surroundings(date(2024, 7, 1))).refusal_of("revise_text")
    assert isinstance(closed, ClosedPeriod) and closed.values["until"] == date(2024, 12, 31)


async def test_an_action_rests_until_the_day_that_is_told(
    as_: Any, database: Database, rest: Callable[..., str]
) -> None:
    last = today() + timedelta(days=2)
    kind = rest(today(), last, "approve_agreement")
    agreement = await reviewed(database, current(agreement_kind=kind))
    told = (await as_(LEGAL).get(f"/agreements/{agreement.id}")).json()
    why = {each["action"]: each for each in told["unavailable_actions"]}
    assert "return_with_remarks" in told["available_actions"], "the others go on"
    assert "approve_agreement" not in told["available_actions"]
    assert why["approve_agreement"]["type"] == "/problems/closed-period"
    assert str(last) in why["approve_agreement"]["detail"] and REASON["ar"] in why["approve_agreement"]["detail"]
    refused = await as_(LEGAL).post(f"/agreements/{agreement.id}/approval", If_Match=f'"{agreement.version}"')
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/closed-period")
    assert refused.json()["until"] == str(last)
    rest(today() + timedelta(days=1), last, "approve_agreement")
    assert (await commands.approve_agreement(database, agreement.id, by=LEGAL)).state == "ready_to_sign"


async def test_signing_and_amending_rest_too(database: Database, rest: Callable[..., str]) -> None:
    kind = rest(today(), today(), "sign_agreement", "propose_amendment", "submit_amendment")
    frozen = await approved(database, current(agreement_kind=kind))
    for level in ("simple", "advanced"):
        with pytest.raises(ClosedPeriod):
            await sign_for(database, frozen, MINISTRY_ID, level=level)
    rest(today(), today(), "revise_text")
    agreement = await bound(database, current(agreement_kind=kind))
    amendment = await reword(database, await propose(database, agreement), "article-1", "autre")
    rest(today(), today(), "propose_amendment", "submit_amendment")
    with pytest.raises(ClosedPeriod):
        await propose(database, agreement)
    with pytest.raises(ClosedPeriod):
        await commands.submit_amendment(database, amendment.id, by=officer())


async def test_who_drafts_in_a_closed_time_reads_why_the_review_waits(
    as_: Any, database: Database, rest: Callable[..., str]
) -> None:
    terms = current(agreement_kind=rest(today(), today(), "open_negotiation"))
    await know(database, terms)
    draft = await commands.draft_agreement(database, terms, by=officer())
    told = (await as_(officer()).get(f"/agreements/{draft.id}")).json()
    assert "open_negotiation" not in told["available_actions"]
    assert "revise_text" in told["available_actions"]
