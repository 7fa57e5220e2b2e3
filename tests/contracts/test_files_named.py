"""Every field of an event or of a state that holds a file's hash is known to who looks for the files that are named."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from services.__main__ import all_services
from shared.aggregate import Aggregate
from shared.events.catalog import ALL
from shared.named_files import NAMED
from shared.settings import PlatformSettings

LIKE_A_FILE = re.compile("hash|file")
NAMED_BY = {
    "hash": "data ->> 'hash'",
    "file_hash": "data ->> 'file_hash'",
    "sealed_file": "data ->> 'file_hash'",
    "archived_file": "detail ->> 'archived_file'",
}
"""A field with a file's hash -> what of the event names it."""
ATTACHED_BEFORE = {"document_hash"}
"""Refers to a document that was attached, by an event of its own."""
NO_FILE = {"base_hash", "closed_file", "content_hash", "language_hashes", "minutes_hash", "text_hash"}
"""Of texts and of terms, which no storage of files holds; and what was settled at an agreement's end."""


def fields(schema: Any) -> Iterator[str]:
    """The names of all fields in a JSON Schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from fields(part)


def kinds(base: type[Aggregate] = Aggregate) -> Iterator[type[Aggregate]]:
    """Every aggregate of every service."""
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_whatever_may_be_a_files_hash_is_named_or_known_to_be_none() -> None:
    assert all_services(PlatformSettings())  # and with them their aggregates
    found = {field for model in (*ALL, *kinds()) for field in fields(model.model_json_schema())}
    assert {field for field in found if LIKE_A_FILE.search(field)} == {*NAMED_BY, *ATTACHED_BEFORE, *NO_FILE}


@pytest.mark.parametrize("field", NAMED_BY)
def test_what_names_a_file_is_looked_at(field: str) -> None:
    assert NAMED_BY[field] in NAMED


def test_a_hash_of_no_other_name_comes_with_a_media_type() -> None:
    """By which the hash of a file is told from any other."""
    bare = [event for event in ALL if "hash" in event.model_fields]
    assert bare and all("media_type" in event.model_fields for event in bare)
