"""One OpenAPI document out of the services' own."""

from collections.abc import Mapping
from typing import Any

from services.gateway.routes import API

REFERENCE = "#/components/schemas/"
Document = dict[str, Any]


def merged(documents: Mapping[str, Document]) -> Document:
    """The public paths of all services, with what they refer to.

    A schema that two services define differently is kept under both, each named after its service.
    """
    names = _names(documents)
    paths: Document = {}
    components: dict[str, Document] = {}
    for service, document in documents.items():
        own = _renamed(document, names[service])
        for path, operations in own["paths"].items():
            if path.startswith(API):
                paths[path] = {verb: operation | {"tags": [service]} for verb, operation in operations.items()}
        for kind, entries in own.get("components", {}).items():
            components.setdefault(kind, {}).update(entries)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mithaq",
            "version": "v1",
            "summary": "The partnership network of Morocco's second chance schools",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": service} for service in documents],
        "paths": dict(sorted(paths.items())),
        "components": {kind: dict(sorted(entries.items())) for kind, entries in sorted(components.items())},
    }


def _names(documents: Mapping[str, Document]) -> dict[str, dict[str, str]]:
    """Per service: the name that each of its schemas gets in the merged document."""
    shapes: dict[str, list[Document]] = {}
    for document in documents.values():
        for name, schema in _schemas(document).items():
            if schema not in shapes.setdefault(name, []):
                shapes[name].append(schema)
    return {
        service: {
            name: f"{service.capitalize()}{name}" if len(shapes[name]) > 1 else name for name in _schemas(document)
        }
        for service, document in documents.items()
    }


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """The same document with its schemas, and the references to them, under their new names."""
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    if isinstance(value, str) and value.startswith(REFERENCE):
        return REFERENCE + names[value.removeprefix(REFERENCE)]
    if not isinstance(value, dict):
        return value
    return {
        key: {names[name]: _renamed(schema, names) for name, schema in each.items()}
        if key == "schemas" and isinstance(each, dict)
        else _renamed(each, names)
        for key, each in value.items()
    }


def _schemas(document: Document) -> dict[str, Document]:
    schemas: dict[str, Document] = document.get("components", {}).get("schemas", {})
    return schemas
