"""The postman: letters to people leave when they are due, each leased under a token, several at a time."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from services.notifications.bounces import note_bounce
from services.notifications.kinds import IMPORTANCE, kinds
from services.notifications.letters import MOST_LINES, compose_letter, give_up, log_attempt
from services.notifications.mail import MailClient
from services.notifications.notice import Notice
from services.notifications.outcome import Outcome
from services.notifications.recipients import person_told
from services.notifications.settings import NotificationsSettings
from services.notifications.waking import POST
from services.notifications.wishes import judge_lines
from shared.actor import NATIONAL
from shared.database import Database
from shared.messaging.crash import crash_point
from shared.messaging.retrying import passes_by_itself

log = structlog.get_logger(__name__)

TOGETHER = 8
"""Letters sent at the same time."""
SHORTEST_PAUSE = 0.05

# As its person wishes by now: an address or a language of before is taken for no further attempt.
CLAIM = text("""
    update letter set state = 'waiting', lease_token = gen_random_uuid(), lease_until = clock_timestamp() + :lease,
        recipient = coalesce(person.address, recipient), language = person.language
    from person where person.id = person_id and letter.id in (
        select id from letter where state in ('open', 'waiting') and next_attempt_at <= clock_timestamp()
            and (lease_until is null or lease_until < clock_timestamp())
        order by next_attempt_at limit :most for update skip locked
    ) returning letter.id, person_id, recipient, letter.language, due_at, attempts, lease_token,
        to_jsonb(person.*) as person
""")
# Of very many, the most important and newest.
LINES = text("""
    select * from (
        select letter_line.letter_id, notice.*, count(*) over (partition by letter_id) as number,
            row_number() over (
                partition by letter_id
                order by cast(cast(:weights as jsonb) ->> type as int) desc nulls last, time desc, notice.event_id
            ) as place
        from letter_line
        join notice on notice.event_id = letter_line.event_id
        where letter_id = any(cast(:letters as uuid[])) and left_out is null
    ) line where place <= :most order by time, event_id
""")
RECORD = text("""
    update letter set state = :state, attempts = attempts + 1, status = :status, reason = :reason,
        next_attempt_at = clock_timestamp() + :delay, lease_token = null, lease_until = null,
        ended_at = case when :state = 'waiting' then null else clock_timestamp() end
    where id = :id and lease_token = :token
""")
# That a letter was taken forgives nothing where the last ones were taken too, and came back later.
THANK = text("""
    update person set bounces = 0 where id = :person and bounces > 0 and not exists (
        select 1 from bounce join (
            select id from letter where person_id = :person and state in ('sent', 'returned')
            order by ended_at desc limit :most
        ) last on last.id = bounce.letter_id
    )
""")


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter in hand, with what may be said to its person."""

    id: UUID
    person_id: UUID
    recipient: str
    language: str
    due_at: datetime
    attempts: int
    token: UUID
    notices: Sequence[Notice]
    more: int
    """How many notices are not written out."""


class Postman:
    """Sends what is due until told to stop."""

    def __init__(self, settings: NotificationsSettings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.mail = MailClient(settings)

    async def run(self, stop: asyncio.Event) -> None:
        """Send; when told to stop, finish what is under way."""
        heard = POST.listen()
        pause = SHORTEST_PAUSE
        try:
            while not stop.is_set():
                heard.clear()
                sent = await self.round()
                pause = SHORTEST_PAUSE if sent else min(2 * pause, self.settings.idle_poll)
                waits = [asyncio.create_task(event.wait()) for event in (heard, stop)]
                await asyncio.wait(waits, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                for wait in waits:
                    wait.cancel()
        finally:
            POST.leave(heard)

    async def round(self) -> int:
        """Send the letters that are due now, a few of them; how many there were."""
        try:
            letters = await self._claim()
            await asyncio.gather(*(self._send(letter) for letter in letters))
        except Exception as error:
            if not passes_by_itself(error):
                raise
            # What was claimed is due again when its lease is over.
            log.warning("cannot send letters now", error=type(error).__name__)
            return 0
        return len(letters)

    async def _claim(self) -> list[Letter]:
        async with self.database.transaction(NATIONAL) as tx:
            lease = timedelta(seconds=self.settings.lease)
            claimed = (await tx.execute(CLAIM, {"lease": lease, "most": TOGETHER})).all()
            asked = {"letters": [row.id for row in claimed], "weights": _weights(), "most": MOST_LINES}
            await judge_lines(tx, {row.id: person_told(row.person) for row in claimed})
            found = (await tx.execute(LINES, asked)).all() if claimed else []
        crash_point("postman.claimed")
        lines = {row.id: [line for line in found if line.letter_id == row.id] for row in claimed}
        return [
            Letter(
                row.id,
                row.person_id,
                row.recipient,
                row.language,
                row.due_at,
                row.attempts,
                row.lease_token,
                [Notice.of(line).to(row.person["person"], row.person["jurisdiction"]) for line in lines[row.id]],
                max((line.number for line in lines[row.id]), default=0) - len(lines[row.id]),
            )
            for row in claimed
        ]

    async def _send(self, letter: Letter) -> None:
        outcome: Outcome | None = None
        started = time.monotonic()
        if letter.notices:
            outcome = await self._hand_over(letter)
            crash_point("postman.sent")
        milliseconds = round((time.monotonic() - started) * 1000)
        async with self.database.transaction(NATIONAL) as tx:
            state, delay = self._became(letter, outcome)
            kept: dict[str, Any] = {"id": letter.id, "token": letter.token, "state": state, "delay": delay}
            said = {"status": outcome.status, "reason": outcome.reason} if outcome else {"status": None, "reason": None}
            recorded = await tx.execute(RECORD, kept | said)
            if outcome:
                # It took place whoever holds the letter now; what it means for the letter only the holder may say.
                await log_attempt(tx, letter.id, outcome, milliseconds=milliseconds)
            if outcome is None or recorded.rowcount != 1:  # type: ignore[attr-defined]
                return
            if state in ("refused", "failed"):
                await give_up(tx, letter.id, "refused" if state == "refused" else "exhausted")
            if outcome.bounced:
                await note_bounce(tx, letter.id, str(outcome.status), outcome.excerpt, most=self.settings.most_bounces)
            elif outcome.result == "delivered":
                await tx.execute(THANK, {"person": letter.person_id, "most": self.settings.most_bounces})

    async def _hand_over(self, letter: Letter) -> Outcome:
        """Give a letter to the mail server; nothing that goes wrong is raised."""
        try:
            message = compose_letter(
                letter.notices,
                more=letter.more,
                letter_id=letter.id,
                sender=self.settings.mail_from,
                recipient=letter.recipient,
                language=letter.language,
                date=letter.due_at,
            )
            return await self.mail.send(message)
        except Exception as error:
            # Ours, not the mail server's: it must hold back no other letter.
            log.exception("cannot send", letter_id=str(letter.id))
            return Outcome("failed", "own_fault", more=type(error).__name__)

    def _became(self, letter: Letter, outcome: Outcome | None) -> tuple[str, timedelta]:
        """The letter's state after an attempt, and how long it waits for the next one."""
        if outcome is None:
            return "void", timedelta()
        if outcome.result != "failed":
            return ("sent" if outcome.result == "delivered" else "refused"), timedelta()
        delay = outcome.delay(letter.attempts + 1, self.settings.retries)
        return ("failed", timedelta()) if delay is None else ("waiting", timedelta(seconds=delay))


@cache
def _weights() -> str:
    return json.dumps({type: IMPORTANCE.index(kind.importance) for type, kind in kinds().events.items()})
