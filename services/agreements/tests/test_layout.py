"""Where things stand on papers: nothing over anything else, nothing cut off, both languages in one row."""

import re
from collections import Counter
from datetime import date
from typing import Any

import pypdfium2  # type: ignore[import-untyped]
import pytest

from services.agreements.bilingual import Bilingual
from services.agreements.papers import (
    Language,
    SealPaper,
    frames_for,
    render_agreement,
    render_minutes,
    render_seal,
    samples,
    saying,
)
from services.agreements.papers.frames import LABEL, box_of
from services.agreements.text import Clause, Prose

LANGUAGES: tuple[Language, ...] = ("ar", "fr", "both")
LONG = Bilingual(
    ar="الجمعية الجهوية للتنمية الاجتماعية والثقافية والرياضية والتربوية لفائدة الشباب والأطفال في وضعية هشاشة (وهمي)",
    fr="Association régionale d'accompagnement socioprofessionnel des préfectures d'arrondissements et de l'éducation"
    " non formelle https://exemple.ma/" + "a" * 60 + " (fictif)",
)


def boxes_of(pdf: bytes) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Each Latin letter and digit with its left, bottom, right and top, the pages one below the other."""
    found = []
    for number, page in enumerate(pypdfium2.PdfDocument(pdf)):
        text = page.get_textpage()
        for at in range(text.count_chars()):
            letter = text.get_text_range(at, 1)
            if letter.isalnum() and letter.isascii():
                left, bottom, right, top = text.get_charbox(at)
                found.append((letter, (left, bottom - 1_000 * number, right, top - 1_000 * number)))
    return found


def lines_of(pdf: bytes) -> list[str]:
    """What is printed in Latin letters and digits, line by line as the eye finds it, from left to right."""
    lines: dict[int, list[tuple[float, str]]] = {}
    for letter, (left, bottom, _, _) in boxes_of(pdf):
        lines.setdefault(round(bottom), []).append((left, letter))
    return ["".join(letter for _, letter in sorted(line)) for line in lines.values()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_however_long_names_are_no_letter_is_printed_over_another(language: Language) -> None:
    center = samples.agreement().centers[0].model_copy(update={"name": LONG, "province": LONG, "operator": LONG})
    parties = tuple(each.model_copy(update={"name": LONG}) for each in samples.agreement().parties)
    pdf = render_agreement(samples.agreement(centers=(center,), parties=parties, mark=None), language)
    letters = sorted(boxes_of(pdf), key=lambda each: each[1][1])
    for at, (letter, (left, bottom, right, top)) in enumerate(letters):
        for other, (another, below, its_end, above) in letters[at + 1 :]:
            if below > bottom + 2:
                break
            if (another, below, its_end, above) == (left, bottom, right, top):
                continue  # a ligature
            shared = min(right, its_end) - max(left, another), min(top, above) - max(bottom, below)
            assert min(shared) < 1.5, f"{letter} over {other} at {left:.0f}, {bottom:.0f}"


def test_the_rows_of_both_languages_are_one_row() -> None:
    center = samples.agreement().centers[0]
    names = [LONG if at % 2 else center.name for at in range(12)]
    centers = [center.model_copy(update={"name": name, "funded_seats": 101 + at}) for at, name in enumerate(names)]
    letters = boxes_of(render_agreement(samples.agreement(centers=tuple(centers), mark=None), "both"))
    words = "".join(letter for letter, _ in letters)
    for at in range(12):
        tops = Counter(round(letters[found.start()][1][3]) for found in re.finditer(f"{101 + at}", words))
        assert max(tops.values()) >= 2, f"{101 + at} stands in two rows"


def test_what_minutes_say_of_an_agreement_stands_in_one_row_of_both_languages() -> None:
    numbers = range(101, 161)
    said = {
        "ar": "\n".join(["# محضر", *(f"- {number} {LONG.ar if number % 3 else ''}" for number in numbers)]),
        "fr": "\n".join(["# Minutes", *(f"- {number} {LONG.fr if number % 2 else ''}" for number in numbers)]),
    }
    letters = boxes_of(render_minutes(samples.minutes().model_copy(update=said | {"mark": None}), "both"))
    words = "".join(letter for letter, _ in letters)
    for number in numbers:
        tops = Counter(round(letters[found.start()][1][3]) for found in re.finditer(f"{number}", words))
        assert max(tops.values()) >= 2, f"{number} stands in two rows"


def test_the_name_over_a_seal_is_whole_however_long() -> None:
    name = Bilingual(ar="جمعية (وهمي) " * 38, fr="Association (fictif) " * 23 + "FIN")
    paper = samples.agreement(signatures=())
    frames = frames_for([(party.party_id, name) for party in paper.parties])
    letters = boxes_of(render_agreement(paper.model_copy(update={"frames": frames, "mark": None}), "both"))
    words = "".join(letter for letter, _ in letters)
    ends = [letters[found.start()][1] for found in re.finditer("FIN", words)][-len(frames) :]
    # The last word is there, over its frame and not in it.
    for frame, (_, bottom, _, _) in zip(frames, ends, strict=True):
        assert box_of(frame)[3] <= bottom % 1_000 <= box_of(frame)[3] + LABEL


@pytest.mark.parametrize("mark", ["specimen", None])
def test_a_seal_is_one_page_with_its_mark_and_its_mandate_whatever_else_it_says(mark: Any) -> None:
    line = samples.signatures()[0].model_copy(
        update={
            "level": "qualified",
            "delegated": True,
            "contested": True,
            "ceremony": Bilingual(ar="حفل " * 120, fr="cérémonie " * 50),
        }
    )
    seal = render_seal(SealPaper(drawn_at=samples.AT, title=LONG, mark=mark, signature=line))
    assert len(pypdfium2.PdfDocument(seal)) == 1
    lines = lines_of(seal)
    assert any(str(line.mandate_id).replace("-", "") in each for each in lines)
    assert any("CIMEN" in each for each in lines) == (mark is not None)


def test_the_first_of_a_month_is_said_as_french_says_it() -> None:
    assert saying.day(date(2026, 9, 1), "fr") == "1er septembre 2026"
    assert saying.day(date(2026, 9, 11), "fr") == "11 septembre 2026"


def test_a_code_in_arabic_keeps_its_order() -> None:
    body = Prose(ar="وفق القانون رقم 51-17 والمرجع AREF-06/2026-0016.", fr="Loi n° 51-17.")
    clause = Clause(key="object", title=Bilingual(ar="مثال", fr="Exemple"), body=body)
    lines = lines_of(render_agreement(samples.agreement(clauses=(clause,), mark=None, reference=None), "ar"))
    assert any("5117" in line for line in lines) and any("AREF0620260016" in line for line in lines)
