"""A sitting of sixteen agreements with five signers each; the platform is killed in mid-batch, twice."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import pytest
from sqlalchemy import text

from cli.demo.client import JSON, Client, Refused
from cli.demo.desk import LEGAL, MINISTRY, Desk, draft, party
from shared.actor import NATIONAL
from shared.database import Database
from shared.embedded.identity import load_credentials
from shared.ids import new_id
from shared.settings import database_on
from shared.territory import ACADEMIES, MINISTRY_ID
from tests.fixtures.eventually import eventually
from tests.fixtures.run import ROOT, begin

pytestmark = pytest.mark.timeout(180)

ACADEMY, PROVINCE = "MA-06", "MA-CAS"
AGREEMENTS, SIGNERS = 16, 5
SIGNED = text("select count(*) from journal where type = 'ma.mithaq.agreement.party_signed.v1'")


class Platform:
    """Everything in one process of its own, on one port, to be killed and started again."""

    def __init__(self, url: str, data_dir: Path, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self._environment = os.environ | {
            "MITHAQ_DATABASE_URL": url,
            "MITHAQ_DATA_DIR": str(data_dir),
            "MITHAQ_PORT": str(port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self._process = begin(
            [sys.executable, "-m", "services"],
            env=self._environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await eventually(self._ready, within=60, every=0.1)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self._process
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    async def _ready(self) -> bool:
        with suppress(aiohttp.ClientError):
            async with aiohttp.ClientSession() as session, session.get(f"{self.address}/readyz") as answer:
                return answer.status == 200
        return False


@pytest.fixture
async def started(server_url: str, tmp_path: Path) -> AsyncIterator[tuple[Platform, Client, Database]]:
    """A platform that runs, a client of it, and a look at its journal."""
    url = urlunsplit(urlsplit(server_url)._replace(path=f"/s{new_id().hex[-10:]}"))
    platform = Platform(url, tmp_path, _free_port())
    journal = Database(database_on(url, "agreements"), role=None, pool_size=1)
    try:
        await platform.start()
        async with Client(platform.address, load_credentials(tmp_path)) as client:
            yield platform, client, journal
    finally:
        platform.kill()
        await journal.dispose()


async def frozen(desk: Desk) -> list[JSON]:
    """The sixteen agreements: academy, association, ministry, funder and host sign each."""
    await desk.mandate_institutions([ACADEMY])
    funder = await desk.register_organisation("funder", {"ar": "جهة مانحة (وهمية)", "fr": "Bailleur (fictif)"})
    host = await desk.register_organisation("host", {"ar": "مؤسسة مضيفة (وهمية)", "fr": "Hôte (fictif)"})
    made = []
    for number in range(AGREEMENTS):
        name = {"ar": f"جمعية {number} (وهمية)", "fr": f"Association {number} (fictive)"}
        operator = await desk.register_association(number, ACADEMY, PROVINCE, name)
        parties = [
            party(ACADEMIES[ACADEMY].organisation_id, "granting_authority"),
            party(operator, "operator"),
            party(MINISTRY_ID, "supervising_ministry"),
            party(funder, "funder"),
            party(host, "premises_host"),
        ]
        title = {"ar": f"اتفاقية {number} (وهمية)", "fr": f"Convention {number} (fictive)"}
        body = draft("academy-association", ACADEMY, title, parties)
        drafted = await desk.client.post("officer-ma-06", "agreements", body)
        made.append(await desk.approve(await desk.negotiate(drafted)))
    return made


async def test_a_sitting_that_is_killed_in_mid_batch_loses_no_signature_and_doubles_none(
    started: tuple[Platform, Client, Database],
) -> None:
    platform, client, journal = started
    desk = Desk(client)
    agreements = await frozen(desk)
    ceremony = await open_sitting(desk, agreements)
    screen = await client.post(MINISTRY, f"ceremonies/{ceremony['id']}/screens")

    async def signed(at_least: int = 0) -> int:
        async with journal.transaction(NATIONAL) as tx:
            given = int((await tx.execute(SIGNED)).scalar_one())
        assert given >= at_least
        return given

    by_organisation: dict[str, list[JSON]] = {}
    for agreement in agreements:
        for each in agreement["parties"]:
            item = {"agreement_id": agreement["id"], "party_id": each["party_id"], "text_hash": agreement["text_hash"]}
            by_organisation.setdefault(each["organisation_id"], []).append(item)

    async def sign_all(organisation: str) -> None:
        body = {"items": by_organisation[organisation], "ceremony_id": ceremony["id"]}
        with suppress(aiohttp.ClientError):
            await client.post(desk.signers[organisation], "signature-batches", body)

    batches = [asyncio.create_task(sign_all(organisation)) for organisation in by_organisation]
    for reached in (10, 40):
        await eventually(partial(signed, reached), within=60, every=0.005)
        platform.kill()
        await asyncio.gather(*batches)
        assert await signed() < AGREEMENTS * SIGNERS, "killed in the middle"
        await platform.start()
    # Whoever got no answer asks again; what an earlier batch signs meanwhile is refused as signed already.
    batches = [asyncio.create_task(sign_all(organisation)) for organisation in by_organisation]
    await asyncio.gather(*batches)

    async def all_in_force() -> bool:
        return len(await client.all(MINISTRY, "agreements", state="in_force")) == AGREEMENTS

    await eventually(all_in_force, within=60, every=0.2)
    parties: Counter[str] = Counter()
    for agreement in agreements:
        entries = await client.all(MINISTRY, f"agreements/{agreement['id']}/history")
        parties.update(each["data"]["party_id"] for each in entries if each["type"].endswith("party_signed.v1"))
        assert [each["version"] for each in entries] == list(range(1, len(entries) + 1))
    assert len(parties) == AGREEMENTS * SIGNERS and set(parties.values()) == {1}
    board = await shown_on(f"{platform.address}{screen['path']}")
    assert f"{AGREEMENTS} / {AGREEMENTS}" in board and board.count(f"{SIGNERS} / {SIGNERS} ✓") == AGREEMENTS
    ceremony = await client.get(MINISTRY, f"ceremonies/{ceremony['id']}")
    closed = await client.post(MINISTRY, f"ceremonies/{ceremony['id']}/closing", version=ceremony["version"])
    assert (len(closed["signed"]), closed["unsigned"]) == (AGREEMENTS, [])
    minutes = await client.get(MINISTRY, f"ceremonies/{ceremony['id']}/minutes")
    assert all(agreement["reference"] in minutes[language] for agreement in agreements for language in ("ar", "fr"))


async def shown_on(screen: str) -> str:
    """What the public screen shows, to whoever comes into the room now."""
    async with aiohttp.ClientSession() as session, session.get(f"{screen}/events") as answer:
        event = b""
        async for line in answer.content:
            event = line.removeprefix(b"event: ").strip() if line.startswith(b"event: ") else event
            if event == b"board" and line.startswith(b"data: "):
                return str(json.loads(line.removeprefix(b"data: ")))
    raise AssertionError("the screen's stream ended before it showed anything")


async def open_sitting(desk: Desk, agreements: list[JSON]) -> JSON:
    """The ceremony with all sixteen in its order, everybody seated."""
    body = {
        "title": {"ar": "حفل التوقيع (وهمي)", "fr": "Cérémonie de signature (fictif)"},
        "planned_for": "2026-09-01T10:00:00Z",
        "agreements": [agreement["id"] for agreement in agreements],
    }
    ceremony = await desk.client.post(MINISTRY, "ceremonies", body)
    path = f"ceremonies/{ceremony['id']}"
    with pytest.raises(Refused):
        await desk.client.post(LEGAL, f"{path}/opening", version=ceremony["version"])
    ceremony = await desk.client.post(MINISTRY, f"{path}/lobby", version=ceremony["version"])
    ceremony = await desk.seat_everyone(ceremony, agreements)
    return await desk.client.post(MINISTRY, f"{path}/opening", version=ceremony["version"])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
