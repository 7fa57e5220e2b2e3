"""The compose file: well formed, closed to the outside, without a secret in it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.configuration import keys
from deploy.gateway.generate import DEPLOYED
from shared.settings import SERVICES
from tests.deploy.manifests import COMPOSE_FILE, DEPLOY, compose
from tests.fixtures.run import ROOT

ONE_SHOT = {"migrate", "topics", "cli"}
WITHOUT_SHELL = {"collector", "tempo"}
"""Images of a single binary, in which nothing could check anything; Prometheus watches these."""
WRITE_THEIR_ROOT = {"kafka", "keycloak"}
"""Images whose start script writes into the image's own folders."""


def parts() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = compose()["services"]
    return services


def test_it_follows_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_has_no_version_key() -> None:
    assert "version" not in compose()


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_runs_by_its_own_name(service: str) -> None:
    assert parts()[service]["command"] == ["python", "-m", f"services.{service}"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_gateway_knows_where_every_service_is(service: str) -> None:
    assert DEPLOYED["upstreams"][service] == f"{service}:8000"
    assert service in parts()["gateway"]["depends_on"]


def test_no_port_is_published_beyond_loopback() -> None:
    published = {port for part in parts().values() for port in part.get("ports", [])}
    assert published
    assert not [port for port in published if not port.startswith("127.0.0.1:")]


def test_whatever_keeps_running_has_a_health_check() -> None:
    without = {name for name, part in parts().items() if "healthcheck" not in part}
    assert without == ONE_SHOT | WITHOUT_SHELL


def test_whoever_waits_says_for_what() -> None:
    for name, part in parts().items():
        for dependency, how in part.get("depends_on", {}).items():
            expected = "service_completed_successfully" if dependency in ONE_SHOT else "service_healthy"
            assert how["condition"] == expected, f"{name} waits for {dependency}"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_after_migrations_and_topics(service: str) -> None:
    assert set(parts()[service]["depends_on"]) == {"postgres", "kafka", "migrate", "topics"}


def test_everything_runs_with_the_least_of_rights() -> None:
    for name, part in parts().items():
        assert part["cap_drop"] == ["ALL"], name
        assert part["security_opt"] == ["no-new-privileges:true"], name
        assert part.get("read_only", False) == (name not in WRITE_THEIR_ROOT), name
        assert not part.get("privileged") and not part.get("cap_add"), name
        assert "/var/run/docker.sock" not in str(part.get("volumes")), name


def test_databases_and_broker_cannot_be_reached_from_outside() -> None:
    assert compose()["networks"]["data"] == {"internal": True}
    for name in ("postgres", "kafka"):
        assert parts()[name]["networks"] == ["data"]


def test_whoever_reads_documents_reaches_a_bucket_outside_too() -> None:
    readers = {name for name, part in parts().items() if "files:/var/lib/mithaq/files" in part.get("volumes", [])}
    assert readers == {"agreements", "cli"}
    for name in readers:
        assert "edge" in parts()[name]["networks"], name


def test_secrets_come_from_files_that_the_script_makes(tmp_path: Path) -> None:
    script = DEPLOY / "docker" / "make-secrets.sh"
    subprocess.run([script, tmp_path], check=True)
    first = {file.name: file.read_text() for file in tmp_path.iterdir()}
    named = {name: Path(secret["file"]) for name, secret in compose()["secrets"].items()}
    used = {name for part in parts().values() for name in part.get("secrets", [])}
    assert set(first) == set(named) == used
    assert all(file.parent == Path("deploy/docker/secrets") and file.name == name for name, file in named.items())
    assert len(set(first.values())) == len(first)
    subprocess.run([script, tmp_path], check=True)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == first


def test_secret_files_stay_out_of_the_repository() -> None:
    folder = DEPLOY / "docker" / "secrets"
    tracked = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True)
    assert tracked.stdout.split() == ["deploy/docker/secrets/.gitignore"]


def test_no_environment_variable_carries_a_secret() -> None:
    for name, part in parts().items():
        for key, value in part.get("environment", {}).items():
            secret = re.search("password|secret|token|database_url|encryption_key", key, re.IGNORECASE)
            assert not secret or str(value).startswith("/run/secrets/"), f"{name}: {key}"


def test_every_setting_is_one_that_exists() -> None:
    known = {key for key, _ in keys()}
    used = {key for part in parts().values() for key in part.get("environment", {}) if key.startswith("MITHAQ_")}
    secrets = {name.upper() for name in compose()["secrets"] if name.startswith("mithaq_")}
    assert used | secrets <= known


def test_images_are_pinned_to_a_version() -> None:
    for name, part in parts().items():
        tag = part["image"].partition(":")[2]
        assert re.match(r"v?\d|\$\{MITHAQ_VERSION", tag), f"{name}: {part['image']}"
