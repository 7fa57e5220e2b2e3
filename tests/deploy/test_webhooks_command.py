"""mithaq webhooks: an academy's endpoints from the command line, and a receiver under development."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook

from cli.output import percent
from cli.webhooks.door import refusal
from shared.bidi import apart
from tests.deploy.test_command_line import Result, Started, records, run, started

__all__ = ["started"]
pytestmark = pytest.mark.timeout(180)

Webhooks = Callable[..., Result]


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    def do_POST(self) -> None:
        """Keep the request, and accept it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[ThreadingHTTPServer]:
    """A receiver on loopback; `received` are its requests."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.received = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def webhooks(started: Started) -> Webhooks:
    """Run `mithaq webhooks …` as the operator of that platform."""
    url = re.findall(r"http://127\.0\.0\.1:\d+", "".join(started.said))[0]
    return lambda *arguments: run(started.data_dir, "webhooks", "--url", url, *arguments)


def record(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_an_endpoint_lives_its_whole_life_from_the_command_line(
    webhooks: Webhooks, receiver: ThreadingHTTPServer
) -> None:
    address = f"http://127.0.0.1:{receiver.server_port}/avis"
    issued = record(webhooks("register", address, "--academy", "MA-06", "--language", "fr", "-o", "json"))
    id = issued["id"]
    assert [each["id"] for each in records(webhooks("endpoints", "--academy", "MA-06", "-o", "json"))] == [id]
    assert record(webhooks("test", id, "-o", "json"))["id"] == id

    deadline = time.monotonic() + 20
    while not (tried := records(webhooks("attempts", id, "-o", "json"))):
        assert time.monotonic() < deadline, "nothing was sent"
        time.sleep(0.1)
    assert tried[0]["result"] == "delivered"
    headers, body = receiver.received[0]  # type: ignore[attr-defined]
    Webhook(issued["secret"]).verify(body, headers)

    owed = [each["id"] for each in records(webhooks("deliveries", "--endpoint", id, "-o", "json"))]
    made = [one for each in owed for one in records(webhooks("attempts", each, "--delivery", "-o", "json"))]
    assert body.decode() in [one["body"] for one in made], "what was sent, to the byte"

    changed = record(webhooks("change", id, "--language", "ar", "--rate", "2", "-o", "json"))
    assert (changed["language"], changed["rate"], changed["address"]) == ("ar", 2.0, address)
    rotated = record(webhooks("rotate", id, "--signature", "v1a", "--overlap", "0", "-o", "json"))
    assert rotated["secret"] is None, "who verifies by a public key is shown no secret"
    assert [key["scheme"] for key in rotated["keys"] if key["until"] is None] == ["v1a"]
    assert record(webhooks("identify", id, "-o", "json"))["identity"] is None
    assert record(webhooks("rotate", id, "--signature", "v1", "-o", "json"))["secret"] != issued["secret"]
    assert record(webhooks("pause", id, "-o", "json"))["state"] == "paused"
    assert record(webhooks("resume", id, "-o", "json"))["state"] == "active"
    assert record(webhooks("health", id, "-o", "json"))["success_rate"] == 1
    assert re.search(r"success_rate +100\.0%", webhooks("health", id).stdout)
    assert record(webhooks("disable", id, "--yes", "-o", "json"))["state"] == "disabled"
    assert record(webhooks("enable", id, "-o", "json"))["state"] == "active"
    delivery = records(webhooks("deliveries", "--endpoint", id, "-o", "json"))[0]["id"]
    assert record(webhooks("resend", delivery, "-o", "json"))["id"] == delivery
    assert record(webhooks("recover", id, "--since", "1h", "-o", "json"))["endpoint_id"] == id
    assert record(webhooks("replay", id, "--since", "1h", "-o", "json"))["deliveries"] > 0


def test_one_failure_in_a_thousand_is_not_shown_as_none() -> None:
    assert [percent(part) for part in (None, 0, 0.001, 0.984, 0.999, 1)] == [
        None,
        "0.0%",
        "0.1%",
        "98.4%",
        "99.9%",
        "100.0%",
    ]


def test_a_refusal_by_the_state_of_things_sends_nobody_to_the_help() -> None:
    assert refusal(409, {"title": "Too many secrets are still valid"}).run == "mithaq webhooks endpoints"
    assert refusal(412, {}).run == refusal(503, {}).run == "the same command again"


def test_a_receiver_under_development_gets_what_an_academy_is_told_signed(
    webhooks: Webhooks, receiver: ThreadingHTTPServer
) -> None:
    for _ in range(2):
        webhooks("register", "https://127.0.0.1:1/avis", "--academy", "MA-07")
    deadline = time.monotonic() + 20
    while len(told := records(webhooks("feed", "--academy", "MA-07", "-o", "json"))) < 2:
        assert time.monotonic() < deadline, "nothing was told"
        time.sleep(0.1)
    forward, secret = f"http://localhost:{receiver.server_port}/", "whsec_" + "A" * 43 + "="
    arguments = ("--forward", forward, "--academy", "MA-07", "--after", "0", "--limit", "2", "--secret", secret)
    done = webhooks("listen", *arguments, "-o", "json")
    assert done.exit_code == 0, done.stderr
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()] == [204, 204]
    for (headers, body), notice in zip(receiver.received, told[:2], strict=True):  # type: ignore[attr-defined]
        assert Webhook(secret).verify(body, headers) == notice


def test_listening_forwards_to_this_machine_only(webhooks: Webhooks) -> None:
    done = webhooks("listen", "--forward", "https://academie.example/avis", "--academy", "MA-07")
    assert done.exit_code == 2
    assert "mithaq webhooks register" in done.stderr.splitlines()[-1]


def test_what_the_platform_refuses_is_said_in_its_words(webhooks: Webhooks) -> None:
    done = webhooks("register", "https://10.0.0.1/avis", "--academy", "MA-06")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "10.0.0.1" in done.stderr
    assert webhooks("health", "01920000-0000-7000-8000-000000000000").exit_code == 3


def test_what_nobody_heard_is_listed_and_explained_in_the_reader_s_language(webhooks: Webhooks) -> None:
    id = record(webhooks("register", "https://127.0.0.1:1/avis", "--academy", "MA-08", "-o", "json"))["id"]
    webhooks("disable", id, "--yes")
    deadline = time.monotonic() + 20
    while not (found := [each for each in _unheard(webhooks) if "MA-08" in each["unheard"]]):
        assert time.monotonic() < deadline, "nothing is listed"
        time.sleep(0.1)
    assert found[0]["type"] == "ma.mithaq.endpoint.disabled.v1"
    said = {
        language: record(webhooks("--language", language, "explain", found[0]["id"], "-o", "json"))
        for language in ("ar", "fr", "en")
    }
    assert len({each["summary"] for each in said.values()}) == 3
    reasons = {language: _reason_of(id, each["not_told"]) for language, each in said.items()}
    assert len(set(reasons.values())) == 3, reasons
    assert reasons["fr"] in webhooks("--language", "fr", "explain", found[0]["id"]).stdout
    assert webhooks("explain", id).exit_code == 3
    shown = webhooks("explain", apart(found[0]["id"])).stdout
    assert all(f"{title}:" in shown for title in ("told", "not told", "sent later"))


def test_an_endpoint_is_told_in_the_language_that_its_registrar_speaks_unless_another_is_said(
    webhooks: Webhooks,
) -> None:
    register = ("register", "https://127.0.0.1:1/avis", "--academy", "MA-09")
    assert record(webhooks("--language", "en", *register, "-o", "json"))["language"] == "en"
    assert record(webhooks("--language", "en", *register, "--language", "ar", "-o", "json"))["language"] == "ar"
    assert webhooks(*register, "--language", "de").exit_code == 2


def _reason_of(endpoint: str, not_told: list[dict[str, Any]]) -> str:
    return next(str(one["reason"]) for one in not_told if one["recipient"] == endpoint)


def _unheard(webhooks: Webhooks) -> list[dict[str, Any]]:
    return records(webhooks("unheard", "-o", "json"))


@pytest.mark.parametrize(
    ("language", "words"), [("ar", "لا نتصل إلا بواسطة"), ("fr", "seul https"), ("en", "only https")]
)
def test_what_the_platform_says_is_asked_for_in_one_language(webhooks: Webhooks, language: str, words: str) -> None:
    done = webhooks("--language", language, "register", "http://academie.example/", "--academy", "MA-06")
    assert words in done.stderr
    wrong = webhooks(
        "--language", language, "register", "a@academie.example", "--academy", "MA-06", "--concurrency", "0"
    )
    assert "#/concurrency" in wrong.stderr, "each value that is not acceptable is named"


def test_a_receiver_that_verifies_by_a_public_key_is_shown_it(webhooks: Webhooks) -> None:
    shown = webhooks("register", "https://127.0.0.1:1/a", "--academy", "MA-09", "--signature", "v1a")
    assert "whpk_" in shown.stdout


def test_a_time_further_back_than_time_goes_is_refused(webhooks: Webhooks) -> None:
    done = webhooks("recover", "01920000-0000-7000-8000-000000000000", "--since", "9999999999d")
    assert (done.exit_code, done.exception.__class__) == (2, SystemExit)


def test_the_catalogue_shows_schema_and_example_of_every_type(webhooks: Webhooks) -> None:
    types = [each["type"] for each in records(webhooks("catalogue", "-o", "json"))]
    shown = record(webhooks("catalogue", types[0], "-o", "json"))
    assert shown["example"].keys() <= shown["schema"]["properties"].keys()
    assert webhooks("catalogue", "ma.mithaq.nothing.v1").exit_code == 3
