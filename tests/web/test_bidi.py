"""Numbers amid Arabic stand in their order before a browser and in a letter, by the isolates that papers have."""

from pathlib import Path

import pytest

from shared.bidi import apart, in_order
from shared.language import Wording

TURNED = [
    "8 h 30",
    "10:30-12:00",
    "12,5-13,5",
    "\u22125 °C",
    "521\u202f100-522\u202f100",
    "2026-2027",
    "43-20",
    "+212-522-33",
]
"""Numbers that Arabic before them would turn."""


@pytest.mark.parametrize("number", TURNED)
def test_a_number_amid_arabic_is_isolated_as_a_whole(number: str) -> None:
    assert in_order(f"من {number} هنا") == f"من \u2066{number}\u2069 هنا"


def test_what_is_in_order_by_itself_is_left_alone_beside_what_is_not() -> None:
    assert in_order("30 غشت 2024، 43-20") == "30 غشت 2024، \u206643-20\u2069"


def test_thousands_apart_by_spaces_are_held_together() -> None:
    assert in_order("مبلغ 521 100 درهم") == "مبلغ 521\u202f100 درهم"


def test_digits_of_arabic_run_as_papers_have_them_with_and_without_letters() -> None:
    isolated = "\u2066٢٠٢٦-\u200e٢٠٢٧\u2069"
    assert (in_order("٢٠٢٦-٢٠٢٧"), in_order("سنة ٢٠٢٦-٢٠٢٧")) == (isolated, f"سنة {isolated}")


@pytest.mark.parametrize(
    "text",
    [
        "2 شتنبر 2024",
        "سنة ٢٠٢٦/٢٠٢٧",
        "29 نونبر 2025، 16:30",
        "سنة 2024/2025 و12,5",
        "رقم CONV-OR-2026-0001",
        "de 10:30-12:00, 521 100 DH, \u22125 °C",
        "10 : 30",
        "",
        "جمعية",
    ],
)
def test_what_nothing_turns_stays_as_it_is(text: str) -> None:
    assert in_order(text) == text


def test_a_value_amid_a_sentence_from_the_right_runs_by_itself(tmp_path: Path) -> None:
    for language in ("ar", "fr", "en"):
        (tmp_path / f"{language}.toml").write_text('said = "{what}."', "utf-8")
    wording = Wording(tmp_path)
    for what in ("10 : 30", "\u22125 °C", "CONV-OR-2026-0001", "01920000-0000-7000"):
        assert wording.text("said", "ar", what=what) == f"\u2068{what}\u2069."
        assert wording.text("said", "fr", what=what) == f"{what}."
    assert wording.text("said", "ar", what="جمعية 43-20") == "\u2068جمعية \u206643-20\u2069\u2069."
    assert apart(5) == "\u20685\u2069"
