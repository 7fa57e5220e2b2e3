"""Generates what the gateway knows of the services: the routing table and the merged OpenAPI document.

`python -m services.gateway.generate` writes both; with `--check` it only says whether they are up to date.
"""

import argparse
import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

from services.gateway.openapi import merged
from services.gateway.pages import OPENAPI
from services.gateway.routes import ROUTES, table_of
from shared.settings import PlatformSettings


def generated() -> dict[Path, str]:
    """The files and what they must hold."""
    documents = {name: app.openapi() for name, app in services().items()}
    paths = {name: list(document["paths"]) for name, document in documents.items()}
    return {ROUTES: _json(table_of(paths)), OPENAPI: _json(merged(documents))}


def services() -> Mapping[str, FastAPI]:
    """The services' apps, of which nothing runs."""
    # Services do not know each other; only `services.__main__` imports them all, and only while generating we ask it.
    everything = importlib.import_module("services.__main__")
    nowhere = PlatformSettings(
        database_url=SecretStr("postgresql://nobody@127.0.0.1:1"), oidc_issuer="https://issuer.invalid"
    )
    apps: Mapping[str, FastAPI] = everything.create_apps(nowhere)
    return apps


def stale() -> list[Path]:
    """The files that do not hold what they must."""
    return [file for file, text in generated().items() if not file.exists() or file.read_text("utf-8") != text]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def main() -> None:
    """Write or check."""
    parser = argparse.ArgumentParser(description="Generates the routing table and the merged OpenAPI document.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    if parser.parse_args().check:
        if late := stale():
            names = ", ".join(file.name for file in late)
            raise SystemExit(f"out of date: {names}; run python -m services.gateway.generate")
        return
    for file, text in generated().items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
