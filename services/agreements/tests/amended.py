"""Builders of agreements whose duties are amended, without a database."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.agreements.agreement import Agreement
from services.agreements.terms import Duty, Recurrence
from services.agreements.tests.builders import in_force, owing, regional
from shared.events.base import DomainEvent
from shared.ids import new_id

START = date(2024, 9, 2)
OCTOBER = date(2024, 10, 20)


def every(months: int, first: date) -> dict[str, Any]:
    """A duty that comes back."""
    return {"due_on": None, "due_days": None, "recurrence": Recurrence(first_due_on=first, every_months=months)}


def once(day: date) -> dict[str, Any]:
    """A duty of one day."""
    return {"due_on": day, "due_days": None, "recurrence": None}


MONTHLY = every(1, date(2024, 9, 10))


def at_work(*duties: dict[str, Any], until: date = START) -> Agreement:
    """An agreement in force since its start, with a duty for each of these, on a later day."""
    agreement = in_force(owing(regional(), *duties))
    return agreement.evolve(agreement.pass_time(until))


def amending(agreement: Agreement, *duties: Duty, today: date, **changes: Any) -> Sequence[DomainEvent]:
    """The amendment of its duties, and of what else it says."""
    content = agreement.content(()).model_copy(update={"obligations": duties, **changes})
    return agreement.amend(
        content,
        text_hash="cd" * 32,
        amendment_id=new_id(),
        number=len(agreement.amendments) + 1,
        amendment_type="scope",
        names=agreement.names,
        signatures=(),
        today=today,
    )


def amended(agreement: Agreement, today: date, changes: dict[str, Any], **others: Any) -> Agreement:
    """The agreement with its first duty changed."""
    first, *rest = agreement.duties
    return agreement.evolve(amending(agreement, first.model_copy(update=changes), *rest, today=today, **others))
