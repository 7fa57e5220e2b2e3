"""The container image, as far as it can be judged without building it."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.deploy.manifests import DEPLOY
from tests.fixtures.run import ROOT

DOCKERFILE = DEPLOY / "docker" / "Dockerfile"


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_runs_as_nobody_in_particular() -> None:
    final = DOCKERFILE.read_text().rpartition("AS final")[2]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)


def test_no_build_tool_is_in_it() -> None:
    final = DOCKERFILE.read_text().rpartition("AS final")[2]
    assert "pip uninstall" in final
    assert not re.search("pip install|gcc|build-essential|curl|git", final)


def test_what_is_installed_is_pinned_by_hash() -> None:
    assert "--require-hashes" in DOCKERFILE.read_text()
    pins = (ROOT / "requirements" / "base.txt").read_text()
    requirements = re.findall(r"^([A-Za-z0-9][^\s;]*==[^\s]+)(.*(?:\n    .*)*)", pins, re.MULTILINE)
    assert requirements
    assert not [name for name, rest in requirements if "--hash=sha256:" not in rest]


@pytest.mark.slow
def test_the_wheel_carries_every_file_of_the_code(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    tracked = subprocess.run(
        ["git", "ls-files", "services", "shared", "cli"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    missing = set(filter(None, tracked)) - set(zipfile.ZipFile(wheel).namelist())
    assert not {file for file in missing if (ROOT / file).exists()}


def test_the_build_context_holds_only_what_is_copied() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignore
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE.read_text(), re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == allowed
