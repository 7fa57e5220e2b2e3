"""What the minutes of a ceremony say, and to whom."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import Ceremony
from services.agreements.commands import papers
from services.agreements.commands.vetting import names_of
from services.agreements.errors.ceremonies import (
    NobodySeated,
    SignedBeforeTheSitting,
    SignedInItsCeremony,
    TakenUpInTheCeremony,
)
from services.agreements.errors.papers import CharactersNotPrintable
from services.agreements.kinds import SigningGroup, SigningRule
from services.agreements.tables import OrganisationRow
from services.agreements.tests.branches import read as as_it_is
from services.agreements.tests.builders import (
    CHAIR,
    LEGAL,
    MINISTRY,
    approved,
    attached,
    change_kind,
    current,
    end_mandate,
    fill,
    hold,
    officer,
    operator_of,
    party,
    plan,
    sign_for,
    signer,
)
from services.agreements.tests.reading import text_of
from shared.actor import NATIONAL, Actor
from shared.clock import now, today
from shared.database import Database, Work
from shared.ids import new_id
from shared.territory import ACADEMIES, MINISTRY_ID
from tests.fixtures.eventually import eventually

ACADEMY = ACADEMIES["MA-06"].organisation_id


async def sign(database: Database, agreement: Agreement, ceremony: Ceremony, *organisations: UUID) -> None:
    """Their signatures in the sitting; of all who sign, if none is named."""
    for each in agreement.signing_parties:
        if each.organisation_id in (organisations or {each.organisation_id}):
            await sign_for(database, agreement, each.organisation_id, ceremony_id=ceremony.id)


async def read(database: Database, ceremony: Ceremony, by: Actor = MINISTRY) -> str:
    """The French minutes after the closing, as this reader is told them."""
    return (await queries.minutes(database, ceremony.id, by=by)).fr


def line_of(minutes: str, agreement: Agreement, organisation: UUID) -> str:
    """What they say of a party of this agreement: each has a line, in the agreement's order."""
    entry = minutes.split(f"({agreement.reference}) : ")[1]
    lines = [line.partition(" : ")[2] for line in entry.splitlines() if line.startswith("   - ")]
    return lines[[each.organisation_id for each in agreement.parties].index(organisation)]


async def called(database: Database, organisation: UUID, name: str) -> None:
    """The network calls an organisation so from now on."""
    async with database.transaction(NATIONAL) as tx:
        await tx.merge(OrganisationRow(id=organisation, name_ar=name, name_fr=name))


async def test_minutes_tell_who_signed_in_the_sitting_before_it_and_not(database: Database) -> None:
    agreement = await approved(database)
    await sign_for(database, agreement, operator_of(agreement))
    ceremony = await hold(database, agreement.id)
    await sign(database, agreement, ceremony, ACADEMY)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    minutes = await read(database, ceremony)
    assert line_of(minutes, agreement, operator_of(agreement)) == "avait signé hors de cette cérémonie."
    assert line_of(minutes, agreement, ACADEMY).startswith("a signé le ")
    assert line_of(minutes, agreement, MINISTRY_ID) == "n'a pas signé."
    assert "non signée par toutes les parties requises" in minutes


async def test_minutes_tell_of_a_signature_on_paper_that_waits_for_its_check(database: Database) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    agreement = await attached(database, agreement, "signed_copy")
    operator = operator_of(agreement)
    await commands.record_scan(
        database,
        agreement.id,
        party_id=next(each.party_id for each in agreement.parties if each.organisation_id == operator),
        text_hash=agreement.text_hash or "",
        person=signer(operator).person,
        file_hash=agreement.documents[-1].hash,
        signed_on=today(),
        ceremony_id=ceremony.id,
        by=officer(),
    )
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    said = line_of(await read(database, ceremony), agreement, operator_of(agreement))
    assert said.startswith("a signé sur papier le ") and said.endswith(", signature à contrôler.")


async def test_minutes_say_of_a_witness_and_of_whom_a_group_did_not_need_that_they_were_not_asked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_kind(monkeypatch, signing=SigningRule(groups=(SigningGroup(roles=("funder",), needed=1),)))
    funders, witness = [party(new_id(), "funder") for _ in range(2)], party(new_id(), "witness")
    agreement = await approved(database, current(others=[*funders, witness]))
    ceremony = await hold(database, agreement.id)
    spared = funders[1].organisation_id
    await sign(database, agreement, ceremony, funders[0].organisation_id)
    others = {each.organisation_id for each in agreement.parties} - {each.organisation_id for each in funders}
    await sign(database, agreement, ceremony, *others)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    minutes = await read(database, ceremony)
    assert line_of(minutes, agreement, spared) == "n'a pas signé, le nombre requis étant atteint."
    assert line_of(minutes, agreement, witness.organisation_id) == "témoin."
    assert " : signée par toutes les parties requises." in minutes


async def decline(database: Work, agreement: Agreement) -> None:
    """Its operator refuses to sign."""
    operator = operator_of(agreement)
    await commands.decline_agreement(
        database,
        agreement.id,
        party_id=next(each.party_id for each in agreement.parties if each.organisation_id == operator),
        text_hash=agreement.text_hash or "",
        reason="(fictif)",
        by=signer(operator),
    )


async def test_minutes_tell_who_declined_and_whose_signatures_that_voided(database: Database) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    await sign(database, agreement, ceremony, ACADEMY)
    operator = operator_of(agreement)
    await decline(database, agreement)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    minutes = await read(database, ceremony)
    assert line_of(minutes, agreement, operator).startswith("a refusé de signer le ")
    assert line_of(minutes, agreement, ACADEMY).endswith(", signature devenue sans effet.")


async def test_a_closing_waits_for_who_declines_meanwhile(database: Database) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    async with database.transaction(NATIONAL) as tx:
        await decline(tx, agreement)
        closing = asyncio.create_task(commands.close_ceremony(database, ceremony.id, by=MINISTRY))
        await eventually(lambda: waits_or_ends(database, closing))
    await closing
    assert line_of(await read(database, ceremony), agreement, operator_of(agreement)).startswith("a refusé de signer")


async def waits_or_ends(database: Database, task: asyncio.Task[Ceremony]) -> bool:
    """Whether a command waits for another transaction's lock, or for nothing any more."""
    waiting = text("select exists (select from pg_locks where locktype = 'transactionid' and not granted)")
    async with database.transaction(NATIONAL) as tx:
        return task.done() or (await tx.execute(waiting)).scalar_one() is True


async def test_minutes_tell_whose_signature_is_contested_and_counts_no_more(database: Database) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    await sign(database, agreement, ceremony, ACADEMY, operator := operator_of(agreement))
    given = (await as_it_is(database, agreement.id)).signatures[0]
    await end_mandate(database, given.mandate_id, on=today())
    await sign(database, agreement, ceremony, MINISTRY_ID)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    minutes = await read(database, ceremony)
    contested = {each.organisation_id for each in agreement.parties if each.party_id == given.party_id}
    for each in (ACADEMY, operator, MINISTRY_ID):
        says = line_of(minutes, agreement, each).endswith(", signature contestée, à donner de nouveau.")
        assert says is (each in contested)
    assert "Conventions signées : 0 sur 1." in minutes


async def test_minutes_name_the_chair_who_was_there_what_interrupted_and_what_was_struck(database: Database) -> None:
    agreement, struck = await approved(database), await approved(database)
    ceremony = await hold(database, agreement.id, struck.id)
    await commands.interrupt_ceremony(database, ceremony.id, reason="panne\n## Décision (fictif)", by=MINISTRY)
    await commands.resume_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.strike_agreement(
        database, ceremony.id, agreement_id=struck.id, reason="budget absent (fictif)", by=MINISTRY
    )
    await called(database, CHAIR.organisation_id, "Présidence exemple (fictif)")
    await called(database, operator_of(agreement), "Association exemple (fictif)")
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    minutes = await read(database, ceremony)
    chair, present = minutes.split("Présidence : ")[1].split("## Organisations présentes")
    assert chair.strip() == "Présidence exemple (fictif)"
    assert "- Association exemple (fictif)\n" in present.split("##")[0]
    assert " : panne ## Décision (fictif)" in minutes and "\n## Décision" not in minutes
    assert f"{struck.reference}), le " in minutes and " : budget absent (fictif)" in minutes
    assert "Conventions signées : 0 sur 1." in minutes and "Signature de la présidence :" in minutes
    assert CHAIR.name not in minutes, "they name organisations"


async def test_what_was_signed_or_declined_in_the_sitting_stays_in_its_order(database: Database) -> None:
    signed, declined, third = [await approved(database) for _ in range(3)]
    ceremony = await hold(database, signed.id, declined.id, third.id)
    await sign(database, signed, ceremony, ACADEMY)
    await decline(database, declined)
    for each in (signed, declined):
        with pytest.raises(TakenUpInTheCeremony):
            await commands.strike_agreement(database, ceremony.id, agreement_id=each.id, reason="r", by=MINISTRY)


async def test_who_sees_every_agreement_of_a_ceremony_reads_its_minutes_and_others_an_extract(
    database: Database,
) -> None:
    own, foreign = await approved(database), await approved(database, current("MA-07"))
    ceremony = await hold(database, own.id, foreign.id)
    await called(database, operator_of(foreign), "Association étrangère (fictif)")
    await called(database, operator_of(own), "Association du lieu (fictif)")
    await commands.interrupt_ceremony(database, ceremony.id, reason=f"Sur {foreign.reference}", by=MINISTRY)
    await commands.resume_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    whole = await queries.minutes(database, ceremony.id, by=MINISTRY)
    extract = await queries.minutes(database, ceremony.id, by=officer("MA-06"))
    assert (whole.whole, extract.whole) == (True, False)
    assert extract.fr.startswith("# Extrait du procès-verbal") and extract.ar.startswith("# مستخرج من محضر")
    assert str(own.reference) in extract.fr and str(foreign.reference) not in extract.fr
    assert "Association du lieu" in extract.fr and "Association étrangère" not in extract.fr
    assert "Association étrangère" in whole.fr and f" : Sur {foreign.reference}" in whole.fr
    assert "## Interruptions" in extract.fr and "Sur " not in extract.fr
    theirs = await queries.minutes(database, ceremony.id, by=signer(operator_of(own)))
    assert theirs.fr == extract.fr


async def test_what_was_struck_and_put_back_is_not_told_as_struck(database: Database) -> None:
    one, other = await approved(database), await approved(database)
    ceremony = await plan(database, one.id, other.id)
    await commands.strike_agreement(database, ceremony.id, agreement_id=one.id, reason="r", by=MINISTRY)
    await commands.change_order(database, ceremony.id, agreements=[other.id, one.id], by=MINISTRY)
    await fill(database, ceremony)
    await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    minutes = await read(database, ceremony)
    assert "sur 2" in minutes and "retirées" not in minutes


async def test_minutes_name_who_was_there_in_the_order_of_business(database: Database) -> None:
    listed = [await approved(database) for _ in range(3)]
    for at, each in enumerate(one.organisation_id for agreement in listed for one in agreement.parties):
        await called(database, each, f"Partie {at} (fictif)")
    ceremony = await hold(database, *(each.id for each in listed))
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    for by, told_of in ((MINISTRY, listed), (signer(operator_of(listed[2])), listed[2:])):
        said = (await read(database, ceremony, by)).split("## Organisations présentes")[1].split("##")[0]
        order = [each for agreement in told_of for each in await names_in(database, agreement)]
        assert [line[2:] for line in said.splitlines() if line] == [*dict.fromkeys(order)]


async def names_in(database: Database, agreement: Agreement) -> list[str]:
    """The parties as they are called now, in the agreement's order."""
    async with database.transaction(NATIONAL) as tx:
        names = await names_of(tx, [each.organisation_id for each in agreement.parties])
    return [names[each.organisation_id].fr for each in agreement.parties]


async def test_a_ceremony_of_one_academys_agreements_has_its_minutes_read_by_that_academy(database: Database) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    assert (await queries.minutes(database, ceremony.id, by=officer("MA-06"))).whole


async def test_what_was_struck_keeps_the_minutes_from_who_may_not_see_it(database: Database) -> None:
    own, foreign = await approved(database), await approved(database, current("MA-07"))
    ceremony = await plan(database, own.id, foreign.id)
    await commands.strike_agreement(database, ceremony.id, agreement_id=foreign.id, reason="(fictif)", by=MINISTRY)
    await fill(database, ceremony)
    await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    extract = await queries.minutes(database, ceremony.id, by=officer("MA-06"))
    assert not extract.whole and str(foreign.reference) not in extract.fr


async def test_issued_minutes_call_themselves_minutes_in_both_languages(database: Database) -> None:
    ceremony = await hold(database, (await approved(database)).id)
    ceremony = await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    issued = [await papers.issue_minutes(database, ceremony.id, language=one, by=MINISTRY) for one in ("fr", "ar")]
    french, arabic = (text_of(each.pdf) for each in issued)
    assert "Procès-verbal : Cérémonie de signature (fictif)" in french.split("Ouverture")[0]
    assert "محضر: حفل التوقيع" in arabic.split("الافتتاح")[0]


async def test_what_was_signed_on_paper_before_the_sitting_is_not_signed_in_it(database: Database) -> None:
    agreement = await approved(database, at=now() - timedelta(days=5))
    agreement = await attached(database, agreement, agreement.rules.documents[0].category)
    operator = operator_of(agreement)
    paper: dict[str, Any] = {
        "party_id": next(each.party_id for each in agreement.parties if each.organisation_id == operator),
        "text_hash": agreement.text_hash,
        "person": signer(operator).person,
        "file_hash": agreement.documents[-1].hash,
        "by": officer(),
    }
    ceremony = await hold(database, agreement.id)
    before = today() - timedelta(days=4)
    with pytest.raises(SignedBeforeTheSitting) as refused:
        await commands.record_scan(database, agreement.id, **paper, signed_on=before, ceremony_id=ceremony.id)
    assert refused.value.values["signed_on"] == before
    with pytest.raises(SignedInItsCeremony):
        await commands.record_scan(database, agreement.id, **paper, signed_on=today())
    await commands.record_scan(database, agreement.id, **paper, signed_on=before)
    await commands.accept_scan(database, agreement.id, party_id=paper["party_id"], by=LEGAL)
    others = [each.organisation_id for each in agreement.parties if each.organisation_id != operator]
    await sign(database, agreement, ceremony, *others)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    assert "avait signé hors de cette cérémonie" in line_of(await read(database, ceremony), agreement, operator)


async def test_an_organisation_signs_in_the_sitting_once_somebody_sits_there_for_it(database: Database) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    seat = next(each for each in ceremony.attendees if each.organisation_id == ACADEMY)
    await commands.release_attendee(database, ceremony.id, attendee=seat, by=MINISTRY)
    with pytest.raises(NobodySeated) as refused:
        await sign(database, agreement, ceremony, ACADEMY)
    assert refused.value.values["organisation"] == ACADEMY
    await commands.admit_attendee(database, ceremony.id, attendee=seat, by=MINISTRY)
    await sign(database, agreement, ceremony, ACADEMY)


GAPS = "Séance ⴰⵎⴰⵣⵉⵖ (fictif)"


async def test_what_the_minutes_would_tell_with_gaps_is_refused(database: Database) -> None:
    agreement = await approved(database)
    title, gaps = Bilingual(ar="حفل (وهمي)", fr="Cérémonie (fictif)"), Bilingual(ar="حفل (وهمي)", fr=GAPS)
    about: Any = {"planned_for": now(), "agreements": [agreement.id], "by": MINISTRY}
    for named in ({"title": gaps, "place": None}, {"title": title, "place": gaps}):
        with pytest.raises(CharactersNotPrintable):
            await commands.plan_ceremony(database, **about, **named)
    ceremony = await hold(database, agreement.id, (await approved(database)).id)
    with pytest.raises(CharactersNotPrintable):
        await commands.strike_agreement(database, ceremony.id, agreement_id=agreement.id, reason=GAPS, by=MINISTRY)
    with pytest.raises(CharactersNotPrintable):
        await commands.interrupt_ceremony(database, ceremony.id, reason=GAPS, by=MINISTRY)


async def test_minutes_of_an_organisation_renamed_with_such_signs_are_printed_with_the_gaps_shown(
    database: Database,
) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    async with database.transaction(NATIONAL) as tx:
        row = await tx.get(OrganisationRow, operator_of(agreement))
        assert row
        row.name_fr = GAPS
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    paper = await papers.issue_minutes(database, ceremony.id, language="fr", by=MINISTRY)
    assert "Séance □□□□□□ (fictif)" in text_of(paper.pdf)
