"""Papers: what is printed, in which order and with which letters, and that the same data gives the same bytes."""

import io
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast, get_args
from uuid import UUID

import pypdfium2  # type: ignore[import-untyped]
import pytest
import typst
from pyhanko.pdf_utils.reader import PdfFileReader
from pypdfium2.raw import FPDF_PAGEOBJ_PATH  # type: ignore[import-untyped]

from services.agreements.bilingual import Bilingual
from services.agreements.minutes import Entry, Minutes, Outcome, PartyEntry, Pause, Strike, draw_up
from services.agreements.papers import (
    AgreementPaper,
    CertificatePaper,
    Language,
    MinutesPaper,
    SignatureLine,
    printing,
    render_agreement,
    render_certificate,
    render_minutes,
    samples,
    saying,
    unprintable,
)
from services.agreements.papers.fonts import SYMBOLS
from services.agreements.papers.paper import SignedAmendment
from services.agreements.terms import BudgetLine, Duty
from services.agreements.tests.reading import all_in, text_of
from services.agreements.text import Clause
from shared.ids import new_id
from shared.money import Money
from shared.worker import end_worker, in_worker

LANGUAGES: tuple[Language, ...] = ("ar", "fr", "both")
PAPERS: dict[str, Callable[[Language], bytes]] = {
    "agreement": lambda language: render_agreement(samples.agreement(), language),
    "amendment": lambda language: render_agreement(samples.amendment(), language),
    "certificate": lambda language: render_certificate(samples.certificate(), language),
    "certificate of what was amended": lambda language: render_certificate(samples.amended_certificate(), language),
    "minutes": lambda language: render_minutes(samples.minutes(), language),
}
EACH = pytest.mark.parametrize(("name", "language"), list(itertools.product(PAPERS, LANGUAGES)))


@pytest.fixture
def worker() -> Iterator[None]:
    yield
    end_worker()


def unbroken(pdf: bytes) -> str:
    """All that is printed without any white space: a cell may break an id anywhere."""
    return "".join(text_of(pdf).split())


@EACH
def test_the_same_data_gives_the_same_bytes(name: str, language: Language) -> None:
    assert PAPERS[name](language) == PAPERS[name](language)


async def test_the_same_data_gives_the_same_bytes_in_another_process(worker: None) -> None:
    paper = samples.agreement()
    assert await in_worker(render_agreement, paper, "both") == render_agreement(paper, "both")


def test_other_data_gives_other_bytes() -> None:
    later = samples.agreement(drawn_at=samples.AT + timedelta(seconds=1))
    assert render_agreement(later, "ar") != render_agreement(samples.agreement(), "ar")


@EACH
def test_papers_are_tagged_and_can_be_archived(name: str, language: Language) -> None:
    root = PdfFileReader(io.BytesIO(PAPERS[name](language))).root
    assert root["/MarkInfo"]["/Marked"]
    assert root["/StructTreeRoot"]["/K"]
    assert root["/Lang"] == ("fr-MA" if language == "fr" else "ar-MA")
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    told = root["/Metadata"].data.decode()
    assert "<pdfaid:part>2</pdfaid:part>" in told and "<pdfaid:conformance>A</pdfaid:conformance>" in told
    assert "<pdfuaid:part>1</pdfuaid:part>" in told


@EACH
def test_only_our_fonts_are_used_and_they_are_in_the_file(name: str, language: Language) -> None:
    pdf = PAPERS[name](language)
    fonts = re.findall(rb"/FontName/[A-Z]{6}\+([A-Za-z-]+)", pdf)
    assert set(fonts) == {b"Amiri-Regular", b"Amiri-Bold"}
    assert len(re.findall(b"/FontFile2", pdf)) == len(fonts)


def test_every_character_of_the_labels_and_of_the_samples_can_be_printed() -> None:
    labels = json.dumps([saying.words(language) for language in ("ar", "fr")], ensure_ascii=False)
    templates = "".join(each.read_text("utf-8") for each in (saying.HERE / "templates").glob("*.typ"))
    papers = (samples.agreement(), samples.amendment(), samples.certificate(), samples.minutes())
    assert unprintable(labels + templates + "".join(each.model_dump_json() for each in papers)) == ""
    dates = [date(2026, month, 1) for month in range(1, 13)]
    amounts = [Money(centimes=123_456_789_00)]
    for language in ("ar", "fr"):
        formatted = [saying.day(each, language) for each in dates]
        assert unprintable("".join([*formatted, *(saying.money(each, language) for each in amounts)])) == ""


def drawn(signs: Sequence[str], weight: str) -> list[bytes]:
    """The picture of each sign, alone, in the fonts of papers."""
    source = """
        #set page(width: 30pt, height: 30pt, margin: 4pt)
        #set text(font: ("Amiri", "DejaVu Sans Mono"), size: 14pt, fallback: false, weight: sys.inputs.weight)
        #for sign in json(bytes(sys.inputs.signs)) { page(sign) }
    """
    inputs = {"signs": json.dumps(signs), "weight": weight}
    pages = typst.Compiler(source.encode(), font_paths=printing.fonts(), sys_inputs=inputs).compile(
        format="png", ppi=72
    )
    return cast(list[bytes], pages)


@pytest.mark.parametrize("weight", ["regular", "bold"])
def test_what_offices_write_and_amiri_lacks_is_drawn(weight: str) -> None:
    signs = sorted(SYMBOLS)
    *pictures, missing, another = drawn([*signs, "\u2780", "\u2781"], weight)
    assert missing == another, "a sign that no font has is drawn as a box"
    assert [sign for sign, picture in zip(signs, pictures, strict=True) if picture == missing] == []
    assert unprintable("☐ → 5 ≥ 4 №") == ""


def test_symbols_are_printed_in_a_font_that_is_in_the_file() -> None:
    title = Bilingual(ar="مثال ☐ → 5", fr="Exemple ☐ → 5")
    pdf = render_agreement(samples.agreement().model_copy(update={"title": title}), "both")
    assert {*re.findall(rb"/FontName/[A-Z]{6}\+([A-Za-z-]+)", pdf)} >= {b"Amiri-Regular", b"DejaVuSansMono-Bold"}
    assert "☐ → 5" in text_of(pdf)


def test_what_the_fonts_have_no_letter_for_is_found() -> None:
    assert unprintable("حروف \u200f, letters and ⵜⵉⴼ") == "ⴼⵉⵜ"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_agreement_says_all_that_is_agreed(language: Language) -> None:
    text = text_of(render_agreement(samples.agreement(), language))
    if language != "fr":
        assert all_in("المملكة المغربية الأطراف التزامات التوقيعات غشت منازع", text)
    if language == "ar":
        return
    for words in (
        "Royaume du Maroc",
        "Association Horizon (fictif) opérateur",
        "Contribution financière",
        "Ouvrir le centre et accueillir les bénéficiaires",
        "le 31 décembre 2026, puis tous les 3 mois",
        "A signé le 24 août 2026 à 10:31 (heure du Maroc)",
        "Contestée : le mandat avait pris fin.",
        "Page 1 sur",
    ):
        assert all_in(words, text)


def test_an_agreement_bears_its_reference_its_hashes_and_its_address() -> None:
    text = text_of(render_agreement(samples.agreement(), "fr"))
    for code in ("AREF-06/2026-0016", samples.HASH, samples.HASH[::-1], "2026/2027", "?h=9f86d081884c7d65"):
        assert code in text


def test_arabic_is_shaped_and_kept_as_letters() -> None:
    assert "اتفاقية" in text_of(render_agreement(samples.agreement(), "ar")), "letters, not presentation forms"


def test_a_text_that_is_not_frozen_is_marked_as_a_draft_in_both_languages_and_has_no_code() -> None:
    draft = samples.agreement(mark="draft", address=None, content_hash=None, language_hashes=None, reference=None)
    text = text_of(render_agreement(draft, "fr"))
    assert "PROJET" in text and "مشروع" in text
    assert "n'engage personne" in text
    assert "/v/" not in text and samples.HASH not in text


def test_a_trial_installation_marks_its_papers_as_specimens_and_production_does_not() -> None:
    assert "SPÉCIMEN" in text_of(render_agreement(samples.agreement(), "fr"))
    real = text_of(render_agreement(samples.agreement(mark=None), "fr"))
    assert "SPÉCIMEN" not in real and "PROJET" not in real


def test_a_party_that_has_not_signed_is_shown_without_a_signature() -> None:
    waiting = SignatureLine(party=Bilingual(ar="طرف (وهمي)", fr="Partie (fictif)"))
    assert "Partie (fictif) N'a pas signé." in text_of(render_agreement(samples.agreement(signatures=(waiting,)), "fr"))


def test_numbers_are_never_broken_by_an_ordinary_space() -> None:
    for language in ("ar", "fr"):
        for formatted in (saying.money(Money(centimes=1_250_000_00), language), saying.number(125000, language)):
            assert not re.search(r"\d \d", formatted)
    assert saying.money(Money(centimes=12_500_000), "fr") == "125\u202f000,00\u00a0MAD"


def test_dates_and_amounts_are_written_as_in_morocco() -> None:
    assert saying.day(date(2026, 8, 24), "ar") == "24 غشت 2026"
    assert saying.day(date(2026, 8, 24), "fr") == "24 août 2026"
    assert saying.instant(samples.AT, "fr") == "24 août 2026 à 10:30"
    assert "125.000,00" in saying.money(Money(centimes=12_500_000), "ar")


def test_a_certificate_names_texts_signatures_files_and_the_place_in_the_chain() -> None:
    paper: CertificatePaper = samples.certificate()
    text = text_of(render_certificate(paper, "fr"))
    assert paper.language_hashes.ar in text and paper.language_hashes.fr in text
    assert "Version 12" in text and paper.head in text
    for file in paper.files:
        assert file.hash in text
    assert text.count("A signé le") == 5


def test_a_certificate_sets_each_signature_below_the_text_that_it_is_under() -> None:
    paper = samples.amended_certificate()
    text = text_of(render_certificate(paper, "fr"))
    texts: list[CertificatePaper | SignedAmendment] = [paper, *paper.amendments]
    places = [text.index(each.content_hash) for each in texts]
    assert places == sorted(places)
    for one, (at, to) in zip(texts, itertools.pairwise([*places, len(text)]), strict=True):
        assert text[at:to].count("A signé le") == len(one.signatures)
        assert one.language_hashes.ar in text[at:to] and one.language_hashes.fr in text[at:to]
        for line in one.signatures:
            assert str(line.mandate_id) in text[at:to]
    assert "Avenant n° 2 : Signature sur papier : Association Formation Exemple (fictif)" in text
    for language in LANGUAGES[::2]:
        text = text_of(render_certificate(paper, language))
        for words in ("على نص الاتفاقية قبل ملاحقها", "الملحق رقم 1 (النطاق)", "الملحق رقم 2 (الأطراف)"):
            assert all_in(words, text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_amendment_says_what_it_changes_before_and_after(language: Language) -> None:
    paper = samples.amendment()
    text = text_of(render_agreement(paper, language))
    if language == "fr":
        for code in (paper.reference, paper.content_hash, "?h=9f86d081884c7d65", f"modifiée: {paper.amends}."):
            assert code and code in text
    if language != "fr":
        assert all_in("الملحق الاتفاقية المعدلة قبل التعديل بعد حذف المرفق ترتيب البنود", text)
    if language == "ar":
        return
    for words in (
        "Avenant n° 1 : Convention de partenariat",
        "Modification : la date de fin Jusqu'ici 31 août 2029 Désormais 31 août 2030",
        "La convention court trois années Désormais La convention court quatre années",
        "100 places financées, 20 autres Désormais 120 places financées",
        "Échéance : 5 octobre 2026 Désormais 2 novembre 2026",
        "Remplie par l'ouverture du centre « Centre Espoir (fictif) »",
        "Pas de clôture tant qu'elle n'est pas remplie Due aussi après une résiliation",
        "Suppression : l'annexe « Règlement intérieur (fictif).pdf »",
        "Modification : l'ordre des clauses",
        "Association Horizon (fictif) A signé le 24 août 2026 à 10:31",
        "Commune Exemple (fictif) N'a pas signé.",
    ):
        assert all_in(words, text)


def test_every_field_of_what_an_amendment_changes_shows_on_paper() -> None:
    """Two papers that differ in one field of one part differ in what they say."""
    paper = samples.amendment()
    seen = {text_of(render_agreement(paper, "both"))}
    obligation = next(each for each in paper.changes if each.part == "obligation")
    assert isinstance(obligation.after, Duty)
    other = {"blocks": ("renewal",), "survives": False, "fulfilled_by": "center_filled", "creditor": UUID(int=1)}
    for name, value in other.items():
        changed = obligation.model_copy(update={"after": obligation.after.model_copy(update={name: value})})
        changes = tuple(changed if each is obligation else each for each in paper.changes)
        seen.add(text_of(render_agreement(paper.model_copy(update={"changes": changes}), "both")))
    assert len(seen) == 1 + len(other)


def test_what_nothing_is_known_of_is_printed_as_its_id() -> None:
    gone, center = new_id(), new_id()
    paper = samples.amendment()
    changes = []
    for each in paper.changes:
        match each.after:
            case Duty():
                other = {"debtor": gone, "creditor": gone, "center_id": center}
            case BudgetLine():
                other = {"payer": gone}
            case _:
                continue
        changes.append(each.model_copy(update={"after": each.after.model_copy(update=other)}))
    text = unbroken(render_agreement(samples.amendment(changes=tuple(changes)), "fr"))
    assert text.count(str(gone)) == 3 and str(center) in text
    line = samples.agreement().budget[0].model_copy(update={"payer": gone})
    assert str(gone) in unbroken(render_agreement(samples.agreement(budget=(line,)), "fr"))


def test_a_clause_that_gets_another_title_shows_both() -> None:
    paper = samples.amendment()
    clause = next(each for each in paper.changes if each.part == "clause")
    assert isinstance(clause.after, Clause)
    title = Bilingual(ar="مدة السريان (وهمي)", fr="Durée de validité (fictif)")
    renamed = clause.model_copy(update={"after": clause.after.model_copy(update={"title": title})})
    text = text_of(render_agreement(paper.model_copy(update={"changes": (renamed,)}), "fr"))
    assert text.count("Durée La convention court trois") == text.count("Durée de validité (fictif) La convention") == 1


def test_minutes_say_the_text_that_was_adopted() -> None:
    paper: MinutesPaper = samples.minutes()
    text = text_of(render_minutes(paper, "fr"))
    assert "(AREF-06/2026-0015) : non signée par toutes les parties requises." in text
    assert "a signé sur papier le 24/08/2026, signature à contrôler." in text
    assert paper.minutes_hash in text and "Procès-verbal adopté." in text


def room_to_sign(pdf: bytes) -> Sequence[str]:
    """What is printed above, within and below each frame that is large enough for a signature."""
    found = []
    for page in pypdfium2.PdfDocument(pdf):
        text = page.get_textpage()
        for left, bottom, right, top in (each.get_bounds() for each in page.get_objects(filter=[FPDF_PAGEOBJ_PATH])):
            if 60 < top - bottom < 120 and right - left > 200:
                above, within, below = ((top, top + 15), (bottom, top), (bottom - 35, bottom))
                said = [text.get_text_bounded(bottom=low, top=high) for low, high in (above, within, below)]
                found.append("|".join(" ".join(each.split()) for each in said))
    return found


def test_the_chair_has_room_to_sign_whole_minutes_and_nothing_else_is_printed_there() -> None:
    paper = samples.minutes().model_copy(update={"mark": None})
    assert room_to_sign(render_minutes(paper, "fr")) == ["Signature de la présidence :||Procès-verbal adopté."]
    (both,) = room_to_sign(render_minutes(paper, "both"))
    above, within, _ = both.split("|")
    assert all_in("Signature de la présidence توقيع الرئاسة", above) and not within
    extract = samples.minutes(whole=False).model_copy(update={"mark": None})
    assert room_to_sign(render_minutes(extract, "fr")) == []


def test_an_extract_of_minutes_says_that_it_is_one_and_bears_the_code_of_the_whole() -> None:
    whole, extract = samples.minutes(), samples.minutes(whole=False)
    text = text_of(render_minutes(extract, "fr"))
    assert "Sports Extrait du procès-verbal : Cérémonie" in text and "rien des autres" in text
    assert "Empreinte du procès-verbal entier" in text and whole.minutes_hash in text
    assert "AREF-06/2026-0015" in text and "AREF-06/2026-0016" not in text
    assert extract.address == whole.address


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("eventful", [True, False])
def test_minutes_say_in_both_languages_the_same_line_by_line(whole: bool, eventful: bool) -> None:
    name, id, at = Bilingual(ar="مثال", fr="Exemple"), new_id(), datetime(2026, 8, 24, 10, tzinfo=UTC)
    about: dict[str, Any] = {"agreement_id": id, "reference": None, "title": name}
    parties = [
        PartyEntry(organisation_id=id, name=name, outcome=outcome, at=at, on=at.date()) for outcome in get_args(Outcome)
    ]
    told = Minutes(
        title=name,
        place=name if eventful else None,
        planned_for=at - timedelta(days=2 if eventful else 0),
        opened_at=at,
        closed_at=at,
        chairs=(name, name),
        present={id: name} if eventful else {},
        pauses=(Pause(since=at, until=at, reason="Panne"),) if eventful else (),
        entries=tuple(Entry(**about, signed=signed, parties=tuple(parties)) for signed in (True, False)),
        struck=(Strike(**about, at=at, reason="Budget"),) if eventful else (),
        whole=whole,
    )
    said = {language: draw_up(told, language) for language in ("ar", "fr")}
    paper = samples.minutes().model_copy(update=said)
    arabic, french = ([line["kind"] for line in saying.minutes(paper, one)["lines"]] for one in ("ar", "fr"))
    assert arabic == french and {"title", "entry", "point", "text"} == set(french)
    assert french.count("title") == 3 + 2 * eventful and french.count("point") >= 2 * len(parties)


def test_what_people_write_is_never_read_as_markup() -> None:
    title = Bilingual(ar="#panic() *وهمي*", fr="#panic() *fictif* $x$ @y <z>")
    paper: AgreementPaper = samples.agreement(title=title)
    assert "#panic() *fictif* $x$ @y <z>" in text_of(render_agreement(paper, "fr"))


def test_a_long_agreement_is_printed_quickly_and_whole() -> None:
    paper = samples.agreement()
    text = text_of(render_agreement(paper.model_copy(update={"clauses": paper.clauses * 20}), "both"))
    assert text.count("évaluation") == 20
