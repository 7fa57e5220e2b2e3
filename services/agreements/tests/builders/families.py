"""Terms of agreements that follow one another."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from services.agreements.terms import Terms
from services.agreements.tests.builders.terms import current, network_terms
from shared.clock import today


def start() -> date:
    """When a framework began."""
    return today() - timedelta(days=30)


def framework(**changes: Any) -> Terms:
    """Terms of a framework agreement between the ministry and the network, some weeks under way."""
    dates = {"effective_from": start(), "effective_until": start() + timedelta(days=1000)}
    return network_terms(agreement_kind="framework", **(dates | changes))


def following(parent: UUID, **changes: Any) -> Terms:
    """Terms of an academy's agreement under a framework, within its term."""
    terms: dict[str, Any] = {
        "effective_from": today(),
        "effective_until": today() + timedelta(days=300),
        "parent_id": parent,
    }
    return current(**(terms | changes))
