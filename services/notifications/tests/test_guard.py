"""Nothing inside is ever called: URLs, names and addresses of all disguises.

`tests/failures/test_addresses.py` says the same over the system's own resolver, where every address answers.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.guard import (
    LOOPBACK,
    METADATA,
    MOST_LOOKUPS,
    AddressNotAllowed,
    CheckedResolver,
    Guard,
    why_closed,
)
from services.notifications.tests.builders import settings
from services.notifications.webhooks import WebhookClient

STRICT = Guard()
DEV = Guard(LOOPBACK, plain_http=True)

HOSTILE = [
    "http://academie.example/",
    "ftp://academie.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:11211/_stats",
    "//academie.example/",
    "academie.example",
    "https://",
    "https:///path",
    "javascript:alert(1)",
    "https://user@academie.example/",
    "https://u:p@academie.example/",
    "https://academie.example/#fragment",
    "https://academie.example:22/",
    "https://academie.example:25/",
    "https://academie.example:80/",
    "https://academie.example:6379/",
    "https://academie.example:0/",
    "https://academie.example:99999/",
    "https://academie.example:x/",
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.254/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/",
    "https://0xA9FEA9FE/",
    "https://2852039166/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.7/",
    "https://203.0.113.9/",
    "https://192.88.99.1/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::127.0.0.1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[fec0::1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::a00:1]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a00:1::1]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://[2001::1]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[100::1]/",
    "https://[5f00::1]/",
    "https://[4000::1]/",
    "https://[2a00:1450::5efe:7f00:1]/",
    "https://[2a00:1450::200:5efe:a00:1]/",
]
NAMES = [
    "https://localhost/",
    "https://localhost./",
    "https://LOCALHOST/",
    "https://127.0.0.1./",
    "https://127%2e0%2e0%2e1/",
    "https://inner.example/",
    "https://inner.example./",
    "https://inner.example:8443/",
    "https://127.0.0.1.nip.example/",
    "https://xn--0-7ga/",
    "https://metadata.google.internal/",
]
"""Names for something inside: what they resolve to is looked at."""
PUBLIC = [
    "https://academie.example/avis",
    "https://academie.example:8443/avis?k=v",
    "https://196.200.131.1/",
    "https://8.8.8.8/",
    "https://[2a00:1450:4007:80e::2004]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[64:ff9b::808:808]/",
    "https://xn--mgbc0a9azcg.example/",
]


def test_the_corpus_is_large_enough() -> None:
    assert len(set(HOSTILE)) >= 60


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused(url: str) -> None:
    with pytest.raises(AddressNotAllowed):
        STRICT.check_url(url)


@pytest.mark.parametrize("url", ["https://academie.example\\@127.0.0.1/", "https://a\nb/", "https://académie.example/"])
def test_a_url_with_strange_characters_is_refused(url: str) -> None:
    with pytest.raises(AddressNotAllowed):
        STRICT.check_url(url)


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_url_is_allowed(url: str) -> None:
    assert STRICT.check_url(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9001/x", "http://localhost:9001/x", "http://[::1]:9001/x"])
def test_plain_http_goes_to_loopback_and_only_where_that_is_set(url: str) -> None:
    assert DEV.check_url(url)
    with pytest.raises(AddressNotAllowed):
        STRICT.check_url(url)
    with pytest.raises(AddressNotAllowed):
        DEV.check_url("http://academie.example/")
    with pytest.raises(AddressNotAllowed):
        DEV.check_url("http://10.0.0.1/")


def test_an_academy_s_internal_network_can_be_opened() -> None:
    guard = Guard([ip_network("10.7.0.0/16")])
    assert guard.check_url("https://10.7.1.1:9443/")
    with pytest.raises(AddressNotAllowed):
        guard.check_url("https://10.8.1.1/")
    with pytest.raises(AddressNotAllowed):
        guard.check_url("http://10.7.1.1/")


def test_an_academy_s_own_network_is_open_to_its_endpoints_alone(tmp_path: Path) -> None:
    networks = {"MA-06": (ip_network("10.7.0.0/16"),)}
    guard = settings(tmp_path, allowed_networks=(ip_network("10.9.0.0/16"),), academy_networks=networks).guard
    for allowed in (guard, guard.of("MA-05"), guard.of("MA-06")):
        assert allowed.check_url("https://10.9.1.1/")
    assert guard.of("MA-06").check_url("https://10.7.1.1/")
    for foreign in (guard, guard.of("MA-05")):
        with pytest.raises(AddressNotAllowed):
            foreign.check_url("https://10.7.1.1/")


@given(st.ip_addresses(v=4))
def test_an_address_hidden_in_another_is_judged_by_what_it_hides(address: Any) -> None:
    closed = why_closed(address)
    assert why_closed(ip_address(f"::ffff:{address}")) == closed
    assert why_closed(ip_address(f"64:ff9b::{address}")) == closed


@given(st.ip_addresses())
def test_nothing_is_open_that_the_standard_library_knows_to_be_special(address: Any) -> None:
    if why_closed(address) is None and getattr(address, "ipv4_mapped", None) is None:
        assert not (address.is_private or address.is_loopback or address.is_link_local or address.is_multicast)
        assert not address.is_reserved or address in ip_network("64:ff9b::/96")


Lookup = Callable[[str, int, int], list[Any]]


def _lookup(*addresses: str) -> Lookup:
    def lookup(host: str, port: int, family: int) -> list[Any]:
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in addresses
        ]

    return lookup


async def test_a_name_with_one_inner_address_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = CheckedResolver(STRICT)
    monkeypatch.setattr(resolver, "lookup", _lookup("196.200.131.1", "10.0.0.1"))
    with pytest.raises(AddressNotAllowed):
        await resolver.resolve("academie.example", 443)
    await resolver.close()


async def test_a_name_is_resolved_once_and_what_was_checked_is_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that answers differently the second time gains nothing: there is no second time."""
    asked: list[str] = []
    dialled: list[str] = []
    guard = Guard()

    def lookup(self: Any, host: str, port: int, family: int) -> list[Any]:
        asked.append(host)
        return _lookup("196.200.131.1" if len(asked) == 1 else "127.0.0.1")(host, port, family)

    def refuse_to_connect(addr_info: Any) -> socket.socket:
        dialled.append(addr_info[4][0])
        raise ConnectionRefusedError

    monkeypatch.setattr(CheckedResolver, "lookup", lookup)
    monkeypatch.setattr(guard, "socket", refuse_to_connect)
    async with WebhookClient(guard, deadline=5) as client:
        outcome = await client.post("https://academie.example/", b"{}", {})
    assert (outcome.result, asked, dialled) == ("failed", ["academie.example"], ["196.200.131.1"])


async def test_names_that_hang_hold_back_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many more attempts than threads, each given up long before its name server answers."""
    over = threading.Event()
    asked: list[str] = []

    def lookup(host: str, port: int, family: int) -> list[Any]:
        asked.append(host)
        if host.startswith("slow"):
            over.wait(30)
        return _lookup("196.200.131.1")(host, port, family)

    resolver = CheckedResolver(STRICT)
    monkeypatch.setattr(resolver, "lookup", lookup)
    try:
        for _ in range(MOST_LOOKUPS):
            slow = (asyncio.wait_for(resolver.resolve(f"slow{n}.example", 443), 0.01) for n in range(8))
            assert {type(each) for each in await asyncio.gather(*slow, return_exceptions=True)} == {TimeoutError}
        (found,) = await asyncio.wait_for(resolver.resolve("academie.example", 443), 5)
    finally:
        over.set()
        await resolver.close()
    assert found["host"] == "196.200.131.1"
    assert len(asked) == 9, "a name is asked for once at a time"


@pytest.mark.parametrize("url", [*HOSTILE, "https://inner.example/", "https://inner.example:8443/"])
async def test_no_connection_is_even_begun_to_a_hostile_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(CheckedResolver, "lookup", lambda *_: _lookup("127.0.0.1")("", 443, 0))
    monkeypatch.setattr(socket.socket, "__init__", lambda *_, **__: begun.append(1))
    async with WebhookClient(STRICT, deadline=5) as client:
        outcome = await client.post(url, b"{}", {})
    assert outcome.result == "failed" and outcome.reason.startswith("address_")
    assert not begun


async def test_a_listener_inside_hears_nothing_whatever_a_name_server_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every hostile address and name, aimed at a real listener on this machine; the names' answers are put in."""
    heard: list[Any] = []
    server = await asyncio.start_server(lambda reader, writer: heard.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setattr(CheckedResolver, "lookup", lambda *_: _lookup("127.0.0.1")("", port, 0))
    async with server, WebhookClient(Guard(ports=(443, port)), deadline=1) as client:
        for url in (*HOSTILE, *NAMES):
            host = url.removesuffix("/").split("://")[-1].split("/")[0]
            for aimed in (url, url.replace(":8443", f":{port}"), url.replace(host, f"{host}:{port}", 1)):
                assert (await client.post(aimed, b"{}", {})).result == "failed"
        assert not heard
        # It does hear who is let in.
        async with WebhookClient(DEV, deadline=1) as let_in:
            await let_in.post(f"http://127.0.0.1:{port}/", b"{}", {})
        assert len(heard) == 1
        for writer in heard:
            writer.close()


WIDE = Guard(map(ip_network, ("0.0.0.0/0", "::/0")))
DISGUISES = [
    "{}",
    "::ffff:{}",
    "::ffff:0:{}",
    "::{}",
    "64:ff9b::{}",
    "64:ff9b:1::{}",
    "fd12:3456:789a::{}",
    "2a00:1450::5efe:{}",
    "2002:{hex}::",
    "2002:{hex}::1",
    "2001:0:4136:e378:8000:63bf:{inverted}",
]
"""Forms in which IPv6 carries an IPv4 address: mapped, translated, embedded, and by tunnels."""


def _disguised(form: str, address: Any) -> Any:
    of = int(address)
    inverted = of ^ 0xFFFFFFFF
    written = {"hex": f"{of >> 16:x}:{of & 0xFFFF:x}", "inverted": f"{inverted >> 16:x}:{inverted & 0xFFFF:x}"}
    return ip_address(form.format(address, **written))


@pytest.mark.parametrize("form", DISGUISES)
def test_a_network_that_is_opened_opens_no_metadata(form: str) -> None:
    WIDE.check(_disguised(form, ip_address("10.0.0.1")))
    for metadata in (each for each in METADATA if each.version == 4):
        hidden = _disguised(form, metadata)
        with pytest.raises(AddressNotAllowed, match="metadata"):
            WIDE.check(hidden)
        with pytest.raises(AddressNotAllowed, match="metadata"):
            WIDE.check_url(f"https://[{hidden}]/" if hidden.version == 6 else f"https://{hidden}/")


@pytest.mark.parametrize("form", ["{}", "{}%eth0"])
def test_a_network_that_is_opened_opens_no_metadata_of_ipv6(form: str) -> None:
    WIDE.check(ip_address(form.format("fd12::1")))
    for metadata in (each for each in METADATA if each.version == 6):
        with pytest.raises(AddressNotAllowed, match="metadata"):
            WIDE.check(ip_address(form.format(metadata)))


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:c1::a9fe:a9fe",
    ],
)
def test_the_metadata_of_the_large_clouds_is_known(address: str) -> None:
    assert why_closed(ip_address(address)) == "address_metadata"


def test_the_ports_that_may_be_called_are_a_setting(tmp_path: Path) -> None:
    assert settings(tmp_path, allowed_ports=(9443,)).guard.check_url("https://academie.example:9443/")
    with pytest.raises(AddressNotAllowed):
        settings(tmp_path, allowed_ports=(9443,)).guard.check_url("https://academie.example:8443/")


def test_the_last_check_is_made_on_the_very_address_that_is_dialled() -> None:
    with pytest.raises(AddressNotAllowed):
        STRICT.socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443)))
