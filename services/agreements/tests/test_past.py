"""The past: an agreement as it was and as it was known to be, and what differs between two points of its life."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from services.agreements import queries
from services.agreements.agreement import Agreement
from services.agreements.changes import KEYS, Change, changes
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.builders import MINISTRY, clauses, officer, president, regional
from services.agreements.text import put_clauses
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from shared.events.agreements import (
    AgreementNegotiationOpened,
    AgreementResumed,
    AgreementSuspended,
    AgreementTextRevised,
)
from shared.events.base import DomainEvent
from shared.ids import new_id
from shared.messaging.tables import JournalRow
from shared.refusals import NotFound
from tests.fixtures.identity import Issuer
from tests.web.conventions import is_problem
from tests.web.routes import client_of

BEGINNING = datetime(2024, 9, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def steps(agreement: Agreement, chance: random.Random) -> DomainEvent:
    """Something that happens to the agreement; a fold takes events in any order, since each says all it changes."""
    id, day = agreement.id, BEGINNING.date() + timedelta(days=chance.randrange(300))
    told: list[DomainEvent] = [
        AgreementTextRevised(agreement_id=id, text_hash=f"{chance.getrandbits(256):064x}").keeping(by="somebody"),
        AgreementNegotiationOpened(agreement_id=id, because="drafted").keeping(
            remarks=f"remarque {chance.random()} (fictif)", at=BEGINNING
        ),
        AgreementSuspended(agreement_id=id, effective_on=day, scope="money", centers=()).keeping(
            reason=f"motif {chance.random()} (fictif)", document="d"
        ),
        AgreementResumed(agreement_id=id, effective_on=day, centers=()),
    ]
    return chance.choice(told)


async def a_life(database: Database, length: int, chance: random.Random) -> Agreement:
    """An agreement whose events were often recorded after later ones, or long after they occurred."""
    id, at = new_id(), BEGINNING
    agreement = Agreement(id=id)
    draft = Agreement.draft(id, regional(), names={}, by=MINISTRY.person)
    async with database.transaction(NATIONAL) as tx:
        await AGREEMENTS.record(tx, agreement, draft, by=MINISTRY, at=at)
    for _ in range(length - 1):
        at += timedelta(days=chance.randrange(-20, 30))
        async with database.transaction(NATIONAL) as tx:
            agreement = await AGREEMENTS.load(tx, id)
            late = max(BEGINNING, at)
            await AGREEMENTS.record(tx, agreement, [steps(agreement, chance)], by=MINISTRY, at=late)
    return agreement


async def journal_of(database: Database, agreement: Agreement) -> list[JournalRow]:
    """Its whole journal."""
    async with database.transaction(NATIONAL) as tx:
        return list(await AGREEMENTS.history(tx, agreement.id))


@pytest.mark.parametrize("seed", range(12))
async def test_as_of_a_day_is_the_fold_of_what_had_occurred(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    agreement = await a_life(database, 20, chance)
    journal = await journal_of(database, agreement)
    instants = [row.occurred_at for row in journal] + [BEGINNING + chance.randrange(400) * DAY for _ in range(5)]
    recorded = [row.recorded_at for row in journal if row.recorded_at]
    for as_of in instants:
        known_at = chance.choice([None, *recorded])
        expected = Agreement.fold(
            agreement.id,
            [
                row.event()
                for row in journal
                if row.occurred_at <= as_of and (known_at is None or (row.recorded_at or now()) <= known_at)
            ],
        )
        found = await queries.agreement(
            database, agreement.id, as_of=as_of, known_at=known_at, action="read_agreement", by=MINISTRY
        )
        assert found.model_dump() == expected.model_dump()


async def test_an_event_recorded_late_counts_from_when_it_occurred(database: Database) -> None:
    id, later = new_id(), BEGINNING + 10 * DAY
    revised = [AgreementTextRevised(agreement_id=id, text_hash=letter * 64).keeping(by="somebody") for letter in "ab"]
    async with database.transaction(NATIONAL) as tx:
        agreement = await AGREEMENTS.record(
            tx, Agreement(id=id), Agreement.draft(id, regional(), names={}, by="x"), by=MINISTRY, at=BEGINNING
        )
        await AGREEMENTS.record(tx, agreement, revised[:1], by=MINISTRY, at=later)
    known = now()
    async with database.transaction(NATIONAL) as tx:
        await AGREEMENTS.record(tx, await AGREEMENTS.load(tx, id), revised[1:], by=MINISTRY, at=BEGINNING + DAY)

    async def text_at(**at: datetime) -> str | None:
        return (await queries.agreement(database, id, action="read_agreement", by=MINISTRY, **at)).text_hash

    assert await text_at(as_of=BEGINNING) is None
    assert await text_at(as_of=BEGINNING + 2 * DAY) == "b" * 64
    assert await text_at(as_of=BEGINNING + 2 * DAY, known_at=known) is None
    assert await text_at(as_of=later, known_at=known) == "a" * 64
    assert await text_at(known_at=known) == "a" * 64
    with pytest.raises(NotFound):
        await text_at(as_of=BEGINNING - DAY)


NAMES = st.text(max_size=3).filter(lambda name: name not in KEYS)
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    # What is null in an object is what is not there.
    lambda inner: (
        st.dictionaries(NAMES, inner.filter(lambda value: value is not None), max_size=4) | st.lists(inner, max_size=3)
    ),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_what_differs_is_told_once_and_only_that(before: Any, after: Any) -> None:
    found = list(changes(before, after))
    assert (found == []) == (before == after)
    assert len({each.path for each in found}) == len(found)
    assert all(each.before != each.after for each in found)


def test_entries_of_a_list_are_the_same_wherever_they_stand() -> None:
    before = {"parties": [{"party_id": "a", "roles": ["operator"]}, {"party_id": "b", "roles": ["funder"]}]}
    after = {"parties": [{"party_id": "b", "roles": ["funder", "witness"]}, {"party_id": "c/d", "roles": []}]}
    assert list(changes(before, after)) == [
        Change(path="/parties/b/roles", before=["funder"], after=["funder", "witness"]),
        Change(path="/parties/c~1d", before=None, after={"party_id": "c/d", "roles": []}),
        Change(path="/parties/a", before={"party_id": "a", "roles": ["operator"]}, after=None),
    ]


def test_another_order_of_entries_is_a_change() -> None:
    """The order of clauses and parties is part of what is signed."""
    first, second = {"key": "object", "body": "a"}, {"key": "duration", "body": "b"}
    before, after = {"clauses": [first, second]}, {"clauses": [second | {"body": "c"}, first]}
    assert list(changes(before, after)) == [
        Change(path="/clauses", before=["object", "duration"], after=["duration", "object"]),
        Change(path="/clauses/duration/body", before="b", after="c"),
    ]
    assert list(changes([first], [second, first])) == [Change(path="/duration", before=None, after=second)]


def test_an_obligation_is_known_by_its_own_id_and_not_by_its_center() -> None:
    duty = {"obligation_id": "a", "center_id": None, "what": "x"}
    other = duty | {"obligation_id": "b"}
    assert list(changes([duty], [duty | {"what": "y"}, other])) == [
        Change(path="/a/what", before="x", after="y"),
        Change(path="/b", before=None, after=other),
    ]


@pytest.fixture
async def client(app: FastAPI, issuer: Issuer) -> AsyncIterator[AsyncClient]:
    """The ministry's client."""
    async with client_of(app, issuer.token(MINISTRY)) as client:
        yield client


async def with_texts(database: Database) -> Agreement:
    """An agreement whose second text says something else in one clause, a day after the first."""
    id = new_id()
    async with database.transaction(NATIONAL) as tx:
        draft = Agreement.draft(id, regional(), names={}, by=officer().person)
        agreement = await AGREEMENTS.record(tx, Agreement(id=id), draft, by=MINISTRY, at=BEGINNING)
        changed = clauses(2, words=" modifié")
        for day, text in enumerate((clauses(2), [clauses(2)[0], changed[1]]), 1):
            revised = agreement.revise(await put_clauses(tx, text), by=officer().person)
            await AGREEMENTS.record(tx, agreement, revised, by=MINISTRY, at=BEGINNING + day * DAY)
    return agreement


async def test_two_points_of_a_life_are_compared_clause_by_clause(client: AsyncClient, database: Database) -> None:
    agreement = await with_texts(database)
    url = f"/api/v1/agreements/{agreement.id}/changes"
    between = {"from": (BEGINNING + DAY).isoformat(), "to": (BEGINNING + 2 * DAY).isoformat()}
    found = (await client.get(url, params=between)).json()["items"]
    assert [each["path"] for each in found] == ["/clauses/article-2/body/ar", "/clauses/article-2/body/fr"]
    assert "modifié" in found[1]["after"] and "modifié" not in found[1]["before"]
    assert (await client.get(url, params={"from": now().isoformat()})).json()["items"] == []
    first = (await client.get(url, params={"from": (BEGINNING - DAY).isoformat()})).json()["items"]
    assert {"/title", "/clauses", "/parties"} <= {each["path"] for each in first}
    assert all(each["before"] is None for each in first)


async def test_what_was_learned_between_two_instants_is_compared_too(client: AsyncClient, database: Database) -> None:
    agreement = await with_texts(database)
    known = now().isoformat()
    day = (BEGINNING + 3 * DAY).isoformat()
    async with database.transaction(NATIONAL) as tx:
        found = await AGREEMENTS.load(tx, agreement.id)
        await AGREEMENTS.record(
            tx, found, found.cancel(reason="(fictif)", today=BEGINNING.date()), by=MINISTRY, at=BEGINNING + 3 * DAY
        )
    learned = await client.get(
        f"/api/v1/agreements/{agreement.id}/changes",
        params={"from": day, "from_known_at": known, "to": day, "to_known_at": now().isoformat()},
    )
    states = [each for each in learned.json()["items"] if each["path"] == "/state"]
    assert states == [{"path": "/state", "before": "draft", "after": "cancelled"}]


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_an_instant_before_or_after_all_years_is_refused(
    client: AsyncClient, database: Database, instant: str
) -> None:
    agreement = await with_texts(database)
    for name in ("as_of", "known_at"):
        answered = await client.get(f"/api/v1/agreements/{agreement.id}", params={name: instant})
        is_problem(answered, 422, "malformed")


async def test_the_past_is_as_visible_as_the_present(app: FastAPI, database: Database, issuer: Issuer) -> None:
    agreement = await with_texts(database)
    async with client_of(app, issuer.token(president(new_id()))) as stranger:
        for path in ("", "/text"):
            url = f"/api/v1/agreements/{agreement.id}{path}"
            assert (await stranger.get(url, params={"known_at": now().isoformat()})).status_code == 404
        url = f"/api/v1/agreements/{agreement.id}/changes"
        assert (await stranger.get(url, params={"from": now().isoformat()})).status_code == 404
