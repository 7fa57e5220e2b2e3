"""A document that shows a signature on paper stays: neither withdrawn nor replaced, and not offered to be."""

from typing import Any

import pytest

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.errors.documents import DocumentShowsSignature
from services.agreements.tests import branches
from services.agreements.tests.builders import LEGAL, attached, officer
from services.agreements.tests.test_scan_offers import KINDS_OF_FILE, File, accept, offered, scanned
from shared.database import Database


async def agreement_of(database: Database, file: File) -> Agreement:
    """The agreement that it is or changes."""
    return await branches.read(database, file.agreement_id if isinstance(file, Amendment) else file.id)


async def is_kept(as_: Any, database: Database, file: File) -> bool:
    """Whether the last document can be neither withdrawn nor replaced: its keeper is offered what the commands take."""
    agreement = await agreement_of(database, file)
    paper = agreement.documents[-1]
    shown = (await as_(officer()).get(f"/agreements/{agreement.id}/documents")).json()["items"][-1]
    withdrawal = f"/agreements/{agreement.id}/documents/{paper.document_id}/withdrawal"
    if "withdraw_document" in shown["available_actions"]:
        return False
    refused = await as_(officer()).post(withdrawal, {"reason": "(fictif)"}, If_Match=f'"{agreement.version}"')
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/document-shows-signature")
    with pytest.raises(DocumentShowsSignature):
        await attached(database, agreement, paper.category, replaces=paper.document_id)
    return True


async def withdraw(database: Database, file: File) -> Agreement:
    """The last document taken back by whoever keeps the agreement."""
    agreement = await agreement_of(database, file)
    paper = agreement.documents[-1].document_id
    return await commands.withdraw_document(database, agreement.id, paper, reason="(fictif)", by=officer())


@KINDS_OF_FILE
async def test_the_scan_of_a_signature_that_waits_or_counts_stays_with_the_agreement(
    as_: Any, database: Database, kind: str
) -> None:
    file = await offered(database, kind)
    assert not await is_kept(as_, database, file)
    await scanned(database, file)
    assert await is_kept(as_, database, file)
    await accept(database, file)
    assert await is_kept(as_, database, file)


@KINDS_OF_FILE
async def test_a_scan_that_was_returned_can_be_withdrawn(as_: Any, database: Database, kind: str) -> None:
    file = await offered(database, kind)
    await scanned(database, file)
    command = commands.return_amendment_scan if isinstance(file, Amendment) else commands.return_scan
    await command(database, file.id, party_id=file.parties[1].party_id, reason="(fictif) illisible", by=LEGAL)
    assert not await is_kept(as_, database, file)
    assert (await withdraw(database, file)).documents[-1].state == "withdrawn"


async def test_what_was_signed_on_paper_under_an_amendment_that_is_not_to_be_can_be_withdrawn(
    as_: Any, database: Database
) -> None:
    amendment = await offered(database, "amendment")
    await scanned(database, amendment)
    await commands.withdraw_amendment(database, amendment.id, reason="(fictif)", by=officer())
    assert not await is_kept(as_, database, amendment)
    assert (await withdraw(database, amendment)).documents[-1].state == "withdrawn"
