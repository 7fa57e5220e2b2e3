"""Every route of notifications, tried by everybody, and by nobody; and every convention on every route."""

from typing import Any, ClassVar
from uuid import UUID

import pytest
from fastapi import FastAPI

from services.notifications import commands
from services.notifications.endpoint import Endpoint
from services.notifications.people import person_id
from services.notifications.permissions import PERMISSIONS
from services.notifications.receipt import Receipt
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import (
    OFFICER,
    OPERATOR,
    URL,
    happening,
    person,
    registered,
    returned,
    rows,
    told,
)
from shared.actor import Actor
from shared.aggregate import Aggregate
from shared.database import Database
from shared.events.agreements import AgreementSuspended
from shared.ids import new_id
from shared.territory import ACADEMY_CODES
from tests.fixtures.identity import Issuer
from tests.web.conventions import every_refusal_has_wording, keeps_conventions
from tests.web.routes import ACADEMY, Arrange, Visit
from tests.web.walk import every_route_has_a_permission, walk

ACTIONS = sorted(PERMISSIONS)
UNHEARD = """
    insert into notice (event_id, type, subject, version, time, audience, data, names, reach, unheard, correlation)
    select gen_random_uuid(), type, subject, version, time, audience, data, names, reach, audience, correlation
    from notice where event_id = :event returning event_id
"""
LONG_AGO = "2024-09-01T10:00:00Z"


class Mine(Aggregate):
    """Something of the visitor's own: no aggregate, but the walk wants to know of one whose it is."""

    kind: ClassVar[str] = "own"
    home: str = ""

    def visible_to(self) -> tuple[str, ...]:
        """Where its person is at home."""
        return (self.home,)


def arranged(database: Database, settings: NotificationsSettings) -> dict[str, Arrange]:
    """A visit per action; each makes what it needs."""

    async def endpoint(step: Any = None) -> Endpoint:
        made = (await registered(database, settings, URL, academy=ACADEMY)).endpoint
        return await step(database, made.id, by=OPERATOR) if step else made

    async def delivery() -> tuple[UUID, Endpoint]:
        await endpoint()
        (event,) = await told(database, happening(audience=(ACADEMY,)))
        found = await rows(database, "select id from delivery where event_id = :event limit 1", event=event.id)
        # Deliveries are no aggregates; what the walk wants to know of one is its id and whose it is.
        return found[0].id, Endpoint(id=found[0].id, academy=ACADEMY)

    async def register_endpoint(_: Actor) -> Visit:
        body = {"academy": ACADEMY, "channel": "webhook", "address": "https://academie.example/avis", "language": "ar"}
        return Visit("/api/v1/endpoints", body, Endpoint(id=new_id(), academy=ACADEMY))

    async def read_endpoints(_: Actor) -> Visit:
        return Visit("/api/v1/endpoints?limit=100", None, await endpoint())

    async def read_endpoint(_: Actor) -> Visit:
        made = await endpoint()
        return Visit(f"/api/v1/endpoints/{made.id}", None, made)

    async def rotate_secret(_: Actor) -> Visit:
        made = await endpoint()
        return Visit(f"/api/v1/endpoints/{made.id}/secret", None, made, made.version)

    async def disable_endpoint(_: Actor) -> Visit:
        made = await endpoint()
        return Visit(f"/api/v1/endpoints/{made.id}/disabling", None, made, made.version)

    async def enable_endpoint(_: Actor) -> Visit:
        made = await endpoint(commands.disable_endpoint)
        return Visit(f"/api/v1/endpoints/{made.id}/enabling", None, made, made.version)

    async def pause_endpoint(_: Actor) -> Visit:
        made = await endpoint()
        return Visit(f"/api/v1/endpoints/{made.id}/pause", None, made, made.version)

    async def rewrap_secrets(_: Actor) -> Visit:
        return Visit("/api/v1/notifications/rewrapping")

    async def resume_endpoint(_: Actor) -> Visit:
        made = await endpoint(commands.pause_endpoint)
        return Visit(f"/api/v1/endpoints/{made.id}/resumption", None, made, made.version)

    async def change_endpoint(_: Actor) -> Visit:
        made = await endpoint()
        body = {"address": URL, "language": "en", "concurrency": 4, "rate": 2.5}
        return Visit(f"/api/v1/endpoints/{made.id}", body, made, made.version)

    async def secure_endpoint(_: Actor) -> Visit:
        made = await endpoint()
        body: dict[str, Any] = {"certificate": None, "key": None, "authority": None}
        return Visit(f"/api/v1/endpoints/{made.id}/identity", body, made, made.version)

    def of_endpoint(path: str, body: Any = None) -> Arrange:
        async def arrange(_: Actor) -> Visit:
            made = await endpoint()
            return Visit(f"/api/v1/endpoints/{made.id}/{path}", body, made)

        return arrange

    async def read_deliveries(_: Actor) -> Visit:
        owner = (await delivery())[1]
        return Visit("/api/v1/deliveries?limit=100", None, owner)

    async def read_delivery(_: Actor) -> Visit:
        id, owner = await delivery()
        return Visit(f"/api/v1/deliveries/{id}", None, owner)

    async def read_delivery_attempts(_: Actor) -> Visit:
        id, owner = await delivery()
        return Visit(f"/api/v1/deliveries/{id}/attempts", None, owner)

    async def redeliver(_: Actor) -> Visit:
        id, owner = await delivery()
        return Visit(f"/api/v1/deliveries/{id}/redelivery", None, owner)

    async def subscription(by: Actor) -> tuple[UUID, Mine]:
        # A person's subscription is no aggregate, and it is theirs wherever they are.
        made = await commands.subscribe(database, Subscribe(), by=by) if by.roles else new_id()
        return made, Mine(id=made, home=by.jurisdiction)

    async def end_subscription(by: Actor) -> Visit:
        made, owner = await subscription(by)
        return Visit(f"/api/v1/subscriptions/{made}/ending", None, owner)

    async def read_explanation(_: Actor) -> Visit:
        (event,) = await told(database, happening(audience=(ACADEMY,)))
        return Visit(f"/api/v1/notifications/{event.id}/explanation", None, Endpoint(id=event.id, academy=ACADEMY))

    async def read_unheard(_: Actor) -> Visit:
        (event,) = await told(database, happening(audience=(ACADEMY,)))
        # As if nobody had been told, whoever is known by now.
        ((id,),) = await rows(database, UNHEARD, event=event.id)
        return Visit("/api/v1/notifications/unheard?limit=100", None, Endpoint(id=id, academy=ACADEMY))

    async def mark_read(by: Actor) -> Visit:
        await subscription(by)
        await told(database, happening(audience=ACADEMY_CODES if by.jurisdiction == "national" else (by.jurisdiction,)))
        found = await rows(database, "select id from inbox_item where person_id = :me", me=person_id(by.person))
        item = found[0].id if found else new_id()
        return Visit(f"/api/v1/inbox/{item}/reading", {"read": True}, Mine(id=item, home=by.jurisdiction))

    async def end_person(_: Actor) -> Visit:
        id = await person(database, OFFICER)
        return Visit(f"/api/v1/notifications/people/{id}/ending", None, Mine(id=id, home="national"))

    async def acknowledge_receipt(_: Actor) -> Visit:
        suspended = AgreementSuspended.model_validate(AgreementSuspended.example)
        (event,) = await told(database, happening(suspended, audience=(ACADEMY,)))
        id = Receipt.id_of(event.id, ACADEMY)
        return Visit(f"/api/v1/receipts/{id}/acknowledgement", None, Receipt(id=id, academy=ACADEMY))

    async def read_receipts(by: Actor) -> Visit:
        return Visit("/api/v1/receipts?limit=100", None, (await acknowledge_receipt(by)).aggregate)

    def personal(path: str, body: Any = None) -> Arrange:
        async def arrange(_: Actor) -> Visit:
            return Visit(f"/api/v1/{path}", body)

        return arrange

    def of_academy(path: str, *, endless: bool = False) -> Arrange:
        async def arrange(by: Actor) -> Visit:
            named = f"?academy={ACADEMY}" if by.jurisdiction == "national" else ""
            return Visit(f"/api/v1/notifications/{path}{named}", endless=endless)

        return arrange

    return {
        "register_endpoint": register_endpoint,
        "read_endpoints": read_endpoints,
        "read_endpoint": read_endpoint,
        "change_endpoint": change_endpoint,
        "secure_endpoint": secure_endpoint,
        "rewrap_secrets": rewrap_secrets,
        "pause_endpoint": pause_endpoint,
        "resume_endpoint": resume_endpoint,
        "send_test": of_endpoint("test"),
        "recover_missed": of_endpoint("recovery", {"since": LONG_AGO}),
        "replay_feed": of_endpoint("replay", {"since": LONG_AGO, "until": "2024-09-02T10:00:00Z"}),
        "read_health": of_endpoint("health"),
        "read_attempts": of_endpoint("attempts"),
        "read_delivery_attempts": read_delivery_attempts,
        "rotate_secret": rotate_secret,
        "disable_endpoint": disable_endpoint,
        "enable_endpoint": enable_endpoint,
        "read_deliveries": read_deliveries,
        "read_delivery": read_delivery,
        "redeliver": redeliver,
        "read_feed": of_academy("feed"),
        "read_stream": of_academy("stream", endless=True),
        "subscribe": personal("subscriptions", {"types": ["ma.mithaq.agreement.*"]}),
        "read_subscriptions": personal("subscriptions"),
        "rehearse_subscription": personal("subscriptions/rehearsal"),
        "end_subscription": end_subscription,
        "read_explanation": read_explanation,
        "read_unheard": read_unheard,
        "read_receipts": read_receipts,
        "acknowledge_receipt": acknowledge_receipt,
        "read_preferences": personal("notifications/preferences"),
        "set_preferences": personal("notifications/preferences", {"email": "daily"}),
        "read_inbox": personal("inbox"),
        "read_inbox_counts": personal("inbox/counts"),
        "read_letter_attempts": personal("letter-attempts"),
        "mark_read": mark_read,
        "mark_all_read": personal("inbox/reading", {}),
        "report_bounces": personal("notifications/bounces", {"report": returned(new_id()).decode()}),
        "read_event_types": personal("notifications/event-types?types=ma.mithaq.agreement.*"),
        "end_person": end_person,
        "preview_notice": personal("notifications/preview?type=ma.mithaq.agreement.signed.v1"),
    }


def test_every_route_is_in_the_table(app: FastAPI, database: Database, settings: NotificationsSettings) -> None:
    every_route_has_a_permission(app, PERMISSIONS, arranged(database, settings))


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_route_admits_whom_the_table_admits(
    action: str, app: FastAPI, database: Database, settings: NotificationsSettings, issuer: Issuer
) -> None:
    await walk(app, PERMISSIONS, issuer, action, arranged(database, settings)[action])


@pytest.mark.parametrize("action", [action for action in ACTIONS if action != "read_stream"])
async def test_a_route_keeps_the_conventions(
    action: str, app: FastAPI, database: Database, settings: NotificationsSettings, issuer: Issuer
) -> None:
    await keeps_conventions(app, PERMISSIONS, issuer, action, arranged(database, settings)[action])


def test_every_refusal_can_be_read_in_every_language(app: FastAPI) -> None:
    every_refusal_has_wording(app, "services.notifications.errors")
