"""Which service answers `/api/v1/<resource>`: a table generated from the services' routers, read by every gateway."""

import json
from collections.abc import Mapping
from pathlib import Path

ROUTES = Path(__file__).parent / "routes.json"
API = "/api/v1/"


def table() -> dict[str, str]:
    """Resource -> service."""
    routes: dict[str, str] = json.loads(ROUTES.read_text("utf-8"))
    return routes


def table_of(paths: Mapping[str, list[str]]) -> dict[str, str]:
    """The table of these services' paths. ValueError if two services claim one resource."""
    found: dict[str, str] = {}
    for service, addresses in paths.items():
        for address in addresses:
            resource = resource_of(address)
            if resource and found.setdefault(resource, service) != service:
                raise ValueError(f"{API}{resource} belongs to {found[resource]} and to {service}")
    return dict(sorted(found.items()))


def resource_of(path: str) -> str | None:
    """The first segment after `/api/v1/`, or None for another path."""
    return path.removeprefix(API).split("/", 1)[0] or None if path.startswith(API) else None
