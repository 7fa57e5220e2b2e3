"""What the gateway knows of the services is generated, and up to date."""

from typing import Any

import pytest

from services.gateway import generate
from services.gateway.events import channels
from services.gateway.openapi import merged
from services.gateway.pages import OPENAPI
from services.gateway.routes import table_of


def test_generated_files_are_up_to_date() -> None:
    assert generate.stale() == [], "run make generate"


def test_two_services_never_claim_one_resource() -> None:
    with pytest.raises(ValueError, match="/api/v1/centers belongs to centers and to network"):
        table_of({"centers": ["/api/v1/centers/{id}"], "network": ["/api/v1/centers"]})


def test_only_public_paths_are_routed() -> None:
    assert table_of({"centers": ["/api/v1/centers", "/readyz", "/metrics", "/api/v1/"]}) == {"centers": "centers"}


def test_the_merged_document_keeps_public_paths_only() -> None:
    document = merged({"centers": service(paths={"/api/v1/centers": {}, "/readyz": {}})})
    assert list(document["paths"]) == ["/api/v1/centers"]


def test_a_schema_that_two_services_share_is_kept_once() -> None:
    shared = service(schemas={"Problem": {"type": "object"}})
    assert list(merged({"centers": shared, "network": shared})["components"]["schemas"]) == ["Problem"]


def test_schemas_of_one_name_and_two_shapes_are_named_after_their_services() -> None:
    document = merged(
        {
            "centers": service({"/api/v1/centers": reference("Answer")}, {"Answer": {"type": "object"}}),
            "network": service({"/api/v1/mandates": reference("Answer")}, {"Answer": {"type": "string"}}),
        }
    )
    assert set(document["components"]["schemas"]) == {"CentersAnswer", "NetworkAnswer"}
    assert document["paths"]["/api/v1/mandates"]["get"]["x"]["$ref"] == "#/components/schemas/NetworkAnswer"


def test_every_operation_has_a_name_of_its_own() -> None:
    document = generate.generated()[OPENAPI]
    names = [line.strip() for line in document.splitlines() if line.strip().startswith('"operationId"')]
    assert len(names) == len(set(names)) > 0


def test_the_event_page_shows_what_an_event_carries() -> None:
    schema = {
        "properties": {
            "agreement_id": {"type": "string", "format": "uuid", "description": "whose"},
            "seats": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "party": {"$ref": "#/$defs/Party"},
        },
        "required": ["agreement_id"],
        "$defs": {"Party": {"type": "object", "title": "Party"}},
    }
    message = {"name": "ma.mithaq.x.y.v1", "payload": {"schema": schema}, "examples": [{"payload": {"seats": 3}}]}
    document = {
        "channels": {"x": {"address": "a.x", "messages": {"y": {"$ref": "#/components/messages/y"}}}},
        "components": {"messages": {"y": message}},
    }
    [channel] = channels(document)
    [shown] = channel.messages
    assert (channel.topic, shown.type) == ("a.x", "ma.mithaq.x.y.v1")
    assert [(field.name, field.kind, field.required) for field in shown.fields] == [
        ("agreement_id", "uuid", True),
        ("seats", "integer | null", False),
        ("party", "Party", False),
    ]
    assert '"seats": 3' in shown.example


def service(paths: dict[str, Any] | None = None, schemas: dict[str, Any] | None = None) -> dict[str, Any]:
    """A service's OpenAPI document."""
    return {"paths": paths or {}, "components": {"schemas": schemas or {}}}


def reference(name: str) -> dict[str, Any]:
    """A path that refers to a schema."""
    return {"get": {"x": {"$ref": f"#/components/schemas/{name}"}}}
