"""The whole platform in one process: every service behind the front door, with the dev identity."""

import base64
import socket
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from services.__main__ import all_services, platform, serve_platform
from services.gateway.front_door import FrontDoor
from shared.embedded.identity import dev_issuer, load_credentials
from shared.events.catalog import TOPICS
from shared.ids import new_id
from shared.messaging.embedded import EmbeddedBroker
from shared.migrations import head_of
from shared.settings import PlatformSettings
from tests.fixtures.eventually import eventually
from tests.fixtures.ports import free_port
from tests.fixtures.serving import Serve


@pytest.fixture
def settings(tmp_path: Path, installation: str) -> PlatformSettings:
    """An installation of this test's own, in a data folder of its own."""
    return PlatformSettings(data_dir=tmp_path, port=free_port(), database_url=SecretStr(installation))


@pytest.fixture
async def door(settings: PlatformSettings, database_url: Callable[[str], str], broker: EmbeddedBroker) -> FrontDoor:
    """The platform on migrated databases."""
    for service in all_services(settings):
        database_url(service.name)
    await broker.ensure_topics(TOPICS)
    return platform(settings, broker)


async def test_everything_gets_ready_in_one_process(door: FrontDoor, settings: PlatformSettings, serve: Serve) -> None:
    hosted = [app.state.hosted for app in door.services.values()]
    url = await serve(door, hosted, port=settings.port)
    async with aiohttp.ClientSession(url) as client:

        async def report() -> str:
            async with client.get("/readyz?verbose") as response:
                text = await response.text()
                assert response.status == 200, text
                return text

        lines = (await eventually(report, within=20)).splitlines()
        for service in all_services(settings):
            assert f"[+] {service.name} migrations: at {head_of(service.name)}" in lines
        assert "[+] identity: dev provider, on this machine only" in lines


async def test_a_persona_signs_in_and_reads(door: FrontDoor, settings: PlatformSettings, serve: Serve) -> None:
    url = await serve(door, [app.state.hosted for app in door.services.values()], port=settings.port)
    secret = load_credentials(settings.data_dir).secrets["ministry-officer"]
    grant = {"grant_type": "client_credentials", "client_id": "ministry-officer", "client_secret": secret}
    async with aiohttp.ClientSession() as client:
        async with client.post(f"{dev_issuer(settings)}/token", data=grant) as response:
            token = (await response.json())["access_token"]
        async with client.get(f"{url}/api/v1/agreements", headers={"Authorization": f"Bearer {token}"}) as response:
            assert response.status == 200, await response.text()
            assert (await response.json())["items"] == []
            assert response.headers["Mithaq-Environment"] == "dev"
        async with client.get(f"{url}/api/v1/agreements", headers={"Authorization": "Bearer x.y.z"}) as response:
            assert response.status == 401


async def test_the_address_on_papers_is_open_to_everybody(
    door: FrontDoor, settings: PlatformSettings, serve: Serve
) -> None:
    await serve(door, [app.state.hosted for app in door.services.values()], port=settings.port)
    address = f"{settings.public_address}/v/{new_id()}?h={'0' * 16}"
    async with aiohttp.request("GET", address, headers={"Accept-Language": "fr"}) as response:
        assert (response.status, response.content_type) == (404, "text/html")
        assert "Aucun document n&#39;a cette adresse" in await response.text()
    door_to_all = f"{settings.public_address}/v?lang=fr"
    async with aiohttp.request("GET", door_to_all) as response:
        assert (response.status, response.url.path_qs) == (200, "/v/?lang=fr")
        assert "Retrouver un document" in await response.text()


def test_production_refuses_to_print_an_address_without_https(settings: PlatformSettings) -> None:
    changes = {"profile": "production", "oidc_issuer": "https://identity.example"}
    with pytest.raises(ValueError, match="MITHAQ_PUBLIC_URL must be an https"):
        platform(settings.model_copy(update=changes))


def test_the_dev_identity_refuses_to_be_reached_from_elsewhere(settings: PlatformSettings) -> None:
    with pytest.raises(ValueError, match="MITHAQ_OIDC_ISSUER"):
        platform(settings.model_copy(update={"host": "0.0.0.0"}))


def test_the_dev_identity_refuses_production(settings: PlatformSettings) -> None:
    with pytest.raises(ValueError, match="MITHAQ_OIDC_ISSUER"):
        platform(settings.model_copy(update={"profile": "production"}))


def test_production_refuses_an_issuer_without_https(
    settings: PlatformSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MITHAQ_NOTIFICATIONS_KEY_ENCRYPTION_KEY", base64.b64encode(bytes(32)).decode())
    changes = {"profile": "production", "oidc_issuer": "http://127.0.0.1/realms/mithaq"}
    changes["public_url"] = "https://mithaq.example"
    with pytest.raises(ValueError, match="MITHAQ_OIDC_ISSUER must be an https"):
        platform(settings.model_copy(update=changes))


async def test_a_port_that_is_taken_is_told_with_a_way_out(settings: PlatformSettings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.port))
        taken.listen()
        with pytest.raises(ValueError, match=rf"port {settings.port} .* MITHAQ_PORT=\d+"):
            await serve_platform(settings)


async def test_a_database_that_does_not_answer_is_told_in_a_sentence(settings: PlatformSettings) -> None:
    nowhere = settings.model_copy(update={"database_url": SecretStr("postgresql://nobody@127.0.0.1:1")})
    with pytest.raises(ValueError, match="MITHAQ_DATABASE_URL"):
        await serve_platform(nowhere)
