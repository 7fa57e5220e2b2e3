"""What a paper shows in reading order is what was hashed, numbers above all; and all of it stands on the page."""

import re
import unicodedata
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.agreements.bilingual import Bilingual
from services.agreements.errors.papers import PaperNotSet
from services.agreements.papers import AgreementPaper, Language, render_agreement, samples
from services.agreements.papers.reading import breakable, moving_in
from services.agreements.terms import BudgetLine, Duty
from services.agreements.tests.reading import beyond_the_edges, seen_lines
from services.agreements.text import Clause, Prose
from shared.bidi import isolated
from shared.money import Money
from shared.worker import in_worker

LANGUAGES: tuple[Language, ...] = ("ar", "fr", "both")
NUMBERS = (
    *("10:30-12:00", "8:00–10:00", "10:30 - 12:00", "12,5-13,5", "12,5 – 13,5", "12.5%-13.5%", "15% - 20%"),
    *("25 %", "50%", "%50", "1 000,50-2 000,75", "1.000,00-2.000,00", "1 250 000,50", "521\u2009100", "521\u200a100"),
    *("1\u20091250\u2009000", "1\u00a0250\u00a0000", "521\u202f100", "51-17", "14-20", "60 - 80", "2026-09-01"),
    *("01/09/2026", "2026/2027-2027/2028", "2.20.475", "1,2,3", "1،2-4", "+212-522-33", "+212 5 22 33 44 55"),
    *("05 22 33 44 55", "0522-33-44-55", "06.12.34.56.78", "+212 (0)522-33-44", "011 780 0000123456789012 34"),
    *("±5", "+5", "10°-15°", "20°C", "3×4-5", "2+3=5", "1'000-2'000", "5…10", "2026-A-12", "12km-15km", "3/4-5/6"),
    *("50€-60€", "٥-٦", "١٢٫٥-١٣٫٥", "1_000", "5-1:2,3/4.5", "10 h 30", "10h30-12h00", "500 DH - 600 DH", "5 km/10 km"),
    "−5 °C",
)
"""Each is seen as it is written, whatever stands around it."""
AROUND = {
    "ar": ("من {} في المائة", "({}) درهم", "«{}»", "ب{} ", "{}", "{}، ثم {}.", "نص [{}]"),
    "fr": ("de {} pour cent", "({}) dirhams", "« {} »", "{}", "{}, puis {}.", "جمعية {}, siège"),
}


def squeezed(text: str) -> str:
    """Without white space, and with what the reader of the file mirrors as one sign."""
    told = unicodedata.normalize("NFKC", text)
    return "".join(re.sub("[()]", "|", re.sub("[‘’]", "'", told)).split())


def lines_of(paper: AgreementPaper, language: Language) -> list[str]:
    """What the lines of a paper show, from left to right."""
    return [squeezed(line) for line in seen_lines(render_agreement(paper, language))]


BARE = dict.fromkeys(("parties", "obligations", "budget", "centers", "annexes", "signatures"), ())


def paper_of(ar: str, fr: str, **changed: object) -> AgreementPaper:
    """An agreement of one clause."""
    clause = Clause(key="object", title=Bilingual(ar="مثال", fr="Exemple"), body=Prose(ar=ar, fr=fr))
    return samples.agreement(clauses=(clause,), mark=None).model_copy(update=BARE | changed)


def line_of(text: str) -> str:
    """How a line of an Arabic text is seen, from left to right."""
    lines = lines_of(paper_of(text, "-"), "ar")
    return lines[lines.index(squeezed("مثال"[::-1])) + 1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_is_seen_as_it_is_written_whatever_stands_around_it(language: Language) -> None:
    forms = {each: "\n".join(form.replace("{}", n) for form in AROUND[each] for n in NUMBERS) for each in AROUND}
    seen = "\n".join(lines_of(paper_of(**forms), language))
    for each in ("ar", "fr") if language == "both" else (language,):
        for number in NUMBERS:
            wanted = sum(form.count("{}") for form in AROUND[each])
            assert seen.count(squeezed(number)) >= wanted, f"{number} in {each}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_in_a_title_a_table_and_a_term_is_seen_as_it_is_written(language: Language) -> None:
    numbers = ("12,53-13,54", "1 005,50-2 006,75", "10:31-12:02", "521\u2009107", "60 - 88", "+212-522-39")

    def named(number: str) -> Bilingual:
        return Bilingual(ar=f"مثال {number} (وهمي)", fr=f"Exemple {number} (fictif)")

    sample = samples.agreement()
    title, party, center, what, evidence, heading = map(named, numbers)
    paper = paper_of(
        "-",
        "-",
        title=title,
        parties=(sample.parties[0].model_copy(update={"name": party}), *sample.parties[1:]),
        centers=(sample.centers[0].model_copy(update={"name": center}),),
        obligations=(
            Duty(
                obligation_id=UUID(int=1),
                debtor=sample.parties[0].party_id,
                what=what,
                evidence=evidence,
                due_on=date(2027, 10, 21),
            ),
        ),
        budget=(
            BudgetLine(
                line_id=UUID(int=2),
                payer=sample.parties[0].party_id,
                amount=Money(centimes=1_234_567_89),
                kind="cash",
                budget_year=2027,
                heading=heading,
            ),
        ),
    )
    seen = "".join(lines_of(paper, language))
    ar, fr = language != "fr", language != "ar"
    for number in numbers:
        assert seen.count(squeezed(number)) >= ar + fr, number
    assert ("1.234.567,89" in seen) >= ar and ("1234567,89" in seen) >= fr
    assert ("2027ربوتكأ21" in seen) >= ar, "a date runs as Arabic does, its day first"


def test_no_end_of_a_line_parts_a_number_or_turns_it() -> None:
    body = " ".join(f"الأرقام {number} ثم" for number in ("12,5-13,5", "1 000,50-2 000,75", "60 - 80") * 40)
    seen = lines_of(paper_of(body, "-"), "both")
    for number in ("12,5-13,5", "1000,50-2000,75", "60-80"):
        assert sum(line.count(number) for line in seen) == 40


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("في 2026 12 مركزا", "ازكرم122026يف"),
        ("المادة 4-أ و1447هـ-2026م", "م2026-ـه1447وأ-4ةداملا"),
        ("-20 مركزا", "ازكرم20-"),
        ("1- تسيير 20 مركزا", "ازكرم20رييست-1"),
        ("Windows 11 ثم Article 51-17 ثم 20", "20مثArticle51-17مثWindows11"),
        ("120 MAD ثم 30", "30مثMAD120"),
        ("5، 6 و 7.", ".7و6،5"),
    ],
)
def test_prose_with_numbers_runs_as_arabic_does(text: str, seen: str) -> None:
    assert line_of(text) == seen


ARABIC = st.sampled_from(["من", "درهم", "بنسبة", "رقم", "ثم", "سنة"])
DIGITS = st.from_regex(r"[1-9][0-9]{0,3}", fullmatch=True)
JOINED = st.sampled_from([*"-–,.:/×", " - ", "\u2009", "\u00a0", "%-"])
NUMBER = st.lists(st.tuples(JOINED, DIGITS), max_size=3).flatmap(
    lambda more: DIGITS.map(lambda first: first + "".join(map("".join, more)))
)
BRACKETS = st.sampled_from(["{}", "({})", "«{}»", '"{}"', "{}،", "{}.", "{} %"])
ENTRY = st.tuples(ARABIC, NUMBER, BRACKETS)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.lists(ENTRY, min_size=1, max_size=3), min_size=8, max_size=8))
def test_the_numbers_of_a_line_are_seen_whole_and_in_the_order_of_arabic(
    lines: list[list[tuple[str, str, str]]],
) -> None:
    text = "\n".join(" ".join(f"{word} {around.format(n)}" for word, n, around in line) + " مثال" for line in lines)
    seen = lines_of(paper_of(text, "-"), "ar")
    first = seen.index(squeezed("مثال"[::-1])) + 1
    pages = [line for line in seen[first:] if line.startswith(squeezed("مثال"[::-1]))]
    for line, shown in zip(lines, pages, strict=True):
        numbers = [re.escape(squeezed(number)) for _, number, _ in line]
        assert re.search(r"\D*".join(reversed(numbers)), shown), (line, shown)


@pytest.mark.parametrize("language", LANGUAGES)
def test_signs_that_have_a_direction_and_no_shape_change_nothing_on_paper(language: Language) -> None:
    hidden = paper_of(
        "من \u200e60 - 20\u200e مقعدا \u2066521\u2009100\u2069 و\u202e12\u202c",
        "de \u200f60 - 20\u200f places \u2067521\u2009100\u2069",
    )
    plain = paper_of("من 60 - 20 مقعدا 521\u2009100 و12", "de 60 - 20 places 521\u2009100")
    assert render_agreement(hidden, language) == render_agreement(plain, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("run", [".", "_", "W", "/", "W\u00a0", "7"])
def test_however_long_a_run_without_space_all_of_it_stands_on_the_page(language: Language, run: str) -> None:
    pdf = render_agreement(paper_of(run * 300, run * 300), language)
    if run.isalnum():  # of points in a row the reader of the file tells but some
        assert "".join(seen_lines(pdf)).count(run) >= 300 * (1 + (language == "both"))
    assert not beyond_the_edges(pdf, left=18 / 25.4 * 72 - 1, right=(210 - 18) / 25.4 * 72)


def test_a_text_that_was_frozen_with_an_endless_run_is_printed() -> None:
    seen = "".join(seen_lines(render_agreement(paper_of("W" * 17_000, "_" * 17_000), "both")))
    assert seen.count("W") == 17_000 and seen.count("_") == 17_000


def test_arabic_letters_stay_joined_where_a_line_may_end_between_them() -> None:
    assert breakable("ب" * 40) == "\u200d\u200b\u200d".join("ب" * 40)
    assert breakable("ب" * 30) == "ب" * 30


async def test_what_cannot_be_set_is_refused_by_its_name_from_the_worker_too() -> None:
    endless = samples.agreement(reference="A" * 17_000)
    with pytest.raises(PaperNotSet) as refused:
        await in_worker(render_agreement, endless, "fr")
    assert "longer than 32767" in refused.value.values["reason"]


@pytest.mark.parametrize(
    "text",
    ["\u200f60 - 20", "60\u061c - 20", "20 \u200e)", "\u2067521 100\u2069", "\u2066من 20\u2069", "\u206612 20\u2069"],
)
def test_a_mark_or_an_isolate_beside_a_number_moves_it(text: str) -> None:
    assert moving_in(text)


@pytest.mark.parametrize("text", ["C++\u200e لغة 5", "\u2066+212-522-33\u2069", "\u2066Office 2026\u2069", "60 - 20"])
def test_a_mark_beside_words_and_the_isolate_of_one_number_move_nothing(text: str) -> None:
    assert not moving_in(text)


def test_thousands_are_never_broken_and_numbers_in_prose_stay_apart() -> None:
    told = isolated("مبلغ 125 000 درهم، ثم 1 250 000,00 في 2026 12 مركزا")
    apart = "مبلغ <125_000> درهم، ثم <1_250_000,00> في <2026> <12> مركزا"
    assert told == apart.translate({ord("<"): "\u2066", ord(">"): "\u2069", ord("_"): "\u202f"})
    assert isolated("125 000 dirhams, loi 51-17") == "\u2066125\u202f000\u2069 dirhams, loi 51-17"
