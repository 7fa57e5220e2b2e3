"""Texts that people read: what a line and a paragraph may hold."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from shared.language import LANGUAGES, Wording
from shared.texts import KEPT, FrenchLine, Line, Paragraph, in_one_line
from shared.web import WORDING

KINDS = [Line, Paragraph]
EACH = pytest.mark.parametrize("kind", KINDS)


def refused(kind: Any, text: str) -> str | None:
    """Why the kind refuses the text; None if it takes it."""
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        return error.errors()[0]["type"]
    return None


@EACH
@pytest.mark.parametrize(
    "sign", ["\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u200b", "\ufeff", "\u00ad", "\x07"]
)
def test_what_turns_the_others_round_or_is_not_seen_is_refused(kind: Any, sign: str) -> None:
    assert refused(kind, f"80{sign} places") == "hidden_signs"


@EACH
@pytest.mark.parametrize(
    "text", ["می\u200cشود", "ه\u200d", "\u200e51-17\u200f", "\u2066x\u2069", "\u2067س\u2069", "\u0601 5"]
)
def test_what_is_needed_to_write_arabic_is_taken(kind: Any, text: str) -> None:
    assert refused(kind, text) is None


@pytest.mark.parametrize("text", ["\u200f60 - 20\u200f", "a \u061c", "\u2067521 100\u2069", "\u2068a\u2069"])
def test_what_runs_from_the_right_is_refused_in_french(text: str) -> None:
    assert refused(Line, text) is None
    assert refused(FrenchLine, text) == "hidden_signs"
    assert TypeAdapter(FrenchLine).validate_python(text, context=KEPT) == text


@EACH
@pytest.mark.parametrize("text", ["\u200f", "\u200f \u200d", "\u2066\u2069", "\u0650"])
def test_a_text_that_shows_nothing_is_refused(kind: Any, text: str) -> None:
    assert refused(kind, text) == "nothing_to_read"


@EACH
def test_a_direction_is_ended_where_it_was_begun(kind: Any) -> None:
    assert refused(kind, "a \u2067 b") == refused(kind, "a \u2069\u2066 b") == "direction_left_open"
    assert refused(Paragraph, "a \u2067 b\n c \u2069") == "direction_left_open"


@pytest.mark.parametrize("between", ["\n", "\r\n", "\t", "\x85", "\u2028", "\u2029"])
def test_a_line_is_one_line(between: str) -> None:
    assert refused(Line, f"Association{between}Horizon") is not None
    assert refused(Line, f"{between} Association Horizon {between}") is None


def test_a_paragraph_may_have_lines() -> None:
    assert refused(Paragraph, "un\r\n\tdeux\n\ntrois") is None


@EACH
def test_what_was_stored_before_is_read_all_the_same(kind: Any) -> None:
    stored = "521\u202e\n\u200f"
    assert TypeAdapter(kind).validate_python(stored, context=KEPT) == stored


def test_whatever_was_stored_is_told_in_one_line() -> None:
    assert in_one_line("Asso\nB\x00\r\n\t C\u2028D ") == "Asso B C D"


def test_why_a_text_is_refused_is_said_in_every_language_with_the_signs() -> None:
    class Body(BaseModel):
        lines: list[Line]

    wording = Wording(WORDING)
    with pytest.raises(ValidationError) as error:
        Body.model_validate_json(json.dumps({"lines": ["a\u202e", "a\nb", "\u200f", "\u2067a"]}))
    found = error.value.errors()
    assert len({each["type"] for each in found}) == 4
    for language in LANGUAGES:
        said = [wording.text(f"validation.{each['type']}", language, **each.get("ctx", {})) for each in found]
        assert "U+202E" in said[0] and len(set(said)) == 4
