"""What the commands do to the database, alone and against one another."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from services.agreements import commands
from services.agreements.agreement import Agreement, AgreementState
from services.agreements.ceremony import Ceremony, CeremonyState
from services.agreements.errors import (
    AgreementOver,
    AlreadyInACeremony,
    AlreadySigned,
    AssociationNotAccredited,
    CeremonyNotOpen,
    LobbyNotReady,
    MandateNotValid,
    NoMandate,
    NotInTheCeremony,
    PartiesNotVetted,
    SignedInItsCeremony,
    TextHashDiffers,
)
from services.agreements.tables import AGREEMENTS, CEREMONIES, AssociationStandingRow, SignatureBatchRow
from services.agreements.tests.builders import (
    MINISTRY,
    approved,
    clauses,
    current,
    current_network,
    director,
    hold,
    know,
    mandate,
    officer,
    party,
    person,
    plan,
    president,
    reviewed,
    sign_for,
    signer,
)
from services.agreements.text import get_clauses
from shared.actor import NATIONAL, Actor, Role
from shared.clock import today
from shared.database import Database
from shared.events.agreements import AgreementSigned
from shared.ids import new_id
from shared.refusals import Forbidden, NotAllowedNow, NotFound, Refusal, StaleVersion
from shared.store import get_texts
from shared.territory import ACADEMIES, MINISTRY_ID


@pytest.fixture
def db(database: Database) -> Database:
    """The agreements' database."""
    return database


def operator_of(agreement: Agreement) -> UUID:
    return next(each.organisation_id for each in agreement.parties if "operator" in each.roles)


async def outcome_of(work: object) -> object:
    try:
        return await work  # type: ignore[misc]
    except Refusal as refusal:
        return type(refusal)


# Drafting and the text


async def test_a_text_is_kept_in_both_languages_under_one_hash(db: Database) -> None:
    agreement = await approved(db)
    assert agreement.text_hash
    async with db.transaction(NATIONAL) as tx:
        assert await get_clauses(tx, agreement.text_hash) == clauses()


async def test_changing_one_language_alone_changes_the_hash(db: Database) -> None:
    drafted = await commands.draft_agreement(db, current(), clauses=clauses(), by=officer())
    text = clauses()
    text[0] = text[0].model_copy(update={"body": text[0].body.model_copy(update={"ar": "نص آخر (وهمي)."})})
    revised = await commands.revise_text(db, drafted.id, text, by=officer())
    assert revised.text_hash != drafted.text_hash and revised.version == drafted.version + 1


async def test_an_academy_drafts_for_itself_only(db: Database) -> None:
    with pytest.raises(NotFound):
        await commands.draft_agreement(db, current("MA-07"), by=officer("MA-06"))
    with pytest.raises(Forbidden):
        await commands.draft_agreement(db, current_network(), by=officer("MA-06"))


async def test_the_ministry_does_not_change_an_academys_text(db: Database) -> None:
    drafted = await commands.draft_agreement(db, current(), by=officer())
    with pytest.raises(Forbidden):
        await commands.revise_text(db, drafted.id, clauses(), by=MINISTRY)


async def test_a_stale_version_is_refused(db: Database) -> None:
    drafted = await commands.draft_agreement(db, current(), clauses=clauses(), by=officer())
    await commands.open_negotiation(db, drafted.id, by=officer(), expected=drafted.version)
    with pytest.raises(StaleVersion):
        await commands.submit_for_review(db, drafted.id, by=officer(), expected=drafted.version)


@pytest.mark.parametrize("standing", ["registered", "suspended", "unknown"])
async def test_a_text_is_frozen_for_vetted_parties_only(db: Database, standing: str) -> None:
    terms = current()
    if standing != "unknown":
        await know(db, terms, standing=standing)
    drafted = await commands.draft_agreement(db, terms, clauses=clauses(), by=officer())
    await commands.open_negotiation(db, drafted.id, by=officer())
    await commands.submit_for_review(db, drafted.id, by=officer())
    with pytest.raises(PartiesNotVetted):
        await commands.approve_agreement(db, drafted.id, by=MINISTRY)


async def test_references_have_no_gaps_and_no_twins_when_all_are_approved_at_once(db: Database) -> None:
    academies = ["MA-06", "MA-06", "MA-06", "MA-06", "MA-06", "MA-07", "MA-07"]
    twice = [(await reviewed(db, current(academy))).id for academy in academies] * 2
    work = [outcome_of(commands.approve_agreement(db, id, by=MINISTRY)) for id in twice]
    done = [each for each in await asyncio.gather(*work) if isinstance(each, Agreement)]
    year = today().year
    assert sorted(str(each.reference) for each in done) == [
        *(f"AREF-06/{year}-{number:04}" for number in range(1, 6)),
        *(f"AREF-07/{year}-{number:04}" for number in range(1, 3)),
    ]


async def test_a_national_agreement_has_a_reference_of_the_ministry(db: Database) -> None:
    agreement = await approved(db, current_network())
    assert agreement.reference and re.fullmatch(r"MEN/\d{4}-0001", agreement.reference)


# Signing one by one


async def test_a_party_signs_under_its_mandate(db: Database) -> None:
    agreement = await approved(db)
    signed = await sign_for(db, agreement, operator_of(agreement))
    assert signed.signatures[0].person == president(operator_of(agreement)).person
    assert signed.state == AgreementState.partially_signed


async def test_eight_parties_sign_at_once(db: Database) -> None:
    others = [party(new_id(), "funder") for _ in range(5)]
    agreement = await approved(db, current(others=others))
    work = [sign_for(db, agreement, each.organisation_id) for each in agreement.parties]
    await asyncio.gather(*work)
    async with db.transaction(NATIONAL) as tx:
        final = await AGREEMENTS.read(tx, agreement.id)
        events = [row.event() for row in await AGREEMENTS.history(tx, agreement.id)]
    assert final.state == AgreementState.signed and len(final.signatures) == 8
    assert sum(isinstance(event, AgreementSigned) for event in events) == 1


async def test_the_same_signature_twice_at_once_counts_once(db: Database) -> None:
    agreement = await approved(db)
    operator = operator_of(agreement)
    outcomes = await asyncio.gather(*(outcome_of(sign_for(db, agreement, operator)) for _ in range(8)))
    assert outcomes.count(AlreadySigned) == 7


async def test_nothing_is_signed_out_of_order(db: Database) -> None:
    terms = current()
    await know(db, terms)
    drafted = await commands.draft_agreement(db, terms, clauses=clauses(), by=officer())
    with pytest.raises(NotAllowedNow):
        await sign_for(db, drafted, operator_of(drafted))


async def test_a_signature_under_another_text_is_refused(db: Database) -> None:
    agreement = await approved(db)
    with pytest.raises(TextHashDiffers):
        await sign_for(db, agreement, operator_of(agreement), text_hash="0" * 64)


async def test_nobody_signs_without_a_mandate(db: Database) -> None:
    agreement = await approved(db)
    vice_president = person("vice", Role.association_manager, f"org:{operator_of(agreement)}")
    with pytest.raises(NoMandate):
        await sign_for(db, agreement, operator_of(agreement), by=vice_president)


async def test_a_mandate_of_another_party_does_not_count(db: Database) -> None:
    agreement = await approved(db)
    with pytest.raises(NoMandate):
        await sign_for(db, agreement, operator_of(agreement), by=director())


@pytest.mark.parametrize("days", [(-20, -1), (1, 20)], ids=["over", "not begun"])
async def test_a_mandate_covers_its_days_only(db: Database, days: tuple[int, int]) -> None:
    agreement = await approved(db)
    operator = operator_of(agreement)
    holder = person("holder", Role.association_manager, f"org:{operator}")
    dates = {"valid_from": today() + timedelta(days=days[0]), "valid_until": today() + timedelta(days=days[1])}
    async with db.transaction(NATIONAL) as tx:
        tx.add(mandate(operator, holder, **dates))
    with pytest.raises(MandateNotValid):
        await sign_for(db, agreement, operator, by=holder)


async def test_a_valid_mandate_counts_beside_one_that_is_over(db: Database) -> None:
    agreement = await approved(db)
    operator = operator_of(agreement)
    async with db.transaction(NATIONAL) as tx:
        tx.add(mandate(operator, valid_until=today() - timedelta(days=1)))
    assert (await sign_for(db, agreement, operator)).signatures


async def test_a_stranger_does_not_even_see_the_agreement(db: Database) -> None:
    agreement = await approved(db)
    for stranger in (president(new_id()), director("MA-07")):
        with pytest.raises(NotFound):
            await sign_for(db, agreement, operator_of(agreement), by=stranger)


async def test_an_academy_that_is_no_party_does_not_sign_a_national_agreement(db: Database) -> None:
    agreement = await approved(db, current_network())
    with pytest.raises(Forbidden):
        await sign_for(db, agreement, MINISTRY_ID, by=director("MA-07"))


async def test_a_suspended_association_signs_nothing(db: Database) -> None:
    agreement = await approved(db)
    async with db.transaction(NATIONAL) as tx:
        await tx.merge(AssociationStandingRow(id=operator_of(agreement), standing="suspended"))
    with pytest.raises(AssociationNotAccredited):
        await sign_for(db, agreement, operator_of(agreement))


async def test_declining_needs_the_same_mandate_and_voids_the_signatures(db: Database) -> None:
    agreement = await approved(db)
    await sign_for(db, agreement, MINISTRY_ID)
    operator = operator_of(agreement)

    async def decline(by: Actor) -> Agreement:
        return await commands.decline_agreement(
            db,
            agreement.id,
            party_id=agreement.parties[1].party_id,
            text_hash=agreement.text_hash or "",
            reason="budget",
            by=by,
        )

    with pytest.raises(NoMandate):
        await decline(person("vice", Role.association_manager, f"org:{operator}"))
    declined = await decline(president(operator))
    assert (declined.state, declined.signatures) == (AgreementState.negotiation, ())


# Ceremonies


async def test_an_agreement_is_signed_in_its_ceremony_and_the_minutes_say_so(db: Database) -> None:
    first, second = await approved(db), await approved(db)
    ceremony = await hold(db, first.id, second.id)
    for each in first.parties:
        await sign_for(db, first, each.organisation_id, ceremony_id=ceremony.id)
    closed = await commands.close_ceremony(db, ceremony.id, by=MINISTRY)
    assert (closed.signed, closed.unsigned) == ((first.id,), (second.id,))
    adopted = await commands.adopt_minutes(db, ceremony.id, by=MINISTRY)
    assert adopted.state == CeremonyState.minutes_adopted
    async with db.transaction(NATIONAL) as tx:
        minutes = await get_texts(tx, closed.minutes.values())
    french, arabic = minutes[closed.minutes["fr"]], minutes[closed.minutes["ar"]]
    assert str(first.reference) in french and "Conventions signées : 1 sur 2." in french
    assert str(first.reference) in arabic and "من 2" in arabic


async def test_an_agreement_of_a_ceremony_under_way_is_signed_nowhere_else(db: Database) -> None:
    agreement = await approved(db)
    await hold(db, agreement.id)
    with pytest.raises(SignedInItsCeremony):
        await sign_for(db, agreement, MINISTRY_ID)


async def test_an_agreement_of_a_planned_ceremony_may_be_signed_before(db: Database) -> None:
    agreement = await approved(db)
    await plan(db, agreement.id)
    assert (await sign_for(db, agreement, MINISTRY_ID)).signatures


async def test_nothing_is_signed_in_a_ceremony_that_is_not_open(db: Database) -> None:
    agreement = await approved(db)
    ceremony = await plan(db, agreement.id)

    async def attempt() -> object:
        return await outcome_of(sign_for(db, agreement, MINISTRY_ID, ceremony_id=ceremony.id))

    assert await attempt() is CeremonyNotOpen
    await commands.prepare_ceremony(db, ceremony.id, by=MINISTRY)
    assert await attempt() is CeremonyNotOpen
    await commands.open_ceremony(db, ceremony.id, by=MINISTRY)
    await commands.interrupt_ceremony(db, ceremony.id, reason="panne (fictif)", by=MINISTRY)
    assert await attempt() is CeremonyNotOpen
    await commands.resume_ceremony(db, ceremony.id, by=MINISTRY)
    await commands.close_ceremony(db, ceremony.id, by=MINISTRY)
    assert await attempt() is CeremonyNotOpen


async def test_a_ceremony_has_its_own_agreements_signed_only(db: Database) -> None:
    agreement, other = await approved(db), await approved(db)
    ceremony = await hold(db, other.id)
    with pytest.raises(NotInTheCeremony):
        await sign_for(db, agreement, MINISTRY_ID, ceremony_id=ceremony.id)
    with pytest.raises(NotFound):
        await sign_for(db, agreement, MINISTRY_ID, ceremony_id=new_id())


async def test_closing_and_signing_at_once_agree_on_what_was_signed(db: Database) -> None:
    agreements = [await approved(db) for _ in range(4)]
    ceremony = await hold(db, *(each.id for each in agreements))
    for each in agreements:
        for organisation in (operator_of(each), ACADEMIES["MA-06"].organisation_id):
            await sign_for(db, each, organisation, ceremony_id=ceremony.id)
    last = [outcome_of(sign_for(db, each, MINISTRY_ID, ceremony_id=ceremony.id)) for each in agreements]
    *outcomes, closed = await asyncio.gather(*last, outcome_of(commands.close_ceremony(db, ceremony.id, by=MINISTRY)))
    assert isinstance(closed, Ceremony)
    signed = {each.id for each in outcomes if isinstance(each, Agreement)}
    assert set(closed.signed) == signed
    assert all(each is CeremonyNotOpen for each in outcomes if not isinstance(each, Agreement))


async def test_an_agreement_is_in_one_ceremony_at_a_time(db: Database) -> None:
    agreement = await approved(db)
    outcomes = await asyncio.gather(*(outcome_of(plan(db, agreement.id)) for _ in range(4)))
    assert outcomes.count(AlreadyInACeremony) == 3
    ceremony = next(each for each in outcomes if isinstance(each, Ceremony))
    await commands.cancel_ceremony(db, ceremony.id, reason="r", by=MINISTRY)
    assert (await plan(db, agreement.id)).state == CeremonyState.planned


async def test_a_signed_agreement_is_in_no_order_of_business(db: Database) -> None:
    agreement = await approved(db)
    for each in agreement.parties:
        await sign_for(db, agreement, each.organisation_id)
    with pytest.raises(AgreementOver):
        await plan(db, agreement.id)


async def test_the_lobby_opens_when_texts_are_frozen_and_everybody_may_sign(db: Database) -> None:
    terms = current()
    frozen = await approved(db)
    await know(db, terms, mandates=False, standing="suspended")
    drafted = await commands.draft_agreement(db, terms, by=officer())
    ceremony = await plan(db, frozen.id, drafted.id)
    with pytest.raises(LobbyNotReady) as refused:
        await commands.prepare_ceremony(db, ceremony.id, by=MINISTRY)
    operator = operator_of(drafted)
    assert refused.value.values == {
        "not_frozen": [drafted.id],
        "without_mandate": [operator],
        "not_accredited": [operator],
    }


# Batches


async def batch_of(db: Database, agreements: list[Agreement], **options: object) -> SignatureBatchRow:
    requests = [
        commands.SignatureRequest(
            agreement_id=each.id, party_id=each.parties[2].party_id, text_hash=each.text_hash or ""
        )
        for each in agreements
    ]
    return await commands.sign_batch(db, requests, by=MINISTRY, **options)  # type: ignore[arg-type]


async def test_a_batch_says_what_became_of_each_agreement(db: Database) -> None:
    agreements = [await approved(db) for _ in range(3)]
    await sign_for(db, agreements[1], MINISTRY_ID)
    batch = await commands.resume_batch(db, await batch_of(db, agreements))
    assert [item["outcome"] for item in batch.items] == ["signed", "refused", "signed"]
    assert batch.items[1]["refusal"]["slug"] == "already-signed"
    assert batch.finished_at


async def test_a_batch_is_resumed_after_a_crash_and_signs_nothing_twice(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreements = [await approved(db) for _ in range(3)]
    batch = await batch_of(db, agreements)

    def die(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("services.agreements.commands.signing.crash_point", die)
    with pytest.raises(KeyboardInterrupt):
        await commands.resume_batch(db, batch)
    monkeypatch.undo()
    async with db.transaction(NATIONAL) as tx:
        left = (await tx.exec(select(SignatureBatchRow))).one()
    assert [item["outcome"] for item in left.items] == ["signed", "pending", "pending"]
    done = await commands.resume_batch(db, left)
    assert [item["outcome"] for item in done.items] == ["signed", "signed", "signed"]
    async with db.transaction(NATIONAL) as tx:
        assert [len((await AGREEMENTS.read(tx, each.id)).signatures) for each in agreements] == [1, 1, 1]


async def test_two_that_resume_one_batch_take_turns(db: Database) -> None:
    agreements = [await approved(db) for _ in range(4)]
    batch = await batch_of(db, agreements)
    await asyncio.gather(*(commands.resume_batch(db, batch.model_copy()) for _ in range(3)))
    async with db.transaction(NATIONAL) as tx:
        left = (await tx.exec(select(SignatureBatchRow))).one()
    assert [item["outcome"] for item in left.items] == ["signed"] * 4


async def test_a_batch_is_signed_in_its_ceremony(db: Database) -> None:
    agreements = [await approved(db) for _ in range(2)]
    ceremony = await hold(db, *(each.id for each in agreements))
    batch = await commands.resume_batch(db, await batch_of(db, agreements, ceremony_id=ceremony.id))
    assert [item["outcome"] for item in batch.items] == ["signed", "signed"]
    async with db.transaction(NATIONAL) as tx:
        signed = await AGREEMENTS.read(tx, agreements[0].id)
    assert signed.signatures[0].ceremony_id == ceremony.id


# What holds always


async def test_the_state_is_the_fold_of_the_journal(db: Database) -> None:
    agreement = await approved(db)
    ceremony = await hold(db, agreement.id)
    for each in agreement.parties:
        await sign_for(db, agreement, each.organisation_id, ceremony_id=ceremony.id)
    await commands.bring_into_force(db, agreement.id, on=agreement.effective_from)
    await commands.suspend_agreement(db, agreement.id, scope="centers", reason="r", document="d", by=director())
    await commands.resume_agreement(db, agreement.id, by=director())
    await commands.terminate_agreement(db, agreement.id, reason="r", document="d", by=director())
    await commands.close_ceremony(db, ceremony.id, by=MINISTRY)
    await commands.adopt_minutes(db, ceremony.id, by=MINISTRY)
    async with db.transaction(NATIONAL) as tx:
        for store, id in ((AGREEMENTS, agreement.id), (CEREMONIES, ceremony.id)):
            stored = await store.read(tx, id)
            events = [row.event() for row in await store.history(tx, id)]
            assert type(stored).fold(id, events).model_dump() == stored.model_dump()


async def test_without_permission_checks_the_database_still_shows_nothing_foreign(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.web.permissions.Permissions.allow", lambda *_: None)
    agreement = await approved(db)
    ceremony = await plan(db, agreement.id)
    await batch_of(db, [agreement])
    for stranger in (officer("MA-07"), president(new_id())):
        async with db.transaction(stranger.scope) as tx:
            for table in ("agreement", "ceremony", "journal", "mandate", "signature_batch"):
                found = await (await tx.connection()).exec_driver_sql(f"select count(*) from {table}")
                assert found.scalar() == 0, f"{table} shows foreign rows to {stranger.jurisdiction}"
        with pytest.raises(NotFound):
            await sign_for(db, agreement, MINISTRY_ID, by=stranger)
        with pytest.raises(NotFound):
            await commands.cancel_ceremony(db, ceremony.id, reason="r", by=stranger)
    async with db.transaction(officer().scope) as tx:
        assert (await AGREEMENTS.read(tx, agreement.id)).version


async def test_a_past_moment_can_be_signed_for_only_by_a_mandate_of_that_day(db: Database) -> None:
    agreement = await approved(db)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(MandateNotValid):
        await sign_for(db, agreement, MINISTRY_ID, at=long_ago, by=signer(MINISTRY_ID))
