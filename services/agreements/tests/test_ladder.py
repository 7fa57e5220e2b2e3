"""The ladder's rules: who may approve which step, what voids it, and when it is late."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.agreements.errors.approval import ApprovedAlready, StepNotTheirs
from services.agreements.kinds import Tier
from services.agreements.ladder import Ladder
from services.agreements.tests.builders import AT, NAME
from shared.actor import Role

LEGAL = Tier(id="legal", name=NAME, roles=(Role.ministry_officer,), needed=2, days=10, levels=2)
HEAD = Tier(id="head", name=NAME, roles=(Role.academy_director,), days=5)
LADDER = Ladder(tiers=(LEGAL, HEAD), since=AT)
OFFICER, DIRECTOR = {Role.ministry_officer}, {Role.academy_director}


def climb(ladder: Ladder, *people: tuple[str, set[Role]], substitute: str | None = None) -> Ladder:
    """These people approve, one after the other, a day apart."""
    for day, (person, roles) in enumerate(people, 1):
        ladder = ladder.having(ladder.approve(person, roles, AT + timedelta(days=day), substitute=substitute))
    return ladder


def test_a_step_needs_as_many_people_as_it_says() -> None:
    once = climb(LADDER, ("a", OFFICER))
    assert (once.current, once.lacking, once.since) == (LEGAL, 1, AT)
    twice = climb(LADDER, ("a", OFFICER), ("b", OFFICER))
    assert (twice.current, twice.since) == (HEAD, AT + timedelta(days=2))


def test_the_last_step_completes_the_ladder() -> None:
    done = climb(LADDER, ("a", OFFICER), ("b", OFFICER), ("c", DIRECTOR))
    assert done.complete and done.current is None and done.lacking == 0
    assert done.overdue(AT + timedelta(days=1000)) == ()


def test_only_the_steps_own_roles_approve_it() -> None:
    with pytest.raises(StepNotTheirs):
        climb(LADDER, ("c", DIRECTOR))


def test_nobody_approves_a_step_twice() -> None:
    with pytest.raises(ApprovedAlready):
        climb(LADDER, ("a", OFFICER), ("a", OFFICER))


def test_who_approved_one_step_does_not_approve_the_next() -> None:
    with pytest.raises(ApprovedAlready):
        climb(LADDER, ("a", OFFICER), ("b", OFFICER), ("a", OFFICER | DIRECTOR))


def test_a_substitute_counts_as_the_person_and_as_themselves() -> None:
    once = climb(LADDER, ("a", OFFICER), substitute="s")
    for again in ("a", "s"):
        with pytest.raises(ApprovedAlready):
            climb(once, (again, OFFICER))
    with pytest.raises(ApprovedAlready):
        climb(once, ("b", OFFICER), substitute="s")


def test_a_ladder_that_starts_again_has_nothing_approved() -> None:
    once = climb(LADDER, ("a", OFFICER))
    assert once.approvals
    again = once.restarted(AT + timedelta(days=9))
    assert (again.approvals, again.current, again.lacking, again.since) == ((), LEGAL, 2, AT + timedelta(days=9))


def test_a_late_step_escalates_once_per_level_and_at_most_as_often_as_it_says() -> None:
    assert LADDER.overdue(AT + timedelta(days=10)) == ()
    (first,) = LADDER.overdue(AT + timedelta(days=11))
    assert (first.tier, first.level, first.since, first.roles) == ("legal", 1, AT, LEGAL.roles)
    told = LADDER.escalated(1)
    assert told.overdue(AT + timedelta(days=20)) == ()
    (second,) = told.overdue(AT + timedelta(days=21))
    assert second.level == 2
    assert told.escalated(2).overdue(AT + timedelta(days=1000)) == ()


def test_after_an_outage_every_level_that_was_reached_is_told() -> None:
    assert [each.level for each in LADDER.overdue(AT + timedelta(days=100))] == [1, 2]


def test_the_next_step_has_its_own_time() -> None:
    second = climb(LADDER.escalated(2), ("a", OFFICER), ("b", OFFICER))
    assert second.overdue(AT + timedelta(days=7)) == ()
    assert [each.tier for each in second.overdue(AT + timedelta(days=7, hours=1))] == ["head"]


PEOPLE = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([OFFICER, DIRECTOR, OFFICER | DIRECTOR])))


@given(PEOPLE)
def test_whoever_tries_a_complete_ladder_has_enough_different_people_on_each_step(
    tries: list[tuple[str, set[Role]]],
) -> None:
    ladder = LADDER
    for person, roles in tries:
        if not ladder.complete and ladder.refusal_of(person, roles) is None:
            ladder = ladder.having(ladder.approve(person, roles, AT))
    people = [approval.person for approval in ladder.approvals]
    assert len(people) == len(set(people))
    assert ladder.complete == (len(people) == LEGAL.needed + HEAD.needed)
    assert [each.tier for each in ladder.approvals] == ["legal", "legal", "head"][: len(people)]
