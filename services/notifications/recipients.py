"""Recipients: all who may be told of something, with what they asked for and what they prefer."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.notifications.circle import Circle
from services.notifications.preferences import Preferences
from services.notifications.telling import LISTS, EndpointTold, PersonTold, Recipient, Rule
from shared.actor import Role
from shared.database import Transaction

RULES = """
    coalesce((select jsonb_agg(to_jsonb(rule) order by made_at, rule.id) from rule where {owner} and ended_at is null),
        '[]') as rules
"""
# One statement, because every event asks it.
KNOWN = text(f"""
    with found as (
        select *, array_position(cast(:concerned as uuid[]), subject) as nth,
            array_position(cast(:agreements as uuid[]), subject) as about
        from circle where subject = any(cast(:concerned as uuid[]) || cast(:agreements as uuid[]))
    ), circle as (
        select (select codes from found where nth is not null order by nth limit 1) as codes,
            array(select distinct unnest(provinces) from found where nth is not null) as provinces,
            (select agreement_type from found where about is not null and agreement_type is not null
                order by about limit 1) as agreement_type
    )
    select 'known' as what, jsonb_build_object(
        'codes', coalesce((select codes from circle), '{{}}'),
        'provinces', (select provinces from circle),
        'agreement_type', (select agreement_type from circle),
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


async def known(
    tx: Transaction,
    concerned: Sequence[UUID],
    codes: Collection[str],
    named: Iterable[UUID],
    agreements: Sequence[UUID] = (),
) -> Known:
    """The circle of the first of `concerned` that has one, the names of `named`, the endpoints and people of both.

    The type of agreement is that of the first of `agreements` whose type is known.
    """
    about = {"concerned": list(concerned), "agreements": list(agreements), "ids": list(named)}
    found = (await tx.execute(KNOWN, about | {"codes": sorted(codes)})).all()
    facts = next(row.facts for row in found if row.what == "known")
    make: dict[str, Callable[[dict[str, Any]], Recipient]] = {"endpoint": _endpoint, "person": _person}
    return Known(
        Circle(tuple(sorted(facts["codes"])), tuple(sorted(facts["provinces"])), facts["agreement_type"]),
        facts["names"],
        [make[row.what](row.facts) for row in found if row.what in make],
    )


def rule_of(facts: Any) -> Rule:
    """The rule of a row's values."""
    lists = {name: tuple(facts[name]) for name in LISTS}
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
