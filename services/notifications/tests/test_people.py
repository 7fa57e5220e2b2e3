"""A person's inbox: theirs alone, of today's jurisdiction, told in the event's own transaction."""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from services.notifications import commands, queries
from services.notifications.kinds import QUEUES
from services.notifications.people import person_id
from services.notifications.reactions import tell_concerned
from services.notifications.schemas.people import CountsAnswer
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import FOREIGNER, OFFICER, actor, happening, person, published, rows, told
from services.notifications.tests.conftest import Reads
from services.notifications.triggers import remind
from shared.actor import NATIONAL, Actor, Role
from shared.clock import now
from shared.database import Database
from shared.events.agreements import (
    AgreementAmended,
    AgreementApprovalOverdue,
    AgreementApproved,
    AgreementDrafted,
    AgreementExpired,
    AgreementObligationClaimed,
    AgreementObligationFailed,
    AgreementObligationFellDue,
    AgreementObligationFulfilled,
    AgreementObligationReminded,
    AgreementObligationWaived,
    AgreementParty,
    AgreementPartySigned,
    AgreementScanReturned,
    AgreementSignatureReminded,
    AgreementSignatureScanned,
    AgreementSigned,
    AgreementSuspended,
    AgreementTerminated,
    AgreementTermsRevised,
    AgreementTextRevised,
    AgreementVisaAwaited,
    AgreementVisaRecorded,
    AgreementVisaWithdrawn,
    AmendmentAgreed,
    AmendmentPartySigned,
    AmendmentProposed,
    AmendmentRevised,
    AmendmentScanReturned,
    AmendmentSignatureScanned,
    CeremonyAgreementStruck,
    CeremonyCancelled,
    CeremonyOrderChanged,
    CeremonyPlanned,
    CeremonyPostponed,
    CeremonyRescheduled,
    ThreadAnswered,
)
from shared.events.base import DomainEvent, Occurrence
from shared.events.centers import CenterOperatorChanged, CenterPlanned
from shared.events.network import MandateRecorded
from shared.events.notifications import ReminderFellDue
from shared.ids import new_id
from shared.refusals import NotFound
from shared.territory import ACADEMIES, MINISTRY_ID
from tests.fixtures.eventually import eventually
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

DIRECTOR = actor(Role.academy_director, name="director")
MINISTRY = actor(Role.ministry_officer, jurisdiction="national", name="ministry")
ASSOCIATION, FUNDER = new_id(), new_id()
MANAGER = actor(Role.association_manager, jurisdiction=f"org:{ASSOCIATION}", name="manager")


def example(event: type[DomainEvent], **changes: Any) -> DomainEvent:
    """The event's example, changed."""
    return event.model_validate(event.example | changes)


async def test_work_stands_in_the_inbox_of_those_whose_it_is_until_it_is_done(database: Database, reads: Reads) -> None:
    agreement = new_id()
    await person(database, DIRECTOR)
    approved = example(AgreementApproved, agreement_id=agreement)
    await told(database, happening(approved, subject=agreement))
    (item,) = await reads(DIRECTOR, to_do=True)
    assert (item.queue, item.path, item.action) == (
        "to_sign",
        f"/agreements/{agreement}",
        "Signer, ou déléguer la signature",
    )
    await told(database, happening(example(AgreementSigned, agreement_id=agreement), subject=agreement))
    assert await reads(DIRECTOR, to_do=True) == []
    (item,) = await reads(DIRECTOR)
    assert item.settled_at and not item.action


@pytest.mark.parametrize(
    ("asked", "signed"), [(AgreementApproved, AgreementPartySigned), (AmendmentAgreed, AmendmentPartySigned)]
)
async def test_who_has_signed_has_nothing_left_to_sign_and_the_others_have(
    database: Database, reads: Reads, asked: type[DomainEvent], signed: type[DomainEvent]
) -> None:
    agreement = new_id()
    for one in (MANAGER, DIRECTOR):
        await person(database, one)
    drafted = example(AgreementDrafted, agreement_id=agreement, parties=_parties(ASSOCIATION))
    await told(database, happening(drafted, subject=agreement))
    subject = agreement if asked is AgreementApproved else new_id()
    await told(database, happening(example(asked, agreement_id=agreement), subject=subject))
    signature = example(signed, agreement_id=agreement, organisation_id=ASSOCIATION)
    await told(database, happening(signature, subject=subject))
    assert [item.queue for item in await reads(DIRECTOR, to_do=True)] == ["to_sign"]
    assert await reads(MANAGER, to_do=True) == []
    theirs = example(signed, agreement_id=agreement, organisation_id=ACADEMIES["MA-06"].organisation_id)
    await told(database, happening(theirs, subject=subject))
    assert await reads(DIRECTOR, to_do=True) == []


async def test_a_visa_is_waited_for_by_the_desk_that_records_it_until_it_does(database: Database, reads: Reads) -> None:
    agreement = new_id()
    for one in (MANAGER, DIRECTOR, MINISTRY, FOREIGNER):
        await person(database, one)

    async def waited_for(*events: type[DomainEvent]) -> bool:
        for each in events:
            asked = {"awaited": [ACADEMIES["MA-06"].organisation_id]} if "awaited" in each.model_fields else {}
            await told(database, happening(example(each, agreement_id=agreement, **asked), subject=agreement))
        for one in (MANAGER, MINISTRY, FOREIGNER):
            assert "visas" not in [item.queue for item in await reads(one)]
        return [item.queue for item in await reads(DIRECTOR, to_do=True)] == ["visas"]

    assert await waited_for(AgreementSigned, AgreementVisaAwaited)
    assert not await waited_for(AgreementVisaRecorded)
    assert await waited_for(AgreementVisaWithdrawn)
    assert not await waited_for(AgreementTerminated)
    assert await waited_for(AgreementVisaAwaited)
    assert not await waited_for(AgreementExpired)


async def test_who_is_not_asked_to_sign_is_not_reminded_of_it(database: Database, reads: Reads) -> None:
    agreement = new_id()
    for one in (MANAGER, DIRECTOR):
        await person(database, one)
    drafted = example(AgreementDrafted, agreement_id=agreement, parties=_parties(ASSOCIATION))
    reminded = example(AgreementSignatureReminded, agreement_id=agreement, awaited=[ASSOCIATION])
    await told(database, *(happening(each, subject=agreement) for each in (drafted, reminded)))
    assert [item.queue for item in await reads(MANAGER)] == ["to_sign"]
    assert await reads(DIRECTOR) == []


@pytest.mark.parametrize("event", [AgreementObligationReminded, AgreementSuspended])
async def test_every_party_hears_who_is_late_and_what_is_suspended_the_ministry_in_a_region_too(
    database: Database, reads: Reads, event: type[DomainEvent]
) -> None:
    theirs, others = new_id(), new_id()
    for one in (MANAGER, DIRECTOR, MINISTRY, FOREIGNER):
        await person(database, one)
    academy = ACADEMIES["MA-06"].organisation_id
    for agreement, parties in ((theirs, (academy, ASSOCIATION, MINISTRY_ID)), (others, (academy, ASSOCIATION))):
        drafted = example(AgreementDrafted, agreement_id=agreement, parties=_parties(*parties))
        late = example(
            event, agreement_id=agreement, **({"days": 7, "awaited": []} if event != AgreementSuspended else {})
        )
        await told(database, *(happening(each, subject=agreement) for each in (drafted, late)))
    heard = {
        one: sorted(item.path or "" for item in await reads(one)) for one in (MANAGER, DIRECTOR, MINISTRY, FOREIGNER)
    }
    both = sorted(f"/agreements/{each}" for each in (theirs, others))
    assert heard == {MANAGER: both, DIRECTOR: both, MINISTRY: [f"/agreements/{theirs}"], FOREIGNER: []}


@pytest.mark.parametrize("done", [AgreementObligationFulfilled, AgreementObligationWaived, AgreementObligationFailed])
async def test_of_an_agreements_obligations_the_one_that_is_done_leaves_the_work(
    database: Database, reads: Reads, done: type[DomainEvent]
) -> None:
    agreement, other = new_id(), new_id()
    await person(database, DIRECTOR)
    open_ones: list[dict[str, Any]] = [{}, {"occurrence": 2}, {"obligation_id": other}]
    for event in (AgreementObligationFellDue, AgreementObligationReminded, AgreementObligationClaimed):
        for changes in open_ones:
            asked = example(event, agreement_id=agreement, awaited=[ACADEMIES["MA-06"].organisation_id], **changes)
            await told(database, happening(asked, subject=agreement))
    assert len(await reads(DIRECTOR, to_do=True)) == len(open_ones)
    await told(database, happening(example(done, agreement_id=agreement), subject=agreement))
    assert len(await reads(DIRECTOR, to_do=True)) == len(open_ones) - 1


@pytest.mark.parametrize(
    ("brings", "checks"),
    [
        (AgreementSignatureScanned, AgreementPartySigned),
        (AgreementSignatureScanned, AgreementScanReturned),
        (AmendmentSignatureScanned, AmendmentPartySigned),
        (AmendmentSignatureScanned, AmendmentScanReturned),
    ],
)
async def test_a_scan_that_was_checked_asks_for_no_more_checking(
    database: Database, reads: Reads, brings: type[DomainEvent], checks: type[DomainEvent]
) -> None:
    file, party = new_id(), new_id()
    await person(database, DIRECTOR)
    for brought in (party, new_id()):
        scanned = example(brings, agreement_id=file, party_id=brought)
        await told(database, happening(scanned, subject=file))
    assert [item.queue for item in await reads(DIRECTOR, to_do=True)].count("to_approve") == 2
    await told(database, happening(example(checks, agreement_id=file, party_id=party), subject=file))
    assert [item.queue for item in await reads(DIRECTOR, to_do=True)].count("to_approve") == 1


async def test_a_party_is_told_of_its_own_agreements_only(database: Database, reads: Reads) -> None:
    await person(database, MANAGER)
    ours, theirs = new_id(), new_id()
    for agreement, party in ((ours, ASSOCIATION), (theirs, new_id())):
        parties = [AgreementParty(party_id=new_id(), organisation_id=party, roles=("operator",)).model_dump()]
        drafted = example(AgreementDrafted, agreement_id=agreement, parties=parties)
        approved = example(AgreementApproved, agreement_id=agreement)
        await told(database, happening(drafted, subject=agreement), happening(approved, subject=agreement))
    (item,) = await reads(MANAGER)
    assert (item.queue, item.path) == ("to_sign", f"/agreements/{ours}")


async def test_a_directorate_is_told_of_the_centers_of_its_province(database: Database, reads: Reads) -> None:
    office = actor(Role.directorate_officer, jurisdiction="DP-TNG", name="office")
    await person(database, office)
    await commands.subscribe(database, Subscribe(), by=office)
    here = example(CenterPlanned, province="MA-TNG", academy="MA-01")
    elsewhere = example(CenterPlanned, province="MA-TET", academy="MA-01")
    occurrences = [happening(event, audience=("MA-01",)) for event in (here, elsewhere)]
    await told(database, *occurrences)
    assert [item.event_id for item in await reads(office)] == [occurrences[0].id]


async def test_who_is_named_is_told(database: Database, reads: Reads) -> None:
    await person(database, OFFICER)
    event = example(MandateRecorded, person=OFFICER.person)
    await told(database, happening(event))
    (item,) = await reads(OFFICER)
    assert item.queue == "mentions"


async def test_an_inbox_is_its_persons_alone(database: Database, reads: Reads) -> None:
    for one in (DIRECTOR, MINISTRY, FOREIGNER):
        await person(database, one)
    await told(database, happening(example(AgreementSuspended)))
    (item,) = await reads(DIRECTOR)
    assert await reads(MINISTRY) == await reads(FOREIGNER) == []
    for stranger in (MINISTRY, FOREIGNER, OFFICER):
        with pytest.raises(NotFound):
            await commands.mark_read(database, item.id, read=True, by=stranger)
        assert await commands.mark_all_read(database, queue=None, until=None, by=stranger) == 0
    assert await rows(database, "select read_at from inbox_item") == [(None,)]


async def test_who_moves_sees_nothing_of_where_they_were(database: Database, reads: Reads) -> None:
    await person(database, DIRECTOR)
    await told(database, happening(example(AgreementSuspended)))
    assert len(await reads(DIRECTOR)) == 1
    moved = Actor(DIRECTOR.issuer, DIRECTOR.subject, DIRECTOR.roles, "MA-01")
    assert await reads(moved) == []
    assert await rows(database, "select jurisdiction from person") == [("MA-01",)]
    await told(database, happening(example(AgreementSuspended)))
    await told(database, happening(example(AgreementSuspended), audience=("MA-01",)))
    assert len(await reads(moved)) == 1


async def test_items_are_read_and_unread_and_counted_by_queue(database: Database, reads: Reads) -> None:
    await person(database, DIRECTOR)
    await told(database, happening(example(AgreementSuspended)), happening(example(AgreementApproved)))

    async def counts() -> CountsAnswer:
        return await queries.inbox_counts(database, language="ar", by=DIRECTOR)

    before = await counts()
    assert (before.unread, [each.queue for each in before.queues]) == (2, [*QUEUES])
    by_queue = {each.queue: (each.total, each.unread, each.to_do) for each in before.queues if each.total}
    assert by_queue == {"to_sign": (1, 1, 1), "information": (1, 1, 0)}
    (newest, oldest) = await reads(DIRECTOR)
    await commands.mark_read(database, newest.id, read=True, by=DIRECTOR)
    assert [item.id for item in await reads(DIRECTOR, unread=True)] == [oldest.id]
    await commands.mark_read(database, newest.id, read=False, by=DIRECTOR)
    assert await commands.mark_all_read(database, queue="to_sign", until=None, by=DIRECTOR) == 1
    assert (await counts()).unread == 1


@pytest.mark.parametrize("by", ["its reader", "what is done", "what is done together"])
async def test_items_are_taken_in_the_order_of_their_ids_so_that_nobody_waits_in_a_circle(
    by: str, database: Database
) -> None:
    one = new_id()
    await person(database, DIRECTOR)
    for id in (one, new_id() if by == "what is done together" else one):
        await told(database, happening(example(AgreementApproved, agreement_id=id), subject=id))
    (low, first), (high, second) = await rows(database, "select id, subject from inbox_item order by id")
    lock = "select id from inbox_item where id = :id for update"
    async with database.transaction(NATIONAL) as tx:
        # The other way round in the table and in time.
        for id in (high, low):
            later = text("update inbox_item set told_at = clock_timestamp() where id = :id")
            await tx.execute(later, {"id": id})
    signed = [happening(example(AgreementSigned, agreement_id=id), subject=id) for id in dict.fromkeys((second, first))]
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text(lock), {"id": low})
        taking: asyncio.Task[Any] = asyncio.create_task(
            commands.mark_all_read(database, queue=None, until=None, by=DIRECTOR)
            if by == "its reader"
            else _told_together(database, signed)
        )
        waits = """
            select 1 from pg_locks join pg_stat_activity using (pid)
            where datname = current_database() and relation = 'inbox_item'::regclass
                and pid in (select pid from pg_locks where not granted)
        """
        await eventually(lambda: rows(database, waits))
        await tx.execute(text(f"{lock} nowait"), {"id": high})
    await taking
    taken = "read_at" if by == "its reader" else "settled_at"
    assert await rows(database, f"select count(*) from inbox_item where {taken} is not null") == [(2,)]


async def _told_together(database: Database, happened: Sequence[Occurrence[DomainEvent]]) -> None:
    async with database.transaction(NATIONAL) as tx:
        await tell_concerned(tx, happened)


async def test_what_one_does_oneself_is_no_news(database: Database, reads: Reads) -> None:
    await person(database, OFFICER)
    await commands.subscribe(database, Subscribe(), by=OFFICER)
    revised = AgreementTextRevised.model_validate(AgreementTextRevised.example)
    await told(database, happening(revised, by=OFFICER.person), happening(revised, by="another"))
    assert len(await reads(OFFICER)) == 1


async def test_preferences_are_kept_and_read_again(
    app: FastAPI, issuer: Issuer, settings: NotificationsSettings
) -> None:
    by = issuer.person("somebody", "MA-06", Role.academy_officer)
    wanted = {
        "language": "en",
        "inbox": "off",
        "email": "weekly",
        "address": "agent@academie.example",
        "digest_at": "07:30",
        "digest_day": 3,
        "quiet_from": "20:00",
        "by_type": [{"types": "*.center.*", "inbox": None, "email": "weekly"}],
        "quiet_until": "06:00",
    }
    async with client_of(app, issuer.token(by)) as client:
        path = "/api/v1/notifications/preferences"
        usual = (await client.get(path)).json()
        assert (usual["inbox"], usual["email"], usual["address"]) == ("immediate", "off", None)
        kept = {"person_id": str(person_id(by.person)), "email_suspended": None, **wanted}
        assert (await client.put(path, json=wanted)).json() == kept
        assert (await client.get(path)).json() == kept
        refused = await client.put(path, json=wanted | {"address": "nobody"})
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/address-refused")
        assert (await client.put(path, json={"quiet_from": "20:00"})).status_code == 422


async def test_an_amendment_is_the_work_of_whom_its_agreement_concerns(database: Database, reads: Reads) -> None:
    agreement, amendment = new_id(), new_id()
    stranger = actor(Role.association_manager, jurisdiction=f"org:{new_id()}", name="stranger")
    for one in (MANAGER, stranger):
        await person(database, one)
    drafted = example(AgreementDrafted, agreement_id=agreement, parties=_parties(ASSOCIATION))
    agreed = example(AmendmentAgreed, amendment_id=amendment, agreement_id=agreement)
    await told(database, happening(drafted, subject=agreement), happening(agreed, subject=amendment))
    (item,) = await reads(MANAGER)
    assert (item.queue, item.path) == ("to_sign", f"/amendments/{amendment}")
    assert await reads(stranger) == []


async def test_an_amendment_is_told_to_its_parties_although_its_agreement_is_not_known_yet(
    database: Database, reads: Reads
) -> None:
    agreement, amendment, joins = new_id(), new_id(), new_id()
    newcomer = actor(Role.association_manager, jurisdiction=f"org:{joins}", name="newcomer")
    for one in (MANAGER, newcomer):
        await person(database, one)
    ids: dict[str, Any] = {"amendment_id": amendment, "agreement_id": agreement}
    proposed = example(AmendmentProposed, **ids, parties=[ASSOCIATION])
    revised = example(AmendmentRevised, **ids, parties=[ASSOCIATION, joins])
    agreed = example(AmendmentAgreed, **ids)
    drafted = example(AgreementDrafted, agreement_id=agreement, parties=_parties(ASSOCIATION))
    await told(database, *(happening(each, subject=amendment) for each in (proposed, revised, agreed)))
    await told(database, happening(drafted, subject=agreement), happening(agreed, subject=amendment))
    for one in (MANAGER, newcomer):
        assert [item.queue for item in await reads(one)] == ["to_sign"] * 2


async def test_who_becomes_a_party_by_an_amendment_is_told_from_then_on(database: Database, reads: Reads) -> None:
    agreement, joins = new_id(), new_id()
    newcomer = actor(Role.association_manager, jurisdiction=f"org:{joins}", name="newcomer")
    await person(database, newcomer)
    suspended = example(AgreementSuspended, agreement_id=agreement)
    amended = example(AgreementAmended, agreement_id=agreement, parties=_parties(joins))
    await told(database, *(happening(each, subject=agreement) for each in (suspended, amended, suspended)))
    assert len(await reads(newcomer)) == 2


@pytest.mark.parametrize("leaves", [AgreementTermsRevised, AgreementAmended])
async def test_who_is_a_party_no_more_is_told_so_and_nothing_after_it(
    database: Database, reads: Reads, leaves: type[DomainEvent]
) -> None:
    await person(database, MANAGER)
    agreement = new_id()
    stays = new_id()
    partner = actor(Role.association_manager, jurisdiction=f"org:{stays}", name="partner")
    await person(database, partner)
    drafted = example(AgreementDrafted, agreement_id=agreement, parties=_parties(ASSOCIATION, stays))
    due = example(AgreementObligationFellDue, agreement_id=agreement, awaited=[ASSOCIATION, stays])
    revised = example(leaves, agreement_id=agreement, parties=_parties(stays))
    suspended = example(AgreementSuspended, agreement_id=agreement)
    occurrences = [happening(each, subject=agreement) for each in (drafted, due, revised, suspended)]
    await told(database, *occurrences)
    assert occurrences[3].id not in [item.event_id for item in await reads(MANAGER)]
    assert (occurrences[2].id, "mentions") in [(item.event_id, item.queue) for item in await reads(MANAGER)]
    # Nor is anything left to do.
    assert await reads(MANAGER, to_do=True) == []
    assert [item.event_id for item in await reads(partner, to_do=True)] == [occurrences[1].id]


@pytest.mark.parametrize("comes", ["before", "after"])
async def test_whom_a_comment_names_reads_as_whom_it_names_them(database: Database, reads: Reads, comes: str) -> None:
    mentioned = actor(Role.academy_officer, name="mentioned")
    home = ACADEMIES["MA-06"].organisation_id
    of_theirs = actor(Role.academy_officer, name="of-theirs")
    names = {"people": [mentioned.person], "commenters": [MANAGER.person, mentioned.person], "organisations": [home]}
    answered = example(ThreadAnswered, parties=[ASSOCIATION, home], organisation_id=home, **names)
    if comes == "before":
        for one in (mentioned, MANAGER, of_theirs):
            await person(database, one)
    at = now()
    await told(database, happening(answered, subject=new_id(), at=at))
    for one, words in (
        (mentioned, "vous mentionne dans une réponse"),
        (MANAGER, "a répondu dans une discussion"),
        (of_theirs, "mentionne votre organisme"),
    ):
        (item,) = await reads(one)
        assert item.queue == "mentions" and words in item.summary, item.summary


@pytest.mark.parametrize("comes", ["before", "after"])
async def test_the_ministry_finds_what_has_escalated_to_it_in_a_region_where_it_is_no_party(
    database: Database, reads: Reads, comes: str
) -> None:
    if comes == "before":
        await person(database, MINISTRY)
    levels = [example(AgreementApprovalOverdue, roles=["academy_officer"], level=level) for level in (1, 2)]
    occurrences = [happening(each, subject=new_id(), at=now()) for each in levels]
    await told(database, *occurrences)
    (item,) = await reads(MINISTRY, to_do=True)
    assert (item.event_id, item.queue) == (occurrences[1].id, "to_approve")


async def test_who_is_to_sign_at_a_ceremony_is_told_what_becomes_of_it(database: Database, reads: Reads) -> None:
    funder, stranger = (
        actor(Role.association_manager, jurisdiction=f"org:{id}", name=str(id)) for id in (FUNDER, new_id())
    )
    for one in (MANAGER, DIRECTOR, funder, stranger):
        await person(database, one)
    ceremony, home = new_id(), ACADEMIES["MA-06"].organisation_id
    life = [
        example(CeremonyPlanned, ceremony_id=ceremony, parties=[ASSOCIATION, home]),
        example(CeremonyPostponed, ceremony_id=ceremony),
        example(CeremonyOrderChanged, ceremony_id=ceremony, parties=[ASSOCIATION, home, FUNDER]),
        example(CeremonyRescheduled, ceremony_id=ceremony, planned_for="2024-09-06T10:00:00Z"),
    ]
    await told(database, *(happening(each, subject=ceremony) for each in life))
    assert await remind(database, date(2024, 9, 5)) == 1
    await told(database, *[each for each in await published(database) if isinstance(each.event, ReminderFellDue)])
    await told(database, happening(example(CeremonyCancelled, ceremony_id=ceremony), subject=ceremony))
    heard = [("ceremonies", each.type) for each in life]
    heard += [("reminders", ReminderFellDue.type), ("ceremonies", CeremonyCancelled.type)]
    for one, expected in ((MANAGER, heard), (DIRECTOR, heard), (funder, heard[2:]), (stranger, [])):
        assert [(item.queue, item.type) for item in reversed(await reads(one))] == expected, one.subject


async def test_whose_agreement_is_struck_is_told_which_and_nothing_after_it(database: Database, reads: Reads) -> None:
    await person(database, MANAGER)
    ceremony, stays = new_id(), new_id()
    planned = example(CeremonyPlanned, ceremony_id=ceremony, parties=[ASSOCIATION, stays])
    theirs = {"parties": [stays], "organisations": [ASSOCIATION]}
    agreement = new_id()
    approved = example(AgreementApproved, agreement_id=agreement, reference="AREF-06/2024-0007")
    await told(database, happening(approved, subject=agreement))
    struck = example(CeremonyAgreementStruck, ceremony_id=ceremony, struck_id=agreement, **theirs)
    cancelled = example(CeremonyCancelled, ceremony_id=ceremony)
    await told(database, *(happening(each, subject=ceremony) for each in (planned, struck, cancelled)))
    last, first = await reads(MANAGER)
    assert (first.type, last.type) == (planned.type, struck.type)
    assert "La convention AREF-06/2024-0007 de votre organisme" in last.summary and "30 août 2024" in last.summary


async def test_who_runs_a_center_no_more_is_told_so(database: Database, reads: Reads) -> None:
    await person(database, MANAGER)
    center = new_id()
    planned = example(CenterPlanned, center_id=center, operator_id=ASSOCIATION)
    changed = example(CenterOperatorChanged, center_id=center, operator_id=new_id())
    occurrences = [happening(each, subject=center) for each in (planned, changed, changed)]
    await told(database, *occurrences)
    (item,) = await reads(MANAGER)
    assert (item.event_id, item.queue) == (occurrences[1].id, "mentions")


def _parties(*organisations: UUID) -> list[dict[str, Any]]:
    return [
        AgreementParty(party_id=new_id(), organisation_id=each, roles=("operator",)).model_dump()
        for each in organisations
    ]
