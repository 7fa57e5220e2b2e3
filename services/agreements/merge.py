"""Differences of two contents, and the three-way rebase of an amendment whose base has moved.

Pure. A content is taken apart into parts that change as a whole: each clause in both languages, each party, center,
obligation, budget line and annex, each date and label, and the order of what comes in order. What only one side changed
is taken, what both changed alike is one change, and what both changed differently is a conflict that names the part and
shows both sides. So is a party that one side lets go though what the other side changed names it.
Nothing is dropped.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.content import Content
from services.agreements.kinds import ContentPart as Part
from services.agreements.terms import BudgetLine, Duty, must_sign
from shared.events.agreements import AgreementParty, CenterToOpen

Side = Literal["current", "branch"]
Place = tuple[Part, str]
"""A part and its key: a clause's key, an id, the name of a term or of what comes in order."""

COLLECTIONS: Mapping[Part, tuple[str, str]] = {
    "clause": ("clauses", "key"),
    "party": ("parties", "party_id"),
    "center": ("centers", "center_id"),
    "obligation": ("obligations", "obligation_id"),
    "budget_line": ("budget", "line_id"),
    "annex": ("annexes", "document_id"),
}
"""Part -> the field of the content that holds such parts, and what names one of them."""
TERMS = ("title", "school_year", "effective_from", "effective_until")


class Change(BaseModel):
    """One part that is not what it was."""

    model_config = ConfigDict(frozen=True)

    part: Part
    key: str
    before: Any
    """None if it was not there."""
    after: Any
    """None if it is there no more."""


class Conflict(BaseModel):
    """A part that both sides changed since the base, each differently; None where a side has none of it.

    Or one that a side has no more, though what the other changed since names it.
    """

    model_config = ConfigDict(frozen=True)

    part: Part
    key: str
    base: Any
    current: Any
    branch: Any


class Rebased(BaseModel):
    """The branch on its new base; where there are conflicts, the current side stands in the content for now."""

    model_config = ConfigDict(frozen=True)

    content: Content
    conflicts: tuple[Conflict, ...]


def diff(base: Content, other: Content) -> list[Change]:
    """What is different in the other content, part by part."""
    before, after = _parts(base), _parts(other)
    changed = [
        Change(part=part, key=key, before=before.get((part, key)), after=after.get((part, key)))
        for part, key in dict.fromkeys([*before, *after])
        if before.get((part, key)) != after.get((part, key))
    ]
    return changed + [
        Change(part="order", key=field, before=was, after=now) for field, was, now in _orders(base, other) if was != now
    ]


def rebase(
    base: Content, current: Content, branch: Content, *, resolved: Mapping[Place, Side] | None = None
) -> Rebased:
    """The changes that lead from the base to the branch, on top of the current content.

    `resolved` says which side stands where both changed the same part; such places are no conflicts any more.
    """
    sides = resolved or {}
    was, now, wanted = _parts(base), _parts(current), _parts(branch)
    merged: dict[Place, Any] = {}
    conflicts: list[Conflict] = []
    missed = {*_missed(base, current, branch), *_missed(base, branch, current)}
    for place in dict.fromkeys([*now, *wanted, *was]):
        values = was.get(place), now.get(place), wanted.get(place)
        taken, clash = _three_way(*values, side=sides.get(place), missed=place in missed)
        if clash:
            part, key = place
            conflicts.append(Conflict(part=part, key=key, base=values[0], current=values[1], branch=values[2]))
        if taken is not None:
            merged[place] = taken
    fields: dict[str, Any] = {name: merged["term", name] for name in TERMS}
    for part, (field, _) in COLLECTIONS.items():
        kept = [key for each, key in merged if each == part]
        keys = [_keys(content, part) for content in (base, current, branch)]
        order, clash = _ordered(*keys, kept=kept, side=sides.get(("order", field)))
        if clash:
            conflicts.append(Conflict(part="order", key=field, base=keys[0], current=keys[1], branch=keys[2]))
        fields[field] = tuple(merged[part, key] for key in order)
    return Rebased(content=Content(**fields), conflicts=tuple(conflicts))


def parties_of(base: Content, branch: Content) -> dict[UUID, AgreementParty]:
    """The parties of both by their ids, as the branch has them.

    Who leaves, or only witnesses from then on, is what it was: as such it signs that it gives that up.
    """
    parties = {party.party_id: party for party in base.parties}
    for party in branch.parties:
        if must_sign(party) or not must_sign(parties.get(party.party_id, party)):
            parties[party.party_id] = party
    return parties


def touched_by(base: Content, branch: Content) -> tuple[UUID, ...]:
    """The parties that sign an amendment from the base to the branch: of those that sign before it, or after it.

    Two of them alone if it changes nothing but what one owes the other, before or after it; all of them for anything
    else. What is owed to all, or to who only witnesses, concerns all; so does the budget, whose lines have no payee.
    """
    signing = tuple(id for id, party in parties_of(base, branch).items() if must_sign(party))
    touched: set[UUID | None] = set()
    for change in diff(base, branch):
        if change.part != "obligation":
            return signing
        for duty in filter(None, (change.before, change.after)):
            touched |= {duty.debtor, duty.creditor}
    return tuple(id for id in signing if id in touched) if touched and touched.issubset(signing) else signing


def named_in(content: Content) -> set[UUID]:
    """The ids of the parties that its obligations and its budget name, whether it has them or not."""
    places = (place for value in (*content.obligations, *content.budget) for place in _named(value, {}))
    return {UUID(key) for part, key in places if part == "party"}


def _missed(base: Content, less: Content, other: Content) -> Iterator[Place]:
    """What one side has no more, though what the other side brought or changed names it."""
    gone = _parts(base).keys() - _parts(less).keys()
    parties = {each.organisation_id: each.party_id for each in base.parties}
    for change in diff(base, other):
        yield from gone.intersection(_named(change.after, parties))


def _named(value: Any, parties: Mapping[UUID, UUID]) -> Iterator[Place]:
    """The other parts that this one names; `parties` gives an organisation's party."""
    named: set[UUID | None] = set()
    match value:
        case Duty():
            named = {value.debtor, value.creditor}
            if value.center_id:
                yield "center", str(value.center_id)
        case BudgetLine():
            named = {value.payer}
        case CenterToOpen():
            named = {parties.get(value.operator_id)}
    yield from (("party", str(id)) for id in named if id)


def _three_way(base: Any, current: Any, branch: Any, *, side: Side | None, missed: bool = False) -> tuple[Any, bool]:
    if branch == current or (branch == base and not missed):
        return current, False
    if current == base and not missed:
        return branch, False
    if side is None:
        return current, True
    return (current if side == "current" else branch), False


def _ordered(
    base: Sequence[str], current: Sequence[str], branch: Sequence[str], *, kept: Sequence[str], side: Side | None
) -> tuple[list[str], bool]:
    """The kept keys in the order of whoever changed it, each new one behind what it came behind on its side."""
    common = set(kept).intersection(base, current, branch)
    was, now, wanted = ([key for key in keys if key in common] for keys in (base, current, branch))
    order, clash = _three_way(was, now, wanted, side=side)
    # Runs of new keys by the key they follow; where both sides have one, their own order decides, whoever came first.
    runs: dict[str | None, list[list[str]]] = {}
    for keys in (current, branch):
        behind: str | None = None
        run: list[str] = []
        for key in (key for key in keys if key in kept):
            if key in common:
                behind, run = key, []
            else:
                if not run:
                    runs.setdefault(behind, []).append(run)
                run.append(key)
    anchors: list[str | None] = [None, *order]
    found: dict[str, None] = {}
    for anchor in anchors:
        if anchor is not None:
            found[anchor] = None
        for run in sorted(runs.get(anchor, [])):
            found.update(dict.fromkeys(run))
    return list(found), clash


def _parts(content: Content) -> dict[Place, Any]:
    parts: dict[Place, Any] = {("term", name): getattr(content, name) for name in TERMS}
    for part, (field, id) in COLLECTIONS.items():
        parts |= {(part, str(getattr(each, id))): each for each in getattr(content, field)}
    return parts


def _keys(content: Content, part: Part) -> list[str]:
    field, id = COLLECTIONS[part]
    return [str(getattr(each, id)) for each in getattr(content, field)]


def _orders(base: Content, other: Content) -> Iterator[tuple[str, list[str], list[str]]]:
    for part, (field, _) in COLLECTIONS.items():
        before, after = _keys(base, part), _keys(other, part)
        yield field, [key for key in before if key in after], [key for key in after if key in before]
