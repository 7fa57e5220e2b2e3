"""Recipients: all who may be told of something, with what they asked for and what they prefer."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.notifications.preferences import Preferences
from services.notifications.telling import EndpointTold, PersonTold, Recipient, Rule
from shared.actor import Role
from shared.database import Transaction

RULES = """
    coalesce((select jsonb_agg(to_jsonb(rule) order by made_at, rule.id) from rule where {owner} and ended_at is null),
        '[]') as rules
"""
RECIPIENTS = text(f"""
    select 'endpoint' as what, to_jsonb(each) as facts from (
        select endpoint.id, endpoint.academy as jurisdiction, state ->> 'channel' as channel,
            state ->> 'language' as language, enabled, {RULES.format(owner="rule.endpoint_id = endpoint.id")}
        from lane join endpoint on endpoint.id = lane.endpoint_id where lane.academy = any(cast(:codes as text[]))
    ) each
    union all
    select 'person', to_jsonb(each) from (
        select person.*, {RULES.format(owner="rule.person_id = person.id")}
        from person where jurisdiction = any(cast(:codes as text[]))
    ) each
""")


async def recipients(tx: Transaction, codes: Collection[str]) -> list[Recipient]:
    """The endpoints and people of these jurisdictions."""
    found = (await tx.execute(RECIPIENTS, {"codes": sorted(codes)})).all()
    return [_endpoint(row.facts) if row.what == "endpoint" else _person(row.facts) for row in found]


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
