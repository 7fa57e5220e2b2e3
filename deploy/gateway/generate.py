"""Makes nginx.conf (`--check` only compares): the embedded front door's contract, in nginx's words.

Routes, limits, headers and problem texts come from where the front door has them, so the two cannot drift apart.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from limits import RateLimitItem, parse

from services.agreements.routes import verification
from services.gateway import routes
from services.gateway.pages import PAGES, POLICY
from services.gateway.settings import GatewaySettings
from shared.language import LANGUAGES, Wording
from shared.settings import SERVICES
from shared.web import WORDING
from shared.web.edge import HEADERS, MOST_BYTES, MOST_UPLOADED, SHOWN, UPLOADS
from shared.web.problems import BY_STATUS, RETRY_AFTER

HERE = Path(__file__).parent
CONFIGURATION = HERE / "nginx.conf"
STREAM = f"{routes.API}notifications/stream"
ANSWERS = {
    400: "400 408 414 431 494",
    404: "403 404",
    405: "405",
    413: "413",
    429: "429",
    500: "500",
    503: "502 503 504",
}
"""Status of our problem answer -> nginx's own errors that get it."""
NOT_FOR_CLIENTS = (
    "Forwarded",
    "Remote-User",
    "X-Auth-Request-User",
    "X-Auth-User",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-User",
    "X-Real-IP",
    "X-Remote-User",
    "X-User",
)
"""Headers that claim an identity or an origin: dropped, whoever sends them."""
VERIFIED = "/v/"
"""Where anybody may look up a paper, or have a file judged with POST."""
QUOTAS = {"looks": verification.LOOKS, "files": verification.FILES}
"""How often one address may; counted here for all the service's replicas together."""
LIMIT = "$most_bytes"
"""The longest body at the address that is asked for: a number that nginx fills in."""
DEPLOYED: Mapping[str, Any] = {
    "workers": "auto",
    "listen": "8000",
    "root": "/srv/mithaq",
    "temporary": "/tmp",  # noqa: S108 - the only writable folder of the container
    "additions": "/etc/nginx/conf.d",
    "access_log": "/dev/stdout",
    "error_log": "stderr",
    "upstreams": {service: f"{service}:8000" for service in SERVICES},
}
"""Where things are in a container, the same in Compose and in Kubernetes."""


def render(table: Mapping[str, str] | None = None, **places: Any) -> str:
    """The configuration. `table` replaces the generated routes; `places` those of a container, to run elsewhere."""
    table = routes.table() if table is None else table
    rate = parse(GatewaySettings().rate)
    per_second = rate.amount / rate.get_expiry()
    owned: dict[str, list[str]] = {}
    for resource, service in table.items():
        if resource not in routes.PUBLIC:
            owned.setdefault(service, []).append(resource)
    return (
        Environment(  # noqa: S701 - not a page: nothing in it is markup
            loader=FileSystemLoader(HERE), undefined=StrictUndefined, keep_trailing_newline=True
        )
        .get_template("nginx.conf.j2")
        .render(
            **{**DEPLOYED, **places},
            routes=owned,
            public={page: table[page] for page in routes.PUBLIC if page in table},
            stream=STREAM,
            streaming=table["notifications"],
            pages=PAGES,
            headers=HEADERS,
            page_headers=HEADERS | {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"},
            languages=LANGUAGES,
            problems={status: _problem(status) for status in ANSWERS},
            problem_headers={status: _headers(status) for status in ANSWERS},
            error_pages={status: codes.split() for status, codes in ANSWERS.items()},
            not_for_clients=NOT_FOR_CLIENTS,
            most_bytes=MOST_BYTES,
            uploads=UPLOADS,
            shown=SHOWN,
            most_uploaded=MOST_UPLOADED,
            uploading=table["agreements"],
            rate=ceil(per_second),
            burst=rate.amount,
            verified=VERIFIED,
            quotas={name: _a_minute(each) for name, each in QUOTAS.items()},
        )
    )


def _a_minute(rate: RateLimitItem) -> int:
    return ceil(rate.amount * 60 / rate.get_expiry())


def _problem(status: int) -> dict[str, str]:
    """The problem answer of a status in each language, for nginx's single quotes; nginx fills in the `$` names."""
    refusal = BY_STATUS[status]
    values = _values(status)
    wording = Wording(WORDING)
    bodies = {}
    for language in LANGUAGES:
        filled = values | {"trace_id": "$trace_id"}
        problem = {
            "type": f"/problems/{refusal.slug}",
            "title": wording.text(f"refusals.{refusal.slug}.title", language, **filled),
            "status": status,
            "detail": wording.text(f"refusals.{refusal.slug}.detail", language, **filled),
            "instance": "$instance",
            "trace_id": "$trace_id",
            **values,
        }
        body = json.dumps(problem, ensure_ascii=False, separators=(",", ":")).replace(f'"{LIMIT}"', LIMIT)
        bodies[language] = body.replace("\\", "\\\\").replace("'", "\\'")
    return bodies


def _values(status: int) -> dict[str, Any]:
    """What the wording of a status names."""
    return {413: {"limit": LIMIT}, 429: {"retry_after": 1}, 503: {"retry_after": RETRY_AFTER}}.get(status, {})


def _headers(status: int) -> dict[str, str]:
    headers = HEADERS | {"Content-Language": "$language", "Vary": "Accept-Language"}
    if retry_after := _values(status).get("retry_after"):
        headers["Retry-After"] = str(retry_after)
    if status == 405:
        headers["Allow"] = "GET"
    return headers


def main() -> None:
    """Write the configuration, or with --check fail when it is not up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if nginx.conf is not up to date")
    if not parser.parse_args().check:
        CONFIGURATION.write_text(render(), "utf-8")
    elif not CONFIGURATION.exists() or CONFIGURATION.read_text("utf-8") != render():
        sys.exit("deploy/gateway/nginx.conf is not up to date: run `make generate`")


if __name__ == "__main__":
    main()
