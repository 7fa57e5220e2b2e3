"""Where benchmarks run: a durable PostgreSQL and a real Apache Kafka of their own, gone afterwards."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, TypeVar

from shared import server
from shared.database import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.messaging.broker import Broker, open_broker
from shared.migrations import migrate
from shared.settings import PlatformSettings, database_on
from tests.fixtures.kafka import a_kafka

T = TypeVar("T")
PATIENCE = 90.0
"""Seconds that a process may take to be ready."""


@contextmanager
def a_server() -> Iterator[str]:
    """A PostgreSQL server that syncs what it commits; its URL."""
    with tempfile.TemporaryDirectory(prefix="mithaq-bench-") as directory:
        postgres = EmbeddedPostgres(Path(directory))
        try:
            yield postgres.start()
        finally:
            postgres.stop()
            postgres.wipe()


@contextmanager
def a_bootstrap() -> Iterator[str]:
    """The bootstrap server of a real Apache Kafka, tuned for figures."""
    with tempfile.TemporaryDirectory(prefix="mithaq-bench-") as directory:
        kafka = a_kafka(Path(directory), fast=True)
        try:
            yield kafka.bootstrap
        finally:
            kafka.kill()


@asynccontextmanager
async def databases(server_url: str, service: str) -> AsyncIterator[tuple[Database, Database, Database]]:
    """A service's database as its owner, as the service and as its relay."""
    url = database_on(server_url, service)
    owner, app, relay = Database(url, role=None), Database(url), Database(url, role="mithaq_relay")
    try:
        yield owner, app, relay
    finally:
        for each in (owner, app, relay):
            await each.dispose()


def prepare(server_url: str, service: str) -> None:
    """Migrate a service's database. Call it outside a running loop."""
    migrate(service, server_url)


def kafka_broker(bootstrap: str) -> Broker:
    """The kafka adapter on this broker."""
    return open_broker(PlatformSettings(broker="kafka", kafka_bootstrap=bootstrap), name="bench")


def run(benchmark: Coroutine[Any, Any, T]) -> T:
    """Run a benchmark on the event loop that services run on."""
    return server.run(benchmark)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def plain_environment() -> dict[str, str]:
    """The environment of a process that runs as anywhere else: default settings, compiled modules kept."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MITHAQ_") and name != "PYTHONDONTWRITEBYTECODE"
    }


def wait_until_ready(port: int, path: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until this address answers 200. RuntimeError if the process ends, or after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        with suppress(OSError, HTTPException):
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        connection.close()
        time.sleep(0.1)
    raise RuntimeError(f"port {port} is not ready (exit code {process.poll()})")


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The process inside the block; afterwards it is told to stop, and killed if it does not."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
