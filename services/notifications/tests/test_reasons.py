"""Why an attempt failed and an endpoint is disabled is told to each reader in their language, by codes that stay."""

import asyncio
import re
import socket
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from services.notifications import commands, guard, reasons
from services.notifications.notice import wording
from services.notifications.outcome import Code, Outcome
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OFFICER, OPERATOR, happening, registered, rows, told
from services.notifications.tests.conftest import Sending
from services.notifications.tests.receivers import answering, hang, receiver
from services.notifications.webhooks import WebhookClient
from shared.actor import NATIONAL
from shared.database import Database
from shared.language import LANGUAGES
from tests.fixtures.eventually import eventually
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

HERE = Path(reasons.__file__).parent
CODES = [key.removeprefix("values.reason.") for key in wording().keys("values.reason.")]
ENGLISH = re.compile(r"\b(the|is|not|its|was|of)\b")


async def tried(settings: NotificationsSettings, url: str) -> Outcome:
    """What comes of a post."""
    async with WebhookClient(settings.guard, deadline=0.3) as client:
        return await client.post(url, b"{}", {})


async def read(app: FastAPI, issuer: Issuer, path: str, language: str) -> Any:
    """What an academy's officer reads in a language."""
    async with client_of(app, issuer.token(OFFICER)) as client:
        return (await client.get(f"/api/v1/{path}", headers={"Accept-Language": language})).json()


async def log_of(app: FastAPI, issuer: Issuer, path: str) -> dict[str, list[Any]]:
    """The attempts by language."""
    return {each: (await read(app, issuer, f"{path}/attempts", each))["items"] for each in LANGUAGES}


def test_every_reason_is_one_that_the_code_gives_and_every_one_it_gives_has_words() -> None:
    """That attempts give no other than these is checked with the types: `Code` names them."""
    source = "\n".join(each.read_text("utf-8") for each in HERE.glob("*.py") if each.name != "outcome.py")
    of_attempts = set(get_args(Code))
    of_certificates = set(re.findall(r'CertificateRefused\(reason="(.+?)"\)', source))
    assert len(of_certificates) > 4
    assert {*of_attempts, *of_certificates, "returned"} == set(CODES), "what was taken may come back"
    assert [each for each in of_attempts if f'"{each}"' not in source] == []


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, "taken"),
        (204, "taken"),
        (302, "redirected"),
        (401, "not_accepted"),
        (404, "not_accepted"),
        (410, "gone"),
        (429, "too_many"),
        (500, "receiver_failed"),
        (503, "receiver_failed"),
    ],
)
async def test_what_a_receiver_answers_is_told_by_a_code_and_its_status_is_kept_beside_it(
    settings: NotificationsSettings, status: int, code: str
) -> None:
    async with receiver(answering(status)) as academy:
        outcome = await tried(settings, academy.url)
    assert (outcome.status, reasons.code_of(outcome.reason)) == (status, code)
    for language in LANGUAGES:
        assert f"HTTP {status}" in reasons.in_words(outcome.reason, language)


async def test_what_keeps_a_message_from_arriving_is_told_by_a_code_of_its_own(
    settings: NotificationsSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(guard.CheckedResolver, "lookup", nowhere)

    async def nonsense(_: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with receiver(hang) as academy, server:
        outcomes = [
            await tried(settings, url)
            for url in (
                "http://127.0.0.1:1/",
                academy.url,
                f"http://127.0.0.1:{port}/",
                academy.url.replace("http:", "https:"),
                "https://nowhere.invalid/",
                "https://10.0.0.1/",
                "https://169.254.169.254/",
                "http://academie.example/",
                "https://academie.example:25/",
            )
        ]
    assert [each.reason for each in outcomes] == [
        "connection_refused",
        "timeout",
        "not_http",
        "tls_not_spoken",
        "name_not_resolved",
        "address_private",
        "address_metadata",
        "address_no_https",
        "address_port",
    ]


@pytest.mark.parametrize(
    "headers",
    [b"set-cookie: " + b"x" * 9000 + b"\r\n", b"".join(b"x-%d: y\r\n" % number for number in range(200))],
    ids=["a long one", "many"],
)
async def test_an_answer_with_more_headers_than_are_read_is_said_to_be_that_and_not_to_be_no_http(
    settings: NotificationsSettings, headers: bytes
) -> None:
    async def wordy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\n" + headers + b"content-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(wordy, "127.0.0.1", 0) as server:
        outcome = await tried(settings, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert (outcome.result, outcome.reason) == ("failed", "headers_too_long")


async def test_each_reader_reads_in_their_language_why_an_attempt_failed_and_why_nothing_more_is_sent(
    app: FastAPI, issuer: Issuer, database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver(answering(503, 410)) as academy:
        id = (await registered(database, settings, academy.url)).endpoint.id
        (event,) = await told(database)
        assert (await read(app, issuer, f"endpoints/{id}/health", "fr"))["disabled"] is None
        async with sending():

            async def ended() -> None:
                assert await rows(database, "select enabled from lane") == [(False,)]

            await eventually(ended)
    ((delivery,),) = await rows(database, "select id from delivery")
    for path in (f"endpoints/{id}", f"deliveries/{delivery}"):
        for language, log in (await log_of(app, issuer, path)).items():
            assert [(each["code"], each["status"]) for each in log] == [("gone", 410), ("receiver_failed", 503)]
            assert [each["reason"] for each in log] == [
                reasons.in_words(f"gone HTTP {410}", language),
                reasons.in_words(f"receiver_failed HTTP {503}", language),
            ]
            assert bool(ENGLISH.search(log[1]["reason"])) == (language == "en")
    for language in LANGUAGES:
        (owed,) = (await read(app, issuer, "deliveries", language))["items"]
        assert owed == await read(app, issuer, f"deliveries/{delivery}", language)
        assert (owed["code"], owed["reason"]) == ("gone", reasons.in_words("gone HTTP 410", language))
    said = {each: await read(app, issuer, f"endpoints/{id}/health", each) for each in LANGUAGES}
    assert {each["disabled"]["because"] for each in said.values()} == {"gone"}
    assert {each["last_failure"]["code"] for each in said.values()} == {"gone"}
    assert len({each["disabled"]["reason"] for each in said.values()}) == len(LANGUAGES)
    for language in LANGUAGES:
        (one,) = (await read(app, issuer, f"notifications/{event.id}/explanation", language))["told"]
        assert one["sending"]["code"] == "gone"
        assert one["sending"]["reason"] == said[language]["last_failure"]["reason"]
    await commands.enable_endpoint(database, id, by=OPERATOR)
    assert (await read(app, issuer, f"endpoints/{id}/health", "fr"))["disabled"] is None


async def test_an_attempt_from_before_there_were_codes_keeps_the_words_it_has(
    app: FastAPI, issuer: Issuer, database: Database, settings: NotificationsSettings
) -> None:
    old = ["HTTP 404", "TLS failed: its certificate has expired", "address not allowed: private", "not connected"]
    id = (await registered(database, settings, "https://academie.example/")).endpoint.id
    await told(database, happening())
    async with database.transaction(NATIONAL) as tx:
        for reason in old:
            insert = """
                insert into attempt (delivery_id, endpoint_id, academy, event_id, at, milliseconds, result, reason)
                select id, endpoint_id, academy, event_id, now(), 1, 'failed', :reason from delivery
            """
            await tx.execute(text(insert), {"reason": reason})
    for log in (await log_of(app, issuer, f"endpoints/{id}")).values():
        assert [(each["code"], each["reason"]) for each in reversed(log)] == [(None, each) for each in old]


async def test_why_an_address_is_refused_is_told_in_the_reader_s_language(app: FastAPI, issuer: Issuer) -> None:
    async with client_of(app, issuer.token(OFFICER)) as client:
        for language in LANGUAGES:
            body = {"channel": "webhook", "address": "https://10.0.0.1/avis"}
            refused = await client.post("/api/v1/endpoints", json=body, headers={"Accept-Language": language})
            problem = refused.json()
            assert (refused.status_code, problem["reason"]) == (422, "address_private")
            assert wording().text("values.reason.address_private", language) in problem["detail"]
