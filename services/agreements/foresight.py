"""Foresight: the impact of a decision, worked out from what this service knows of its neighbours."""

from typing import cast

from sqlalchemy import func
from sqlalchemy import select as select_columns
from sqlmodel import col, select

from services.agreements.agreement import Agreement, AgreementState
from services.agreements.amendment import OPEN
from services.agreements.ceremony import CeremonyState
from services.agreements.commands.families import lived_parent_of
from services.agreements.impact import CenterFact, Impact, impact_of
from services.agreements.readers import Branch, Subscribers, seen_by
from services.agreements.tables import (
    AGREEMENTS,
    AMENDMENTS,
    CEREMONIES,
    CenterFactRow,
    EndpointFactRow,
    ReaderFactRow,
    SubscriberFactRow,
)
from services.agreements.touched import Decision
from shared.actor import NATIONAL
from shared.clock import LAST_DAY, now
from shared.database import Transaction
from shared.events.agreements import (
    AgreementSuspended,
    AgreementSuspensionAnnounced,
    AgreementTerminated,
    AgreementTerminationAnnounced,
)
from shared.events.base import DomainEvent
from shared.messaging import journal

LASTING = (AgreementState.signed, AgreementState.in_force, AgreementState.suspended)
OVER = (CeremonyState.closed, CeremonyState.minutes_adopted, CeremonyState.cancelled)


async def foresee(tx: Transaction, agreement: Agreement, decided: DomainEvent) -> Impact:
    """What the decision touches, by what is known in this transaction."""
    row = AGREEMENTS.table.c
    follow = select_columns(row.id).where(row.parent_id == agreement.id, row.status.in_(LASTING)).order_by(row.id)
    children = [await AGREEMENTS.read(tx, id) for id in (await tx.execute(follow)).scalars().all()]
    centers = {center.center_id for each in (agreement, *children) for center in each.centers}
    told = select(CenterFactRow).where(col(CenterFactRow.id).in_(centers))
    facts = {fact.id: CenterFact.model_validate(fact) for fact in (await tx.execute(told)).scalars()}
    sitting = CEREMONIES.table.c
    listed = select_columns(sitting.id, sitting.status).where(
        sitting.agreements.contains([agreement.id]), sitting.status.not_in(OVER)
    )
    academy = col(EndpointFactRow.academy)
    reached = (
        select_columns(academy, func.count().label("number")).where(col(EndpointFactRow.enabled)).group_by(academy)
    )
    branch, families = AMENDMENTS.table.c, {each.id: each for each in (agreement, *children)}
    unsettled = select_columns(branch.id, branch.status, branch.agreement_id, branch.visible_to).where(
        branch.agreement_id.in_(families), branch.status.in_(OPEN)
    )
    amendments = {
        each.id: Branch(each.agreement_id, each.status, frozenset(each.visible_to))
        for each in await tx.execute(unsettled)
    }
    homes = {"national", *(code for each in amendments.values() for code in each.codes)}
    for each in families.values():
        homes |= {*each.visible_to(), *(code for center in each.centers for code in seen_by(center))}
    # In number only, and of those who are told: a party's own rows are not its partner's to see.
    async with tx.widened(NATIONAL):
        readers = (await tx.exec(select(ReaderFactRow).where(col(ReaderFactRow.jurisdiction).in_(homes)))).all()
        asking = select(SubscriberFactRow).where(col(SubscriberFactRow.jurisdiction).in_(homes))
        subscribers = [Subscribers.model_validate(each) for each in (await tx.exec(asking)).all()]
    return impact_of(
        agreement,
        _decision(decided),
        [decided],
        at=now(),
        children=children,
        life=await journal.past(tx, agreement.id) if children else (),
        parent=await lived_parent_of(tx, agreement, LAST_DAY),
        known=facts,
        amendments=amendments,
        ceremonies={each.id: each.status for each in await tx.execute(listed)},
        people={each.jurisdiction: each.people for each in readers},
        subscribers=subscribers,
        endpoints={each.academy: each.number for each in await tx.execute(reached)},
    )


def _decision(event: DomainEvent) -> Decision:
    if isinstance(event, AgreementSuspended | AgreementSuspensionAnnounced):
        what = event.model_dump(include={"effective_on", "scope", "centers"})
        return Decision(action="suspend_agreement", **what)
    ended = cast(AgreementTerminated | AgreementTerminationAnnounced, event)
    return Decision(action="terminate_agreement", effective_on=ended.effective_on, scope=None, centers=())
