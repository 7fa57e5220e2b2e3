"""What counted when in an agreement's life, found again from its journal alone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.agreements.agreement import Agreement
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.builders import MINISTRY, clauses, officer, regional
from services.agreements.text import put_clauses, put_content
from shared.actor import NATIONAL
from shared.aggregate import Recorded
from shared.clock import start_of
from shared.database import Database
from shared.events.agreements import AgreementNotRenewed, AgreementRenewed
from shared.events.base import DomainEvent
from shared.ids import new_id
from shared.messaging.tables import JournalRow

BEGINNING = datetime(2024, 9, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)


async def journal_of(database: Database, agreement: Agreement) -> list[JournalRow]:
    """Its whole journal."""
    async with database.transaction(NATIONAL) as tx:
        return list(await AGREEMENTS.history(tx, agreement.id))


def fold_of(agreement: Agreement, life: list[Recorded], instant: datetime) -> dict[str, Any] | None:
    """What the events that counted by then make of the agreement; None without any."""
    events: list[DomainEvent] = []
    counted: dict[str, bool] = {}
    for each in life:
        counts = each.at <= instant
        if not counts and (day := told_day(each.event)):
            _, rests_on = DAYS[name_of(each.event)]
            counts = start_of(day) <= instant and all(counted.get(base, True) for base in rests_on.split())
        counted[name_of(each.event)] = counts
        if counts:
            events.append(each.event)
    return told(Agreement.fold(agreement.id, events)) if events else None


def name_of(event: DomainEvent) -> str:
    """What happened."""
    return event.type.removeprefix("ma.mithaq.agreement.").removesuffix(".v1")


def told_day(event: DomainEvent) -> date | None:
    """The day since when it is so, as the event tells; None: since its moment."""
    name, _, after = DAYS.get(name_of(event), ("", ""))[0].partition(" + ")
    said: date | None = getattr(event, name) if name else None
    match event:
        case AgreementRenewed(tacit=False):
            return None
        case AgreementNotRenewed(how=how) if how != "lapsed":
            return None
    return said + timedelta(int(after or 0)) if said else None


UNDER_WAY = "came_into_force resumed amended"
DAYS = {
    "signature_offer_expired": ("offered_until + 1", "approved signature_offer_renewed"),
    "came_into_force": ("in_force_on", "signed visa_recorded"),
    "suspended": ("effective_on", "came_into_force"),
    "resumed": ("effective_on", "suspended"),
    "terminated": ("effective_on", "signed came_into_force"),
    "expired": ("expired_on", "came_into_force"),
    "archived": ("archived_on", "closed"),
    "edition_opened": ("starts_on", f"{UNDER_WAY} renewed"),
    "edition_ended": ("ended_on + 1", "edition_opened amended"),
    "renewal_fell_due": ("due_on", "edition_opened amended"),
    "renewed": ("starts_on", "renewal_fell_due"),
    "not_renewed": ("effective_until + 1", "renewal_fell_due"),
    "obligation_fell_due": ("due_on", f"{UNDER_WAY} renewed"),
    "obligation_claimed": ("claimed_on", UNDER_WAY),
    "obligation_fulfilled": ("fulfilled_on", UNDER_WAY),
    "document_expired": ("expires_on + 1", "document_attached"),
}
"""By what happened: the day that says since when (decision 0042), and what had to count for it to count that early."""


def told(agreement: Agreement) -> dict[str, Any]:
    """All of it, but for how many events it is the fold of."""
    return agreement.model_dump(exclude={"version"})


async def with_texts(database: Database) -> Agreement:
    """An agreement whose second text says something else in one clause, a day after the first."""
    id = new_id()
    async with database.transaction(NATIONAL) as tx:
        draft = Agreement.draft(id, regional(), names={}, by=officer().person)
        agreement = await AGREEMENTS.record(tx, Agreement(id=id), draft, by=MINISTRY, at=BEGINNING)
        changed = clauses(2, words=" modifié")
        for day, text in enumerate((clauses(2), [clauses(2)[0], changed[1]]), 1):
            content = agreement.content(await put_clauses(tx, text))
            revised = agreement.revise(await put_content(tx, content), by=officer().person)
            await AGREEMENTS.record(tx, agreement, revised, by=MINISTRY, at=BEGINNING + day * DAY)
    return agreement
