"""What people look at before they suspend or terminate an agreement."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from services.agreements.agreement import Scope
from services.agreements.commands.passing import led_to
from services.agreements.errors.documents import DocumentMissing
from services.agreements.foresight import foresee
from services.agreements.impact import Impact
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS
from services.agreements.touched import Action
from shared.actor import Actor
from shared.clock import today
from shared.database import Work


async def impact(
    db: Work,
    id: UUID,
    *,
    action: Action,
    scope: Scope = "centers",
    centers: Sequence[UUID] = (),
    notified_on: date | None = None,
    effective_on: date | None = None,
    by: Actor,
) -> Impact:
    """What suspending or terminating the agreement would touch; nothing is changed.

    Refuses what the command would refuse, but for what the decision stands on: it is looked at before it is written.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await led_to(tx, await AGREEMENTS.read(tx, id), today())
        PERMISSIONS.allow(by, "read_impact", agreement)
        refusal = agreement.refusal_of(action)
        if refusal and not isinstance(refusal, DocumentMissing):
            raise refusal
        day = today()
        if action == "terminate_agreement":
            ended = agreement.termination_on(notified_on=notified_on, effective_on=effective_on, today=day)
            return await foresee(tx, agreement, ended.keeping(reason=""))
        rests = agreement.suspension_on(
            scope=scope, centers=centers, notified_on=notified_on, effective_on=effective_on, today=day
        )
        return await foresee(tx, agreement, rests.keeping(reason=""))
