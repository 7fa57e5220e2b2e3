"""Subscriptions by type of agreement: what an event is about is known from what its agreement's own events said."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from services.notifications import commands, queries
from services.notifications.errors import AgreementTypeUnknown
from services.notifications.schemas.subscriptions import TYPES_OF_AGREEMENT, Conditions, Subscribe
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OFFICER, happening, registered, rows, told
from shared.clock import now
from shared.database import Database
from shared.events.agreements import (
    AgreementDrafted,
    AgreementPartySigned,
    AgreementSigned,
    AgreementTextRevised,
    AmendmentProposed,
    AmendmentRevised,
    CeremonyPlanned,
    SubstitutionGranted,
    ThreadAnswered,
    ThreadOpened,
)
from shared.events.base import DomainEvent, Occurrence
from shared.events.centers import CenterHandoverStarted, CenterOpened, CenterOperatorChanged, CenterPlanned
from shared.events.network import MandateRecorded
from shared.events.notifications import ReminderFellDue
from shared.ids import new_id
from tests.web.routes import client_of

DEAD = "http://127.0.0.1:1/"
FRAMEWORK: Any = {"agreement_types": ["framework"]}


def about(agreement: UUID, event: type[DomainEvent], subject: UUID | None = None, **more: Any) -> Occurrence[Any]:
    """The event's example, of now, about this agreement; about another subject of it if one is given."""
    named = {field: agreement for field in ("agreement_id", "subject_id") if field in event.model_fields}
    made = happening(event.model_validate(event.example | named | more), subject=subject or agreement)
    return Occurrence(**{name: getattr(made, name) for name in made.__slots__} | {"time": now()})


def life(agreement: UUID, type: str) -> list[Occurrence[DomainEvent]]:
    """What happens to an agreement of this type, and to what belongs to it."""
    amendment, thread, center = new_id(), new_id(), new_id()
    return [
        about(agreement, AgreementDrafted, agreement_type=type),
        about(agreement, AgreementTextRevised),
        about(agreement, ThreadOpened, thread),
        about(agreement, ThreadAnswered, thread),
        about(agreement, AgreementPartySigned),
        about(agreement, AgreementSigned, agreement_type=type),
        about(agreement, CenterPlanned, center),
        about(agreement, CenterOperatorChanged, center),
        about(agreement, CenterOpened, center),
        about(agreement, AmendmentProposed, amendment),
        about(agreement, AmendmentRevised, amendment),
        about(agreement, ReminderFellDue, new_id()),
        about(agreement, CenterHandoverStarted, center),
    ]


async def owed(database: Database) -> list[UUID]:
    """The events that are owed, in order."""
    return [row.event_id for row in await rows(database, "select event_id from delivery order by sequence")]


async def subscribed(database: Database, settings: NotificationsSettings, **wanted: Any) -> tuple[UUID, UUID]:
    """An endpoint with a subscription; the ids of both."""
    endpoint = (await registered(database, settings, DEAD)).endpoint.id
    return endpoint, await commands.subscribe(database, Subscribe(**wanted, endpoint_id=endpoint), by=OFFICER)


async def test_of_an_agreement_of_the_wanted_type_all_is_told_and_of_others_nothing(
    database: Database, settings: NotificationsSettings
) -> None:
    endpoint, _ = await subscribed(database, settings, **FRAMEWORK)
    wanted, others = life(new_id(), "framework"), life(new_id(), "regional")
    for pair in zip(wanted, others, strict=True):
        await told(database, *pair)
    optional = [each.id for each in wanted]
    assert await owed(database) == optional
    rehearsed = await queries.rehearsal(
        database, Conditions(**FRAMEWORK), endpoint_id=endpoint, days=1, language="fr", by=OFFICER
    )
    assert rehearsed.told == len(wanted)
    assert rehearsed.considered == 2 * len(wanted)


async def test_what_is_about_no_agreement_whose_type_is_known_fits_no_type(
    database: Database, settings: NotificationsSettings
) -> None:
    await subscribed(database, settings, agreement_types=list(TYPES_OF_AGREEMENT))
    unknown, known = new_id(), new_id()
    several: Sequence[type[DomainEvent]] = (CeremonyPlanned, SubstitutionGranted, MandateRecorded)
    await told(database, drafted := about(known, AgreementDrafted))
    await told(database, *(about(known, each, new_id()) for each in several))
    await told(database, about(unknown, AgreementTextRevised), about(unknown, CenterPlanned, new_id()))
    assert await owed(database) == [drafted.id]
    # From the day on which it is said, it is known.
    await told(database, signed := about(unknown, AgreementSigned), later := about(unknown, AgreementTextRevised))
    assert await owed(database) == [drafted.id, signed.id, later.id]


async def test_an_explanation_says_which_conditions_were_not_met(
    database: Database, settings: NotificationsSettings
) -> None:
    endpoint, first = await subscribed(database, settings, **FRAMEWORK)
    also: Any = {"types": ["ma.mithaq.center.*"], "provinces": ["MA-TNG"], "endpoint_id": endpoint}
    second = await commands.subscribe(database, Subscribe(**also, **FRAMEWORK), by=OFFICER)
    (drafted,) = await told(database, about(new_id(), AgreementDrafted, agreement_type="regional"))
    for language, words in (("en", "agreement type"), ("fr", "type de convention"), ("ar", "نوع الاتفاقية")):
        (one,) = (await queries.explanation(database, drafted.id, language=language, by=OFFICER)).not_told
        assert (one.recipient, one.why) == (endpoint, "no_rule_matches")
        assert {each.rule: each.conditions for each in one.unmet} == {
            first: ["agreement_types"],
            second: ["types", "provinces", "agreement_types"],
        }
        assert one.unmet[0].reason == words


def test_a_type_of_agreement_that_there_is_not_is_refused() -> None:
    with pytest.raises(AgreementTypeUnknown) as refused:
        Subscribe(agreement_types=["regional", "municipal"]).conditions()
    assert refused.value.values["given"] == "municipal"


async def test_a_subscription_shows_its_types_of_agreement_and_its_refusal_names_those_there_are(
    app: FastAPI, token: Any
) -> None:
    async with client_of(app, token(OFFICER)) as client:
        path = "/api/v1/subscriptions"
        made = await client.post(path, json=FRAMEWORK)
        assert (made.status_code, made.json()["agreement_types"]) == (201, ["framework"])
        assert [each["agreement_types"] for each in (await client.get(path)).json()["items"]] == [["framework"]]
        wrong = {"agreement_types": ["municipal"]}
        for refused in (
            await client.post(path, json=wrong),
            await client.get(f"{path}/rehearsal", params=wrong),
        ):
            assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (422, "agreement-type-unknown")
            assert "framework" in refused.json()["detail"]
        found = await client.get(f"{path}/rehearsal", params=FRAMEWORK)
        assert (found.status_code, found.json()["told"]) == (200, 0)
