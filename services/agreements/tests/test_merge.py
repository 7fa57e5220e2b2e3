"""Amendments on a base that moved: no change is lost, every conflict is named, disjoint amendments commute."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.agreements.bilingual import Bilingual
from services.agreements.content import Annex, ClauseRef, Content
from services.agreements.merge import (
    COLLECTIONS,
    TERMS,
    Change,
    Conflict,
    diff,
    named_in,
    parties_of,
    rebase,
    touched_by,
)
from services.agreements.terms import BudgetLine, Duty, must_sign
from shared.events.agreements import AgreementParty, CenterToOpen
from shared.money import Money

IDS = [UUID(int=number) for number in range(1, 7)]
KEYS = ["object", "duration", "grant", "staff", "disputes", "publication"]
ROLES = ["funder", "premises_host", "witness"]
WORDS = st.sampled_from(["a", "b", "c"])


def bilingual(word: str) -> Bilingual:
    return Bilingual(ar=f"{word} (وهمي)", fr=f"{word} (fictif)")


def clause(key: str, ar: str = "a", fr: str = "a") -> ClauseRef:
    return ClauseRef(key=key, title=bilingual(key), ar=ar * 64, fr=fr * 64)


def duty(id: UUID, what: str = "a") -> Duty:
    return Duty(obligation_id=id, debtor=IDS[0], what=bilingual(what), due_days=30)


def line(id: UUID, centimes: int = 100) -> BudgetLine:
    return BudgetLine(
        line_id=id, payer=IDS[0], heading=bilingual("a"), kind="cash", amount=Money(centimes=centimes), budget_year=2026
    )


def center(id: UUID, seats: int = 60) -> CenterToOpen:
    return CenterToOpen(
        center_id=id,
        province="MA-CAS",
        operator_id=IDS[1],
        name_ar="مركز (وهمي)",
        name_fr="Centre (fictif)",
        funded_seats=seats,
        unfunded_seats=0,
    )


def annex(id: UUID, name: str = "a") -> Annex:
    return Annex(document_id=id, name=f"{name} (fictif)", hash="a" * 64, media_type="application/pdf")


def party(id: UUID, role: Any = "funder") -> AgreementParty:
    return AgreementParty(party_id=id, organisation_id=id, roles=(role,))


BASE = Content(
    title=bilingual("title"),
    parties=(party(IDS[0], "granting_authority"), party(IDS[1], "operator"), party(IDS[2])),
    centers=(center(IDS[0]),),
    obligations=(duty(IDS[0]), duty(IDS[1])),
    budget=(line(IDS[0]), line(IDS[1])),
    school_year="2026/2027",
    effective_from=date(2026, 9, 1),
    effective_until=date(2029, 8, 31),
    clauses=tuple(clause(key) for key in KEYS[:3]),
    annexes=(annex(IDS[0]), annex(IDS[1])),
)


def some(of: list[Any], make: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """Some of the ids in some order, each with some value."""
    return st.lists(st.sampled_from(of), unique=True, max_size=4).flatmap(
        lambda keys: st.tuples(*(make(key) for key in keys))
    )


CONTENTS = st.builds(
    Content,
    title=WORDS.map(bilingual),
    parties=some(IDS, lambda id: st.sampled_from(ROLES).map(lambda role: party(id, role))),
    centers=some(IDS, lambda id: st.integers(1, 3).map(lambda seats: center(id, seats))),
    obligations=some(IDS, lambda id: WORDS.map(lambda word: duty(id, word))),
    budget=some(IDS, lambda id: st.integers(1, 3).map(lambda amount: line(id, amount))),
    school_year=st.sampled_from(["2026/2027", "2027/2028"]),
    effective_from=st.sampled_from([date(2026, 9, 1), date(2026, 10, 1)]),
    effective_until=st.sampled_from([date(2028, 8, 31), date(2029, 8, 31)]),
    clauses=some(KEYS, lambda key: st.tuples(WORDS, WORDS).map(lambda texts: clause(key, *texts))),
    annexes=some(IDS, lambda id: WORDS.map(lambda word: annex(id, word))),
)
MANY = settings(max_examples=80, deadline=None, database=None)


def places(found: list[Change] | tuple[Conflict, ...]) -> set[tuple[str, str]]:
    return {(each.part, each.key) for each in found}


def value(content: Content, part: str, key: str) -> Any:
    """What stands at a place, in the order of things nothing."""
    if part == "term":
        return getattr(content, key)
    field, id = COLLECTIONS[part]  # type: ignore[index]
    return next((each for each in getattr(content, field) if str(getattr(each, id)) == key), None)


@MANY
@given(CONTENTS, CONTENTS, CONTENTS)
def test_a_rebase_loses_no_change_of_either_side(base: Content, current: Content, branch: Content) -> None:
    rebased = rebase(base, current, branch)
    named = places(rebased.conflicts)
    for side in (current, branch):
        for change in diff(base, side):
            if change.part != "order" and (change.part, change.key) not in named:
                assert value(rebased.content, change.part, change.key) == change.after


@MANY
@given(CONTENTS, CONTENTS, CONTENTS)
def test_what_nobody_touched_is_what_it_was(base: Content, current: Content, branch: Content) -> None:
    rebased = rebase(base, current, branch)
    touched = places(diff(base, current)) | places(diff(base, branch))
    for change in diff(base, rebased.content):
        assert (change.part, change.key) in touched


@MANY
@given(CONTENTS, CONTENTS, CONTENTS)
def test_amendments_without_a_conflict_commute(base: Content, one: Content, other: Content) -> None:
    first, second = rebase(base, one, other), rebase(base, other, one)
    assert places(first.conflicts) == places(second.conflicts)
    if not first.conflicts:
        assert first.content == second.content


GROWING = ("clauses", "obligations", "budget", "centers", "annexes")
EDITS: dict[str, Any] = {
    "title": bilingual("other"),
    "school_year": "2027/2028",
    "effective_until": date(2030, 8, 31),
    **{f"clauses/{index}": clause(KEYS[index], "b", "c") for index in range(3)},
    **{f"parties/{index}": party(IDS[index], "witness") for index in range(3)},
    "centers/0": center(IDS[0], 80),
    **{f"obligations/{index}": duty(IDS[index], "b") for index in range(2)},
    **{f"budget/{index}": line(IDS[index], 5) for index in range(2)},
    **{f"annexes/{index}": annex(IDS[index], "b") for index in range(2)},
    **{f"{field}/new {index}": None for field in GROWING for index in range(2)},
    "clauses/gone": 2,
    "obligations/gone": 1,
    "budget/gone": 1,
    "annexes/gone": 1,
}
"""Changes of BASE, each of another part: what replaces an entry, adds one, or takes the one at an index away."""
NEW: dict[str, Any] = {
    "clauses": lambda index: clause(KEYS[3 + index]),
    "obligations": lambda index: duty(IDS[3 + index]),
    "budget": lambda index: line(IDS[3 + index]),
    "centers": lambda index: center(IDS[3 + index]),
    "annexes": lambda index: annex(IDS[3 + index]),
}
SAME_PART = {
    "clauses/gone": "clauses/2",
    "obligations/gone": "obligations/1",
    "budget/gone": "budget/1",
    "annexes/gone": "annexes/1",
}


def edited(names: set[str]) -> Content:
    """BASE with these edits."""
    fields: dict[str, Any] = {name: EDITS[name] for name in names if "/" not in name}
    for field in ("parties", *GROWING):
        entries = list(getattr(BASE, field))
        gone = [EDITS[name] for name in names if name == f"{field}/gone"]
        for index in range(len(entries)):
            entries[index] = EDITS[f"{field}/{index}"] if f"{field}/{index}" in names else entries[index]
        kept = [entry for index, entry in enumerate(entries) if index not in gone]
        kept += [NEW[field](index) for index in range(2) if f"{field}/new {index}" in names]
        fields[field] = tuple(kept)
    return amended(**fields)


@st.composite
def disjoint(draw: st.DrawFn) -> tuple[Content, Content]:
    """Two amendments of BASE, neither empty, that share no part."""
    names = draw(st.lists(st.sampled_from(sorted(EDITS)), unique=True, min_size=2, max_size=12))
    names = [name for name in names if SAME_PART.get(name) not in names]
    assume(len(names) > 1)
    cut = draw(st.integers(1, len(names) - 1))
    return edited({*names[:cut]}), edited({*names[cut:]})


@settings(MANY, max_examples=120)
@given(disjoint())
def test_disjoint_amendments_have_no_conflict_and_commute(both: tuple[Content, Content]) -> None:
    one, other = both
    assert diff(BASE, one) and diff(BASE, other) and one != other
    first, second = rebase(BASE, one, other), rebase(BASE, other, one)
    assert first.conflicts == second.conflicts == ()
    assert first.content == second.content
    assert places(diff(BASE, first.content)) >= {
        place for side in both for place in places(diff(BASE, side)) if place[0] != "order"
    }


@MANY
@given(CONTENTS, CONTENTS)
def test_a_rebase_on_an_unchanged_base_changes_nothing(base: Content, branch: Content) -> None:
    rebased = rebase(base, base, branch)
    assert (rebased.content, rebased.conflicts) == (branch, ())


@MANY
@given(CONTENTS, CONTENTS)
def test_the_same_amendment_twice_is_one(base: Content, branch: Content) -> None:
    rebased = rebase(base, branch, branch)
    assert (rebased.content, rebased.conflicts) == (branch, ())


@MANY
@given(CONTENTS, CONTENTS, CONTENTS, st.sampled_from(["current", "branch"]))
def test_a_resolved_conflict_is_none(base: Content, current: Content, branch: Content, side: Any) -> None:
    found = rebase(base, current, branch)
    resolved = rebase(base, current, branch, resolved=dict.fromkeys(places(found.conflicts), side))  # type: ignore[arg-type]
    assert resolved.conflicts == ()
    for conflict in found.conflicts:
        if conflict.part != "order":
            wanted = conflict.current if side == "current" else conflict.branch
            assert value(resolved.content, conflict.part, conflict.key) == wanted


@st.composite
def whole(draw: st.DrawFn) -> Content:
    """A content whose duties, lines and centers name none but its parties."""
    parties = draw(st.lists(st.sampled_from(IDS[:4]), unique=True, min_size=1))
    one = st.sampled_from(parties)
    owing = st.builds(
        lambda debtor, creditor, word: {"debtor": debtor, "creditor": creditor, "what": bilingual(word)},
        one,
        one,
        WORDS,
    )
    few = some(IDS[:2], lambda id: owing.map(lambda changes: duty(id).model_copy(update=changes)))
    return amended(
        parties=tuple(map(party, parties)),
        obligations=draw(few),
        budget=draw(some(IDS[:2], lambda id: one.map(lambda payer: line(id).model_copy(update={"payer": payer})))),
        centers=draw(some(IDS[:2], lambda id: one.map(lambda by: center(id).model_copy(update={"operator_id": by})))),
    )


def strangers(content: Content) -> set[str]:
    """Whom it names though it has no such party; here a party has its organisation's id."""
    named = named_in(content) | {each.operator_id for each in content.centers}
    return {str(id) for id in named.difference(each.party_id for each in content.parties)}


@settings(MANY, max_examples=200)
@given(whole(), whole(), whole(), st.sampled_from(["current", "branch"]))
def test_whom_one_side_lets_go_and_the_other_names_is_a_conflict_and_may_be_kept(
    base: Content, current: Content, branch: Content, side: Any
) -> None:
    found = rebase(base, current, branch)
    assert strangers(found.content) <= {each.key for each in found.conflicts if each.part == "party"}
    sides = {(each.part, each.key): side for each in found.conflicts}
    sides |= {
        (each.part, each.key): "current" if each.current else "branch"
        for each in found.conflicts
        if each.part == "party" and None in (each.current, each.branch)
    }
    kept = rebase(base, current, branch, resolved=sides)
    assert not kept.conflicts and not strangers(kept.content)


def amended(**changes: Any) -> Content:
    return BASE.model_copy(update=changes)


def test_a_supply_contribution_is_not_lost_when_an_amendment_of_the_text_is_merged() -> None:
    current = amended(budget=(*BASE.budget, line(IDS[4], 5)))
    branch = amended(clauses=(clause("object", "b", "b"), *BASE.clauses[1:]))
    rebased = rebase(BASE, current, branch)
    assert not rebased.conflicts
    assert rebased.content.budget == current.budget and rebased.content.clauses == branch.clauses


def test_an_obligation_added_meanwhile_is_not_lost_when_an_amendment_adds_another() -> None:
    current = amended(obligations=(*BASE.obligations, duty(IDS[4])))
    branch = amended(obligations=(*BASE.obligations, duty(IDS[5])))
    rebased = rebase(BASE, current, branch)
    assert not rebased.conflicts
    assert rebased.content.obligations == (*BASE.obligations, duty(IDS[4]), duty(IDS[5]))


def test_arabic_and_french_of_a_clause_are_one() -> None:
    current = amended(clauses=(clause("object", "b", "a"), *BASE.clauses[1:]))
    branch = amended(clauses=(clause("object", "a", "b"), *BASE.clauses[1:]))
    (conflict,) = rebase(BASE, current, branch).conflicts
    assert (conflict.part, conflict.key) == ("clause", "object")
    assert (conflict.current, conflict.branch) == (current.clauses[0], branch.clauses[0])


@pytest.mark.parametrize("swap", [False, True])
def test_a_clause_that_one_removes_and_the_other_changes_is_a_conflict(swap: bool) -> None:
    removed = amended(clauses=BASE.clauses[1:])
    changed = amended(clauses=(clause("object", "b", "b"), *BASE.clauses[1:]))
    sides = (changed, removed) if swap else (removed, changed)
    (conflict,) = rebase(BASE, *sides).conflicts
    assert {conflict.current, conflict.branch} == {None, changed.clauses[0]}


def test_clauses_moved_differently_by_both_are_a_conflict_of_order() -> None:
    one, two, three = BASE.clauses
    (conflict,) = rebase(BASE, amended(clauses=(two, one, three)), amended(clauses=(one, three, two))).conflicts
    assert (conflict.part, conflict.key) == ("order", "clauses")


def test_a_new_clause_stays_behind_the_one_it_was_put_behind() -> None:
    one, two, three = BASE.clauses
    moved = amended(clauses=(three, one, two))
    added = amended(clauses=(one, clause("staff"), two, three))
    rebased = rebase(BASE, moved, added)
    assert not rebased.conflicts
    assert [each.key for each in rebased.content.clauses] == ["grant", "object", "staff", "duration"]


def test_a_diff_names_what_is_new_what_is_gone_and_what_is_other() -> None:
    other = amended(clauses=(clause("object", "b", "b"), BASE.clauses[1], clause("staff")), school_year="2027/2028")
    assert [(each.part, each.key, each.before is None, each.after is None) for each in diff(BASE, other)] == [
        ("term", "school_year", False, False),
        ("clause", "object", False, False),
        ("clause", "grant", False, True),
        ("clause", "staff", True, False),
    ]


def test_every_field_of_a_content_is_a_part_that_is_merged() -> None:
    merged = {*TERMS, *(field for field, _ in COLLECTIONS.values())}
    assert merged == {*Content.model_fields}


ACADEMY, OPERATOR, FUNDER = (each.party_id for each in BASE.parties)
WITNESS = party(IDS[5], "witness")


@pytest.mark.parametrize(
    ("changes", "touched"),
    [
        ({"clauses": (clause("object", "b", "b"), *BASE.clauses[1:])}, {ACADEMY, OPERATOR, FUNDER}),
        ({"effective_until": date(2030, 8, 31)}, {ACADEMY, OPERATOR, FUNDER}),
        ({"centers": (center(IDS[0], 80),)}, {ACADEMY, OPERATOR, FUNDER}),
        ({"parties": BASE.parties[:2]}, {ACADEMY, OPERATOR, FUNDER}),
        ({"parties": (*BASE.parties, party(IDS[4]))}, {ACADEMY, OPERATOR, FUNDER, IDS[4]}),
        ({"parties": (*BASE.parties, WITNESS)}, {ACADEMY, OPERATOR, FUNDER}),
        ({"parties": (*BASE.parties[:2], party(FUNDER, "witness"))}, {ACADEMY, OPERATOR, FUNDER}),
        ({"annexes": BASE.annexes[:1]}, {ACADEMY, OPERATOR, FUNDER}),
        ({"budget": BASE.budget[:1]}, {ACADEMY, OPERATOR, FUNDER}),
        ({"budget": (line(IDS[0], 0), BASE.budget[1])}, {ACADEMY, OPERATOR, FUNDER}),
        (
            {"budget": (*BASE.budget, line(IDS[4]).model_copy(update={"payer": FUNDER}))},
            {ACADEMY, OPERATOR, FUNDER},
        ),
        ({"obligations": (*BASE.obligations, duty(IDS[4]))}, {ACADEMY, OPERATOR, FUNDER}),
        (
            {"obligations": (*BASE.obligations, duty(IDS[4]).model_copy(update={"creditor": OPERATOR}))},
            {ACADEMY, OPERATOR},
        ),
        (
            {"obligations": (*BASE.obligations, duty(IDS[4]).model_copy(update={"creditor": WITNESS.party_id}))},
            {ACADEMY, OPERATOR, FUNDER},
        ),
    ],
    ids=[
        "text",
        "term",
        "seats",
        "leaves",
        "joins",
        "witness",
        "only witnesses from then on",
        "annex",
        "pays no more",
        "pays less",
        "pays",
        "owes all",
        "owes one",
        "owes a witness",
    ],
)
def test_whom_an_amendment_touches_signs_it(changes: dict[str, Any], touched: set[UUID]) -> None:
    assert set(touched_by(BASE, amended(**changes))) == touched


def test_a_duty_that_another_takes_over_concerns_who_owed_it_and_who_will() -> None:
    base = amended(obligations=(duty(IDS[0]).model_copy(update={"creditor": OPERATOR}),))
    branch = amended(obligations=(duty(IDS[0]).model_copy(update={"debtor": FUNDER, "creditor": OPERATOR}),))
    assert set(touched_by(base, branch)) == {ACADEMY, OPERATOR, FUNDER}


def test_who_gives_its_role_up_signs_as_what_it_was_and_who_gets_one_as_what_it_will_be() -> None:
    operator, demoted = BASE.parties[1], party(OPERATOR, "witness")
    others = [each for each in BASE.parties if each != operator]
    less = amended(parties=(*others, demoted))
    assert parties_of(BASE, less)[OPERATOR] == operator
    assert parties_of(less, BASE)[OPERATOR] == operator
    assert parties_of(BASE, amended(parties=tuple(others)))[OPERATOR] == operator
    host = party(OPERATOR, "premises_host")
    assert parties_of(BASE, amended(parties=(*others, host)))[OPERATOR] == host


@MANY
@given(CONTENTS, CONTENTS)
def test_nobody_s_part_changes_without_its_signature(base: Content, branch: Content) -> None:
    touched = {*touched_by(base, branch)}
    before, after = part_of(base), part_of(branch)
    for id in {each.party_id for content in (base, branch) for each in content.parties if must_sign(each)}:
        assert id in touched or before(id) == after(id)
    assert touched <= {each.party_id for content in (base, branch) for each in content.parties if must_sign(each)}


def part_of(content: Content) -> Any:
    """Party -> what it is, owes, is owed and is promised in all under the content."""
    return lambda id: (
        [each.roles for each in content.parties if each.party_id == id],
        {each for each in content.obligations if id in (each.debtor, each.creditor) or each.creditor is None},
        {*content.budget, *content.clauses},
    )
