"""The containers without containers: compose's own commands, environment and secrets, as processes on this machine."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import pytest

from shared.settings import SERVICES
from tests.deploy.manifests import compose
from tests.fixtures.eventually import eventually
from tests.fixtures.kafka import KafkaServer
from tests.fixtures.ports import free_port
from tests.fixtures.run import ROOT, begin

PROGRAMS = {"python": [sys.executable], "mithaq": [sys.executable, "-m", "cli"]}
REFERENCE = re.compile(r"\$\{\w+:?-([^}]*)\}")
"""A variable that compose replaces, with the default it then has."""


class Containers:
    """What compose would run, here: each part's own login on this server, this Kafka, ports of loopback."""

    def __init__(self, server: str, kafka: str, secrets: Path) -> None:
        self.server = server
        self.kafka = kafka
        self.secrets = secrets
        self.running: list[subprocess.Popen[bytes]] = []
        self.logs: list[BinaryIO] = []

    def start(self, name: str, *, instead: list[str] | None = None, **changes: str) -> subprocess.Popen[bytes]:
        """Start a part of the compose file; `instead` replaces its command."""
        part = compose()["services"][name]
        program, *arguments = instead or part["command"]
        environment = {key: REFERENCE.sub(r"\1", str(value)) for key, value in part["environment"].items()}
        environment |= {secret.upper(): self._secret(secret) for secret in part["secrets"]}
        environment |= {"MITHAQ_KAFKA_BOOTSTRAP": self.kafka, "MITHAQ_HOST": "127.0.0.1"} | changes
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("MITHAQ_", "OTEL_"))}
        log = (self.secrets.parent / f"{name}.out").open("w+b")
        self.logs.append(log)
        command = [*PROGRAMS[program], *arguments]
        process = begin(command, env=kept | environment, cwd=ROOT, stdout=log)
        self.running.append(process)
        return process

    async def finish(self, name: str, *, instead: list[str] | None = None) -> str:
        """Run a part to its end; what it printed. AssertionError if it failed."""
        process = self.start(name, instead=instead)
        code = await asyncio.to_thread(process.wait, 120)
        assert code == 0, f"{name} ended with {code}"
        return (self.secrets.parent / f"{name}.out").read_text()

    def _secret(self, name: str) -> str:
        """A secret's value, with this server in place of the container's."""
        value = (self.secrets / name).read_text()
        if not name.endswith("_url"):
            return value
        login, database = urlsplit(value).username, urlsplit(value).path
        here = urlsplit(self.server)
        owner = login == "mithaq"
        return urlunsplit(
            here._replace(netloc=here.netloc if owner else f"{login}@", path=here.path if owner else database)
        )


@pytest.fixture
def containers(server_with_logins: str, own_kafka: KafkaServer, tmp_path: Path) -> Iterator[Containers]:
    """The containers, of which none runs yet."""
    containers = Containers(server_with_logins, own_kafka.bootstrap, tmp_path / "secrets")
    yield containers
    for process in containers.running:
        process.terminate()
    for process in containers.running:
        process.wait(30)
    for log in containers.logs:
        log.close()


@pytest.mark.kafka
@pytest.mark.slow
class TestContainers:
    """One system, started in compose's order."""

    async def test_every_service_works_under_its_own_login_and_events_reach_every_group(
        self, containers: Containers
    ) -> None:
        await containers.finish("migrate")
        await containers.finish("topics")
        doors = {}
        for service in SERVICES:
            port = free_port()
            containers.start(service, MITHAQ_PORT=str(port))
            doors[service] = f"http://127.0.0.1:{port}"

        async def report(service: str) -> str:
            try:
                async with aiohttp.ClientSession(doors[service]) as client, client.get("/readyz?verbose") as response:
                    text = await response.text()
                    assert response.status == 200, f"{service}: {text}"
                    return text
            except aiohttp.ClientConnectionError as error:
                raise AssertionError(f"{service} does not listen") from error

        for service in SERVICES:
            assert "[-]" not in await eventually(partial(report, service), within=90, every=0.2)

        # The institutions that the register begins with are told to everybody.
        async def all_seen() -> bool:
            lags = json.loads(await containers.finish("cli", instead=["mithaq", "lag", "-o", "json"]))
            return bool(lags) and not any(row["behind"] for row in lags)

        await eventually(all_seen, within=60, every=0.5)
        told = await containers.finish("cli", instead=["mithaq", "events", "tail", "--since", "1h", "-o", "json"])
        assert "ma.mithaq.organisation.registered.v1" in told
        assert json.loads(await containers.finish("cli", instead=["mithaq", "parked", "ls", "-o", "json"])) == []
