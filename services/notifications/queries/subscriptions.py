"""What is read of subscriptions: the list, what one would have told, and who was told of an event and why."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, text

from services.notifications.arrival import meet, usual_in
from services.notifications.kinds import kinds
from services.notifications.notice import Notice, wording
from services.notifications.people import code_of, own_scope, person_id
from services.notifications.permissions import PERMISSIONS, READERS
from services.notifications.preferences import Preferences
from services.notifications.queries.unheard import own_codes
from services.notifications.schemas.subscriptions import (
    Conditions,
    ExplanationAnswer,
    RehearsalAnswer,
    Sample,
    SendingAnswer,
    SubscriptionAnswer,
    ToldAnswer,
    UnmetAnswer,
)
from services.notifications.tables import ENDPOINTS, NoticeRow, RuleRow, TellingRow, ToldLaterRow
from services.notifications.telling import EndpointTold, Happening, PersonTold, Recipient, told
from services.notifications.undelivered import who_sees_to
from shared.actor import Actor, Scope
from shared.clock import now
from shared.database import Transaction, Work
from shared.ids import new_id
from shared.language import LANGUAGES
from shared.refusals import NotFound
from shared.web import PageRequest

RULE: Any = RuleRow.__table__.c
NOTICE: Any = NoticeRow.__table__.c
TELLING: Any = TellingRow.__table__.c
LATER: Any = ToldLaterRow.__table__.c
ADDRESSES = text("""
    select id, state ->> 'address' as address, state ->> 'channel' as channel, state ->> 'language' as language
    from endpoint where id = any(cast(:ids as uuid[]))
""")
SENDINGS = text("""
    select endpoint_id as recipient, academy, delivery.id, state, attempts, replayed, owed_by, again,
        delivered_at as ended_at, created_at, last.language, last.reason,
        (select event_id from journal where aggregate_id = delivery.id) as alert, null as left_out
    from delivery left join lateral (
        select language, reason from attempt where delivery_id = delivery.id order by id desc limit 1
    ) last on true
    where event_id = :event and (:academy = 'national' or academy = :academy)
    union all
    select letter.person_id, null, letter.id,
        case when left_out is not null then 'void' when state = 'returned' then 'refused' else state end,
        attempts, false, 'told', null, ended_at, null, letter.language, letter.reason,
        (select event_id from journal where aggregate_id = letter.id), left_out
    from letter_line join letter on letter.id = letter_line.letter_id
    where event_id = :event and letter.person_id = any(cast(:ids as uuid[]))
""")

MOST_REHEARSED = 20_000
"""Events that a rehearsal looks at."""
SAMPLES = 10
STEP = 500


async def subscriptions(
    db: Work, *, endpoint_id: UUID | None, page: PageRequest, language: str = LANGUAGES[0], by: Actor
) -> tuple[list[SubscriptionAnswer], str | None]:
    """One's own subscriptions, or an endpoint's, oldest first. Raises NotFound for a foreign endpoint.

    Who was not known reads the language they ask in from now on.
    """
    async with db.transaction(by.scope) as tx:
        if endpoint_id:
            PERMISSIONS.allow(by, "read_subscriptions", await ENDPOINTS.read(tx, endpoint_id))
            return await _rules(tx, RULE.endpoint_id == endpoint_id, page)
        PERMISSIONS.allow(by, "read_subscriptions")
        async with tx.widened(own_scope(by)):
            return await _rules(tx, RULE.person_id == await meet(tx, by, usual_in(language)), page)


async def subscription(tx: Transaction, id: UUID, *, by: Actor) -> SubscriptionAnswer:
    """A subscription that was just made. Raises NotFound."""
    for scope in (by.scope, own_scope(by)):
        async with tx.widened(scope):
            row = (await tx.execute(select(*RULE).where(RULE.id == id))).first()
        if row:
            return SubscriptionAnswer.of(row)
    raise NotFound()


async def rehearsal(
    db: Work, wanted: Conditions, *, endpoint_id: UUID | None, days: int, language: str, by: Actor
) -> RehearsalAnswer:
    """What a subscription would have told an endpoint, or oneself, in the last days: by the very decision that tells.

    What comes without any subscription (statutory notices, work) is not counted. Raises NotFound.
    """
    since = now() - timedelta(days=days)
    rule = wanted.rule(new_id())
    types: Counter[str] = Counter()
    samples: list[Sample] = []
    considered = 0
    async with db.transaction(by.scope) as tx:
        one: Recipient
        if endpoint_id:
            endpoint = await ENDPOINTS.read(tx, endpoint_id)
            PERMISSIONS.allow(by, "rehearse_subscription", endpoint)
            one = EndpointTold(endpoint.id, endpoint.academy, endpoint.channel, endpoint.language, True, [rule])
        else:
            PERMISSIONS.allow(by, "rehearse_subscription")
            one = PersonTold(person_id(by.person), by.person, by.jurisdiction, frozenset(), Preferences(), rules=[rule])
        last: tuple[Any, Any] | None = None
        while considered < MOST_REHEARSED:
            query = select(NoticeRow.__table__).where(NOTICE.time >= since, *_within(by.scope))
            if last:
                query = query.where((NOTICE.time < last[0]) | ((NOTICE.time == last[0]) & (NOTICE.event_id < last[1])))
            rows = (await tx.execute(query.order_by(NOTICE.time.desc(), NOTICE.event_id.desc()).limit(STEP))).all()
            considered += len(rows)
            for row in rows:
                if not any(each.told and each.rule for each in told(Happening.of(row), one, row.time)):
                    continue
                types[row.type] += 1
                if len(samples) < SAMPLES:
                    summary = Notice.of(row).summary(language)
                    samples.append(Sample(id=row.event_id, type=row.type, time=row.time, summary=summary))
            if len(rows) < STEP:
                break
            last = rows[-1].time, rows[-1].event_id
    return RehearsalAnswer(
        since=since,
        considered=considered,
        complete=considered < MOST_REHEARSED,
        told=types.total(),
        types=dict(types),
        samples=samples,
    )


async def explanation(db: Work, event_id: UUID, *, language: str, by: Actor) -> ExplanationAnswer:
    """Who was told of an event and who was not, as it was decided, and what became of it. Raises NotFound.

    All of it within one's jurisdiction; an academy's desk reads of the people too whom it sees to.
    """
    PERMISSIONS.allow(by, "read_explanation")
    async with db.transaction(by.scope) as tx:
        query = select(NoticeRow.__table__).where(NOTICE.event_id == event_id, *_within(by.scope))
        row = (await tx.execute(query)).first()
        if row is None:
            raise NotFound()
        homes = _homes_seen(row, by)
        own = [] if by.jurisdiction == "national" else [TELLING.jurisdiction.in_(homes)]
        async with tx.widened(by.scope | homes):
            kept = (await tx.execute(select(TellingRow.__table__).where(TELLING.event_id == event_id, *own))).all()
            found_by = [] if by.jurisdiction == "national" else [LATER.jurisdiction.in_(homes)]
            came = await tx.execute(select(*LATER).where(LATER.event_id == event_id, *found_by).order_by(LATER.at))
            newcomers = came.all()
        ids = {UUID(each["recipient"]) for telling in kept for each in (*telling.told, *telling.untold)}
        asked = {"event": event_id, "academy": by.jurisdiction, "ids": list(ids)}
        # Letters are their person's alone: of those who were decided about here, it is said what became of theirs.
        letters = frozenset() if "national" in by.scope else {code_of(id) for id in ids}
        async with tx.widened(by.scope | letters):
            sendings = {found.recipient: found for found in await tx.execute(SENDINGS, asked)}
        endpoints = {found.id: found for found in await tx.execute(ADDRESSES, {"ids": [*ids, *sendings]})}
    kind = kinds().of(row.type)

    def shown(decision: dict[str, Any], jurisdiction: str) -> ToldAnswer:
        id = UUID(decision["recipient"])
        endpoint, sending = endpoints.get(id), sendings.get(id)
        # A person is told by letter or in the inbox, an endpoint in one way only.
        sent = sending and (sending.academy or (decision["channel"] == "email" and decision["due"]))
        return ToldAnswer(
            **decision
            | {
                "name": decision["name"] or (endpoint and endpoint.address),
                "unmet": _unmet(decision.get("unmet", {}), language),
            },
            jurisdiction=jurisdiction,
            reason=wording().text(f"why.{decision['why']}", language),
            sending=SendingAnswer.of(sending, language) if sent else None,
        )

    def later(id: UUID, sending: Any) -> dict[str, Any]:
        endpoint = endpoints[id]
        # Of what was owed before the two were kept apart, the word for both.
        why = "replayed" if sending.owed_by == "replayed" else "recovered"
        facts = {"channel": endpoint.channel, "language": endpoint.language, "due": sending.created_at}
        return {"recipient": str(id), "name": None, "why": why, "rule": None} | facts

    told_then = {UUID(each["recipient"]) for telling in kept for each in telling.told}
    return ExplanationAnswer(
        event_id=event_id,
        type=row.type,
        time=row.time,
        summary=Notice.of(row).summary(language),
        audience=own_codes(row.audience, by),
        unheard=own_codes(row.unheard, by),
        statutory=kind.statutory,
        importance=kind.importance,
        told=[shown(each, telling.jurisdiction) for telling in kept for each in telling.told],
        not_told=[shown(each, telling.jurisdiction) for telling in kept for each in telling.untold],
        sent_later=[
            shown(later(id, sending), sending.academy)
            for id, sending in sendings.items()
            if sending.academy and id not in told_then
        ]
        + [shown(each.decision, each.jurisdiction) for each in newcomers],
    )


def _unmet(kept: Mapping[str, list[Any]], language: str) -> list[UnmetAnswer]:
    """The conditions that were not met, by subscription."""
    return [
        UnmetAnswer(
            rule=UUID(rule),
            conditions=conditions,
            reason=", ".join(wording().text(f"conditions.{each}", language) for each in conditions),
        )
        for rule, conditions in kept.items()
    ]


def _homes_seen(row: Any, by: Actor) -> Scope:
    """Of which jurisdictions one reads who was told of a notice: one's own, and for a desk those that it sees to."""
    seen = row.reach if by.has(*READERS) else ()
    return frozenset({by.jurisdiction, *(code for code in seen if by.jurisdiction in who_sees_to(code, row.audience))})


async def _rules(
    tx: Transaction, owner: ColumnElement[bool], page: PageRequest
) -> tuple[list[SubscriptionAnswer], str | None]:
    query = page.select(select(*RULE).where(owner, RULE.ended_at.is_(None)), RULE.made_at, RULE.id)
    rows, next = page.cut((await tx.execute(query)).all(), lambda row: (row.made_at, row.id))
    return [SubscriptionAnswer.of(row) for row in rows], next


def _within(scope: Scope) -> list[ColumnElement[bool]]:
    return [] if "national" in scope else [NOTICE.reach.overlap(sorted(scope))]
