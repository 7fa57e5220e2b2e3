"""A database server as the containers start it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.embedded.postgres import EmbeddedPostgres, binaries
from tests.deploy.manifests import DEPLOY


@pytest.fixture
def server_with_logins(tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh server on which the first-start script of the containers has run.

    The secrets it was made with are in `tmp_path / "secrets"`.
    """
    subprocess.run([DEPLOY / "docker" / "make-secrets.sh", tmp_path / "secrets"], check=True)
    server = EmbeddedPostgres(tmp_path / "database", durable=False)
    url = server.start()
    try:
        host = parse_qs(urlsplit(url).query)["host"][0]
        environment = os.environ | {
            "PATH": f"{binaries()}:{os.environ['PATH']}",
            "PGHOST": host,
            "POSTGRES_USER": "postgres",
            "SECRETS": str(tmp_path / "secrets"),
        }
        subprocess.run([DEPLOY / "docker" / "postgres" / "roles.sh"], env=environment, check=True, timeout=30)
        yield url
    finally:
        server.wipe()
