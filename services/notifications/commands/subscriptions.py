"""What academies and people ask to be told."""

from typing import Any
from uuid import UUID

from sqlalchemy import insert, text

from services.notifications.arrival import meet, usual_in
from services.notifications.errors import TooManySubscriptions
from services.notifications.people import code_of, own_scope, person_id
from services.notifications.permissions import PERMISSIONS
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.tables import ENDPOINTS, RuleRow
from shared.actor import Actor
from shared.database import Transaction, Work
from shared.ids import new_id
from shared.language import LANGUAGES
from shared.refusals import NotFound

OWN = text("select id from rule where id = :id and person_id = :person and ended_at is null for update")
OF_ENDPOINT = text("select endpoint_id from rule where id = :id and endpoint_id is not null and ended_at is null")
# All of them are looked at whenever an event is told, and said in one event (`subscribership`).
MOST = 100
"""Subscriptions of a person, and of an endpoint, that have not ended."""
# Who asks twice at once waits: neither would count what the other has not committed yet.
LOCK_OWNER = text("select pg_advisory_xact_lock(hashtextextended('mithaq subscriptions ' || :owner, 0))")
STANDING = text("""
    select count(*) from rule
    where (endpoint_id = cast(:owner as uuid) or person_id = cast(:owner as uuid)) and ended_at is null
""")
END = text("update rule set ended_at = clock_timestamp(), ended_by = :by where id = :id and ended_at is null")


async def subscribe(db: Work, wanted: Subscribe, *, language: str = LANGUAGES[0], by: Actor) -> UUID:
    """Tell an endpoint, or the person who asks, of what fits from now on; gives the subscription's id.

    Who was not known reads the language they ask in from now on. Raises NotFound for a foreign endpoint,
    TooManySubscriptions.
    """
    id = new_id()
    rule = {"id": id, "made_by": by.person, **wanted.conditions()}
    async with db.transaction(by.scope) as tx:
        if wanted.endpoint_id:
            endpoint = await ENDPOINTS.read(tx, wanted.endpoint_id)
            PERMISSIONS.allow(by, "subscribe", endpoint)
            rule |= {"endpoint_id": endpoint.id, "visible_to": [endpoint.academy]}
            await _keep(tx, rule, endpoint.id)
            return id
        PERMISSIONS.allow(by, "subscribe")
        async with tx.widened(own_scope(by)):
            person = await meet(tx, by, usual_in(language))
            rule |= {"person_id": person, "visible_to": [code_of(person)]}
            await _keep(tx, rule, person)
            return id


async def _keep(tx: Transaction, rule: dict[str, Any], owner: UUID) -> None:
    await tx.execute(LOCK_OWNER, {"owner": str(owner)})
    await tx.execute(insert(RuleRow).values(**rule))
    if (await tx.execute(STANDING, {"owner": owner})).scalar_one() > MOST:
        raise TooManySubscriptions(most=MOST)


async def end_subscription(db: Work, id: UUID, *, by: Actor) -> None:
    """Ask for it no more. It is kept, because explanations name it. Raises NotFound."""
    PERMISSIONS.allow(by, "end_subscription")
    async with db.transaction(by.scope) as tx:
        async with tx.widened(own_scope(by)):
            if (await tx.execute(OWN, {"id": id, "person": person_id(by.person)})).first():
                await tx.execute(END, {"id": id, "by": by.person})
                return
        rule = (await tx.execute(OF_ENDPOINT, {"id": id})).first()
        if rule is None:
            raise NotFound()
        PERMISSIONS.allow(by, "end_subscription", await ENDPOINTS.read(tx, rule.endpoint_id))
        await tx.execute(END, {"id": id, "by": by.person})
