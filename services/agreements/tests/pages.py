"""The page behind a paper's code, as anybody reads it."""

from httpx import AsyncClient

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.commands import papers
from services.agreements.judgement import Worth
from services.agreements.tests.builders import MINISTRY
from services.agreements.tests.conftest import WORDING
from shared import files
from shared.database import Database
from shared.language import Wording

TEXTS = Wording(WORDING)
HOLDS = "Elle vaut : intacte"


def page_of(subject: Agreement | Amendment, code: str | None = None) -> str:
    """The address that the code on its papers has."""
    return f"/v/{subject.id}?h={code if code is not None else (subject.content_hash or '')[:16]}"


async def look(client: AsyncClient, address: str, language: str = "fr") -> str:
    """The page, as a browser of that language gets it."""
    answered = await client.get(address, headers={"Accept-Language": language})
    assert answered.status_code == 200, answered.text
    return answered.text


async def judge(client: AsyncClient, address: str, file: bytes) -> str:
    """What the page says of a file."""
    answered = await client.post(address, files={"file": ("x.pdf", file)}, headers={"Accept-Language": "fr"})
    assert answered.status_code == 200, answered.text
    return answered.text


def said(worth: Worth) -> str:
    """The title for a worth in French, as the page has it."""
    return TEXTS.text(f"verification.worth.{worth}.title", "fr").replace("'", "&#39;")


async def issue(database: Database, agreement: Agreement) -> bytes:
    """The agreement on paper."""
    return (await papers.issue_agreement(database, agreement.id, language="fr", by=MINISTRY)).pdf


async def file_of(agreement: Agreement) -> bytes:
    """Its file with the seals."""
    return await files.get(agreement.sealed_file or "")
