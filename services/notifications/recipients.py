"""Recipients: all who may be told of something, with what they asked for and what they prefer."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.notifications.circle import Circle
from services.notifications.preferences import Preferences
from services.notifications.telling import EndpointTold, PersonTold, Recipient, Rule
from shared.actor import Role
from shared.database import Transaction

RULES = """
    coalesce((select jsonb_agg(to_jsonb(rule) order by made_at, rule.id) from rule where {owner} and ended_at is null),
        '[]') as rules
"""
# One statement, because every event asks it.
KNOWN = text(f"""
    with found as (select * from circle where subject = any(cast(:concerned as uuid[]))), circle as (
        select (select codes from found order by array_position(cast(:concerned as uuid[]), subject) limit 1) as codes,
            array(select distinct unnest(provinces) from found) as provinces
    )
    select 'known' as what, jsonb_build_object(
        'codes', coalesce((select codes from circle), '{{}}'),
        'provinces', (select provinces from circle),
        'names', (
            select coalesce(jsonb_object_agg(id, jsonb_build_object('ar', ar, 'fr', fr)), '{{}}')
            from name where id = any(cast(:ids as uuid[]))
        )
    ) as facts
    union all
    select 'endpoint', to_jsonb(each) from (
        select endpoint.id, endpoint.academy as jurisdiction, state ->> 'channel' as channel,
            state ->> 'language' as language, enabled, {RULES.format(owner="rule.endpoint_id = endpoint.id")}
        from lane join endpoint on endpoint.id = lane.endpoint_id where lane.academy = any(cast(:codes as text[]))
    ) each
    union all
    select 'person', to_jsonb(each) from (
        select person.*, {RULES.format(owner="rule.person_id = person.id")} from person
        where jurisdiction = any(cast(:codes as text[]) || coalesce((select codes from circle), '{{}}'))
    ) each
""")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known when an event comes: whom its subject concerns, what things are called, who may be told."""

    circle: Circle
    names: dict[str, Any]
    recipients: Sequence[Recipient]
    """Of the jurisdictions asked about and of the circle."""


async def known(tx: Transaction, concerned: Sequence[UUID], codes: Collection[str], named: Iterable[UUID]) -> Known:
    """The circle of the first of `concerned` that has one, the names of `named`, the endpoints and people of both."""
    found = (await tx.execute(KNOWN, {"concerned": list(concerned), "codes": sorted(codes), "ids": list(named)})).all()
    facts = next(row.facts for row in found if row.what == "known")
    make: dict[str, Callable[[dict[str, Any]], Recipient]] = {"endpoint": _endpoint, "person": _person}
    return Known(
        Circle(tuple(sorted(facts["codes"])), tuple(sorted(facts["provinces"]))),
        facts["names"],
        [make[row.what](row.facts) for row in found if row.what in make],
    )


def rule_of(facts: Any) -> Rule:
    """The rule of a row's values."""
    lists = {name: tuple(facts[name]) for name in ("types", "academies", "provinces", "parties")}
    return Rule(UUID(str(facts["id"])), importance=facts["importance"], **lists)


def _endpoint(facts: dict[str, Any]) -> EndpointTold:
    rules = _rules(facts.pop("rules"))
    return EndpointTold(**facts | {"id": UUID(facts["id"]), "rules": rules})


def _person(facts: dict[str, Any]) -> PersonTold:
    return PersonTold(
        UUID(facts["id"]),
        facts["person"],
        facts["jurisdiction"],
        frozenset(map(Role, facts["roles"])),
        Preferences(**{name: facts[name] for name in Preferences.model_fields}),
        facts["suspended_at"] is not None,
        _rules(facts["rules"]),
    )


def _rules(found: Iterable[dict[str, Any]]) -> list[Rule]:
    return [rule_of(each) for each in found]
