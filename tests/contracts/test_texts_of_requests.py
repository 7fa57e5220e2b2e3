"""Whatever people write in a request is a text that people can read, in every service."""

import json
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from shared.web import Body

FOR_MACHINES = {
    "address",  # checked by the channel that uses it
    "agreement_kind",  # one of the kinds there are
    "agreement_types",
    "authority",  # PEM
    "certificate",
    "clause",  # a clause's key
    "email",
    "key",
    "kinds",
    "q",  # words that are looked for
    "report",  # a message of a mail server, as it came
}
"""Fields that nobody is shown as they came."""
HIDDEN = "80\u202e places"
TURNED = "\u200f60 - 80"
"""Nothing is hidden in it, and in French it is shown as `80 - 60`."""
FRENCH = re.compile("fr|.*_fr")


def bodies(kind: type[BaseModel] = Body) -> Iterator[type[BaseModel]]:
    """Every request body of the services."""
    for each in kind.__subclasses__():
        if each.__module__.startswith("services."):
            yield each
        yield from bodies(each)


def written(schema: Mapping[str, Any], all: Mapping[str, Any], name: str = "") -> Any:
    """A value with a hidden sign in every text of the schema; None where it has no text."""
    if "$ref" in schema:
        return written(all[schema["$ref"].rpartition("/")[2]], all, name)
    for each in schema.get("anyOf", ()):
        if (found := written(each, all, name)) is not None:
            return found
    match schema.get("type"):
        case "string" if name not in FOR_MACHINES and {"pattern", "format", "enum", "const"}.isdisjoint(schema):
            return HIDDEN
        case "array":
            found = written(schema["items"], all, name)
            return None if found is None else [found]
        case "object":
            parts = {name: written(each, all, name) for name, each in schema.get("properties", {}).items()}
            return {name: each for name, each in parts.items() if each is not None} or None
    return None


def texts(value: Any, *at: str | int) -> Iterator[tuple[str | int, ...]]:
    """Where the texts of a value are."""
    match value:
        case str():
            yield at
        case dict():
            for name, each in value.items():
                yield from texts(each, *at, name)
        case list():
            yield from texts(value[0], *at, 0)


for service in ("agreements", "centers", "network", "notifications", "reporting"):
    import_module(f"services.{service}.app")
WITH_TEXTS = [
    (body, value)
    for body in sorted(set(bodies()), key=lambda each: f"{each.__module__}.{each.__name__}")
    if (value := written(schema := body.model_json_schema(), schema.get("$defs", {}))) is not None
]


def test_there_are_texts_in_requests_of_every_service_that_takes_any() -> None:
    assert {body.__module__.split(".")[1] for body, _ in WITH_TEXTS} >= {"agreements", "centers", "network"}


@pytest.mark.parametrize(("body", "value"), WITH_TEXTS, ids=[body.__name__ for body, _ in WITH_TEXTS])
def test_no_text_of_a_request_hides_what_it_says(body: type[BaseModel], value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        body.model_validate(value)
    found = {each["loc"] for each in refused.value.errors() if each["type"] == "hidden_signs"}
    assert found == set(texts(value))


@pytest.mark.parametrize(("body", "value"), WITH_TEXTS, ids=[body.__name__ for body, _ in WITH_TEXTS])
def test_no_french_text_of_a_request_turns_its_numbers(body: type[BaseModel], value: Any) -> None:
    found = set()
    try:
        body.model_validate_json(json.dumps(value).replace(json.dumps(HIDDEN), json.dumps(TURNED)))
    except ValidationError as refused:
        found = {each["loc"] for each in refused.errors() if each["type"] == "hidden_signs"}
    assert found == {at for at in texts(value) if FRENCH.fullmatch(str(at[-1]))}
