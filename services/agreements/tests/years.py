"""Agreements without I/O through their years: editions, renewals, and amendments in between."""

from datetime import date, timedelta
from typing import Any

from services.agreements.agreement import Agreement
from services.agreements.content import Content
from services.agreements.terms import Terms
from services.agreements.tests.builders import in_force, party, regional
from shared.events.agreements import AgreementEditionOpened, CenterSeats
from shared.ids import new_id
from shared.territory import MINISTRY_ID

START, FIRST_END = date(2024, 9, 2), date(2025, 9, 1)
LEAD = timedelta(days=90)


def central(**changes: Any) -> Terms:
    """Terms between the ministry and an association, on two centers."""
    terms = regional()
    parties = (
        party(MINISTRY_ID, "granting_authority", "supervising_ministry"),
        terms.parties[1],
    )
    centers = tuple(
        each.model_copy(update={"center_id": new_id(), "funded_seats": seats})
        for each in terms.centers
        for seats in (40, 60)
    )
    central = {"agreement_kind": "ministry-association", "academy": None, "parties": parties, "centers": centers}
    return terms.model_copy(update=central | changes)


def passing(agreement: Agreement, until: date) -> Agreement:
    """The agreement on a later day."""
    return agreement.evolve(agreement.pass_time(until))


def running(terms: Terms | None = None) -> Agreement:
    """An agreement in its first edition."""
    return passing(in_force(terms or central()), START)


def evaluated(agreement: Agreement, outcome: Any = "favourable") -> Agreement:
    """The agreement with its renewal due and its last edition evaluated."""
    passing(agreement, agreement.editions[-1].ends_on - LEAD)
    return agreement.evolve(agreement.evaluate(outcome=outcome, reason="r"))


def carried(agreement: Agreement, **changes: Any) -> dict[str, Any]:
    """The next edition, with everything taken over and by name."""
    last = agreement.editions[-1]
    starts = int(last.school_year[:4]) + 1
    everything = {
        "school_year": f"{starts}/{starts + 1}",
        "budget_year": last.budget_year + 1,
        "ends_on": min(last.ends_on + timedelta(days=365), agreement.effective_until),
        "funded_seats": last.funded_seats,
        "unfunded_seats": last.unfunded_seats,
        "amount": last.amount,
        "parties": last.parties,
        "obligations": last.obligations,
    }
    return everything | changes


def renewed(agreement: Agreement, **changes: Any) -> Agreement:
    """The agreement once its last edition is evaluated and renewed."""
    evaluated(agreement)
    return agreement.evolve(agreement.renew(**carried(agreement, **changes)))


def seats(agreement: Agreement, *funded: int) -> dict[str, Any]:
    """What a renewal says of so many funded seats in each center, and no unfunded ones."""
    named = [
        CenterSeats(center_id=center.center_id, funded_seats=number, unfunded_seats=0)
        for center, number in zip(agreement.centers, funded, strict=True)
    ]
    return {"seats": named, "funded_seats": sum(funded), "unfunded_seats": 0}


def granted(event: Any) -> list[int]:
    """The funded seats of each center, as it follows the event."""
    return [each.funded_seats for each in getattr(event, "granted", None) or event.centers]


def amended(agreement: Agreement, today: date, **changes: Any) -> Agreement:
    """The agreement once an amendment is applied."""
    content = agreement.content(()).model_copy(update=changes)
    return agreement.evolve(amending(agreement, content, today))


def amending(agreement: Agreement, content: Content, today: date) -> list[Any]:
    """An amendment's own event."""
    what: dict[str, Any] = {"amendment_id": new_id(), "number": len(agreement.amendments) + 1, "names": {}}
    return agreement.amend(content, text_hash="cd" * 32, amendment_type="scope", signatures=(), today=today, **what)


def opening(agreement: Agreement, day: date) -> Any:
    """What is told when an edition opens on this day."""
    events = agreement.pass_time(day)
    agreement.evolve(events)
    return next(each for each in events if isinstance(each, AgreementEditionOpened))


def states(agreement: Agreement) -> list[str]:
    """Where each edition stands."""
    return [each.state.value for each in agreement.editions]
