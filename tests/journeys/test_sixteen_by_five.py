"""A sitting of sixteen agreements with five signers each, in a room with a screen; killed in mid-batch, twice."""

import asyncio
import json
import os
import re
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

from cli.demo.client import JSON, Client
from cli.demo.desk import MINISTRY, Desk, draft, party
from services.agreements.tests.reading import text_of
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from shared.embedded.identity import load_credentials
from shared.ids import new_id
from shared.settings import database_on
from shared.territory import ACADEMIES, MINISTRY_ID
from tests.fixtures.eventually import eventually
from tests.fixtures.run import ROOT, begin
from tests.journeys.platform import refusal

pytestmark = pytest.mark.timeout(240)

ACADEMY, PROVINCE = "MA-06", "MA-CAS"
AGREEMENTS, SIGNERS = 16, 5
SIGNED = text("select count(*) from journal where type = 'ma.mithaq.agreement.party_signed.v1'")
TAKEN_DOWN = text("select actor ->> 'subject' from signature_batch")


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


class Room:
    """Somebody in the room who looks at the public screen all the time, and opens it again as the page does."""

    def __init__(self) -> None:
        self.boards: list[str] = []
        self.over = False
        self.opened = 0

    async def watch(self, screen: str) -> None:
        """Follow the screen until it says that it is over."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
            while not self.over:
                with suppress(aiohttp.ClientError):
                    async with session.get(f"{screen}/events") as answer:
                        self.opened += answer.status == 200
                        await self._follow(answer.content)
                await asyncio.sleep(0.2)

    async def _follow(self, lines: aiohttp.StreamReader) -> None:
        event = b""
        async for line in lines:
            if line.startswith(b"event: "):
                event = line.removeprefix(b"event: ").strip()
            elif line.startswith(b"data: ") and event == b"board":
                self.boards.append(json.loads(line.removeprefix(b"data: ")))
            self.over = self.over or event == b"over"

    def shows(self, given: int) -> bool:
        """Whether so many signatures are on the screen now."""
        return self.given()[-1] == given

    def given(self) -> list[int]:
        """How many signatures each board showed."""
        return [sum(map(int, re.findall(rf">(\d+) / {SIGNERS}(?: ✓)?</bdi></b>", board))) for board in self.boards]


async def reviewed(desk: Desk) -> list[JSON]:
    """The sixteen agreements, to be approved: academy, association, ministry, funder and host sign each."""
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
        made.append(await desk.negotiate(await desk.client.post("officer-ma-06", "agreements", body)))
    return made


async def test_a_sitting_that_is_killed_in_mid_batch_loses_no_signature_and_doubles_none(
    started: tuple[Platform, Client, Database],
) -> None:
    platform, client, journal = started
    desk = Desk(client)
    agreements, ceremony = await open_sitting(desk)
    path = f"ceremonies/{ceremony['id']}"
    room = Room()
    screen = await client.post(MINISTRY, f"{path}/screens")
    watching = asyncio.create_task(room.watch(f"{platform.address}{screen['path']}"))

    # One is called and signed at the table, party by party; the screen follows.
    first, *others = agreements
    await client.post(MINISTRY, f"{path}/calls", {"agreement_id": first["id"]})
    await eventually(lambda: room.boards and f" · {first['reference']}</bdi></p>" in room.boards[-1])
    for done, each in enumerate(first["parties"], start=1):
        await desk.sign(first, each, ceremony=ceremony["id"])
        await eventually(partial(room.shows, done))
    assert room.boards[-1].count(f"{SIGNERS} / {SIGNERS} ✓") == 1

    async def signed(at_least: int = 0) -> int:
        async with journal.transaction(NATIONAL) as tx:
            given = int((await tx.execute(SIGNED)).scalar_one())
        assert given >= at_least
        return given

    by_organisation: dict[str, list[JSON]] = {}
    for agreement in others:
        for each in agreement["parties"]:
            item = {"agreement_id": agreement["id"], "party_id": each["party_id"], "text_hash": agreement["text_hash"]}
            by_organisation.setdefault(each["organisation_id"], []).append(item)

    async def sign_all(organisation: str) -> None:
        body = {"items": by_organisation[organisation], "ceremony_id": ceremony["id"]}
        with suppress(aiohttp.ClientError):
            await client.post(desk.signers[organisation], "signature-batches", body)

    batches = [asyncio.create_task(sign_all(organisation)) for organisation in by_organisation]
    for reached in (15, 45):
        await eventually(partial(signed, reached), within=60, every=0.005)
        platform.kill()
        await asyncio.gather(*batches)
        assert await signed() < AGREEMENTS * SIGNERS, "killed in the middle"
        await platform.start()
    # Nobody asks again whose batch was taken down: the rest of it is signed without them.
    async with journal.transaction(NATIONAL) as tx:
        taken_down = {*(await tx.execute(TAKEN_DOWN)).scalars()}
    assert taken_down
    unheard = [each for each in by_organisation if desk.signers[each] not in taken_down]
    await asyncio.gather(*map(sign_all, unheard))

    async def all_in_force() -> bool:
        return len(await client.all(MINISTRY, "agreements", state="in_force")) == AGREEMENTS

    await eventually(all_in_force, within=60, every=0.2)
    parties: Counter[str] = Counter()
    for agreement in agreements:
        entries = await client.all(MINISTRY, f"agreements/{agreement['id']}/history")
        parties.update(each["data"]["party_id"] for each in entries if each["type"].endswith("party_signed.v1"))
        assert [each["version"] for each in entries] == list(range(1, len(entries) + 1))
    assert len(parties) == AGREEMENTS * SIGNERS and set(parties.values()) == {1}
    await eventually(lambda: f"{AGREEMENTS} / {AGREEMENTS}" in room.boards[-1])

    ceremony = await client.get(MINISTRY, path)
    closed = await client.post(MINISTRY, f"{path}/closing", version=ceremony["version"])
    assert (len(closed["signed"]), closed["unsigned"]) == (AGREEMENTS, [])
    minutes = await client.get(MINISTRY, f"{path}/minutes")
    assert all(agreement["reference"] in minutes[language] for agreement in agreements for language in ("ar", "fr"))
    assert "Procès-verbal à adopter." in text_of(await paper(client, MINISTRY, path))
    await client.post(MINISTRY, f"{path}/minutes", version=closed["version"])
    await is_adopted_on_paper(client, desk, path, agreements)

    await asyncio.wait_for(watching, timeout=20)
    given = room.given()
    assert given == sorted(given) and given[-1] == AGREEMENTS * SIGNERS, "the room saw no signature go"
    assert len(set(given)) > SIGNERS, "the batches were followed while they were signed"
    assert room.opened >= 3, "it came back after each kill"


async def is_adopted_on_paper(client: Client, desk: Desk, path: str, agreements: list[JSON]) -> None:
    """The minutes tell of all agreements and lead to their page; an association has an extract about its own."""
    text = text_of(await paper(client, MINISTRY, path))
    assert "Procès-verbal adopté." in text and all(each["reference"] in text for each in agreements)
    assert text.count("a signé le") == AGREEMENTS * SIGNERS
    page = re.search(r"/v/[0-9a-f-]{36}\?h=[0-9a-f]{16}", text)
    assert page
    async with aiohttp.ClientSession() as session, session.get(f"{client.url}{page[0]}&lang=fr") as answer:
        assert answer.status == 200 and f"{AGREEMENTS} sur {AGREEMENTS}" in await answer.text()
    operator = next(each["organisation_id"] for each in agreements[0]["parties"] if each["roles"] == ["operator"])
    extract = text_of(await paper(client, desk.signers[operator], path))
    assert "Extrait du procès-verbal" in extract and page[0] in extract
    assert [each["reference"] for each in agreements if each["reference"] in extract] == [agreements[0]["reference"]]


async def paper(client: Client, persona: str, path: str) -> bytes:
    """The minutes in French as this persona is given them."""
    headers = {"Authorization": f"Bearer {await client.token(persona)}"}
    address = f"{client.url}/api/v1/{path}/minutes.pdf?language=fr"
    async with aiohttp.ClientSession() as session, session.get(address, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read()


async def open_sitting(desk: Desk) -> tuple[list[JSON], JSON]:
    """The agreements, frozen, and the ceremony with all of them in its order and everybody seated."""
    *ready, late = await reviewed(desk)
    agreements = [await desk.approve(each) for each in ready]
    body = {
        "title": {"ar": "حفل التوقيع (وهمي)", "fr": "Cérémonie de signature (fictif)"},
        "planned_for": now().isoformat(),
        "agreements": [agreement["id"] for agreement in (*agreements, late)],
    }
    ceremony = await desk.client.post(MINISTRY, "ceremonies", body)
    path = f"ceremonies/{ceremony['id']}"
    lobby = await desk.client.all(MINISTRY, f"{path}/lobby")
    assert [sorted(each["missing"]) for each in lobby] == [["seat"]] * len(ready) + [["seat", "text"]]
    assert all(len(each["missing"]["seat"]) == SIGNERS and not each["ready"] for each in lobby)
    preparing = desk.client.post(MINISTRY, f"{path}/lobby", version=ceremony["version"])
    assert await refusal(preparing) == "lobby-not-ready"
    agreements.append(await desk.approve(late))
    opening = desk.client.post(MINISTRY, f"{path}/opening", version=ceremony["version"])
    assert await refusal(opening) == "not-allowed-now"
    ceremony = await desk.client.post(MINISTRY, f"{path}/lobby", version=ceremony["version"])
    ceremony = await desk.seat_everyone(ceremony, agreements)
    assert all(each["ready"] for each in await desk.client.all(MINISTRY, f"{path}/lobby"))
    return agreements, await desk.client.post(MINISTRY, f"{path}/opening", version=ceremony["version"])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
