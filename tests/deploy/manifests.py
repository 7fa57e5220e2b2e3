"""What the deployments say, read as data."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fixtures.run import ROOT

Manifest = dict[str, Any]

DEPLOY = ROOT / "deploy"
COMPOSE_FILE = ROOT / "docker-compose.yml"
KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = ("single-node", "production")


@cache
def compose() -> Manifest:
    """docker-compose.yml, with its anchors resolved."""
    loaded: Manifest = yaml.safe_load(COMPOSE_FILE.read_text("utf-8"))
    return loaded


def rendered(overlay: str) -> str:
    """An overlay as kubectl would apply it. Skips the test without kubectl; in CI it must be there."""
    if not shutil.which("kubectl"):
        reason = "kubectl is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return _kustomized(KUBERNETES / "overlays" / overlay)


def resources(overlay: str, *kinds: str) -> list[Manifest]:
    """The overlay's resources of these kinds, or all of them."""
    return [each for each in _parsed(rendered(overlay)) if not kinds or each["kind"] in kinds]


def pods(overlay: str) -> list[Manifest]:
    """The pod specifications of everything that runs pods, each with `name` and `kind` of what it belongs to."""
    return [
        each["spec"]["template"]["spec"] | {"name": each["metadata"]["name"], "kind": each["kind"]}
        for each in resources(overlay, "Deployment", "StatefulSet", "Job")
    ]


@cache
def _parsed(text: str) -> list[Manifest]:
    return [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]


@cache
def _kustomized(folder: Path) -> str:
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
