"""A world of its own for webhooks: every address of IPv4 and IPv6 answers, and names mean what the test says.

`python -m tests.failures.world` reads an errand from its input, runs it and writes what came of it. Start it with
`in_a_world_of_its_own`: in namespaces of its own, where it is nobody's network but its own that answers.
"""

import asyncio
import json
import shutil
import socket
import struct
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from yarl import URL

from services.notifications.guard import Guard
from services.notifications.webhooks import WebhookClient

PORTS = (22, 25, 80, 443, 6379, 8443, 9443, 11211)
TYPES = {1: 4, 28: 6}
"""Types of question, A and AAAA, with the version of addresses that answers them."""
BUILD = """
ip link set lo up && ip route add local 0.0.0.0/0 dev lo && ip -6 route add local ::/0 dev lo || exit 3
mount --bind "$1/resolv.conf" /etc/resolv.conf && mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf || exit 3
shift && exec "$@"
"""


class NoWorld(Exception):
    """It cannot be built here; the message says why."""


def in_a_world_of_its_own(errand: dict[str, Any], folder: Path) -> Any:
    """What came of an errand: `names` (name -> addresses by turn), `posts` and `dials` (URLs). Raises NoWorld."""
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")
    if not (unshare := shutil.which("unshare")):
        raise NoWorld("no unshare (util-linux)")
    done = subprocess.run(
        [
            *(unshare, "--user", "--map-root-user", "--net", "--mount", "sh", "-c", BUILD, "world", folder),
            *(sys.executable, "-m", "tests.failures.world"),
        ],
        input=json.dumps(errand),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode in (1, 3) and "Traceback" not in done.stderr:
        raise NoWorld(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class NameServer(asyncio.DatagramProtocol):
    """Answers for the names it knows: by turn for each type of question, and with the last turn from then on."""

    def __init__(self, names: dict[str, list[list[str]]]) -> None:
        self.names = names
        self.asked: Counter[tuple[str, int]] = Counter()

    def connection_made(self, transport: Any) -> None:
        """Answer over this."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """One question (RFC 1035, 4.1), answered with a time to live of nothing."""
        labels, at = [], 12
        while length := data[at]:
            labels.append(data[at + 1 : at + 1 + length].decode())
            at += 1 + length
        question = data[12 : at + 5]
        (kind,) = struct.unpack(">H", data[at + 1 : at + 3])
        name = ".".join(labels).lower()
        turns = self.names.get(name, [])
        turn = turns[min(self.asked[name, kind], len(turns) - 1)] if turns else []
        self.asked[name, kind] += 1
        found = [ip_address(each) for each in turn if ip_address(each).version == TYPES.get(kind)]
        records = (struct.pack(">HHHIH", 0xC00C, kind, 1, 0, len(each.packed)) + each.packed for each in found)
        flags = 0x8580 if turns else 0x8583
        head = data[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0)
        self.transport.sendto(head + question + b"".join(records), addr)


class Listeners:
    """Whoever connects to anything is heard. Nobody is answered."""

    def __init__(self) -> None:
        self._sockets = []
        for port in PORTS:
            for family, all_of_them in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                listening = socket.create_server((all_of_them, port), family=family, backlog=256)
                listening.setblocking(False)
                self._sockets.append(listening)

    def heard(self) -> list[str]:
        """The addresses that were connected to since the last look. The kernel has it when a connection stands."""
        found = []
        for listening in self._sockets:
            with suppress(BlockingIOError):
                while True:
                    connection, _ = listening.accept()
                    found.append(connection.getsockname()[0])
                    connection.close()
        return found


async def run(errand: dict[str, Any]) -> Any:
    """Dial without a guard, then post with the guard of production; what was said, heard and asked for each URL."""
    listeners = Listeners()
    loop = asyncio.get_running_loop()
    _, server = await loop.create_datagram_endpoint(lambda: NameServer(errand["names"]), local_addr=("127.0.0.1", 53))
    dialled = {}
    for url in errand["dials"]:
        await asyncio.to_thread(_dial, url)
        dialled[url] = listeners.heard()
    posted = []
    async with WebhookClient(Guard(), deadline=0.5) as client:
        for url in errand["posts"]:
            before = server.asked.copy()
            said = (await client.post(url, b"{}", {})).reason
            asked = server.asked - before
            posted.append({"url": url, "said": said, "heard": listeners.heard(), "asked": _by_name(asked)})
    return {"dialled": dialled, "posted": posted}


def _by_name(asked: Counter[tuple[str, int]]) -> dict[str, int]:
    """How many times a name was asked for: A and AAAA are one time."""
    return {name: max(count for (each, _), count in asked.items() if each == name) for name, _ in asked}


def _dial(url: str) -> None:
    """Connect as one without a guard would."""
    with suppress(OSError, ValueError):
        target = URL(url)
        socket.create_connection((target.host, target.port), timeout=0.2).close()


if __name__ == "__main__":
    json.dump(asyncio.run(run(json.load(sys.stdin))), sys.stdout)
