"""Words: what a reader takes for the same is the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.agreements.tests.builders import NAME, ready
from services.agreements.words import LONGEST, terms_of, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Éducation", "EDUCATION"),
        ("Meknès", "meknes"),
        ("œuvre", "OEUVRE"),
        ("أكاديمية", "اكاديميه"),
        ("إتفاقية", "اتّفاقيّة"),
        ("مستشفى", "مستشفي"),
        ("مؤسســـة", "مؤسسة"),
        ("مُؤَسَّسَة", "مؤسسة"),
        ("الجمعية", "جمعية"),
        ("والتكوين", "التكوين"),
        ("للشراكة", "شراكة"),
        ("٢٠٢٤", "2024"),
        ("ﻻ", "لا"),
        ("AREF-06/2024-0016", "aref 06 2024 0016"),
    ],
)
def test_what_a_reader_takes_for_the_same_is_the_same(one: str, other: str) -> None:
    assert words(one) == words(other) != ()


def test_the_article_of_a_short_word_stays() -> None:
    assert words("الام") == ("الام",)


@given(st.text(max_size=200))
def test_a_word_is_bounded_and_has_no_case(text: str) -> None:
    for word in words(text):
        assert 0 < len(word) <= LONGEST
        assert word == word.casefold()


def test_an_agreement_is_found_by_its_titles_reference_parties_and_their_codes() -> None:
    agreement = ready()
    found = terms_of(agreement)
    assert {"convention", "شراكه", "0001", *words(NAME.fr), *words(NAME.ar)} <= found
    assert f"org:{agreement.parties[1].organisation_id}" in found
    assert "MA-06" not in found
