"""The OpenAPI document as we publish it: operation ids are action names, every failure is a problem."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from shared.web.problems import MEDIA_TYPE, Problem

REPLACED = ("HTTPValidationError", "ValidationError")


def operation_id(route: APIRoute) -> str:
    """The name of an operation: its function's, which is the action's everywhere else."""
    return route.name


def publish_contract(app: FastAPI) -> None:
    """Make `app.openapi()` tell what the service really answers."""
    generated = app.openapi

    def openapi() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        document = generated()
        if fresh:
            _describe(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _describe(document: dict[str, Any]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in REPLACED:
        schemas.pop(name, None)
    described = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(described.pop("$defs", {}), Problem=described)
    failure = {
        "description": "A problem (RFC 9457)",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = failure
