"""Once: a request with an Idempotency-Key (IETF draft 07) changes something once, however often it is sent.

The answer is stored in the transaction of the change. A refusal changes nothing, so nothing is stored for it.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Annotated, Protocol, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from shared.actor import NATIONAL, Actor
from shared.clock import now
from shared.database import Database, Transaction
from shared.messaging.tables import IdempotencyRow
from shared.refusals import IdempotencyKeyInFlight, IdempotencyKeyReused
from shared.web.answers import answer as answer_with
from shared.web.identity import CurrentActor

R = TypeVar("R")
KEPT = timedelta(hours=24)
"""How long an answer can be replayed."""

# The statement's snapshot may be older than the lock; the insert at the end finds that out.
BEGIN = text("""
    select pg_try_advisory_xact_lock(hashtextextended(:actor || ' ' || :key, 0)) as alone,
        request_hash, status, headers, body
    from (values (1)) one left join idempotency on actor = :actor and key = :key and created_at > :since
""")
KEEP = insert(IdempotencyRow.__table__)  # type: ignore[attr-defined]
KEEP = KEEP.on_conflict_do_update(
    index_elements=["actor", "key"],
    set_={name: KEEP.excluded[name] for name in ("request_hash", "status", "headers", "body", "created_at")},
    where=IdempotencyRow.created_at <= KEEP.excluded.created_at - KEPT,
)
FORGET = text("delete from idempotency where created_at <= :before")


class Veil(Protocol):
    """Hides answers at rest that hold a secret."""

    def hide(self, text: bytes) -> bytes:
        """What is stored."""
        ...

    def reveal(self, hidden: bytes) -> bytes:
        """What was hidden."""
        ...


class OnceRunner:
    """Runs one command per request, in one transaction with its answer."""

    def __init__(self, request: Request, database: Database, actor: Actor, key: str | None) -> None:
        self.request = request
        self.database = database
        self.actor = actor
        self.key = key

    async def __call__(
        self,
        command: Callable[[Transaction], Awaitable[R]],
        *,
        answer: Callable[[R], BaseModel | None] = lambda _: None,
        status: int | None = None,
        location: Callable[[R], str] | None = None,
        veil: Veil | None = None,
        unsaid: Collection[str] = (),
        body_hash: str | None = None,
    ) -> Response:
        """Run the command, store its answer, commit, answer; or give the stored answer of the same request again.

        The status is the route's own unless given. The ETag is the result's `version` when it has one. An answer that
        holds a secret is stored under a `veil`, or without it: the fields `unsaid` are null when it is given again. A
        route that has taken the body in itself gives its hash. Raises IdempotencyKeyReused for another request under
        the key, IdempotencyKeyInFlight while the first one runs.
        """
        async with self.database.transaction(self.actor.scope) as tx:
            if self.key is None:
                return self._respond(await command(tx), answer, status, location)
            names = {"actor": self.actor.person, "key": self.key}
            digest = await self._digest(body_hash)
            found = (await tx.execute(BEGIN, {**names, "since": now() - KEPT})).one()
            if not found.alone:
                raise IdempotencyKeyInFlight(retry_after=1)
            if found.request_hash is not None:
                if found.request_hash != digest:
                    raise IdempotencyKeyReused()
                body = veil.reveal(found.body) if veil else found.body
                return Response(body, found.status, headers=found.headers)
            response = self._respond(await command(tx), answer, status, location)
            headers, body = _kept(response, unsaid)
            body = veil.hide(body) if veil else body
            kept = {"status": response.status_code, "headers": headers, "body": body}
            stored = await tx.execute(KEEP, {**names, "request_hash": digest, "created_at": now(), **kept})
            if stored.rowcount != 1:  # type: ignore[attr-defined]
                raise IdempotencyKeyInFlight(retry_after=1)
        return response

    def _respond(
        self,
        result: R,
        answer: Callable[[R], BaseModel | None],
        status: int | None,
        location: Callable[[R], str] | None,
    ) -> Response:
        headers = {"Location": location(result)} if location else {}
        usual = getattr(self.request.scope.get("route"), "status_code", None) or 200
        return answer_with(answer(result), version=getattr(result, "version", None), status=status or usual, **headers)

    async def _digest(self, body_hash: str | None) -> bytes:
        url = self.request.url
        digest = hashlib.sha256(f"{self.request.method} {url.path}?{url.query}\n".encode())
        digest.update(body_hash.encode() if body_hash else await self.request.body())
        return digest.digest()


async def once(
    request: Request,
    actor: CurrentActor,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=255, description="makes repeating this request safe for 24 hours"),
    ] = None,
) -> OnceRunner:
    """How a route runs its command."""
    return OnceRunner(request, request.app.state.database, actor, idempotency_key)


Once = Annotated[OnceRunner, Depends(once)]
"""`await once(lambda tx: commands.sign_agreement(tx, …), answer=AgreementAnswer.of, …)`."""


async def forget_answers(database: Database) -> None:
    """Delete stored answers that can no longer be replayed; for the service's schedule."""
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(FORGET, {"before": now() - KEPT})


def _kept(response: Response, unsaid: Collection[str]) -> tuple[dict[str, str], bytes]:
    """Headers and body to store. What is unsaid is said by no header either: a Location may be the secret."""
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    body = bytes(response.body)
    if not unsaid:
        return headers, body
    told = json.loads(body)
    secrets = [told[name] for name in unsaid]
    kept = {name: value for name, value in headers.items() if not any(secret in value for secret in secrets)}
    return kept, to_json(told | dict.fromkeys(unsaid))
