"""Letters: e-mails to people, about one notice or many, each under a Message-ID that stays over all attempts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from services.notifications.kinds import kinds
from services.notifications.mail import written
from services.notifications.notice import Notice, wording
from services.notifications.outcome import Outcome
from services.notifications.tables import UNDELIVERED, UndeliveredRow
from services.notifications.telling import Decision, PersonTold
from services.notifications.undelivered import Because, Undelivered, who_sees_to
from services.notifications.waking import POST
from shared.actor import SYSTEM
from shared.audit import canonical
from shared.context import acting
from shared.database import Transaction
from shared.ids import new_id

MOST_LINES = 50
"""Notices that a letter writes out."""

# What is due later gathers in one open letter per person and due time; what is due now leaves by itself.
WRITE = text("""
    with wanted as (
        select * from jsonb_to_recordset(cast(:letters as jsonb))
            each (id uuid, person_id uuid, recipient text, language text, due_at timestamptz)
    ), letter as (
        insert into letter (id, person_id, recipient, language, due_at, state, attempts, next_attempt_at)
        select id, person_id, recipient, language, due_at, case when due_at > :at then 'open' else 'waiting' end, 0,
            due_at
        from wanted order by person_id, due_at
        on conflict (person_id, due_at) where state = 'open'
        do update set recipient = excluded.recipient, language = excluded.language
        returning id, person_id, due_at
    )
    insert into letter_line (letter_id, event_id, person_id)
    select letter.id, event_id, letter.person_id
    from jsonb_to_recordset(cast(:lines as jsonb)) line (letter_id uuid, event_id uuid)
    join wanted on wanted.id = line.letter_id
    join letter on letter.id = wanted.id
        or wanted.due_at > :at and letter.person_id = wanted.person_id and letter.due_at = wanted.due_at
""")


OF = text("""
    select person_id, jurisdiction, coalesce((
        select jsonb_agg(distinct audience) from letter_line join notice using (event_id)
        where letter_id = letter.id and jurisdiction = any(reach)
    ), '[[]]') as lines from letter join person on person.id = person_id where letter.id = :letter
""")
LOG = text("""
    insert into letter_attempt
        (letter_id, person_id, jurisdiction, seen_by, at, milliseconds, result, status, reason, excerpt)
    values (:letter, :person, :home, cast(:seen_by as text[]),
        clock_timestamp() - make_interval(secs => :milliseconds / 1000.0),
        :milliseconds, :result, :status, :reason, :excerpt)
""")
LAST_HOME = "select jurisdiction, seen_by from letter_attempt where letter_id = letter.id order by id desc limit 1"
"""Where the person was at home when the letter was last tried: the news is that place's, wherever they moved since."""
# Of a letter that is being sent again it is nothing final that a copy of it came back.
COME_BACK = text(f"""
    with letter as (
        update letter set state = 'returned', reason = 'returned ' || :status where id = :letter and state = 'sent'
        returning id, person_id, reason
    )
    insert into letter_attempt (letter_id, person_id, jurisdiction, seen_by, at, milliseconds, result, reason, excerpt)
    select id, person_id, coalesce(jurisdiction, 'national'), coalesce(seen_by, '{{}}'), clock_timestamp(), 0,
        'refused', reason, :excerpt
    from letter left join lateral ({LAST_HOME}) last on true
""")
# What tells of letters themselves tells of no further ones.
REFUSED = text("""
    select delivery.id, endpoint_id, academy, event_id, type, correlation from delivery join notice using (event_id)
    where delivery.id = any(cast(:deliveries as uuid[])) and state = 'refused'
        and type = any(cast(:statutory as text[]))
        and exists (select from endpoint where endpoint.id = endpoint_id and endpoint.state ->> 'channel' = 'email')
        and not exists (select from undelivered where undelivered.id = delivery.id)
    order by delivery.id
""")
STATUTORY = text(f"""
    select letter.person_id, notice.event_id, notice.type, notice.audience, correlation,
        case when last.jurisdiction = any(reach) then last.jurisdiction else 'national' end as home
    from letter join letter_line on letter_line.letter_id = letter.id join notice using (event_id)
    left join lateral ({LAST_HOME}) last on true
    where letter.id = :letter and notice.type = any(cast(:statutory as text[]))
    order by last.jurisdiction = any(reach) desc nulls last, notice.time, notice.event_id limit 1
""")


async def log_attempt(tx: Transaction, letter_id: UUID, outcome: Outcome, *, milliseconds: int) -> None:
    """Keep how an attempt to send a letter went that has just ended."""
    said = (outcome.result, outcome.status, outcome.reason, outcome.excerpt)
    kept: dict[str, Any] = dict(zip(("result", "status", "reason", "excerpt"), said, strict=True))
    of = (await tx.execute(OF, {"letter": letter_id})).one()
    kept |= {"person": of.person_id, "home": of.jurisdiction}
    # Line by line: a digest of what concerns one region each is the business of each, and not of the nation alone.
    kept["seen_by"] = sorted({code for line in of.lines for code in who_sees_to(of.jurisdiction, tuple(line))})
    await tx.execute(LOG, {"letter": letter_id, "milliseconds": milliseconds, **kept})


async def note_returned(tx: Transaction, letter_id: UUID, status: str, reason: str) -> None:
    """Keep, once, that a letter that had been taken came back: it is given up."""
    came_back: Any = await tx.execute(COME_BACK, {"letter": letter_id, "status": status, "excerpt": reason})
    if came_back.rowcount:
        await give_up(tx, letter_id, "returned")


async def give_up(tx: Transaction, letter_id: UUID, because: Because) -> None:
    """Tell, once, who can see to it that a letter will not arrive, if the notice in it is statutory."""
    asked = {"letter": letter_id, "statutory": _told_by_letter()}
    row = (await tx.execute(STATUTORY, asked)).first()
    if row is None or await tx.get(UndeliveredRow, letter_id):
        return
    letter = Undelivered(id=letter_id)
    about: Any = {"person_id": row.person_id, "home": row.home, "event_id": row.event_id, "event_type": row.type}
    with acting(correlation_id=row.correlation, causation_id=row.event_id):
        events = letter.give_up(**about, concerned=tuple(row.audience), because=because)
        await UNDELIVERED.record(tx, letter, events, by=SYSTEM)


async def give_up_deliveries(
    tx: Transaction, deliveries: Collection[UUID], because: Literal["refused", "returned"]
) -> None:
    """Tell, once each, which of these e-mails to academies were refused for good, if their notice is statutory."""
    asked = {"deliveries": list(deliveries), "statutory": _told_by_letter()}
    for row in (await tx.execute(REFUSED, asked)).all():
        letter = Undelivered(id=row.id)
        about: Any = {"academy": row.academy, "endpoint_id": row.endpoint_id}
        with acting(correlation_id=row.correlation, causation_id=row.event_id):
            events = letter.give_up_at_academy(**about, event_id=row.event_id, event_type=row.type, because=because)
            await UNDELIVERED.record(tx, letter, events, by=SYSTEM)


def _told_by_letter() -> list[str]:
    """What has to reach everybody, but for what is about letters: where those fail, more of them help nobody."""
    return [type for type, kind in kinds().events.items() if kind.statutory and kind.letters]


async def write_letters(tx: Transaction, told: Mapping[UUID, Sequence[Decision]], at: datetime) -> None:
    """Owe people e-mails: whom to tell of which event."""
    letters: dict[tuple[UUID, object], dict[str, Any]] = {}
    lines = []
    for event_id, decisions in told.items():
        for each in decisions:
            if isinstance(each.who, PersonTold) and each.due:
                letter = letters.setdefault(
                    (each.who.id, each.due if each.due > at else event_id),
                    {
                        "id": str(new_id()),
                        "person_id": str(each.who.id),
                        "recipient": each.who.preferences.address,
                        "language": each.who.language,
                        "due_at": each.due.isoformat(),
                    },
                )
                lines.append({"letter_id": letter["id"], "event_id": str(event_id)})
    if lines:
        written = {"letters": canonical(list(letters.values())).decode(), "lines": canonical(lines).decode()}
        await tx.execute(WRITE, written | {"at": at})
        tx.after_commit(POST.ring)


def compose_letter(
    notices: Sequence[Notice],
    *,
    more: int = 0,
    letter_id: UUID,
    sender: str,
    recipient: str,
    language: str,
    date: datetime,
) -> EmailMessage:
    """The message, as text and as HTML; the subject says what happened, or how much did.

    So many `more` notices are not written out.
    """
    lines = [{"summary": notice.summary(language), "id": notice.event_id} for notice in notices]
    subject = (
        wording().text("email.subject", language, summary=lines[0]["summary"])
        if len(lines) + more == 1
        else wording().text("email.digest", language, count=len(lines) + more)
    )
    values = {
        "lines": lines,
        "more": wording().text("email.more", language, count=more) if more else None,
        "statutory": any(kinds().of(notice.type).statutory for notice in notices),
    }
    id = f"letter.{letter_id}"
    return written("letter", subject, values, id=id, sender=sender, recipient=recipient, date=date, language=language)
