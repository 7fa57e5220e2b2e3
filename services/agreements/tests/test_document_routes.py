"""Papers over HTTP: what is taken in, what comes out, and who may do what with them."""

import os
import struct
import zlib
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from services.agreements import commands, uploads
from services.agreements.agreement import Agreement
from services.agreements.errors.documents import DocumentMissing, FileActive, FileUnsound, NotYourDocument
from services.agreements.errors.signing import FileUnknown
from services.agreements.tests.builders import (
    approved,
    attached,
    bound,
    current,
    director,
    officer,
    operator_of,
    pdf,
    president,
    signer,
    terminate,
)
from services.agreements.uploads import fault_of
from shared import files
from shared.actor import Actor
from shared.clock import today
from shared.database import Database
from shared.files import MOST_BYTES
from shared.ids import new_id

PNG = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG's chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int = 2, height: int = 1, data: bytes = b"\0\0\xff", more: bytes = b"", *, depth: int = 8, kind: int = 0
) -> bytes:
    """A picture of a black and a white point, whatever size it claims, with what more lies before its end."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return PNG + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + more + chunk(b"IEND", b"")


@cache
def jpeg(width: int = 16, height: int = 16, *, mode: str = "L") -> bytes:
    """A photo that turns from black to white."""
    file = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert(mode).save(file, "jpeg")
    return file.getvalue()


def sized(photo: bytes, width: int, height: int) -> bytes:
    """The photo with another size in its frame."""
    frame = photo.index(b"\xff\xc0") + 5
    return photo[:frame] + struct.pack(">HH", height, width) + photo[frame + 4 :]


async def bring(
    as_: Any, by: Actor, agreement: Agreement, content: Any, *, said: str | None = None, **about: str
) -> Any:
    """Upload a file."""
    client = as_(by)
    params = {"category": "annex", "name": "exemple.pdf", **about}
    headers = client.headers | ({"Content-Type": said} if said else {})
    path = f"/api/v1/agreements/{agreement.id}/documents"
    return await client.http.post(path, params=params, content=content, headers=headers)


@pytest.mark.parametrize(
    ("content", "said"), [(pdf(), "application/pdf"), (png(), "image/png"), (jpeg(), None)], ids=["pdf", "png", "jpeg"]
)
async def test_a_paper_comes_out_as_it_went_in(as_: Any, database: Database, content: bytes, said: str | None) -> None:
    agreement = await approved(database)
    brought = await bring(as_, officer(), agreement, content, said=said, name="شهادة مثال 1")
    assert brought.status_code == 201, brought.text
    path = brought.headers["Location"].removeprefix("/api/v1")
    got = await as_(president(operator_of(agreement))).get(path)
    assert got.content == content and got.headers["Content-Length"] == str(len(content))
    assert got.headers["Content-Type"] == brought.json()["media_type"]
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Disposition"].startswith('attachment; filename="annex.')
    assert "filename*=UTF-8''%D8%B4" in got.headers["Content-Disposition"]
    client = as_(officer())
    tag = {"If-None-Match": got.headers["ETag"]}
    again = await client.http.get(f"/api/v1{path}", headers=client.headers | tag)
    assert (again.status_code, again.content) == (304, b"")


async def test_a_paper_is_taken_in_piece_by_piece_and_not_beyond_its_limit(as_: Any, database: Database) -> None:
    agreement, sent = await approved(database), 0

    async def endless() -> Any:
        nonlocal sent
        yield b"%PDF-1.7\n"
        while True:
            sent += 1_000_000
            yield bytes(1_000_000)

    refused = await bring(as_, officer(), agreement, endless())
    assert refused.status_code == 413
    assert refused.json()["type"] in ("/problems/too-large", "/problems/file-too-long")
    assert sent < MOST_BYTES + 3_000_000


ZIP = b"PK\x05\x06" + bytes(16)
"""The end of an archive's directory, all but the length of the comment that follows it."""
UNSOUND = {
    "cut short": pdf()[:-20],
    "no pages": b"%PDF-1.7\n" + b"x" * 100 + b"\n%%EOF\n",
    "an archive besides": pdf() + b"PK\x05\x06" + bytes(18),
    "no page in the tree": pdf(kids=b""),
    "a page that is not there": pdf(kids=b"9 0 R"),
    "pages without end": pdf(kids=b"2 0 R"),
    "a page that is none": pdf(kids=b"1 0 R"),
    "a picture and an archive": png(more=chunk(b"zzZz", ZIP + b"\x10\0")),
    "a page without extent": pdf(box=b"0 0 0 0"),
    "a page with nothing on it": pdf().replace(b"/Contents", b"/Nothing_"),
    "a page behind a password": pdf().replace(b"/Root 1 0 R", b"/Root 1 0 R/Encrypt<<>>"),
    "a picture without data": PNG + chunk(b"IHDR", png()[16:29]) + chunk(b"IEND", b""),
    "a picture of garbage": PNG + chunk(b"IHDR", png()[16:29]) + chunk(b"IDAT", b"<script>") + chunk(b"IEND", b""),
    "a picture of nothing at all": png(5000, 5000, b""),
    "a picture of one colour": png(data=b"\0\xff\xff"),
    "a picture of colours that it lacks": png(kind=3),
    "a picture of a depth that there is not": png(depth=99),
    "a picture with more words than pages": png(more=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10_000_000)))),
    "a picture cut short": png()[:-1],
    "a picture with something behind it": png() + b"<script>",
    "a picture with a damaged piece": png().replace(b"IDAT", b"IDAX"),
    "a picture for a whole machine": png(60_000, 60_000),
    "a photo and an archive": jpeg().removesuffix(b"\xff\xd9") + b"\xff\xfe\0\x16" + ZIP + b"\x02\0\xff\xd9",
    "a photo without its tables": jpeg().replace(b"\xff\xdb", b"\xff\xfe"),
    "a photo without a scan": jpeg()[: jpeg().index(b"\xff\xda")] + b"\xff\xd9",
    "a photo without a frame": jpeg().replace(b"\xff\xc0", b"\xff\xfe"),
    "a photo cut short": jpeg()[:-2],
    "a photo with something behind it": jpeg() + pdf(),
    "a photo for a whole machine": sized(jpeg(), 60_000, 60_000),
}
SOUND = {
    "a picture of grey": png(),
    "a picture of two colours": png(data=b"\0\x40", depth=1),
    "a picture that is seen through": png(data=b"\0\0\xff\0\0", kind=4),
    "a picture of many greys": png(data=b"\0\0\1\0\2", depth=16),
    "a picture of its own colours": png(data=b"\0\0\1", kind=3).replace(
        chunk(b"IDAT", zlib.compress(b"\0\0\1")), chunk(b"PLTE", b"abcdef") + chunk(b"IDAT", zlib.compress(b"\0\0\1"))
    ),
    "a photo": jpeg(mode="RGB"),
    "a photo for printers": jpeg(mode="CMYK"),
    "a photo with a telephone's notes": jpeg() + b"SEFH exemple SEFT",
}


@pytest.mark.parametrize("content", UNSOUND.values(), ids=list(UNSOUND))
def test_a_file_that_does_not_hold_together_is_not_sound(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert fault_of(str(path), files.measure(BytesIO(content), MOST_BYTES).media_type) is FileUnsound


@pytest.mark.parametrize("content", SOUND.values(), ids=list(SOUND))
def test_pictures_of_every_kind_are_taken(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert fault_of(str(path), files.measure(BytesIO(content), MOST_BYTES).media_type) is None


ACTIVE = {
    "a script when it opens": pdf(catalog=b"/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>"),
    "a script with a spelled name": pdf(catalog=b"/OpenAction<</S/#4aavaScript/#4aS(1)>>"),
    "a program that is started": pdf(page=b"/AA<</O<</S/Launch/F(exemple.exe)>>>>"),
    "a program after a link": pdf(page=b"/Annots[<</Subtype/Link/A<</S/URI/URI(x:)/Next[<</S/Launch>>]>>>>]"),
    "a program that is named elsewhere": pdf("", b"/Launch", page=b"/Annots[<</A<</S 5 0 R/F(exemple.exe)>>>>]"),
    "a program that is said last": pdf(page=b"/Annots[<</A<</S/GoTo/S/Launch/F(exemple.exe)>>>>]"),
    "a program among what pages are drawn with": pdf(
        "", b"<</S/Launch/F(exemple.exe)>>", catalog=b"/OpenAction 5 0 R", page=b"/Resources 5 0 R"
    ),
    "a script among names": pdf(catalog=b"/Names<</JavaScript<</Names[(a)<</S/JavaScript/JS(1)>>]>>>>"),
    "a script with a solid": pdf(page=b"/Annots[<</Subtype/3D/3DD<</OnInstantiate 4 0 R>>>>]"),
    "a file within": pdf(catalog=b"/Names<</EmbeddedFiles<</Names[(a)<</Type/Filespec/F(a)/EF<</F 3 0 R>>>>]>>>>"),
    "a file on a page": pdf(page=b"/Annots[<</Subtype/FileAttachment/FS<</F(a)/EF<</F 1 0 R>>>>>>]"),
    "a file of a heading": pdf(catalog=b"/StructTreeRoot<</AF[<</F(a)/EF<</F 4 0 R>>>>]>>"),
    "a file of what is drawn": pdf(page=b"/Resources<</Properties<</a<</AF[<</F(a)/EF<</F 4 0 R>>>>]>>>>>>"),
    "a content that lies elsewhere": pdf(
        "", b"<</Length 1/F(//exemple/a)>>stream\n0\nendstream", page=b"/Annots[<</AP<</N 5 0 R>>>>]"
    ),
    "a form that computes": pdf(catalog=b"/AcroForm<</Fields[]/XFA[]>>"),
    "a form that is sent": pdf(page=b"/Annots[<</Subtype/Widget/A<</S/SubmitForm/F(x:)>>>>]"),
    "an address when it opens": pdf(catalog=b"/OpenAction<</S/URI/URI(x:)>>"),
    "another file when it opens": pdf(catalog=b"/OpenAction<</S/GoToR/F(//exemple/a.pdf)/D[0/Fit]>>"),
    "an address after a place": pdf(catalog=b"/OpenAction<</S/GoTo/D[3 0 R/Fit]/Next<</S/URI/URI(x:)>>>>"),
    "an address when a page is turned": pdf(page=b"/AA<</O<</S/URI/URI(x:)>>>>"),
    "a printer that starts": pdf(catalog=b"/OpenAction<</S/Named/N/Print>>"),
}


@pytest.mark.parametrize("content", ACTIVE.values(), ids=list(ACTIVE))
def test_a_pdf_that_does_more_than_show_its_pages_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert fault_of(str(path), "application/pdf") is FileActive


QUIET = {
    "links": pdf(page=b"/Annots[<</A<</S/URI/URI(x:)>>>> 9 0 R<</Subtype/Link/A<</S/GoTo/D[3 0 R/Fit]>>>>]"),
    "a place where it opens": pdf(catalog=b"/OpenAction[3 0 R/Fit]/Names<</EmbeddedFiles<</Names[]>>>>"),
    "a place that it goes to": pdf(catalog=b"/OpenAction<</S/GoTo/D[3 0 R/Fit]>>"),
    "a font with a short name": pdf(page=b"/Resources<</Font<</AA<</Type/Font>>/JS<</Type/Font>>/EF<</Type/Font>>>>>>"),
}


@pytest.mark.parametrize("content", QUIET.values(), ids=list(QUIET))
def test_a_pdf_that_leads_its_reader_about_is_taken(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert fault_of(str(path), "application/pdf") is None


def test_no_file_keeps_its_reader_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(jpeg()[:2] + b"\xff\xe0\x00\x02" * 500_000 + jpeg()[2:])
    assert fault_of(str(path), "image/jpeg") is None
    monkeypatch.setattr(uploads, "LONGEST", 0.01)
    assert fault_of(str(path), "image/jpeg") is FileUnsound


def test_no_noise_breaks_the_reader_of_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for start, media_type in files.SIGNATURES.items():
        for length in range(0, 200, 7):
            path.write_bytes(start + os.urandom(length))
            assert fault_of(str(path), media_type) is FileUnsound


def test_a_picture_whose_bytes_stop_anywhere_is_not_sound(tmp_path: Path) -> None:
    path, noise = tmp_path / "file", Random(64)
    rows = png(64, 64, b"".join(b"\0" + noise.randbytes(64) for _ in range(64)))
    for whole, media_type in ((rows, "image/png"), (jpeg(64, 64), "image/jpeg")):
        for end in range(50, len(whole), 101):
            path.write_bytes(whole[:end])
            assert fault_of(str(path), media_type) is FileUnsound
    path.write_bytes(rows[:-100] + rows[-12:])
    assert fault_of(str(path), "image/png") is FileUnsound, "its data stop, though the file says that it ends"


@pytest.mark.parametrize(
    ("content", "said", "status", "slug"),
    [
        (b"<html>", None, 415, "file-type-refused"),
        (b"", None, 415, "file-type-refused"),
        (b"PK\x03\x04", "application/pdf", 415, "file-type-refused"),
        (pdf(), "image/png", 415, "file-mislabelled"),
        (png(), "application/pdf; charset=x", 415, "file-mislabelled"),
        (pdf()[:-20], "application/pdf", 422, "file-unsound"),
        (pdf(catalog=b"/OpenAction<</S/JavaScript/JS(1)>>"), "application/pdf", 422, "file-active"),
    ],
)
async def test_what_is_not_what_it_says_is_refused_and_not_kept(
    as_: Any, database: Database, own_files: Path, content: bytes, said: str | None, status: int, slug: str
) -> None:
    agreement = await approved(database)
    before = {file for file in own_files.rglob("*") if file.is_file()}
    refused = await bring(as_, officer(), agreement, content, said=said)
    assert (refused.status_code, refused.json()["type"]) == (status, f"/problems/{slug}")
    assert {file for file in own_files.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(
    ("about", "slug"),
    [
        ({"category": "unheard-of"}, "document-category-unknown"),
        ({"category": "insurance_certificate"}, "document-must-expire"),
        ({"replaces": str(new_id())}, "not-found"),
    ],
)
async def test_a_file_that_is_refused_is_not_kept(
    as_: Any, database: Database, own_files: Path, about: dict[str, str], slug: str
) -> None:
    agreement = await approved(database)
    before = {file for file in own_files.rglob("*") if file.is_file()}
    refused = await bring(as_, officer(), agreement, pdf(slug), **about)
    assert refused.json()["type"] == f"/problems/{slug}"
    assert {file for file in own_files.rglob("*") if file.is_file()} == before


async def test_nothing_is_kept_for_an_agreement_that_takes_no_more_papers(
    as_: Any, database: Database, own_files: Path
) -> None:
    agreement = await approved(database)
    await commands.cancel_agreement(database, agreement.id, reason="(fictif)", by=officer())
    before = {file for file in own_files.rglob("*") if file.is_file()}
    refused = await bring(as_, officer(), agreement, pdf("late"))
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-allowed-now")
    assert {file for file in own_files.rglob("*") if file.is_file()} == before


async def test_an_upload_that_is_sent_again_is_answered_again_though_its_file_is_attached(
    as_: Any, database: Database
) -> None:
    agreement, client = await approved(database), as_(officer())
    path, params = f"/api/v1/agreements/{agreement.id}/documents", {"category": "annex", "name": "exemple.pdf"}
    headers = client.headers | {"Idempotency-Key": str(new_id())}
    first, again = [await client.http.post(path, params=params, content=pdf("same"), headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())


@pytest.mark.parametrize(
    "about",
    [{"name": "x" * 151}, {"name": "../exemple.pdf"}, {"name": "\u202e"}, {"category": "x" * 101}, {"expires_on": "x"}],
    ids=["over-long name", "a path", "nothing to see", "over-long category", "no date"],
)
async def test_a_malformed_upload_is_refused(as_: Any, database: Database, about: dict[str, str]) -> None:
    refused = await bring(as_, officer(), await approved(database), pdf(), **about)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/malformed")


async def test_signs_that_nobody_sees_do_not_hide_what_a_file_is(as_: Any, database: Database) -> None:
    brought = await bring(as_, officer(), await approved(database), pdf(), name="exemple\u202efdp.exe")
    assert brought.json()["name"] == "exemplefdp.exe"
    got = await as_(officer()).get(brought.headers["Location"].removeprefix("/api/v1"))
    assert got.headers["Content-Disposition"].endswith("exemplefdp.exe.pdf")


async def test_who_sees_an_agreement_sees_its_papers_and_what_is_missing(as_: Any, database: Database) -> None:
    agreement = await approved(database)
    operator = president(operator_of(agreement))
    await attached(database, agreement, "evidence", by=operator)
    told = (await as_(operator).get(f"/agreements/{agreement.id}/documents")).json()
    (paper,) = told["items"]
    assert (paper["category_name"]["fr"], paper["state"]) == ("Pièce justificative", "current")
    assert paper["available_actions"] == ["withdraw_document"]
    assert {each["before"] for each in told["missing"]} == {
        "suspend_agreement",
        "terminate_agreement",
        "renew_agreement",
    }
    assert {(each["category"], each["state"], each["there"]) for each in told["required"]} == {
        ("suspension_decision", "suspended", False),
        ("termination_decision", "terminated", False),
        ("insurance_certificate", None, False),
        ("budget_reservation", "ready_to_sign", False),
    }
    agreement = await attached(database, agreement, "insurance_certificate")
    told = (await as_(operator).get(f"/agreements/{agreement.id}/documents")).json()
    (held,) = (each for each in told["required"] if each["there"])
    assert (held["category"], held["expires_on"]) == (
        "insurance_certificate",
        str(agreement.documents[-1].expires_on),
    )
    (kind,) = (
        each
        for each in (await as_(operator).get("/agreement-kinds")).json()["items"]
        if each["id"] == agreement.agreement_kind
    )
    assert kind["required"] == {
        "ready_to_sign": ["budget_reservation"],
        "suspended": ["suspension_decision"],
        "terminated": ["termination_decision"],
    }
    assert (await as_(officer("MA-01")).get(f"/agreements/{agreement.id}/documents")).status_code == 404


async def test_an_action_that_waits_for_a_paper_names_it_in_the_readers_language(as_: Any, database: Database) -> None:
    agreement = await bound(database)
    decision = next(each for each in agreement.documents if each.category == "termination_decision")
    agreement = await commands.withdraw_document(
        database, agreement.id, decision.document_id, reason="r", by=director()
    )
    for language, name in (("fr", "Décision de résiliation"), ("ar", "قرار الفسخ")):
        client = as_(director())
        client.headers["Accept-Language"] = language
        told = (await client.get(f"/agreements/{agreement.id}")).json()
        assert "terminate_agreement" not in told["available_actions"]
        (reason,) = (each for each in told["unavailable_actions"] if each["action"] == "terminate_agreement")
        assert reason["type"] == "/problems/document-missing" and name in reason["detail"]
    with pytest.raises(DocumentMissing):
        await terminate(database, agreement)


async def test_a_party_withdraws_and_replaces_its_own_papers_only(as_: Any, database: Database) -> None:
    agreement = await attached(database, await approved(database), "annex")
    theirs = agreement.documents[-1].document_id
    operator = president(operator_of(agreement))
    with pytest.raises(NotYourDocument):
        await commands.withdraw_document(database, agreement.id, theirs, reason="r", by=operator)
    with pytest.raises(NotYourDocument):
        await attached(database, agreement, "annex", by=operator, replaces=theirs)
    told = (await as_(operator).get(f"/agreements/{agreement.id}/documents")).json()
    assert told["items"][0]["available_actions"] == []
    agreement = await attached(database, agreement, "annex", by=operator)
    own = agreement.documents[-1].document_id
    body = {"reason": "(fictif) illisible"}
    at, tag = f"/agreements/{agreement.id}/documents/{own}/withdrawal", {"If_Match": f'"{agreement.version}"'}
    assert (await as_(operator).post(at, body, **tag)).status_code == 200
    told = (await as_(officer()).get(f"/agreements/{agreement.id}/documents")).json()
    assert [each["state"] for each in told["items"]] == ["current", "withdrawn"]
    assert told["items"][1]["reason"] == body["reason"]


async def test_a_file_that_the_storage_lost_is_reported_and_comes_back(
    as_: Any, database: Database, kept_files: Path
) -> None:
    content = pdf("perdu")
    agreement = await attached(database, await approved(database), "annex", content=content)
    paper = agreement.documents[-1]
    kept = kept_files / paper.hash[:2] / paper.hash
    at = f"/agreements/{agreement.id}/documents/{paper.document_id}/file"
    for break_it in (kept.unlink, lambda: kept.write_bytes(b"%PDF-1.7")):
        break_it()
        lost = await as_(officer()).get(at)
        assert (lost.status_code, lost.json()["type"]) == (500, "/problems/file-lost")
        await files.put(content)
        assert (await as_(officer()).get(at)).content == content


async def test_the_same_upload_twice_under_one_key_is_one_paper(as_: Any, database: Database) -> None:
    agreement = await approved(database)
    client = as_(officer())
    client.headers["Idempotency-Key"] = "k"
    as_same = lambda _: client  # noqa: E731
    first, again = [await bring(as_same, officer(), agreement, pdf("un")) for _ in range(2)]
    assert first.json() == again.json()
    other = await bring(as_same, officer(), agreement, pdf("deux"))
    assert other.json()["type"] == "/problems/idempotency-key-reused"


async def test_a_scan_is_of_a_document_of_its_agreement(database: Database) -> None:
    agreement = await approved(database)
    other = await attached(database, await approved(database, current()), "signed_copy")
    second = agreement.parties[1]
    scan: dict[str, Any] = {
        "party_id": second.party_id,
        "text_hash": agreement.text_hash,
        "person": signer(second.organisation_id).person,
        "signed_on": today(),
        "file_hash": other.documents[-1].hash,
        "by": director(),
    }
    with pytest.raises(FileUnknown):
        await commands.record_scan(database, agreement.id, **scan)
    agreement = await attached(database, agreement, "signed_copy")
    scan["file_hash"] = agreement.documents[-1].hash
    assert (await commands.record_scan(database, agreement.id, **scan)).requests
