"""The guard: webhooks go out to the public internet, never to something inside.

A name is resolved once, every address it has is checked, and only a checked address is dialled. Addresses hidden in
other addresses (IPv4 in IPv6, translations, tunnels) are unwrapped or refused whole.
"""

import asyncio
import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from services.notifications.outcome import Code

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
PORTS = (443, 8443)
"""Where receivers may listen, unless it is said otherwise."""
LONGEST_URL = 2000
MOST_LOOKUPS = 64
"""Names that are looked up at once: several times what one academy can have under way."""

# IANA's special-purpose registries, as of 2026; what the address is stands beside it.
_CLOSED: dict[str, Code] = {
    "0.0.0.0/8": "address_reserved",
    "10.0.0.0/8": "address_private",
    "100.64.0.0/10": "address_private",
    "127.0.0.0/8": "address_loopback",
    "169.254.0.0/16": "address_link_local",
    "172.16.0.0/12": "address_private",
    "192.0.0.0/24": "address_reserved",
    "192.0.2.0/24": "address_reserved",
    "192.88.99.0/24": "address_tunnel",
    "192.168.0.0/16": "address_private",
    "198.18.0.0/15": "address_reserved",
    "198.51.100.0/24": "address_reserved",
    "203.0.113.0/24": "address_reserved",
    "224.0.0.0/4": "address_multicast",
    "240.0.0.0/4": "address_reserved",
    "2001::/23": "address_tunnel",
    "2001:db8::/32": "address_reserved",
    "2002::/16": "address_tunnel",
    "3fff::/20": "address_reserved",
}
CLOSED = {ip_network(network): code for network, code in _CLOSED.items()}
METADATA = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::23",
            "fd00:ec2::254",
            "fd20:ce::254",
        ),
    )
)
"""Where clouds hand out secrets to whoever asks from inside: closed, however wide a network is opened."""
GLOBAL_V6 = ip_network("2000::/3")
"""The only part of IPv6 that is handed out to the public internet."""
NAT64 = ip_network("64:ff9b::/96")


class AddressNotAllowed(OSError):
    """We do not call this address; the code says why. An OSError, so that it ends a connection attempt."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code


class Guard:
    """Which addresses may be called.

    `allowed` networks are open whatever they are, but for clouds' metadata: an academy's internal network, and
    loopback on a developer's machine, where `plain_http` is accepted too (to allowed networks only). Those of
    `by_academy` are open to one academy's endpoints alone.
    """

    def __init__(
        self,
        allowed: Iterable[Network] = (),
        *,
        plain_http: bool = False,
        ports: Iterable[int] = PORTS,
        by_academy: Mapping[str, Iterable[Network]] | None = None,
    ) -> None:
        self.allowed = tuple(allowed)
        self._of = {
            academy: Guard((*self.allowed, *own), plain_http=plain_http, ports=ports)
            for academy, own in (by_academy or {}).items()
        }
        self.ports = frozenset(ports)
        self.plain_http = plain_http
        # The same address is called again and again, and nothing but its text is looked at here.
        self._checked = lru_cache(maxsize=1024)(self._check_url)

    def of(self, academy: str) -> "Guard":
        """The guard for an academy's endpoints."""
        return self._of.get(academy, self)

    def check_url(self, text: str) -> URL:
        """The URL, if it may be called as far as one sees without resolving its name. Raises AddressNotAllowed."""
        return self._checked(text)

    def _check_url(self, text: str) -> URL:
        if len(text) > LONGEST_URL or not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
            raise AddressNotAllowed("address_no_url")
        try:
            url = URL(text)
            port = url.explicit_port
        except ValueError:
            raise AddressNotAllowed("address_no_url") from None
        if not url.absolute or not url.host:
            raise AddressNotAllowed("address_no_url")
        if url.user is not None or url.password is not None:
            raise AddressNotAllowed("address_with_user")
        if url.fragment:
            raise AddressNotAllowed("address_with_fragment")
        literal = _literal(url.host)
        inside = literal is not None and self._is_allowed(literal)
        near = inside or (self.plain_http and url.host == "localhost")
        if url.scheme != "https" and not (url.scheme == "http" and self.plain_http and near):
            raise AddressNotAllowed("address_no_https")
        if literal is not None:
            self.check(literal)
        if not near and port is not None and port not in self.ports:
            raise AddressNotAllowed("address_port")
        return url

    def check(self, address: Address) -> None:
        """Refuse an address that is not public. Raises AddressNotAllowed."""
        if not self._is_allowed(address) and (reason := why_closed(address)):
            raise AddressNotAllowed(reason)

    def socket(self, addr_info: tuple[Any, ...]) -> socket.socket:
        """A socket for an address about to be dialled: the last check, which also sees literal addresses."""
        family, kind, protocol, _, target = addr_info
        self.check(ip_address(target[0]))
        return socket.socket(family, kind, protocol)

    def _is_allowed(self, address: Address) -> bool:
        return any(address in network for network in self.allowed) and not _is_metadata(address)


def why_closed(address: Address) -> Code | None:
    """What this address is that is not of the public internet; None if it is of it."""
    if _is_metadata(address):
        return "address_metadata"
    if isinstance(address, IPv6Address):
        if address.scope_id:
            return "address_link_local"
        if inner := address.ipv4_mapped:
            return why_closed(inner)
        if address in NAT64:
            return why_closed(IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in GLOBAL_V6:
            return _v6_name(address)
        # ISATAP keeps an IPv4 address in its last half, behind 0:5efe or 200:5efe.
        if int(address) >> 32 & 0xFFFFFFFF in (0x00005EFE, 0x02005EFE):
            return "address_tunnel"
    return next((code for network, code in CLOSED.items() if address in network), None)


class CheckedResolver(AbstractResolver):
    """Resolves a name once and refuses it whole if any of its addresses is closed.

    Names are resolved on threads of their own, never two for one name: a name server that hangs holds back its own
    names, and goes on doing so when the attempt is long over.
    """

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self._threads = ThreadPoolExecutor(MOST_LOOKUPS, thread_name_prefix="resolve")
        self._under_way: dict[tuple[str, int, socket.AddressFamily], asyncio.Future[list[Any]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The checked addresses of a name. Raises AddressNotAllowed, or OSError if the name has none."""
        found = await asyncio.shield(self._asked(host, port, family))
        for each in found:
            self.guard.check(ip_address(each[4][0]))
        return [
            ResolveResult(
                hostname=host,
                host=str(each[4][0]),
                port=port,
                family=each[0],
                proto=each[2],
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for each in found
        ]

    def _asked(self, *name: Any) -> "asyncio.Future[list[Any]]":
        """The lookup of a name that is under way, or a new one."""
        if name not in self._under_way:
            loop = asyncio.get_running_loop()
            self._under_way[name] = asking = loop.run_in_executor(self._threads, self.lookup, *name)
            asking.add_done_callback(lambda _: self._under_way.pop(name))
            # Whoever asked may be gone when it fails.
            asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._under_way[name]

    def lookup(self, host: str, port: int, family: socket.AddressFamily) -> list[Any]:
        """What the system says about a name."""
        return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)

    async def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        # What the C library would take for an address too: 127.1, 0x7f000001, 2130706433.
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _is_metadata(address: Address) -> bool:
    """Whether it leads to metadata, by itself or by an address that it may carry.

    Any prefix may translate, so whatever ends in such an IPv4 address is taken for it; tunnels keep it elsewhere.
    """
    if isinstance(address, IPv4Address):
        return address in METADATA
    _, behind_teredo = address.teredo or (None, None)
    # Without its zone, which would make another address of it.
    plain, ending = IPv6Address(int(address)), IPv4Address(int(address) & 0xFFFFFFFF)
    return not METADATA.isdisjoint({plain, ending, address.sixtofour, behind_teredo})


def _v6_name(address: IPv6Address) -> Code:
    if address.is_loopback:
        return "address_loopback"
    if address.is_multicast:
        return "address_multicast"
    if address.is_link_local:
        return "address_link_local"
    return "address_private" if address.is_private else "address_reserved"
