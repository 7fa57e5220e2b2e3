"""Traces, metrics and logs: what operators find when they look."""

import asyncio
import json
import os
import subprocess
import sys

import aiohttp
import pytest
from fastapi import APIRouter, FastAPI, Request
from opentelemetry.trace import SpanKind, format_trace_id
from pydantic import SecretStr

from shared import hosting, telemetry
from shared.hosting import Service
from shared.settings import PlatformSettings, ServiceSettings
from tests.fixtures.serving import Serve

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
SPEAK = """
import logging
import sys
from uuid import UUID
from shared import logs, telemetry
from shared.context import acting
from shared.settings import ServiceSettings
telemetry.configure("test", ServiceSettings())
with acting(correlation_id=UUID(int=1), causation_id=UUID(int=2)), telemetry.tracer.start_as_current_span("work"):
    logging.getLogger("library").warning("hello %s", "there", extra={"more": 1})
print([name for name in sys.modules if "exporter.otlp" in name])
"""


async def test_a_request_continues_the_callers_trace(serve: Serve) -> None:
    with telemetry.recorded() as spans:
        status, _ = await fetch(serve, "/api/v1/things")
    assert status == 200
    [span] = [span for span in spans.get_finished_spans() if span.kind is SpanKind.SERVER]
    assert span.name == "GET /api/v1/things"
    assert format_trace_id(span.context.trace_id) == TRACE


async def test_a_problem_names_the_trace_it_belongs_to(serve: Serve) -> None:
    with telemetry.recorded():
        status, body = await fetch(serve, "/api/v1/unknown")
    assert (status, json.loads(body)["trace_id"]) == (404, TRACE)


async def test_probes_leave_no_trace(serve: Serve) -> None:
    with telemetry.recorded() as spans:
        for path in ("/livez", "/readyz", "/metrics"):
            await fetch(serve, path)
    assert [span.name for span in spans.get_finished_spans() if span.kind is SpanKind.SERVER] == []


def test_a_stored_traceparent_is_continued() -> None:
    with telemetry.recorded() as spans, telemetry.continued(TRACEPARENT, "react", kind=SpanKind.CONSUMER, subject="x"):
        stored = telemetry.current_traceparent()
    assert stored is not None
    assert stored.split("-")[1] == TRACE
    [span] = [span for span in spans.get_finished_spans() if span.name == "react"]
    assert format_trace_id(span.context.trace_id) == TRACE


def test_without_a_reader_a_trace_goes_on_and_nothing_of_it_is_kept() -> None:
    with telemetry.recorded() as spans:
        pass
    with telemetry.continued(TRACEPARENT, "react", kind=SpanKind.CONSUMER) as span:
        stored = telemetry.current_traceparent()
        assert not span.is_recording()
    assert stored is not None
    assert stored.split("-")[1] == TRACE
    assert spans.get_finished_spans() == ()


@pytest.fixture(scope="module")
def spoken() -> subprocess.CompletedProcess[str]:
    """A process of its own that logged one line within a span, and told which exporters it loaded."""
    return subprocess.run([sys.executable, "-c", SPEAK], capture_output=True, text=True, check=True)


def test_a_log_line_names_the_trace_and_the_event_at_work(spoken: subprocess.CompletedProcess[str]) -> None:
    line = json.loads(spoken.stderr)
    assert line["event"] == "hello there"
    assert line["more"] == 1
    assert len(line["trace_id"]) == 32
    assert line["event_id"].endswith("2")
    assert line["correlation_id"].endswith("1")


def test_nothing_is_exported_unless_an_endpoint_is_named(spoken: subprocess.CompletedProcess[str]) -> None:
    assert spoken.stdout == "[]\n"


async def test_a_process_that_ends_has_sent_what_it_measured(serve: Serve) -> None:
    received: dict[str, bytes] = {}
    collector = FastAPI()

    @collector.post("/v1/{kind}")
    async def receive(kind: str, request: Request) -> None:
        received[kind] = await request.body()

    await end_with_something_to_send(await serve(collector))
    assert b"mithaq-test" in received["traces"] and b"work" in received["traces"]
    assert b"mithaq-test" in received["metrics"] and b"mithaq.loop.restarts" in received["metrics"]


async def test_a_collector_that_is_away_holds_nobody_up() -> None:
    assert await end_with_something_to_send("http://127.0.0.1:1") < 2 * telemetry.LAST_WORDS + 1


async def end_with_something_to_send(collector: str) -> float:
    """A process that measured something and ends; gives the seconds that its last words took."""
    measure = "import time\ntelemetry.restarts.add(1)\nbegan = time.monotonic()\ntelemetry.flush()"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"{SPEAK}\n{measure}\nprint(time.monotonic() - began)",
        env=os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return float(said.splitlines()[-1])


async def fetch(serve: Serve, path: str) -> tuple[int, str]:
    """Status and body of what a small service answers, called from within a trace."""
    async with (
        aiohttp.ClientSession(await serve(_app())) as client,
        client.get(path, headers={"traceparent": TRACEPARENT}) as response,
    ):
        return response.status, await response.text()


def _app() -> FastAPI:
    router = APIRouter(prefix="/api/v1")

    @router.get("/things")
    async def read_things() -> list[str]:
        return []

    platform = PlatformSettings(
        database_url=SecretStr("postgresql://nobody@127.0.0.1:1"), oidc_issuer="https://identity.test"
    )
    return hosting.create_app(Service("network", ServiceSettings(platform=platform), router), parts=["api"])
