"""Webhooks over HTTP: one POST, bounded in time, size and destination."""

import math
import ssl
from typing import Self

import aiohttp
from aiohttp.http_exceptions import LineTooLong

from services.notifications.guard import AddressNotAllowed, CheckedResolver, Guard
from services.notifications.outcome import LONGEST_WAIT, Code, Outcome, excerpt_of, retry_after
from services.notifications.tls import BROKEN_OFF, chain_of, why_no_tls

MOST_READ = 64 * 1024
"""Bytes of an answer that are read; the rest is a stranger's business."""
CHUNK = 8 * 1024
TOO_MANY_HEADERS = "Too many headers received"
"""How the parser says that there are more than 128; one of more than 8 kB has an error of its own."""


class WebhookClient:
    """Posts to strangers: no redirects, no proxies, no cookies, nothing decompressed, one deadline for everything."""

    def __init__(self, guard: Guard, *, deadline: float) -> None:
        self.guard = guard
        self.deadline = deadline

    async def __aenter__(self) -> Self:
        self._resolver = CheckedResolver(self.guard)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self._resolver,
                socket_factory=self.guard.socket,
                use_dns_cache=False,
                limit=0,
                keepalive_timeout=5,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            # For everything, the answer's body included, and to the letter: not rounded up to whole seconds.
            timeout=aiohttp.ClientTimeout(total=self.deadline, ceil_threshold=math.inf),
            headers={
                "User-Agent": "Mithaq-Webhooks/1",
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
            },
            auto_decompress=False,
            trust_env=False,
            read_bufsize=MOST_READ,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self._resolver.close()

    async def post(
        self, url: str, body: bytes, headers: dict[str, str], *, tls: ssl.SSLContext | None = None
    ) -> Outcome:
        """Post these very bytes, over the usual TLS unless another is given, and say how it went."""
        try:
            checked = self.guard.check_url(url)
            async with self._session.post(
                checked, data=aiohttp.BytesPayload(body), headers=headers, allow_redirects=False, ssl=tls or True
            ) as response:
                read = await _beginning(response)
        except TimeoutError:
            return Outcome("failed", "timeout")
        except AddressNotAllowed as error:
            return Outcome("failed", error.code)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome("failed", _why(error))
        return _judged(response.status, read, response.headers.get("Retry-After"))


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    while len(read) < MOST_READ and (chunk := await response.content.read(CHUNK)):
        read += chunk
    if not response.content.at_eof():
        response.close()
    return bytes(read)


def _judged(status: int, read: bytes, wait: str | None) -> Outcome:
    excerpt, more = excerpt_of(read), f"HTTP {status}"
    if 200 <= status < 300:
        return Outcome("delivered", "taken", status, excerpt, more=more)
    if status == 410:
        return Outcome("gone", "gone", status, excerpt, more=more)
    delay = retry_after(wait)
    wanted = None if delay is None else min(delay, LONGEST_WAIT)
    return Outcome("failed", _refused(status), status, excerpt, wanted, more=more)


def _refused(status: int) -> Code:
    match status // 100:
        case 3:
            return "redirected"
        case 5:
            return "receiver_failed"
    return "too_many" if status == 429 else "not_accepted"


def _why(error: Exception) -> Code:
    """The kind of failure; never in the library's own words, which may quote what a stranger sent."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, AddressNotAllowed):
        return cause.code
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "name_not_resolved"
    if no_tls := why_no_tls(error):
        return no_tls
    if isinstance(cause, ConnectionResetError) and isinstance(error, aiohttp.ClientConnectorError):
        # It was there: only while TLS is being agreed can a connection be cut that is not made yet.
        return BROKEN_OFF
    if isinstance(error, aiohttp.ClientConnectorError):
        return "connection_refused" if isinstance(cause, ConnectionRefusedError) else "not_connected"
    if isinstance(error, aiohttp.ServerDisconnectedError | OSError):
        return "connection_lost"
    if isinstance(error, aiohttp.ClientResponseError) and any(map(_is_too_much, chain_of(error))):
        return "headers_too_long"
    return "not_http"


def _is_too_much(error: BaseException) -> bool:
    return isinstance(error, LineTooLong) or error.args == (TOO_MANY_HEADERS,)
