"""A delegate signs on paper too, on a day on which the delegation stands, under the mandate of who delegated."""

from datetime import date
from typing import Any

import pytest

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.errors import MandateNotValid, NoMandate
from services.agreements.errors.signing import (
    CheckedByAnother,
    DelegationOver,
    ScanToBeChecked,
    SignedBeforeDelegation,
    WitnessIsSigner,
)
from services.agreements.papers.drawing import draw_agreement, draw_amendment
from services.agreements.papers.saying import signature
from services.agreements.permissions import PERMISSIONS
from services.agreements.signatures import RequestState
from services.agreements.tables import AGREEMENTS, AMENDMENTS
from services.agreements.tests.builders import LEGAL, MINISTRY, end_mandate, fill, mandate, officer, person, plan
from services.agreements.tests.test_delegations import delegate, head_of, party_of, sign, why_not, withdraw
from services.agreements.tests.test_mandate_races import held
from services.agreements.tests.test_scan_offers import (
    DAY,
    KINDS_OF_FILE,
    STEPS,
    File,
    accept,
    as_told,
    offered,
    read,
    reasons,
    scanned,
    signed_by_others,
)
from shared.actor import NATIONAL, Actor, Role
from shared.clock import now, today
from shared.database import Database


def vice_of(file: File) -> Actor:
    """Somebody of the association without a mandate."""
    return person("vice", Role.association_manager, f"org:{party_of(file).organisation_id}")


async def delegated(database: Database, kind: str, **changes: Any) -> File:
    """What three parties are to sign since yesterday; the association's president has let another sign since then."""
    file = await offered(database, kind)
    given: File = await delegate(database, file, **({"delegate": vice_of(file).person, "at": now() - DAY} | changes))
    return given


async def on_paper(database: Database, file: File, **changes: Any) -> Any:
    """The delegate has signed on paper today, as the officer attests."""
    return await scanned(database, file, **({"person": vice_of(file).person} | changes))


async def offered_to(database: Database, file: File, by: Actor) -> str | None:
    """Why somebody is told that they cannot sign by click."""
    async with database.transaction(by.scope) as tx:
        told = await as_told(tx, file, by)
        action = "sign_amendment" if isinstance(told, Amendment) else "sign_agreement"
        refusal = PERMISSIONS.refusal_of(by, action, told) or told.refusal_of(action)
    return refusal.slug if refusal else None


async def give_back(database: Database, file: File, **more: Any) -> Any:
    """Whoever checks the scan sees no signature on it."""
    command: Any = commands.return_amendment_scan if isinstance(file, Amendment) else commands.return_scan
    party_id = party_of(file).party_id
    return await command(database, file.id, party_id=party_id, reason="(fictif)", by=LEGAL, **more)


@KINDS_OF_FILE
async def test_it_rests_on_the_mandate_of_who_delegated_and_says_so(database: Database, kind: str) -> None:
    file = await delegated(database, kind)
    mandate_id, pair = await held(database, file), (vice_of(file).person, head_of(file).person)
    waiting = await on_paper(database, file)
    (scan,) = waiting.scans.values()
    assert (scan.person, scan.on_behalf_of, scan.mandate_id) == (*pair, mandate_id)
    _, accepting, returning = STEPS[type(file)]
    assert not {accepting, returning} & (await reasons(database, waiting, LEGAL)).keys()
    given = (await accept(database, waiting)).signatures[-1]
    assert (given.person, given.on_behalf_of, given.mandate_id) == (*pair, mandate_id)
    assert (given.level, given.witness, given.signed_on) == ("handwritten_scan", officer().person, today())
    store: Any = AGREEMENTS if isinstance(file, Agreement) else AMENDMENTS
    async with database.transaction(NATIONAL) as tx:
        told = (await store.history(tx, file.id))[-2:]
    assert [each.type.split(".")[-2] for each in told] == ["signature_scanned", "party_signed"]
    assert {(each.data["person"], each.data["on_behalf_of"]) for each in told} == {pair}


@KINDS_OF_FILE
async def test_the_paper_says_that_it_was_by_hand_and_by_delegation(database: Database, kind: str) -> None:
    file = await delegated(database, kind)
    await on_paper(database, file)
    done = await accept(database, file)
    async with database.transaction(NATIONAL) as tx:
        if isinstance(done, Amendment):
            agreement = await AGREEMENTS.read(tx, done.agreement_id)
            lines = (await draw_amendment(tx, agreement, done)).signatures
        else:
            lines = (await draw_agreement(tx, done)).signatures
    (line,) = [each for each in lines if each.signed_at]
    assert (line.delegated, line.signed_on) == (True, today())
    assert "Par délégation de la personne mandatée" in signature(line, "fr")["facts"]


async def test_readers_see_for_whom_a_delegate_signed_on_paper(as_: Any, database: Database) -> None:
    agreement = await delegated(database, "agreement")
    assert isinstance(agreement, Agreement)
    party, reader = party_of(agreement), as_(LEGAL)
    path = f"/agreements/{agreement.id}"
    body = {
        "party_id": str(party.party_id),
        "text_hash": agreement.text_hash,
        "person": vice_of(agreement).person,
        "file_hash": agreement.documents[-1].hash,
        "signed_on": today().isoformat(),
    }
    taken = await as_(officer()).post(f"{path}/scans", body)
    assert taken.status_code == 201
    told = next(each for each in taken.json()["parties"] if each["party_id"] == body["party_id"])
    assert told["request"]["scan"]["on_behalf_of"] == head_of(agreement).person
    await accept(database, agreement)
    answered = (await reader.get(f"{path}/signatures")).json()["items"]
    given = next(each["signature"] for each in answered if each["party_id"] == body["party_id"])
    assert (given["person"], given["on_behalf_of"]) == (body["person"], head_of(agreement).person)


@KINDS_OF_FILE
@pytest.mark.parametrize(
    ("since", "until", "signed_on", "refusal"),
    [
        (0, 5, 1, SignedBeforeDelegation),
        (1, 1, 0, DelegationOver),
        (1, 1, 1, None),
        (0, 0, 0, None),
    ],
    ids=["before it", "after it", "within it, brought after it", "its only day"],
)
async def test_it_counts_on_the_days_of_the_delegation(
    database: Database, kind: str, since: int, until: int, signed_on: int, refusal: type[Exception] | None
) -> None:
    def ago(days: int) -> date:
        return today() - days * DAY

    file = await delegated(database, kind, at=now() - since * DAY, valid_until=today() + (until - 2 * since) * DAY)
    signing = on_paper(database, file, signed_on=ago(signed_on))
    if refusal:
        with pytest.raises(refusal):
            await signing
    else:
        await signing
        assert (await accept(database, file)).signatures[-1].on_behalf_of == head_of(file).person


@KINDS_OF_FILE
async def test_who_is_no_delegate_needs_a_mandate(database: Database, kind: str) -> None:
    file = await offered(database, kind)
    with pytest.raises(NoMandate):
        await on_paper(database, file)
    await delegate(database, file, delegate=vice_of(file).person)
    await withdraw(database, file)
    with pytest.raises(NoMandate):
        await on_paper(database, file)


@KINDS_OF_FILE
@pytest.mark.parametrize("way", ["by click", "on paper"])
async def test_who_holds_a_mandate_of_their_own_signs_though_a_delegation_is_over(
    database: Database, kind: str, way: str
) -> None:
    file = await delegated(database, kind, valid_until=today() - DAY)
    vice = vice_of(file)
    signing = on_paper if way == "on paper" else sign
    who: dict[str, Any] = {} if way == "on paper" else {"by": vice}
    with pytest.raises(DelegationOver):
        await signing(database, file, **who)
    assert await offered_to(database, file, vice) == "delegation-over"
    async with database.transaction(NATIONAL) as tx:
        tx.add(mandate(party_of(file).organisation_id, vice))
    assert await offered_to(database, file, vice) is None
    done = await signing(database, file, **who)
    given = next(iter(done.scans.values())) if way == "on paper" else done.signatures[-1]
    assert (given.person, given.on_behalf_of) == (vice.person, None)


@KINDS_OF_FILE
async def test_the_mandate_of_who_delegated_holds_on_the_day_on_the_paper(database: Database, kind: str) -> None:
    file = await delegated(database, kind)
    await end_mandate(database, await held(database, file), on=today())
    with pytest.raises(MandateNotValid):
        await on_paper(database, file)
    await on_paper(database, file, signed_on=today() - DAY)
    assert (await accept(database, file)).signatures[-1].contested is None


@KINDS_OF_FILE
async def test_an_end_that_becomes_known_keeps_it_from_counting_and_ends_the_delegation(
    database: Database, kind: str
) -> None:
    file = await delegated(database, kind)
    await on_paper(database, file)
    await end_mandate(database, await held(database, file), on=today())
    told = await read(database, file)
    assert [each.contested for each in told.scans.values()] == [today()] and told.delegations == {}
    _, accepting, _ = STEPS[type(file)]
    assert (await reasons(database, told, LEGAL))[accepting] == "mandate-not-valid"
    with pytest.raises(MandateNotValid):
        await accept(database, told)
    again = await give_back(database, told)
    if isinstance(again, Agreement):
        assert again.request(party_of(file).party_id).state is RequestState.requested


@KINDS_OF_FILE
async def test_a_contested_one_counts_under_another_mandate_of_who_delegated(database: Database, kind: str) -> None:
    file = await delegated(database, kind)
    await on_paper(database, file)
    await end_mandate(database, await held(database, file), on=today())
    async with database.transaction(NATIONAL) as tx:
        tx.add(mandate(party_of(file).organisation_id))
    given = (await accept(database, file)).signatures[-1]
    assert (given.mandate_id, given.contested) == (await held(database, file), None)
    assert given.on_behalf_of == head_of(file).person


@KINDS_OF_FILE
async def test_an_end_that_becomes_known_once_it_counts_contests_it(database: Database, kind: str) -> None:
    file = await delegated(database, kind)
    await on_paper(database, file)
    await accept(database, file)
    await end_mandate(database, await held(database, file), on=today())
    assert [each.contested for each in (await read(database, file)).signatures] == [today()]


@KINDS_OF_FILE
async def test_a_delegation_is_not_taken_back_while_its_scan_waits(database: Database, kind: str) -> None:
    file = await delegated(database, kind)
    await on_paper(database, file)
    assert await why_not(database, await read(database, file), head_of(file)) == "scan-to-be-checked"
    with pytest.raises(ScanToBeChecked):
        await delegate(database, file, delegate=LEGAL.person)


@KINDS_OF_FILE
@pytest.mark.parametrize("by", ["delegate", "head"])
async def test_when_a_scan_is_returned_the_delegate_may_sign_as_before(database: Database, kind: str, by: str) -> None:
    file = await delegated(database, kind)
    signer = vice_of(file) if by == "delegate" else head_of(file)
    await scanned(database, file, person=signer.person)
    again = await give_back(database, file)
    if isinstance(again, Agreement):
        assert again.request(party_of(file).party_id).state is RequestState.delegated
    assert await why_not(database, again, head_of(file)) is None
    assert (await sign(database, again, vice_of(file))).signatures[-1].on_behalf_of == head_of(file).person


async def test_a_party_whose_delegation_is_over_is_asked_itself_again(database: Database) -> None:
    agreement = await delegated(database, "agreement", valid_until=today())
    await on_paper(database, agreement)
    again = await give_back(database, agreement, at=now() + DAY)
    assert again.request(party_of(agreement).party_id).state is RequestState.requested


@KINDS_OF_FILE
async def test_nobody_attests_or_checks_what_they_signed_as_a_delegate(database: Database, kind: str) -> None:
    file = await delegated(database, kind, delegate=officer().person)
    with pytest.raises(WitnessIsSigner):
        await scanned(database, file, person=officer().person)
    await scanned(database, file, person=officer().person, by=LEGAL)
    for checker in (officer(), LEGAL):
        with pytest.raises(CheckedByAnother):
            await accept(database, file, by=checker)
    assert (await accept(database, file, by=MINISTRY)).signatures[-1].person == officer().person


@KINDS_OF_FILE
async def test_the_last_signature_may_be_a_delegates_on_paper(database: Database, kind: str) -> None:
    file = await delegated(database, kind)
    await signed_by_others(database, file)
    await on_paper(database, file)
    done = await accept(database, file)
    assert not done.being_signed and done.signing_order.complete


async def test_a_delegate_signs_on_paper_in_a_sitting(database: Database) -> None:
    agreement = await delegated(database, "agreement")
    ceremony = await plan(database, agreement.id)
    await fill(database, ceremony)
    await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    await on_paper(database, agreement, ceremony_id=ceremony.id)
    given = (await accept(database, agreement)).signatures[-1]
    assert (given.ceremony_id, given.on_behalf_of) == (ceremony.id, head_of(agreement).person)
