"""The dev identity provider: the same flow as production, for this machine only."""

import hashlib
import os
import re
import secrets
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urljoin, urlsplit

import pytest
from httpx import ASGITransport, AsyncClient, Response
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.applications import Starlette

from shared.actor import Role
from shared.embedded.identity import Credentials, dev_identity, dev_issuer, load_credentials
from shared.refusals import Unauthenticated
from shared.settings import PlatformSettings
from shared.territory import ACADEMY_CODES, NETWORK_ID
from shared.web import TokenVerifier

BACK = "http://127.0.0.1:8000/signed-in"


@pytest.fixture
def credentials(tmp_path: Path, _template: Credentials) -> Credentials:
    """An installation's credentials, in the test's own directory."""
    _template.save(tmp_path)
    return load_credentials(tmp_path)


@pytest.fixture(scope="session")
def _template() -> Credentials:
    return Credentials.fresh()


@pytest.fixture
def platform(tmp_path: Path, credentials: Credentials) -> PlatformSettings:
    """The installation's settings."""
    return PlatformSettings(data_dir=tmp_path)


@pytest.fixture
def issuer_url(platform: PlatformSettings) -> str:
    """The address of the provider."""
    return dev_issuer(platform)


@pytest.fixture
def provider(platform: PlatformSettings, issuer_url: str) -> Starlette:
    """The provider."""
    return dev_identity(platform.data_dir, issuer_url)


@pytest.fixture
def browser(provider: Starlette, issuer_url: str) -> AsyncClient:
    """Somebody's browser on this machine."""
    return AsyncClient(transport=ASGITransport(provider), base_url=issuer_url)


@pytest.fixture
def verifying(provider: Starlette, platform: PlatformSettings, browser: AsyncClient) -> TokenVerifier:
    """A service's verifier, which asks the provider over HTTP."""
    verifier = TokenVerifier.of(platform)

    async def fetch(url: str) -> dict[str, object]:
        found: dict[str, object] = (await browser.get(url)).json()
        return found

    verifier.keys.fetch = fetch
    return verifier


def asking(verifier: str, **more: str) -> dict[str, str]:
    """What the console asks for."""
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    usual = {
        "response_type": "code",
        "client_id": "mithaq-console",
        "redirect_uri": BACK,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "state": "xyz",
        "nonce": "n-1",
        "scope": "openid",
    }
    return usual | more


def fields_of(page: Response) -> dict[str, str]:
    """The hidden fields of the form on a page."""
    found = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    return {unescape(name): unescape(value) for name, value in found}


async def sign_in(browser: AsyncClient, provider: Starlette) -> None:
    """Use the one-time link."""
    assert (await browser.get(provider.state.provider.sign_in_link())).status_code == 303


async def test_code_and_pkce_give_a_token_that_services_accept(
    browser: AsyncClient, provider: Starlette, verifying: TokenVerifier, issuer_url: str
) -> None:
    discovered = (await browser.get(f"{issuer_url}/.well-known/openid-configuration")).json()
    assert discovered["issuer"] == issuer_url
    await sign_in(browser, provider)
    verifier = secrets.token_urlsafe(48)
    page = await browser.get(discovered["authorization_endpoint"], params=asking(verifier))
    assert page.status_code == 200 and "password" not in page.text

    chosen = await browser.post(
        discovered["authorization_endpoint"], data=fields_of(page) | {"persona": "director-ma-06"}
    )
    assert chosen.status_code == 303
    assert chosen.headers["location"].startswith(f"{BACK}?")
    back = dict(parse_qsl(urlsplit(chosen.headers["location"]).query))
    assert (back["state"], back["iss"]) == ("xyz", issuer_url)

    exchange = {
        "grant_type": "authorization_code",
        "code": back["code"],
        "redirect_uri": BACK,
        "client_id": "mithaq-console",
        "code_verifier": verifier,
    }
    answered = await browser.post(discovered["token_endpoint"], data=exchange)
    assert answered.status_code == 200 and answered.headers["cache-control"] == "no-store"
    actor, _ = await verifying.actor(answered.json()["access_token"])
    assert actor.person == f"{issuer_url}#director-ma-06"
    assert (set(actor.roles), actor.jurisdiction) == ({Role.academy_director}, "MA-06")

    keys = KeySet.import_key_set((await browser.get(discovered["jwks_uri"])).json())
    told = jwt.decode(answered.json()["id_token"], keys, algorithms=["RS256"]).claims
    assert (told["aud"], told["nonce"], told["sub"]) == ("mithaq-console", "n-1", "director-ma-06")
    with pytest.raises(Unauthenticated):
        await verifying.actor(answered.json()["id_token"])

    again = await browser.post(discovered["token_endpoint"], data=exchange)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "wrong",
    [{"code_verifier": "x" * 43}, {"redirect_uri": f"{BACK}/"}, {"client_id": "mithaq-cli"}, {"code": "guessed"}],
    ids=str,
)
async def test_a_code_serves_only_whom_it_was_made_for(
    wrong: dict[str, str], browser: AsyncClient, provider: Starlette
) -> None:
    await sign_in(browser, provider)
    verifier = secrets.token_urlsafe(48)
    chosen = await browser.post("/authorize", data=asking(verifier) | {"persona": "auditor"})
    code = parse_qs(urlsplit(chosen.headers["location"]).query)["code"][0]
    right = {"code": code, "redirect_uri": BACK, "client_id": "mithaq-console", "code_verifier": verifier}
    answered = await browser.post("/token", data={"grant_type": "authorization_code"} | right | wrong)
    assert answered.json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "address", ["https://example.org/", "http://127.0.0.1@example.org/", "javascript:alert(1)", "//[", ""]
)
async def test_no_code_leaves_this_machine(address: str, browser: AsyncClient, provider: Starlette) -> None:
    await sign_in(browser, provider)
    asked = asking("v" * 43, redirect_uri=address) | {"persona": "auditor"}
    for answered in (await browser.get("/authorize", params=asked), await browser.post("/authorize", data=asked)):
        assert answered.status_code == 400
        assert "location" not in answered.headers


@pytest.mark.parametrize(
    "more",
    [{"code_challenge_method": "plain"}, {"code_challenge": ""}, {"response_type": "token"}],
    ids=str,
)
async def test_only_code_with_pkce_is_spoken(more: dict[str, str], browser: AsyncClient) -> None:
    answered = await browser.get("/authorize", params=asking("v" * 43, **more))
    assert answered.status_code == 303
    assert "error=" in answered.headers["location"] and "state=xyz" in answered.headers["location"]


async def test_without_the_link_the_password_is_asked(browser: AsyncClient, credentials: Credentials) -> None:
    page = await browser.get("/authorize", params=asking("v" * 43))
    assert 'name="password"' in page.text
    chosen = fields_of(page) | {"persona": "ministry-officer"}
    refused = await browser.post("/authorize", data=chosen | {"password": "guess"})
    assert refused.status_code == 403 and "location" not in refused.headers
    admitted = await browser.post("/authorize", data=chosen | {"password": credentials.admin_secret})
    assert "code=" in admitted.headers["location"]


async def test_a_sign_in_link_works_once(browser: AsyncClient, provider: Starlette) -> None:
    link = provider.state.provider.sign_in_link()
    first = await browser.get(link)
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    browser.cookies.clear()
    second = await browser.get(link)
    assert second.status_code == 403 and "set-cookie" not in second.headers
    home = urljoin(link, re.findall(r'href="([^"]+)"', second.text)[-1])
    assert 'name="password"' in (await browser.get(home)).text


async def test_the_home_page_hands_out_a_token_to_try(
    browser: AsyncClient, provider: Starlette, verifying: TokenVerifier
) -> None:
    await sign_in(browser, provider)
    page = await browser.post("/", data={"persona": "officer-ma-01"})
    shown = re.search(r"<textarea[^>]*>([^<]+)<", page.text)
    assert shown
    assert (await verifying.actor(shown[1]))[0].jurisdiction == "MA-01"


async def test_the_page_warns_in_two_languages_and_loads_nothing(browser: AsyncClient) -> None:
    for language, direction in (("ar", "rtl"), ("fr", "ltr"), ("en", "ltr")):
        page = await browser.get("/authorize", params=asking("v" * 43), headers={"Accept-Language": language})
        assert f'<html lang="{language}" dir="{direction}">' in page.text
        assert "بيئة تجريبية" in page.text and "Environnement d&#39;essai" in page.text
        assert not re.search(r'(?:src|href)="(?:https?:)?//|<script|@import|url\(', page.text)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        for id in ("ministry-officer", "network-coordinator", *(f"director-{code.lower()}" for code in ACADEMY_CODES)):
            assert f'value="{id}"' in page.text


async def test_the_language_asked_for_wins_over_the_browser_s(browser: AsyncClient) -> None:
    for asked, spoken in (("fr", "fr"), ("ar", "ar"), ("de", "en"), ("", "en")):
        for path, more in (("/authorize", asking("v" * 43)), ("/", {})):
            page = await browser.get(path, params=more | {"lang": asked}, headers={"Accept-Language": "en"})
            assert f'<html lang="{spoken}"' in page.text and page.headers["content-language"] == spoken
    refused = await browser.post("/", params={"lang": "fr"}, data={"password": "guess"})
    assert refused.status_code == 403 and '<html lang="fr"' in refused.text


async def test_what_is_asked_cannot_write_the_page(browser: AsyncClient) -> None:
    page = await browser.get("/authorize", params=asking("v" * 43, state='"><script>alert(1)</script>'))
    assert "<script>" not in page.text


async def test_systems_use_their_secret(
    browser: AsyncClient, credentials: Credentials, verifying: TokenVerifier
) -> None:
    id, secret = "system-ma-06", credentials.secrets["system-ma-06"]
    grant = {"grant_type": "client_credentials"}
    by_form = await browser.post("/token", data=grant | {"client_id": id, "client_secret": secret})
    by_header = await browser.post("/token", data=grant, auth=(id, secret))
    for answered in (by_form, by_header):
        actor, _ = await verifying.actor(answered.json()["access_token"])
        assert (actor.subject, set(actor.roles), actor.jurisdiction) == (id, {Role.academy_system}, "MA-06")
    for wrong in ({"client_id": id, "client_secret": "x"}, {"client_id": "nobody", "client_secret": secret}, {}):
        assert (await browser.post("/token", data=grant | wrong)).status_code == 401
    assert (await browser.post("/token", data={"grant_type": "password"})).status_code == 400


async def test_the_admin_adds_personas_that_stay(
    browser: AsyncClient,
    credentials: Credentials,
    platform: PlatformSettings,
    verifying: TokenVerifier,
    issuer_url: str,
) -> None:
    persona = {
        "id": "manager-amal",
        "name": {"ar": "مسيرة جمعية الأمل (وهمية)", "fr": "Association Amal (fictif)"},
        "roles": ["association_manager"],
        "jurisdiction": f"org:{NETWORK_ID}",
    }
    assert (await browser.post("/personas", json=persona)).status_code == 401
    admin = {"Authorization": f"Bearer {credentials.admin_secret}"}
    added = await browser.post("/personas", json=persona, headers=admin)
    again = await browser.post("/personas", json=persona, headers=admin)
    assert added.status_code == 201 and added.json() == again.json()

    restarted = AsyncClient(transport=ASGITransport(dev_identity(platform.data_dir, issuer_url)), base_url=issuer_url)
    answered = await restarted.post(
        "/token",
        data={"grant_type": "client_credentials", "client_id": "manager-amal", "client_secret": added.json()["secret"]},
    )
    actor, _ = await verifying.actor(answered.json()["access_token"])
    assert (set(actor.roles), actor.jurisdiction) == ({Role.association_manager}, f"org:{NETWORK_ID}")
    for wrong in ({"jurisdiction": "MA-99"}, {"roles": ["king"]}, {"id": "../x"}, {"more": 1}):
        assert (await browser.post("/personas", json=persona | wrong, headers=admin)).status_code == 422


async def test_every_answer_says_that_this_is_dev(browser: AsyncClient) -> None:
    for path in ("/jwks", "/", "/nowhere", "/token"):
        assert (await browser.get(path)).headers["mithaq-environment"] == "dev"


async def test_a_name_made_to_point_here_is_refused(browser: AsyncClient) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "[", ""):
        assert (await browser.get("/jwks", headers={"Host": host})).status_code == 421


@pytest.mark.parametrize(
    "settings",
    [{"profile": "production"}, {"host": "0.0.0.0"}, {"host": "10.0.0.1"}, {"host": "mithaq.example"}],
    ids=str,
)
def test_it_exists_only_in_dev_on_loopback(settings: dict[str, str], platform: PlatformSettings) -> None:
    for make in (dev_issuer, TokenVerifier.of):
        with pytest.raises(ValueError, match="MITHAQ_OIDC_ISSUER") as refused:
            make(platform.model_copy(update=settings))
    assert "MITHAQ_OIDC_AUDIENCE" in str(refused.value)


def test_the_provider_itself_refuses_any_other_address(platform: PlatformSettings) -> None:
    with pytest.raises(ValueError, match="loopback"):
        dev_identity(platform.data_dir, "https://mithaq.example/identity/1")


def test_credentials_are_the_owners_alone_and_stay(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        with ThreadPoolExecutor(4) as starting:
            made = list(starting.map(load_credentials, [tmp_path / "data"] * 4))
    finally:
        os.umask(old)
    file = tmp_path / "data" / "credentials.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["credentials.json"]
    assert made == [load_credentials(tmp_path / "data")] * 4


def test_no_two_installations_share_a_secret(_template: Credentials) -> None:
    other = Credentials.fresh()
    mine = {_template.installation, _template.admin_secret, _template.signing_key["n"], *_template.secrets.values()}
    theirs = {other.installation, other.admin_secret, other.signing_key["n"], *other.secrets.values()}
    assert not mine & theirs
