"""What differs between two points of an agreement's life."""

from typing import Any

from httpx import AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from services.agreements.changes import KEYS, Change, changes
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.builders import MINISTRY
from services.agreements.tests.lives import BEGINNING, DAY, with_texts
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database

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
