"""What a sealed file is worth by itself: a corpus of files that were tampered with, each found for its own reason."""

import asyncio
import hashlib
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from asn1crypto.x509 import Certificate  # type: ignore[import-untyped]
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko.pdf_utils.generic import ArrayObject, NameObject, StreamObject, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.validation import DocumentSecurityStore, async_validate_pdf_signature
from pyhanko.sign.validation.errors import NoDSSFoundError

from services.agreements.papers import render_agreement, samples
from services.agreements.sealing import Flaw, NotReadable, Seal, Trust, examination, examine, revision
from services.agreements.sealing.keys import KeyPen
from services.agreements.sealing.tagging import entries, tag_fields
from services.agreements.tests.seals import AT, DAY, Blind, Root, add_seal, revisions, sealable, stamper_of

NOW = AT + DAY
MOST_CLAUSES = 200
"""That an agreement has, see the schemas."""


@pytest.fixture(scope="module")
def root() -> Root:
    """Our root."""
    return Root()


@pytest.fixture(scope="module")
def sealed(root: Root) -> list[bytes]:
    """An agreement sealed by three parties, one revision after the other."""
    return revisions(root)


def flaws_of(file: bytes, trust: Trust) -> list[tuple[Flaw, ...]]:
    """The flaws of each seal."""
    return [each.flaws for each in examine(file, trust, NOW)]


def outcome(file: bytes, trust: Trust) -> tuple[Seal, ...] | None:
    """The seals, or None for a file that cannot be read."""
    try:
        return examine(file, trust, NOW)
    except NotReadable:
        return None


def hash_of(file: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(file).hexdigest()


def test_seals_are_revisions_on_top_of_one_another_and_hold(root: Root, sealed: list[bytes]) -> None:
    paper = sealable()
    found = examine(sealed[-1], root.trust, NOW)
    assert [each.flaws for each in found] == [(), (), ()]
    assert [each.field for each in found] == [str(party.party_id) for party in paper.parties[:3]]
    assert [each.revision for each in found] == [hash_of(each) for each in sealed]
    assert {each.content_hash for each in found} == {paper.content_hash}
    assert [each.made_at for each in found] == [AT + timedelta(minutes=place) for place in range(3)]
    assert not any(each.lapsed or each.revocation_known for each in found)


def test_a_seal_says_the_party_and_never_who_signed(sealed: list[bytes]) -> None:
    seal = PdfFileReader(io.BytesIO(sealed[0])).embedded_signatures[0]
    assert seal.sig_object["/Name"] == samples.PARTIES[0][0].fr
    assert "#" not in str(seal.sig_object["/Reason"]), "a person is issuer#subject"
    assert seal.sig_object["/SubFilter"] == "/ETSI.CAdES.detached", "PAdES"


@pytest.mark.parametrize("part", range(1, 10))
def test_one_changed_byte_is_found_wherever_it_is(root: Root, sealed: list[bytes], part: int) -> None:
    file = bytearray(sealed[-1])
    file[len(file) * part // 10] ^= 1
    found = outcome(bytes(file), root.trust)
    assert found is None or any(each.flaws for each in found) or found[-1].revision != hash_of(sealed[-1])


def test_a_text_of_as_many_clauses_as_may_be_is_examined_like_any(root: Root) -> None:
    *_, last = sealable().clauses
    file = revisions(root, 2, clauses=(last,) * MOST_CLAUSES)[-1]
    assert flaws_of(file, root.trust) == [(), ()]


def test_what_a_seal_covers_was_altered(root: Root, sealed: list[bytes]) -> None:
    file = sealed[-1].replace(b"/Lang", b"/Lung", 1)
    assert file != sealed[-1] and flaws_of(file, root.trust) == [(Flaw.altered,)] * 3


def with_title(writer: IncrementalPdfFileWriter) -> None:
    writer.set_info(entries(Title=pdf_string("(fictif)")))


def with_white_over_the_page(writer: IncrementalPdfFileWriter) -> None:
    page = writer.root["/Pages"]["/Kids"].raw_get(0)
    cover = writer.add_object(StreamObject(stream_data=b"q 1 1 1 rg 0 0 600 850 re f Q"))
    page.get_object()["/Contents"] = ArrayObject([page.get_object().raw_get("/Contents"), cover])
    writer.mark_update(page)


def with_a_note(writer: IncrementalPdfFileWriter) -> None:
    page = writer.root["/Pages"]["/Kids"].raw_get(0).get_object()
    box = ArrayObject([page["/MediaBox"][0]] * 4)
    note = entries(Type=NameObject("/Annot"), Subtype=NameObject("/Text"), Rect=box)
    page["/Annots"] = ArrayObject([writer.add_object(note)])
    writer.update_container(page)


def written(writer: IncrementalPdfFileWriter) -> bytes:
    """The file with its update."""
    file = io.BytesIO()
    writer.write(file)  # type: ignore[no-untyped-call]
    return file.getvalue()


@pytest.mark.parametrize("change", [with_title, with_white_over_the_page, with_a_note, tag_fields])
def test_an_update_after_the_seals_is_found(root: Root, sealed: list[bytes], change: object) -> None:
    assert callable(change)
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed[-1]))
    change(writer)
    file = written(writer)
    assert file.startswith(sealed[-1])
    assert flaws_of(file, root.trust)[-1] == (Flaw.extended,)


def test_a_page_swapped_between_two_seals_is_found_by_the_first(root: Root, sealed: list[bytes]) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed[0]))
    with_white_over_the_page(writer)
    resealed = add_seal(written(writer), sealable(), 1, root.issue())
    assert flaws_of(resealed, root.trust) == [(Flaw.extended,), ()]


def test_bytes_after_the_end_are_found(root: Root, sealed: list[bytes]) -> None:
    found = outcome(sealed[-1] + b"\n% (fictif)\n", root.trust)
    assert found is None or found[-1].flaws == (Flaw.extended,)


def test_a_foreign_root_is_not_trusted_even_under_our_name(root: Root) -> None:
    for foreign in (Root("Ailleurs (fictif)"), Root(root.name)):
        [file] = revisions(foreign, 1)
        assert flaws_of(file, root.trust) == [(Flaw.untrusted,)]


@pytest.mark.parametrize("days", [(-30, -1), (1, 30)], ids=["over", "not begun"])
def test_a_certificate_must_hold_when_the_seal_is_made(root: Root, days: tuple[int, int]) -> None:
    paper, pen = sealable(), root.issue(AT + days[0] * DAY, AT + days[1] * DAY)
    unsealed = render_agreement(paper, "both")
    file = add_seal(unsealed, paper, 0, pen)
    assert flaws_of(file, root.trust) == [(Flaw.expired,)]
    with pytest.raises(AssertionError, match="expired"):
        add_seal(unsealed, paper, 0, pen, trust=root.trust)


def test_a_seal_outlives_its_certificate(root: Root) -> None:
    paper = sealable()
    file = add_seal(render_agreement(paper, "both"), paper, 0, root.issue(AT - DAY, AT + DAY))
    [seal] = examine(file, root.trust, AT + 2 * DAY)
    assert seal.flaws == () and seal.lapsed


@pytest.mark.parametrize(("days", "flaws"), [(-2, (Flaw.revoked,)), (2, ())], ids=["before", "after"])
def test_a_revoked_certificate_counts_until_it_was_revoked(root: Root, days: int, flaws: tuple[Flaw, ...]) -> None:
    paper, pen = sealable(), root.issue(AT - 30 * DAY)
    file = add_seal(render_agreement(paper, "both"), paper, 0, pen)
    trust = root.revoking(pen, AT + days * DAY)
    [seal] = examine(file, trust, AT + 5 * DAY)
    assert seal.flaws == flaws and seal.revocation_known
    assert seal.lapsed == (days > 0)


def test_a_revocation_that_is_told_later_reaches_back(root: Root) -> None:
    paper, pen = sealable(), root.issue(AT - 30 * DAY)
    file = add_seal(render_agreement(paper, "both"), paper, 0, pen)
    [seal] = examine(file, root.revoking(pen, AT - 2 * DAY, told=AT + 2 * DAY), AT + 5 * DAY)
    assert seal.flaws == (Flaw.revoked,)


def test_a_revocation_is_not_forgotten_when_the_list_that_tells_it_grows_old(root: Root) -> None:
    paper, pen = sealable(), root.issue(AT - 30 * DAY)
    unsealed = render_agreement(paper, "both")
    trust = root.revoking(pen, AT - 20 * DAY, until=AT - 10 * DAY)
    [seal] = examine(add_seal(unsealed, paper, 0, pen), trust, AT + DAY)
    assert seal.flaws == (Flaw.revoked,)
    with pytest.raises(AssertionError, match="revoked"):
        add_seal(unsealed, paper, 0, pen, trust=trust)
    [seal] = examine(add_seal(unsealed, paper, 0, root.issue()), trust, AT + DAY)
    assert seal.flaws == () and not seal.revocation_known, "of all others an old list says nothing"


def test_what_a_revoked_authority_issued_is_revoked(root: Root) -> None:
    between = Root("Intermédiaire (fictif)", above=root)
    pen = between.issue(AT - 30 * DAY)
    chained = KeyPen((*pen.chain, root.der), pen.key)
    paper = sealable()
    file = add_seal(render_agreement(paper, "both"), paper, 0, chained)
    assert flaws_of(file, root.trust) == [()]
    told = root.revoking(KeyPen(pen.chain[1:], between.key), AT - DAY)
    own = between.revoking(between.issue(), AT - DAY).lists
    for lists in (told.lists, (*told.lists, *own)):
        assert flaws_of(file, Trust(told.roots, lists)) == [(Flaw.revoked,)]


def test_a_certificate_for_something_else_signs_nothing(root: Root) -> None:
    paper = sealable()
    unsealed = render_agreement(paper, "both")
    other, mail = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION
    for uses, flaws in (([other], (Flaw.untrusted,)), ([other, mail], ())):
        assert flaws_of(add_seal(unsealed, paper, 0, root.issue(uses=uses)), root.trust) == [flaws]


def told_by(file: bytes, root: Root, *, at: datetime) -> list[Any]:
    """Why each seal is not to be trusted, or None, as is told by what lies in the file and by this root alone."""
    reader = PdfFileReader(io.BytesIO(file))
    asked = {"trust_roots": [Certificate.load(root.der)], "moment": at, "revocation_mode": "require"}
    known = DocumentSecurityStore.read_dss(reader).as_validation_context(asked | {"retroactive_revinfo": True})
    seals = [asyncio.run(async_validate_pdf_signature(each, known)) for each in reader.embedded_regular_signatures]
    return [None if each.bottom_line else each.trust_problem_indic for each in seals]


def test_whoever_has_a_sealed_file_and_the_root_can_tell_who_was_revoked(root: Root) -> None:
    paper, gone, others = sealable(), root.issue(AT - 30 * DAY), [root.issue() for _ in range(2)]
    earlier, later = root.revoking(root.issue(), AT - 2 * DAY), root.revoking(gone, AT - DAY)
    file, plain = (render_agreement(paper, "both"),) * 2
    for place, (pen, trust) in enumerate(((others[0], earlier), (gone, Blind(later.roots, later.lists)))):
        at = AT + timedelta(minutes=place)
        file = add_seal(file, paper, place, pen, trust=trust, at=at, stamper=stamper_of(root, at))
        plain = add_seal(plain, paper, place, pen, trust=Blind(trust.roots), at=at, stamper=stamper_of(root, at))
    assert flaws_of(file, root.trust) == [(), ()], "what lies in the file is believed by nobody who has lists of today"
    assert flaws_of(file, later) == [(), (Flaw.revoked,)]
    assert told_by(file, root, at=AT + DAY) == [None, AdESIndeterminate.REVOKED_NO_POE]
    assert len(file) - len(plain) < 10_000
    with pytest.raises(NoDSSFoundError):
        told_by(plain, root, at=AT + DAY)


def test_a_large_revocation_list_stays_out_of_the_file(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    paper, listed = sealable(), root.revoking(root.issue(), AT - DAY)
    monkeypatch.setattr(revision, "LARGEST_LIST", len(listed.lists[0]) - 1)
    file = add_seal(render_agreement(paper, "both"), paper, 0, root.issue(), trust=listed)
    assert b"/DSS" not in file and flaws_of(file, listed) == [()]


def test_a_revocation_list_of_somebody_else_says_nothing(root: Root) -> None:
    paper, pen = sealable(), root.issue()
    file = add_seal(render_agreement(paper, "both"), paper, 0, pen)
    foreign = Root("Ailleurs (fictif)").revoking(pen, AT - DAY)
    [seal] = examine(file, Trust(root.trust.roots, foreign.lists), NOW)
    assert seal.flaws == () and not seal.revocation_known


def test_a_file_that_was_cut_off_is_no_older_one(root: Root, sealed: list[bytes]) -> None:
    for length in (len(sealed[-1]) - 1, len(sealed[-1]) - 200, len(sealed[1]) + 50, len(sealed[0]) // 2, 20):
        found = outcome(sealed[-1][:length], root.trust)
        assert not found or any(each.flaws for each in found), length
    [first] = examine(sealed[0], root.trust, NOW)
    assert first.flaws == () and first.revision == hash_of(sealed[0])


def test_a_file_without_seals_has_none(root: Root) -> None:
    assert examine(render_agreement(samples.agreement(), "ar"), root.trust, NOW) == ()


@pytest.mark.parametrize("file", [b"", b"%PDF-1.7\n", b"%PDF-1.7 /ByteRange " + b"(" * 5000, bytes(range(256)) * 40])
def test_what_is_no_pdf_cannot_be_read(root: Root, file: bytes) -> None:
    with pytest.raises(NotReadable):
        examine(file, root.trust, NOW)


def test_no_file_keeps_the_worker_busy(root: Root, sealed: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "LONGEST", 0.01)
    with pytest.raises(NotReadable, match="took too long"):
        examine(sealed[-1], root.trust, NOW)


def test_a_file_of_ours_has_more_time_and_not_all_the_time(
    root: Root, sealed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "LONGEST", 0.01)
    assert len(examine(sealed[-1], root.trust, NOW, ours=True)) == 3
    monkeypatch.setattr(examination, "LONGEST_OF_OURS", 0.01)
    with pytest.raises(NotReadable, match="took too long"):
        examine(sealed[-1], root.trust, NOW, ours=True)


def test_so_many_seals_are_looked_at_and_no_more(
    root: Root, sealed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "MOST", 2)
    assert len(examine(sealed[1], root.trust, NOW)) == 2
    with pytest.raises(NotReadable):
        examine(sealed[2], root.trust, NOW)


def test_nothing_is_sealed_with_a_certificate_that_would_not_be_trusted(root: Root) -> None:
    paper, pen = sealable(), root.issue(AT - 30 * DAY)
    foreign = Root("Ailleurs (fictif)")
    for trust, flaw in {foreign.trust: "untrusted", root.revoking(pen, AT - DAY): "revoked"}.items():
        with pytest.raises(AssertionError, match=flaw):
            add_seal(render_agreement(paper, "both"), paper, 0, pen, trust=trust)
