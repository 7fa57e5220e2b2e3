"""A published event type changes only in ways that no reader notices."""

import json
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, create_model

from shared.events import generate
from shared.events.agreements import AgreementSigned
from shared.events.catalog import ALL, UPCASTERS
from shared.events.compatibility import breaks
from shared.events.generate import DOCS, broken, schema_of


class Seat(BaseModel):
    """A part of the event."""

    number: int
    kind: Literal["funded", "unfunded"]


class Published(BaseModel):
    """An event as it was published."""

    center_id: UUID
    opened_on: date
    because: Literal["decision", "agreement"]
    note: str | None
    seats: tuple[Seat, ...]


def changed(**fields: Any) -> dict[str, Any]:
    """The schema of a later model; None takes a field away."""
    usual: dict[str, Any] = {name: (each.annotation, ...) for name, each in Published.model_fields.items()}
    kept = {name: each for name, each in (usual | fields).items() if each is not None}
    model: type[BaseModel] = create_model("Published", **kept)
    return model.model_json_schema()


class Renumbered(BaseModel):
    """A seat whose number became text."""

    number: str
    kind: Literal["funded", "unfunded"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"opened_on": None}, ["opened_on is removed"]),
        ({"opened_on": None, "opened": (date, ...)}, ["opened_on is removed", "opened is newly required"]),
        ({"opened_on": (int, ...)}, ["opened_on is retyped: format", "opened_on is retyped: type"]),
        ({"opened_on": (str, ...)}, ["opened_on is retyped: format"]),
        ({"opened_on": (date | None, ...)}, ["opened_on is retyped"]),
        ({"note": (str, ...)}, ["note is retyped"]),
        ({"closed_on": (date, ...)}, ["closed_on is newly required"]),
        ({"opened_on": (date, date.min)}, ["opened_on is no longer sure to be there"]),
        ({"because": (Literal["decision"], ...)}, ["because can no longer be 'agreement'"]),
        ({"seats": (tuple[Renumbered, ...], ...)}, ["seats[].number is retyped"]),
        ({"seats": (int, ...)}, ["seats is retyped"]),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else "",
)
def test_a_breaking_change_is_found(fields: dict[str, Any], told: list[str]) -> None:
    found = breaks(Published.model_json_schema(), changed(**fields))
    for words in told:
        assert any(each.startswith(words) for each in found), found


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"closed_on": (date | None, None)},
        {"because": (Literal["decision", "agreement", "accident"], ...)},
    ],
    ids=["nothing", "an optional field more", "a member more"],
)
def test_an_addition_breaks_nobody(fields: dict[str, Any]) -> None:
    assert breaks(Published.model_json_schema(), changed(**fields)) == []


def test_nothing_published_is_broken_by_the_code_as_it_is() -> None:
    assert broken(DOCS) == []


def committed_with(tmp_path: Path, schema: dict[str, Any], name: str = AgreementSigned.type) -> Path:
    """A folder in which the schema of a type was committed as this."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / f"{name}.json").write_text(json.dumps(schema), "utf-8")
    return tmp_path


@pytest.mark.parametrize("arguments", [[], ["--check"]], ids=["generate", "check"])
def test_a_breaking_change_stops_the_generator_before_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    before = deepcopy(schema_of(AgreementSigned))
    before["properties"]["minister"] = {"type": "string"}
    folder = committed_with(tmp_path, before)
    monkeypatch.setattr("sys.argv", ["generate", *arguments])
    assert generate.main(folder) == 1
    assert "ma.mithaq.agreement.signed.v1: minister is removed" in capsys.readouterr().err
    assert not (folder / "asyncapi.json").exists()


def test_a_type_disappears_only_with_an_upcaster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = "ma.mithaq.agreement.signed.v0"
    folder = committed_with(tmp_path, schema_of(AgreementSigned), old)
    assert broken(folder) == [f"{old}: the type is gone and nothing upcasts it"]
    monkeypatch.setitem(UPCASTERS, old, (AgreementSigned.type, lambda data: data))
    assert broken(folder) == []


def test_every_type_has_a_schema_of_its_own() -> None:
    assert (
        len({event.type for event in ALL}) == len(ALL) == len(list((DOCS / "schemas").glob("*.json"))) - len(UPCASTERS)
    )
