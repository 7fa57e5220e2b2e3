"""Wishes: what a letter tells is judged again whenever it leaves, as its person prefers and is at home by then."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import text

from services.notifications.kinds import kinds
from services.notifications.telling import PersonTold, Why, kept_from_letters
from shared.audit import canonical
from shared.database import Transaction

LINES = text("""
    select letter_id, event_id, type, left_out, person.jurisdiction = any(reach) as within from letter_line
    join person on person.id = letter_line.person_id join notice using (event_id)
    where letter_id = any(cast(:letters as uuid[]))
""")
LEAVE_OUT = text("""
    update letter_line line set left_out = judged.left_out
    from jsonb_to_recordset(cast(:judged as jsonb)) judged (letter_id uuid, event_id uuid, left_out text)
    where (line.letter_id, line.event_id) = (judged.letter_id, judged.event_id)
""")


async def judge_lines(tx: Transaction, letters: Mapping[UUID, PersonTold]) -> None:
    """Keep of every line of these letters, each to its person, whether it is left out today, and why."""
    judged = []
    for line in await tx.execute(LINES, {"letters": list(letters)}):
        why = left_out(letters[line.letter_id], line.type, within=line.within)
        if why != line.left_out:
            judged.append({"letter_id": str(line.letter_id), "event_id": str(line.event_id), "left_out": why})
    if judged:
        await tx.execute(LEAVE_OUT, {"judged": canonical(judged).decode()})


def left_out(one: PersonTold, type: str, *, within: bool) -> Why | None:
    """Why a letter that was owed to somebody does not tell of such an event any more; None if it does.

    What is statutory is sent whatever they switched off since, and tried at an address that was suspended since: that
    it does not arrive there is told.
    """
    if one.ended:
        return "left"
    if not within:
        return "outside_jurisdiction"
    statutory = kinds().of(type).statutory
    why = kept_from_letters(one, type, statutory=statutory)
    return None if statutory and why == "address_suspended" else why
