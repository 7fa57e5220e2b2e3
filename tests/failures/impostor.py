"""Receivers that are not to be trusted: TLS by OpenSSL itself, as most servers have it, so that they say what is wrong.

What asyncio serves breaks off without a word where TLS is not agreed.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest

from services.notifications.tests.certificates import Pair, certified, serving
from services.notifications.tls import OURS_REFUSED

PATIENCE = 2.0
"""Seconds for which it waits for what it is sent."""


class Impostor:
    """Stands where a receiver should, and keeps every byte that it can read; without TLS, those that come."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self.heard = bytearray()
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._thread = Thread(target=self._listen)
        self._thread.start()

    def leave(self) -> None:
        """Make room for somebody else."""
        # A thread that waits in `accept` is not woken by a close.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with suppress(OSError), connection:
                connection.settimeout(PATIENCE)
                self._hear(connection)

    def _hear(self, connection: socket.socket) -> None:
        if self._tls is None:
            self.heard += connection.recv(65536)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with connection.dup() as lingering:
            with suppress(ssl.SSLError), self._tls.wrap_socket(connection, server_side=True) as agreed:
                while read := agreed.recv(65536):
                    self.heard += read
            # As servers do: what is cut while more arrives takes the reason that was given along with it.
            lingering.shutdown(socket.SHUT_WR)
            while lingering.recv(65536):
                pass


@contextmanager
def impostor(tls: ssl.SSLContext | None) -> Iterator[Impostor]:
    """An impostor on a free port, until it leaves or the block ends."""
    made = Impostor(tls)
    try:
        yield made
    finally:
        made.leave()


@dataclass(frozen=True)
class Flaw:
    """Why a receiver is not to be trusted, and how that is told of an attempt."""

    name: str
    reason: str
    serve: Callable[[Pair, Path], ssl.SSLContext | None]
    """By whom its academy is certified, and a folder to work in."""
    or_else: str | None = None
    """What may be told of an attempt instead."""


def _outdated(by: Pair, folder: Path) -> ssl.SSLContext:
    context = serving(certified("receiver", by), folder)
    with pytest.deprecated_call():
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def _refusing_late(by: Pair, folder: Path) -> ssl.SSLContext:
    return serving(certified("receiver", by), folder, demands=certified("stranger"))


def _refusing(by: Pair, folder: Path) -> ssl.SSLContext:
    context = _refusing_late(by, folder)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


FLAWS = (
    Flaw("expired", "tls_expired", lambda by, at: serving(certified("receiver", by, days=-1), at)),
    Flaw("not_yet", "tls_not_yet", lambda by, at: serving(certified("receiver", by, since=1), at)),
    Flaw(
        "of_another",
        "tls_other_address",
        lambda by, at: serving(certified("receiver", by, address="127.0.0.2"), at),
    ),
    Flaw(
        "by_a_stranger",
        "tls_authority",
        lambda by, at: serving(certified("receiver", certified("stranger")), at),
    ),
    Flaw("by_itself", "tls_self_signed", lambda by, at: serving(certified("receiver"), at)),
    Flaw("outdated", "tls_version", _outdated),
    Flaw("plain", "tls_not_spoken", lambda by, at: None),
    Flaw("refusing_ours", OURS_REFUSED, _refusing),
    # With TLS 1.3 it refuses when all is agreed for us: what we are about to say may be cut off before we hear of it.
    Flaw("refusing_ours_late", OURS_REFUSED, _refusing_late, or_else="connection_lost"),
)
