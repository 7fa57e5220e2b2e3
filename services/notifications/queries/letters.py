"""What is read of the attempts to send letters to people: one's own, and a desk its own people's and its region's."""

from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from services.notifications.outcome import Result
from services.notifications.people import own_scope, person_id
from services.notifications.permissions import PERMISSIONS, READERS
from services.notifications.schemas.people import LetterAttemptAnswer
from services.notifications.tables import LetterAttemptRow
from shared.actor import Actor
from shared.database import Work
from shared.web import PageRequest

ATTEMPT: Any = LetterAttemptRow.__table__.c


async def letter_attempts(
    db: Work,
    *,
    letter_id: UUID | None,
    recipient: UUID | None,
    result: Result | None,
    language: str,
    page: PageRequest,
    by: Actor,
) -> tuple[list[LetterAttemptAnswer], str | None]:
    """Attempts to send letters to oneself or, for a desk, to those who were of its jurisdiction; newest first.

    An academy sees to it that the people of its directorates are told, and those of the organisations that its notices
    concern: what was tried for them it reads too.
    What the mail server answered is its person's alone: answers quote addresses.
    """
    PERMISSIONS.allow(by, "read_letter_attempts")
    asked = ((ATTEMPT.letter_id, letter_id), (ATTEMPT.person_id, recipient), (ATTEMPT.result, result))
    where = [column == wanted for column, wanted in asked if wanted]
    mine = ATTEMPT.person_id == person_id(by.person)
    scope = own_scope(by)
    if not by.has(*READERS):
        where.append(mine)
    elif "national" in by.scope:
        scope = by.scope
    else:
        where.append(or_(mine, ATTEMPT.jurisdiction == by.jurisdiction, ATTEMPT.seen_by.overlap([by.jurisdiction])))
    query = page.select(select(*ATTEMPT).where(*where), ATTEMPT.id, newest_first=True)
    async with db.transaction(scope) as tx:
        rows, next = page.cut((await tx.execute(query)).all(), lambda row: (row.id,))
    return [LetterAttemptAnswer.of(row, language, me=person_id(by.person)) for row in rows], next
