"""The past: an agreement as it was and as it was known to be."""

import random
from datetime import datetime, timedelta

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from services.agreements import queries
from services.agreements.agreement import Agreement
from services.agreements.past import EFFECTS
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.builders import MINISTRY, president, regional
from services.agreements.tests.lives import BEGINNING, DAY, fold_of, journal_of, told, told_day, with_texts
from shared.actor import NATIONAL
from shared.aggregate import Recorded
from shared.clock import end_of, now, start_of
from shared.database import Database
from shared.events.agreements import (
    AgreementAmended,
    AgreementAnnouncementWithdrawn,
    AgreementCameIntoForce,
    AgreementClosed,
    AgreementDocumentAttached,
    AgreementDocumentReminded,
    AgreementEditionClosed,
    AgreementExpired,
    AgreementNegotiationOpened,
    AgreementObligationFailed,
    AgreementObligationReminded,
    AgreementObligationReturned,
    AgreementObligationWaived,
    AgreementPartySigned,
    AgreementResumed,
    AgreementSignatureContested,
    AgreementSignatureScanned,
    AgreementSigned,
    AgreementSigningDelegated,
    AgreementSuspended,
    AgreementSuspensionAnnounced,
    AgreementTerminationAnnounced,
    AgreementTextRevised,
    AgreementVisaRecorded,
)
from shared.events.base import DomainEvent
from shared.events.catalog import ALL
from shared.ids import new_id
from shared.refusals import NotFound
from tests.fixtures.identity import Issuer
from tests.web.conventions import is_problem
from tests.web.routes import client_of


def steps(agreement: Agreement, chance: random.Random) -> DomainEvent:
    """Something that happens to the agreement; a fold takes events in any order, since each says all it changes."""
    id, day = agreement.id, BEGINNING.date() + timedelta(days=chance.randrange(300))
    told: list[DomainEvent] = [
        AgreementTextRevised(agreement_id=id, text_hash=f"{chance.getrandbits(256):064x}").keeping(by="somebody"),
        AgreementNegotiationOpened(agreement_id=id, because="drafted").keeping(
            remarks=f"remarque {chance.random()} (fictif)", at=BEGINNING
        ),
        AgreementSuspended(agreement_id=id, effective_on=day, scope="money", centers=()).keeping(
            reason=f"motif {chance.random()} (fictif)", document="d"
        ),
        AgreementResumed(agreement_id=id, effective_on=day, centers=()),
        AgreementCameIntoForce(agreement_id=id, academy="MA-06", in_force_on=day),
        AgreementExpired(agreement_id=id, academy="MA-06", expired_on=day),
    ]
    return chance.choice(told)


async def a_life(database: Database, length: int, chance: random.Random) -> Agreement:
    """An agreement whose events were often recorded after later ones, or long after they occurred."""
    id, at = new_id(), BEGINNING
    agreement = Agreement(id=id)
    draft = Agreement.draft(id, regional(), names={}, by=MINISTRY.person)
    async with database.transaction(NATIONAL) as tx:
        await AGREEMENTS.record(tx, agreement, draft, by=MINISTRY, at=at)
    for _ in range(length - 1):
        at += timedelta(days=chance.randrange(-20, 30))
        async with database.transaction(NATIONAL) as tx:
            agreement = await AGREEMENTS.load(tx, id)
            late = max(BEGINNING, at)
            await AGREEMENTS.record(tx, agreement, [steps(agreement, chance)], by=MINISTRY, at=late)
    return agreement


@pytest.mark.parametrize("seed", range(12))
async def test_as_of_a_day_is_the_fold_of_what_counted_by_then(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    agreement = await a_life(database, 20, chance)
    journal = await journal_of(database, agreement)
    instants = [row.occurred_at for row in journal] + [BEGINNING + chance.randrange(400) * DAY for _ in range(5)]
    instants += [of(day) for row in journal if (day := told_day(row.event())) for of in (start_of, end_of)]
    recorded = [row.recorded_at for row in journal if row.recorded_at]
    for instant in instants:
        known_at = chance.choice([None, *recorded])
        known = [row for row in journal if known_at is None or (row.recorded_at or now()) <= known_at]
        life = [Recorded(row.aggregate_version, row.occurred_at, row.event()) for row in known]
        expected = fold_of(agreement, life, instant)
        if expected is None:
            with pytest.raises(NotFound):
                await queries.agreement(
                    database, agreement.id, as_of=instant, known_at=known_at, action="read_agreement", by=MINISTRY
                )
            continue
        found = await queries.agreement(
            database, agreement.id, as_of=instant, known_at=known_at, action="read_agreement", by=MINISTRY
        )
        assert told(found) == expected


def test_every_day_that_an_event_tells_is_one_it_counts_from_or_not_for_a_reason() -> None:
    ahead = {AgreementSuspensionAnnounced, AgreementTerminationAnnounced, AgreementAnnouncementWithdrawn}
    """They tell of a day that comes or would have come."""
    today = {AgreementAmended, AgreementClosed, AgreementEditionClosed, AgreementSigned}
    today |= {AgreementObligationFailed, AgreementObligationWaived, AgreementSigningDelegated, AgreementVisaRecorded}
    """They are acts, and say on which day."""
    acts = {AgreementObligationReminded, AgreementObligationReturned, AgreementDocumentReminded}
    acts |= {AgreementDocumentAttached}
    """They name the day of what they are about."""
    learned = {AgreementSignatureContested, AgreementPartySigned, AgreementSignatureScanned}
    """A mandate's end, a signature on paper: they count from when they are known and checked."""
    days = {
        each
        for each in ALL
        if each.topic == AgreementSigned.topic and any(name.endswith("_on") for name in each.model_fields)
    }
    plain = ahead | today | acts | learned
    assert not plain & EFFECTS.keys()
    assert days - plain <= EFFECTS.keys()


async def test_an_event_recorded_late_counts_from_when_it_occurred(database: Database) -> None:
    id, later = new_id(), BEGINNING + 10 * DAY
    revised = [AgreementTextRevised(agreement_id=id, text_hash=letter * 64).keeping(by="somebody") for letter in "ab"]
    async with database.transaction(NATIONAL) as tx:
        agreement = await AGREEMENTS.record(
            tx, Agreement(id=id), Agreement.draft(id, regional(), names={}, by="x"), by=MINISTRY, at=BEGINNING
        )
        await AGREEMENTS.record(tx, agreement, revised[:1], by=MINISTRY, at=later)
    known = now()
    async with database.transaction(NATIONAL) as tx:
        await AGREEMENTS.record(tx, await AGREEMENTS.load(tx, id), revised[1:], by=MINISTRY, at=BEGINNING + DAY)

    async def text_at(**at: datetime) -> str | None:
        return (await queries.agreement(database, id, action="read_agreement", by=MINISTRY, **at)).text_hash

    assert await text_at(as_of=BEGINNING) is None
    assert await text_at(as_of=BEGINNING + 2 * DAY) == "b" * 64
    assert await text_at(as_of=BEGINNING + 2 * DAY, known_at=known) is None
    assert await text_at(as_of=later, known_at=known) == "a" * 64
    assert await text_at(known_at=known) == "a" * 64
    with pytest.raises(NotFound):
        await text_at(as_of=BEGINNING - DAY)


@pytest.mark.parametrize(
    ("instant", "problem"),
    [
        ("0001-01-01T00:00:00+14:00", "malformed"),
        ("1999-12-31T22:59:59-01:00", "malformed"),
        ("2000-01-01T00:00:00+00:00", "not-found"),
        ("2100-12-31T22:59:59+00:00", "not-yet-known"),
        ("9999-12-31T23:59:59-14:00", "malformed"),
        ("-1", "malformed"),
        ("1767225600", "malformed"),
        ("253402300799999", "malformed"),
    ],
)
async def test_an_instant_before_or_after_all_days_is_refused(
    client: AsyncClient, database: Database, instant: str, problem: str
) -> None:
    agreement = await with_texts(database)
    url = f"/api/v1/agreements/{agreement.id}"
    for point in ("as_of", "known_at"):
        is_problem(await client.get(url, params={point: instant}), 404 if problem == "not-found" else 422, problem)


async def test_of_two_points_in_time_none_is_passed_over(client: AsyncClient, database: Database) -> None:
    agreement = await with_texts(database)
    points = {"as_of": ["2026-01-01", "2026-02-01"], "known_at": "2026-02-01"}
    (told,) = is_problem(await client.get(f"/api/v1/agreements/{agreement.id}", params=points), 422)["errors"]
    assert {"parameter": "as_of", "code": "repeated_parameter"}.items() <= told.items()


async def test_the_past_is_as_visible_as_the_present(app: FastAPI, database: Database, issuer: Issuer) -> None:
    agreement = await with_texts(database)
    async with client_of(app, issuer.token(president(new_id()))) as stranger:
        for path in ("", "/text"):
            url = f"/api/v1/agreements/{agreement.id}{path}"
            assert (await stranger.get(url, params={"known_at": now().isoformat()})).status_code == 404
        url = f"/api/v1/agreements/{agreement.id}/changes"
        assert (await stranger.get(url, params={"from": now().isoformat()})).status_code == 404
