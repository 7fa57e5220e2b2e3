"""A tiny service that keeps every convention: papers, which academies write and send."""

import asyncio
from enum import StrEnum
from typing import Annotated, ClassVar, Self
from uuid import UUID

from alembic.migration import MigrationContext
from alembic.operations import Operations
from fastapi import APIRouter, FastAPI, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select
from sqlalchemy.ext.asyncio import create_async_engine

from shared.actor import Actor, Role
from shared.aggregate import Aggregate
from shared.database import Database, Transaction, Work, asyncpg_url
from shared.events.agreements import AgreementSubmittedForReview
from shared.events.base import DomainEvent
from shared.ids import new_id
from shared.migrations import protect
from shared.store import AggregateRow, Store, service_base
from shared.territory import AcademyCode
from shared.web import (
    ANYONE,
    Body,
    CurrentActor,
    Db,
    IfMatch,
    Listing,
    Once,
    Page,
    PageRequest,
    Permissions,
    TokenVerifier,
    answer,
    available_actions,
    install,
    page,
)

Base = service_base("papers")
OFFICERS = {Role.academy_officer, Role.ministry_officer}
PERMISSIONS = Permissions(
    {"write_paper": OFFICERS, "read_papers": ANYONE, "read_paper": ANYONE, "send_paper": {Role.academy_director}}
)


class PaperState(StrEnum):
    """Written, then sent."""

    draft = "draft"
    sent = "sent"


class Paper(Aggregate):
    """Something an academy writes and sends."""

    kind: ClassVar[str] = "paper"
    ALLOWED: ClassVar[dict[str, frozenset[str]]] = {"send_paper": frozenset({"draft"})}

    state: PaperState = PaperState.draft
    academy: str = ""
    title: str = ""

    @classmethod
    def write(cls, academy: str, title: str) -> tuple[Self, list[DomainEvent]]:
        """A new paper."""
        paper = cls(id=new_id())
        return paper, [AgreementSubmittedForReview(agreement_id=paper.id).keeping(academy=academy, title=title)]

    def send(self) -> list[DomainEvent]:
        """Send it."""
        self.require("send_paper")
        return [AgreementSubmittedForReview(agreement_id=self.id)]

    def apply(self, event: DomainEvent) -> None:
        if event.detail:
            self.academy, self.title = event.detail["academy"], event.detail["title"]
        else:
            self.state = PaperState.sent

    def audience(self) -> tuple[str, ...]:
        return (self.academy,)

    def visible_to(self) -> tuple[str, ...]:
        return (self.academy,)


class PaperRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A paper."""

    __tablename__ = "paper"


PAPERS = Store(Paper, PaperRow)


class WritePaper(Body):
    """A paper to write."""

    academy: AcademyCode
    title: Annotated[str, Field(min_length=1, max_length=50)]


class PaperAnswer(BaseModel):
    """A paper."""

    id: UUID
    version: int
    state: PaperState
    title: str
    available_actions: list[str]

    @classmethod
    def of(cls, paper: Paper, by: Actor) -> Self:
        """What the actor is shown."""
        return cls(**paper.model_dump(), available_actions=available_actions(by, paper, PERMISSIONS))


async def write(db: Work, body: WritePaper, *, by: Actor) -> Paper:
    """Write a paper."""
    async with db.transaction(by.scope) as tx:
        paper, events = Paper.write(body.academy, body.title)
        PERMISSIONS.allow(by, "write_paper", paper.model_copy(update={"academy": body.academy}))
        return await PAPERS.record(tx, paper, events, by=by)


async def send(db: Work, id: UUID, *, by: Actor, expected: int) -> Paper:
    """Send a paper."""
    async with db.transaction(by.scope) as tx:
        paper = await PAPERS.load(tx, id, expected=expected)
        PERMISSIONS.allow(by, "send_paper", paper)
        return await PAPERS.record(tx, paper, paper.send(), by=by)


async def list_page(tx: Transaction, wanted: PageRequest) -> tuple[list[Paper], str | None]:
    """One page of papers, newest first."""
    row = PAPERS.table.c
    query = wanted.select(select(row.id), row.id, newest_first=True)
    ids, next = wanted.cut([each.id for each in await tx.execute(query)], lambda id: (id,))
    return [await PAPERS.read(tx, id) for id in ids], next


def create_app(verifier: TokenVerifier, database: Database) -> FastAPI:
    """The service. `app.state.gate`, when set to an event, holds every writing command until it is set."""
    app = FastAPI()
    install(app, verifier=verifier, database=database)
    app.state.gate = None
    router = APIRouter(prefix="/api/v1")

    @router.post("/papers", status_code=201, response_model=PaperAnswer)
    async def write_paper(body: WritePaper, by: CurrentActor, once: Once) -> Response:
        async def held(tx: Transaction) -> Paper:
            gate: asyncio.Event | None = app.state.gate
            if gate:
                await gate.wait()
            return await write(tx, body, by=by)

        return await once(
            held, answer=lambda paper: PaperAnswer.of(paper, by), location=lambda paper: f"/api/v1/papers/{paper.id}"
        )

    @router.get("/papers", response_model=Listing[PaperAnswer])
    async def read_papers(by: CurrentActor, db: Db, wanted: Page) -> Response:
        PERMISSIONS.allow(by, "read_papers")
        async with db.transaction(by.scope) as tx:
            papers, next = await list_page(tx, wanted)
        return page(wanted, [PaperAnswer.of(paper, by) for paper in papers], next)

    @router.get("/papers/{id}", response_model=PaperAnswer)
    async def read_paper(id: UUID, by: CurrentActor, db: Db) -> Response:
        async with db.transaction(by.scope) as tx:
            paper = await PAPERS.read(tx, id)
        PERMISSIONS.allow(by, "read_paper", paper)
        return answer(PaperAnswer.of(paper, by), version=paper.version)

    @router.post("/papers/{id}/sending", response_model=PaperAnswer)
    async def send_paper(id: UUID, by: CurrentActor, expected: IfMatch, once: Once) -> Response:
        return await once(
            lambda tx: send(tx, id, by=by, expected=expected), answer=lambda paper: PaperAnswer.of(paper, by)
        )

    @router.get("/broken", openapi_extra={"x-public": True})
    async def broken() -> None:
        raise ZeroDivisionError("a secret detail")

    app.include_router(router)
    return app


async def prepare(url: str) -> None:
    """Add the papers to a database that has the messaging tables."""

    def make(connection: Connection) -> None:
        Base.metadata.create_all(connection)
        protect(Operations(MigrationContext.configure(connection)), "paper")

    engine = create_async_engine(asyncpg_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(make)
    await engine.dispose()
