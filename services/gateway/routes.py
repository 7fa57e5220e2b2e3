"""Which service answers `/api/v1/<resource>`, and which its public pages.

A table generated from the services' routers, read by every gateway.
"""

import json
from collections.abc import Mapping
from pathlib import Path

ROUTES = Path(__file__).parent / "routes.json"
API = "/api/v1/"
PUBLIC = ("/screens/", "/v/")
"""How the addresses of services' public pages begin: no other address beside the API is opened."""


def table() -> dict[str, str]:
    """Resource, or beginning of a public page's address -> service."""
    routes: dict[str, str] = json.loads(ROUTES.read_text("utf-8"))
    return routes


def table_of(paths: Mapping[str, list[str]]) -> dict[str, str]:
    """The table of these services' paths. ValueError if two services claim one resource."""
    found: dict[str, str] = {}
    for service, addresses in paths.items():
        for address in addresses:
            resource = resource_of(address)
            if resource and found.setdefault(resource, service) != service:
                raise ValueError(f"{address_of(resource)} belongs to {found[resource]} and to {service}")
    return dict(sorted(found.items()))


def resource_of(path: str) -> str | None:
    """What the table calls an address: the first segment after `/api/v1/`, or a public page's beginning; else None."""
    if path.startswith(API):
        return path.removeprefix(API).split("/", 1)[0] or None
    return next((page for page in PUBLIC if path.startswith(page)), None)


def address_of(resource: str) -> str:
    """Where an entry of the table is found."""
    return resource if resource in PUBLIC else API + resource
