"""Whoever writes in the service's tables is found: by which verifier, what it says, and what people are shown."""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from services.agreements.agreement import Agreement
from services.agreements.commands import papers, publish_checkpoint
from services.agreements.errors.signing import TextTampered
from services.agreements.errors.texts import TextLost
from services.agreements.judgement import Worth
from services.agreements.tests.builders import MINISTRY, bound, clauses, officer, suspend
from services.agreements.tests.pages import issue, judge, look, page_of, said
from shared import audit
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from shared.following import verify_journal
from shared.lately import Lately
from shared.messaging.journal import exported
from shared.refusals import Refusal
from shared.store import digest
from tests.fixtures.database import Databases

HOUR = timedelta(hours=1)
CLAUSE = digest(clauses()[0].body.fr)


@pytest.fixture
async def owner(databases: Databases) -> Database:
    """The database as its owner, who may do what the service may not."""
    return await databases("agreements", role=None)


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """An agreement in force, bound by a checkpoint."""
    agreement = await bound(database)
    await publish_checkpoint(database, at=now() + HOUR)
    return agreement


@dataclass(frozen=True)
class Tampering:
    """What is written, and who finds it."""

    statement: str
    journal: str = ""
    """What `mithaq journal verify` says; it finds nothing if this is empty."""
    audit: str = ""
    """What `mithaq audit verify` says with the checkpoints up to the next hour's."""
    page: int = 200
    """Of the public page."""
    paper: type[Refusal] | None = None
    """By which no paper is printed."""
    places: tuple[str, ...] = ()
    by_owner: bool = True


TERMS = {
    "effective_until": "'\"2039-01-01\"'",
    "centers,0,funded_seats": "'9999'",
    "title,fr": "'\"Une autre (fictif)\"'",
}
TAMPERED: dict[str, Tampering] = {
    f"the state: {path}": Tampering(
        f"update agreement set state = jsonb_set(state, '{{{path}}}', {value})",
        journal=f": {path.partition(',')[0]}",
        page=409,
        paper=TextTampered,
        places=("terms",),
        by_owner=False,
    )
    for path, value in TERMS.items()
} | {
    "a signature's day": Tampering(
        "update agreement set state = jsonb_set(state, '{signatures,0,signed_at}', '\"2020-01-01T00:00:00Z\"')",
        journal=": signatures",
        page=409,
        paper=TextTampered,
        places=("signatures",),
        by_owner=False,
    ),
    "where it stands": Tampering(
        "update agreement set state = jsonb_set(state, '{state}', '\"suspended\"')",
        journal=": state",
        page=409,
        paper=TextTampered,
        places=("file",),
        by_owner=False,
    ),
    "who sees it": Tampering(
        "update agreement set visible_to = array['MA-01']",
        journal=": visible_to",
        page=409,
        paper=TextTampered,
        places=("file",),
        by_owner=False,
    ),
    # The page tells hashes of clauses, not what they say: they are looked at where they are read.
    "a clause": Tampering(
        f"update content set body = 'Autre chose (fictif).' where hash = '{CLAUSE}'",
        journal=f"text {CLAUSE}: it is another",
        paper=TextLost,
        places=("article-1/fr",),
    ),
    "an event": Tampering(
        """update journal set data = data || '{"school_year": "2030/2031"}' where aggregate_version = 1
           and aggregate_type = 'agreement'""",
        journal="version 1 of its journal was edited",
        audit="edited",
        page=409,
        paper=TextTampered,
        places=("file",),
    ),
    "the last event": Tampering(
        """delete from journal where id = (select max(id) from journal where aggregate_type = 'agreement')""",
        journal=": version",
        audit="altered",
        page=409,
        paper=TextTampered,
        places=("file",),
    ),
    # What the next checkpoint is made of is seen by whoever holds the next checkpoint.
    "a chain's head": Tampering(
        "update chain_head set head = sha256('x')", audit="the heads of the chains are not those", by_owner=False
    ),
    # What it is found by decides what a list shows, and is written anew with the next change: nothing is told from it.
    "a term of the search": Tampering("delete from agreement_term", by_owner=False),
}


@pytest.mark.parametrize("what", TAMPERED)
async def test_what_is_written_behind_the_service_s_back_is_found(
    anybody: AsyncClient, database: Database, owner: Database, agreement: Agreement, what: str
) -> None:
    tampering = TAMPERED[what]
    assert (await verify_journal(owner))["broken"] == [] and await look(anybody, page_of(agreement))
    async with (owner if tampering.by_owner else database).transaction(NATIONAL) as tx:
        assert (await tx.execute(text(tampering.statement))).rowcount  # type: ignore[attr-defined]
    broken = (await verify_journal(owner))["broken"]
    assert len(broken) == bool(tampering.journal)
    assert all(tampering.journal in each for each in broken), broken
    found = await audited(database, owner)
    assert any(tampering.audit in f"{each.what}: {each.where}" for each in found) if tampering.audit else not found
    assert (await anybody.get(page_of(agreement))).status_code == tampering.page
    if tampering.paper:
        with pytest.raises(tampering.paper) as refused:
            await issue(database, agreement)
        assert tuple(refused.value.values["places"]) == tampering.places


async def audited(database: Database, owner: Database) -> list[audit.Finding]:
    """What the auditors find, who hold every checkpoint up to the next hour's."""
    await publish_checkpoint(database, at=now() + 3 * HOUR)
    async with owner.transaction(NATIONAL) as tx:
        rows = [each async for each in exported(tx)]
    roots = [json.dumps(each["data"]) for each in rows if each["aggregate_type"] == "checkpoint"]
    return list(audit.Audit(map(audit.Checkpoint.of, roots)).read(map(json.dumps, rows)))


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("ar", "ما حفظ من هذه الوثيقة لا يطابق ما تم توقيعه"),
        ("fr", "Ce qui est conservé de ce document ne correspond pas à ce qui a été signé"),
        ("en", "What is kept of this document does not match what was signed"),
    ],
)
async def test_the_page_says_that_what_is_kept_is_not_what_was_signed_and_nothing_else(
    anybody: AsyncClient, database: Database, agreement: Agreement, language: str, told: str
) -> None:
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text(TAMPERED["the state: title,fr"].statement))
    for answered in (
        await anybody.get(page_of(agreement), headers={"Accept-Language": language}),
        await anybody.post(
            page_of(agreement), files={"file": ("x.pdf", b"%PDF-")}, headers={"Accept-Language": language}
        ),
    ):
        assert answered.status_code == 409 and told in answered.text
        assert "fictif" not in answered.text and str(agreement.reference) not in answered.text


async def test_a_page_without_its_code_tells_nothing_of_tampering(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text(TAMPERED["where it stands"].statement))
    assert (await anybody.get(page_of(agreement, "0" * 16))).status_code == 404


@pytest.mark.parametrize(
    "statement",
    [
        "update paper set hash = :hash",
        "insert into paper select :hash, visible_to, subject_id, document, version, language, content_hash, issued_at,"
        " about from paper",
        "insert into paper select :hash, visible_to, subject_id, 'minutes_extract', version, language, content_hash,"
        " issued_at, about from paper",
        "insert into paper select :hash, visible_to, subject_id, document, 999, 'both', content_hash, issued_at, about"
        " from paper",
        "insert into paper select :hash, visible_to, gen_random_uuid(), document, version, language, content_hash,"
        " issued_at, about from paper",
    ],
    ids=["another hash", "another row", "an extract", "another version", "of nothing"],
)
async def test_a_file_is_not_ours_because_a_row_says_so(
    anybody: AsyncClient, database: Database, owner: Database, agreement: Agreement, statement: str
) -> None:
    genuine, false = await issue(database, agreement), b"%PDF-1.7 (fictif)"
    assert said(Worth.known) in await judge(anybody, page_of(agreement), genuine)
    async with owner.transaction(NATIONAL) as tx:
        await tx.execute(text(statement), {"hash": hashlib.sha256(false).hexdigest()})
    page = await judge(anybody, page_of(agreement), false)
    assert said(Worth.unproven) in page and "authentique" not in page


async def test_a_paper_that_is_printed_otherwise_today_is_listed_and_not_proven(
    anybody: AsyncClient, database: Database, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = await issue(database, agreement)

    async def otherwise(*_: Any) -> bytes:
        return b"%PDF-1.7 as a later version of the program prints it"

    monkeypatch.setattr(papers, "in_worker", otherwise)
    monkeypatch.setattr(papers, "_printed", Lately(1))
    assert said(Worth.unproven) in await judge(anybody, page_of(agreement), earlier)


async def test_every_paper_that_is_given_out_is_printed_again_to_the_same_file(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    """Also once the agreement went on, and where an office asked for it."""
    given = [
        await papers.issue_agreement(database, agreement.id, language="ar", by=MINISTRY),
        await papers.issue_agreement(database, agreement.id, language="both", by=officer()),
        await papers.issue_certificate(database, agreement.id, language="fr", by=MINISTRY),
    ]
    await suspend(database, agreement, reason="(fictif)")
    for paper in given:
        assert said(Worth.known) in await judge(anybody, page_of(agreement), paper.pdf)
