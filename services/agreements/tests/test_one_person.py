"""For how many parties one person may sign the same text is a parameter of its kind; no kind sets it so far."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.errors.signing import SignsForOthers
from services.agreements.kinds import KINDS
from services.agreements.permissions import PERMISSIONS
from services.agreements.tests.branches import agree, propose, reword
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    approved,
    attached,
    bound,
    change_kind,
    current,
    mandate,
    officer,
    person,
)
from shared.actor import NATIONAL, Actor, Role
from shared.clock import today
from shared.database import Database
from shared.web import available_actions

File = Agreement | Amendment
DELEGATE = person("delegate", Role.ministry_officer, "national")


@pytest.fixture(params=["agreement", "amendment"])
def make(request: pytest.FixtureRequest, database: Database, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`make(most)`: what three parties are to sign, for all of which two people of the ministry hold mandates."""

    async def make(most: int | None) -> File:
        signing = KINDS["academy-association"].signing
        change_kind(monkeypatch, signing=signing.model_copy(update={"parties_per_person": most}))
        terms = current(effective_from=today() - timedelta(days=40))
        file: File
        if request.param == "agreement":
            file = await attached(database, await approved(database, terms), "signed_copy")
        else:
            agreement = await attached(database, await bound(database, terms), "signed_copy")
            file = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
        async with database.transaction(NATIONAL) as tx:
            for party in file.parties:
                for by in (LEGAL, MINISTRY):
                    await tx.merge(mandate(party.organisation_id, by))
        return file

    return make


def hash_of(file: File) -> dict[str, Any]:
    """What a signature names."""
    return {"text_hash": file.text_hash} if isinstance(file, Agreement) else {"content_hash": file.content_hash}


async def sign(database: Database, file: File, number: int, by: Actor) -> Any:
    """Somebody signs for the party of this number."""
    give: Callable[..., Any] = commands.sign_agreement if isinstance(file, Agreement) else commands.sign_amendment
    return await give(database, file.id, party_id=file.parties[number].party_id, **hash_of(file), by=by)


async def delegate(database: Database, file: File, number: int, by: Actor) -> None:
    """Somebody lets the delegate sign for the party of this number."""
    give: Callable[..., Any] = commands.delegate_signing if isinstance(file, Agreement) else commands.delegate_amendment
    given: dict[str, Any] = {"delegate": DELEGATE.person, "valid_until": today(), "document": "(fictif)"}
    await give(database, file.id, party_id=file.parties[number].party_id, **given, by=by)


async def told_to(database: Database, file: File, by: Actor) -> str | None:
    """Why somebody who reads the file is told that they cannot sign it."""
    told: File
    if isinstance(file, Agreement):
        told, action = await queries.agreement(database, file.id, action="read_agreement", by=by), "sign_agreement"
    else:
        told, action = await queries.amendment(database, file.id, by=by), "sign_amendment"
    refusal = PERMISSIONS.refusal_of(by, action, told) or told.refusal_of(action)
    assert (action in available_actions(by, told, PERMISSIONS)) == (refusal is None)
    return refusal.slug if refusal else None


async def test_who_has_signed_for_one_party_signs_for_no_other_where_the_kind_says_one(
    database: Database, make: Any
) -> None:
    file = await make(1)
    assert await told_to(database, file, MINISTRY) is None
    await sign(database, file, 0, MINISTRY)
    assert await told_to(database, file, MINISTRY) == "signs-for-others"
    with pytest.raises(SignsForOthers) as refused:
        await sign(database, file, 1, MINISTRY)
    assert (refused.value.values["most"], refused.value.values["parties"]) == (1, [file.parties[0].party_id])
    assert await told_to(database, file, LEGAL) is None
    assert len((await sign(database, file, 1, LEGAL)).signatures) == 2


async def test_the_number_is_the_kinds(database: Database, make: Any) -> None:
    file = await make(2)
    for number in (0, 1):
        await sign(database, file, number, MINISTRY)
    with pytest.raises(SignsForOthers):
        await sign(database, file, 2, MINISTRY)


async def test_no_delegate_signs_where_who_delegated_may_not(database: Database, make: Any) -> None:
    file = await make(1)
    await sign(database, file, 0, MINISTRY)
    await delegate(database, file, 1, MINISTRY)
    with pytest.raises(SignsForOthers):
        await sign(database, file, 1, DELEGATE)
    await delegate(database, file, 1, LEGAL)
    await sign(database, file, 1, DELEGATE)
    with pytest.raises(SignsForOthers):
        await sign(database, file, 2, LEGAL)


async def paper_of(database: Database, file: File) -> str:
    """A document that serves as a scan."""
    agreement_id = file.id if isinstance(file, Agreement) else file.agreement_id
    agreement = await queries.agreement(database, agreement_id, action="read_agreement", by=MINISTRY)
    return next(each.hash for each in agreement.documents if each.category == "signed_copy")


async def scan(database: Database, file: File, number: int, signed_by: Actor) -> None:
    """Somebody has signed on paper for the party of this number."""
    record: Callable[..., Any] = commands.record_scan if isinstance(file, Agreement) else commands.record_amendment_scan
    shown = {"person": signed_by.person, "file_hash": await paper_of(database, file), "signed_on": today()}
    await record(database, file.id, party_id=file.parties[number].party_id, **hash_of(file), **shown, by=officer())


async def test_a_signature_on_paper_counts_as_any_other(database: Database, make: Any) -> None:
    file = await make(1)
    await scan(database, file, 0, MINISTRY)
    with pytest.raises(SignsForOthers):
        await sign(database, file, 1, MINISTRY)
    with pytest.raises(SignsForOthers):
        await scan(database, file, 1, MINISTRY)


async def test_a_delegates_on_paper_counts_for_who_delegated_too(database: Database, make: Any) -> None:
    file = await make(1)
    await sign(database, file, 0, MINISTRY)
    await delegate(database, file, 1, MINISTRY)
    with pytest.raises(SignsForOthers):
        await scan(database, file, 1, DELEGATE)
    await delegate(database, file, 1, LEGAL)
    await scan(database, file, 1, DELEGATE)
    with pytest.raises(SignsForOthers):
        await sign(database, file, 2, LEGAL)


async def test_where_no_number_is_set_a_person_signs_under_every_mandate_they_hold(
    database: Database, make: Any
) -> None:
    file = await make(None)
    for number in range(3):
        signed = await sign(database, file, number, MINISTRY)
    assert {each.person for each in signed.signatures} == {MINISTRY.person}


def test_no_shipped_kind_sets_a_number_that_no_public_text_names() -> None:
    assert {kind.signing.parties_per_person for kind in KINDS.values()} == {None}
