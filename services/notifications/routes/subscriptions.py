"""Subscriptions and explanations over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.notifications import commands, queries
from services.notifications.kinds import Importance
from services.notifications.schemas.event_types import EventTypeAnswer
from services.notifications.schemas.people import LetterForm, PreviewAnswer
from services.notifications.schemas.subscriptions import (
    ABOUT_AGREEMENTS,
    Conditions,
    ExplanationAnswer,
    Pattern,
    RehearsalAnswer,
    Subscribe,
    SubscriptionAnswer,
    TypeOfAgreement,
    UnheardAnswer,
)
from shared.database import Transaction
from shared.territory import AcademyCode, ProvinceCode
from shared.web import CurrentActor, Db, Language, Listing, Once, Page, answer, page

router = APIRouter(prefix="/api/v1", tags=["notifications"])

OfEndpoint = Annotated[UUID | None, Query(description="an endpoint's; one's own when left out")]


@router.post("/subscriptions", status_code=201, response_model=SubscriptionAnswer)
async def subscribe(body: Subscribe, by: CurrentActor, once: Once, language: Language) -> Response:
    """Be told of what fits, or have an endpoint told; never of what lies outside its jurisdiction."""

    async def made(tx: Transaction) -> SubscriptionAnswer:
        return await queries.subscription(tx, await commands.subscribe(tx, body, language=language, by=by), by=by)

    return await once(made, answer=lambda found: found)


@router.get("/subscriptions", response_model=Listing[SubscriptionAnswer])
async def read_subscriptions(
    by: CurrentActor, db: Db, wanted: Page, language: Language, endpoint_id: OfEndpoint = None
) -> Response:
    """What one asked to be told, or what an endpoint is told. An endpoint without any is told all of its academy."""
    found, next = await queries.subscriptions(db, endpoint_id=endpoint_id, page=wanted, language=language, by=by)
    return page(wanted, found, next)


@router.get("/subscriptions/rehearsal", response_model=RehearsalAnswer)
async def rehearse_subscription(
    by: CurrentActor,
    db: Db,
    language: Language,
    endpoint_id: OfEndpoint = None,
    types: Annotated[tuple[Pattern, ...], Query(max_length=50)] = (),
    academies: Annotated[tuple[AcademyCode, ...], Query(max_length=50)] = (),
    provinces: Annotated[tuple[ProvinceCode, ...], Query(max_length=50)] = (),
    agreement_types: Annotated[tuple[TypeOfAgreement, ...], Query(max_length=50, description=ABOUT_AGREEMENTS)] = (),
    parties: Annotated[tuple[UUID, ...], Query(max_length=50)] = (),
    importance: Importance = "information",
    days: Annotated[int, Query(ge=1, le=366, description="how far back")] = 30,
) -> Response:
    """What such a subscription would have told in the last days. Nothing is sent and nothing is written."""
    wanted = Conditions(
        types=list(types),
        academies=list(academies),
        provinces=list(provinces),
        agreement_types=list(agreement_types),
        parties=list(parties),
        importance=importance,
    )
    return answer(await queries.rehearsal(db, wanted, endpoint_id=endpoint_id, days=days, language=language, by=by))


@router.post("/subscriptions/{id}/ending", status_code=204)
async def end_subscription(id: UUID, by: CurrentActor, once: Once) -> Response:
    """Ask for it no more."""
    return await once(lambda tx: commands.end_subscription(tx, id, by=by))


@router.get("/notifications/{id}/explanation", response_model=ExplanationAnswer)
async def read_explanation(id: UUID, by: CurrentActor, db: Db, language: Language) -> Response:
    """Who was told of an event, by which subscription, in which language, on which channel; who was not, and why."""
    return answer(await queries.explanation(db, id, language=language, by=by))


@router.get("/notifications/unheard", response_model=Listing[UnheardAnswer])
async def read_unheard(by: CurrentActor, db: Db, wanted: Page, language: Language) -> Response:
    """Statutory notices of which nobody of an academy, or of the ministry, was told; newest first."""
    found, next = await queries.unheard(db, language=language, page=wanted, by=by)
    return page(wanted, found, next)


@router.get("/notifications/event-types", response_model=Listing[EventTypeAnswer])
async def read_event_types(
    by: CurrentActor,
    wanted: Page,
    language: Language,
    types: Annotated[tuple[Pattern, ...], Query(max_length=50, description="event types, `*` for anything")] = (),
) -> Response:
    """What there is to be told of: what each type of event means to people, its schema and an example."""
    found, next = queries.event_types(types=types, language=language, page=wanted, by=by)
    return page(wanted, found, next)


@router.get("/notifications/preview", response_model=PreviewAnswer)
async def preview_notice(
    by: CurrentActor,
    language: Language,
    type: Annotated[Pattern, Query(description="an event type")],
    wanted: Annotated[Literal["ar", "fr", "en"] | None, Query(alias="language", description="to show it in")] = None,
    letter: Annotated[LetterForm, Query(description="a person's letter or digest, or an academy's e-mail")] = "at_once",
    also: Annotated[tuple[Pattern, ...], Query(max_length=50, description="types told of in the same digest")] = (),
    trigger: Annotated[str | None, Query(max_length=100, description="of a reminder: what it reminds of")] = None,
) -> Response:
    """An event type's example as it would be told on every channel, and in the letter that is asked for."""
    shown = queries.preview(type, letter=letter, also=also, trigger=trigger, language=wanted or language, by=by)
    return answer(shown)
