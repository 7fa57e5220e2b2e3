"""The samples that receivers start from: each believes our very bytes, and nothing altered, old or another's."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from services.notifications import signing
from services.notifications.endpoint import Scheme
from services.notifications.keys import new_secret, shown
from services.notifications.tests.builders import notice
from services.notifications.tests.receivers import receiver
from shared.clock import now
from shared.events.agreements import AgreementSigned
from shared.ids import new_id
from tests.fixtures.run import ROOT

SAMPLES = ROOT / "docs" / "webhooks"
RUNTIMES = {"python": "python3", "node": "node", "php": "php", "java": "javac", "shell": "openssl"}
PUBLIC_TOO = ("python", "node", "php", "java")
"""Where `v1a` is verified too; in the shell it would need files."""
SECRET, OTHER = new_secret(), new_secret()
BODY = (
    notice(AgreementSigned.model_validate(AgreementSigned.example)).body(academy="MA-06", sequence=3, language="ar")
    + b"\n"
)
"""With Arabic in it, and a line break at its end: what a careless reader of bodies loses."""

Sample = Callable[..., bool]


@pytest.fixture(scope="module", params=RUNTIMES)
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """One language's sample, as `sample(headers, body)`: whether it believes the request."""
    runtime = RUNTIMES[request.param]
    if not shutil.which(runtime):
        pytest.skip(f"{runtime} is not on this machine")
    command = {
        "python": [sys.executable, SAMPLES / "verify.py"],
        "node": ["node", SAMPLES / "verify.mjs"],
        "php": ["php", SAMPLES / "verify.php"],
        "shell": ["sh", SAMPLES / "verify.sh"],
    }.get(request.param) or _compiled(tmp_path_factory.mktemp("java"))

    def run(headers: dict[str, str], body: bytes, secret: str = shown(SECRET), *now: str) -> bool:
        given = [*(headers[f"webhook-{each}"] for each in ("id", "timestamp", "signature")), *now]
        environment = os.environ | {"WEBHOOK_SECRET": secret}
        done = subprocess.run(
            [*command, *given], input=body, env=environment, capture_output=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout) in ((0, b"genuine\n"), (1, b"refused\n")), done.stderr.decode()
        return done.returncode == 0

    return run


def _compiled(folder: Path) -> list[str | Path]:
    subprocess.run(["javac", "-d", folder, SAMPLES / "Verify.java"], check=True, timeout=60)
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", folder, "Verify"]


def _signed(*secrets: bytes, at: datetime | None = None, scheme: Scheme = "v1") -> dict[str, str]:
    return signing.headers(new_id(), at or now(), BODY, [signing.signer(scheme, each) for each in secrets])


def test_it_believes_our_bytes_also_while_a_secret_is_replaced(sample: Sample) -> None:
    assert sample(_signed(SECRET), BODY)
    assert sample(_signed(OTHER, SECRET), BODY)


def test_it_believes_no_altered_byte(sample: Sample) -> None:
    headers = _signed(SECRET)
    assert not sample(headers, BODY.removesuffix(b"\n"))
    assert not sample(headers, BODY.replace(b"MA-06", b"MA-05"))
    assert not sample(headers | {"webhook-id": str(new_id())}, BODY)


def test_it_believes_nobody_else(sample: Sample) -> None:
    assert not sample(_signed(OTHER), BODY)
    headers = _signed(SECRET)
    assert not sample(headers | {"webhook-signature": headers["webhook-signature"].replace("v1,", "v1a,")}, BODY)
    assert not sample(headers | {"webhook-signature": ""}, BODY)


def test_it_believes_nothing_from_more_than_five_minutes_away(sample: Sample) -> None:
    for minutes in (-6, 6):
        assert not sample(_signed(SECRET, at=now() + timedelta(minutes=minutes)), BODY)
    assert not sample(_signed(SECRET) | {"webhook-timestamp": "soon"}, BODY)


@pytest.mark.parametrize("sample", PUBLIC_TOO, indirect=True)
def test_with_a_public_key_it_believes_ed25519_alone(sample: Sample) -> None:
    key = signing.Public(SECRET).public_key
    headers = _signed(SECRET, scheme="v1a")
    assert sample(headers, BODY, key)
    both = _signed(OTHER, SECRET, scheme="v1a")
    assert sample(both | {"webhook-signature": f"v1,bm8= {both['webhook-signature']}"}, BODY, key)
    assert not sample(headers, BODY + b" ", key)
    assert not sample(_signed(OTHER, scheme="v1a"), BODY, key)
    assert not sample(_signed(SECRET), BODY, key)
    assert not sample(headers | {"webhook-signature": "v1a,bm8="}, BODY, key)
    assert not sample(_signed(SECRET, scheme="v1a", at=now() + timedelta(minutes=6)), BODY, key)


def test_it_says_of_every_vector_what_is_to_be_said(sample: Sample, request: pytest.FixtureRequest) -> None:
    for vector in json.loads((SAMPLES / "vectors.json").read_text())["vectors"]:
        if vector["scheme"] == "v1" or request.node.callspec.params["sample"] in PUBLIC_TOO:
            said = sample(vector["headers"], vector["body"].encode(), vector["secret"], str(vector["now"]))
            assert said == vector["genuine"], vector["title"]


async def test_what_the_curl_sample_sends_is_what_we_would_send() -> None:
    async with receiver() as academy:
        process = await asyncio.create_subprocess_exec(
            *("sh", str(SAMPLES / "send.sh"), academy.url),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"WEBHOOK_SECRET": shown(SECRET)},
        )
        said, _ = await asyncio.wait_for(process.communicate(BODY), 30)
    assert said == b"200\n"
    ((headers, body),) = academy.received
    assert body == BODY
    Webhook(shown(SECRET)).verify(body, headers)
