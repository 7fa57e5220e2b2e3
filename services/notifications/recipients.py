"""Recipients: all who may be told of something, with what they asked for and what they prefer."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.circle import Circle
from services.notifications.preferences import Preferences
from services.notifications.telling import LISTS, EndpointTold, PersonTold, Recipient, Rule
from shared.actor import Role
from shared.database import Transaction

RULES = """
    coalesce((select jsonb_agg(to_jsonb(rule) order by made_at, rule.id) from rule where {owner} and ended_at is null),
        '[]') as rules
"""
# One statement, because all that is told asks it.
KNOWN = text(f"""
    with circle as (select * from circle where subject = any(cast(:subjects as uuid[])))
    select 'circle' as what, to_jsonb(circle) as facts from circle
    union all
    select 'name', to_jsonb(name) from name where id = any(cast(:named as uuid[]))
    union all
    select 'endpoint', to_jsonb(each) from (
        select endpoint.id, endpoint.academy as jurisdiction, state ->> 'channel' as channel,
            state ->> 'language' as language, enabled, {RULES.format(owner="rule.endpoint_id = endpoint.id")}
        from lane join endpoint on endpoint.id = lane.endpoint_id where lane.academy = any(cast(:codes as text[]))
    ) each
    union all
    select 'person', to_jsonb(each) from (
        select person.*, {RULES.format(owner="rule.person_id = person.id")} from person
        where ended_at is null
            and jurisdiction = any(cast(:codes as text[]) || array(select unnest(codes) from circle))
    ) each
""")
ASKING = text(f"""
    select to_jsonb(each) as facts from (
        select person.*, {RULES.format(owner="rule.person_id = person.id")} from person
        where exists (select 1 from rule where rule.person_id = person.id and ended_at is null)
    ) each
""")
STEP = 200


@dataclass(frozen=True, slots=True)
class Known:
    """What is known when events come: whom their subjects concern, what things are called, who may be told."""

    circles: dict[UUID, Circle]
    """By subject."""
    names: dict[UUID, Mapping[str, str]]
    """By id."""
    recipients: Mapping[str, Sequence[Recipient]]
    """By jurisdiction."""

    def circle(self, concerned: Iterable[UUID], agreements: Iterable[UUID]) -> Circle:
        """The circle of the first of `concerned` that has one, in the provinces of all of them.

        The type of agreement is that of the first of `agreements` whose type is known.
        """
        found = [self.circles[each] for each in concerned if each in self.circles]
        provinces = {province for each in found for province in each.provinces}
        types = (self.circles[each].agreement_type for each in agreements if each in self.circles)
        return Circle(found[0].codes if found else (), tuple(sorted(provinces)), next(filter(None, types), None))


async def known(
    db: AsyncConnection, subjects: Collection[UUID], codes: Collection[str], named: Collection[UUID]
) -> Known:
    """The circles of `subjects`, the names of `named`, and all endpoints and people of `codes` and of the circles."""
    asked = {"subjects": list(subjects), "codes": sorted(codes), "named": list(named)}
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for what, facts in await db.execute(KNOWN, asked):
        found[what].append(facts)
    recipients: dict[str, list[Recipient]] = defaultdict(list)
    everyone: list[Recipient] = [*map(_endpoint, found["endpoint"]), *map(person_told, found["person"])]
    for one in everyone:
        recipients[one.jurisdiction].append(one)
    return Known(
        {UUID(each["subject"]): _circle(each) for each in found["circle"]},
        {UUID(each["id"]): {"ar": each["ar"], "fr": each["fr"]} for each in found["name"]},
        recipients,
    )


async def asking(tx: Transaction) -> AsyncIterator[PersonTold]:
    """All people who subscribe to something."""
    rows = await tx.stream(ASKING)
    async for some in rows.partitions(STEP):
        for row in some:
            yield person_told(row.facts)


def rule_of(facts: Any) -> Rule:
    """The rule of a row's values."""
    lists = {name: tuple(facts[name]) for name in LISTS}
    return Rule(UUID(str(facts["id"])), importance=facts["importance"], **lists)


def person_told(facts: Mapping[str, Any]) -> PersonTold:
    """The person of a row's values as JSON, with their rules if these are among them."""
    return PersonTold(
        UUID(facts["id"]),
        facts["person"],
        facts["jurisdiction"],
        frozenset(map(Role, facts["roles"])),
        Preferences(**{name: facts[name] for name in Preferences.model_fields}),
        facts["suspended_at"] is not None,
        _rules(facts.get("rules", ())),
        datetime.fromisoformat(facts["seen_at"]),
        facts["ended_at"] is not None,
    )


def _circle(facts: dict[str, Any]) -> Circle:
    return Circle(tuple(sorted(facts["codes"])), tuple(facts["provinces"]), facts["agreement_type"])


def _endpoint(facts: dict[str, Any]) -> EndpointTold:
    rules = _rules(facts.pop("rules"))
    return EndpointTold(**facts | {"id": UUID(facts["id"]), "rules": rules})


def _rules(found: Iterable[dict[str, Any]]) -> list[Rule]:
    return [rule_of(each) for each in found]
