"""The corpus of token verification."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from shared.actor import Actor, Role
from shared.refusals import Unauthenticated, Unavailable
from shared.settings import PlatformSettings
from shared.web import TokenVerifier
from shared.web import identity as web_identity
from tests.fixtures.identity import ISSUER, Issuer
from tests.web.walk import unsigned

NOW = int(time.time())
DIRECTOR = Actor(ISSUER, "director", frozenset({Role.academy_director}), "MA-06")


@pytest.fixture
def issuer(_issuer: Issuer) -> Issuer:
    """An issuer of the test's own, whose keys it may change."""
    return Issuer(key=_issuer.key)


async def test_a_genuine_token_names_its_actor(issuer: Issuer, verifier: TokenVerifier) -> None:
    actor, expires = await verifier.actor(issuer.token(DIRECTOR))
    assert actor == DIRECTOR
    assert actor.person == f"{ISSUER}#director"
    assert abs(expires.timestamp() - time.time() - 300) < 60


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 3600},
        {"exp": None},
        {"exp": str(NOW + 300)},
        {"exp": float("nan")},
        {"iat": None},
        {"iat": NOW + 36000},
        {"nbf": NOW + 36000},
        {"aud": None},
        {"aud": "another"},
        {"aud": "mithaq "},
        {"aud": ["another", "third"]},
        {"iss": None},
        {"iss": ISSUER + "/"},
        {"iss": [ISSUER]},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"mithaq_jurisdiction": None},
        {"mithaq_jurisdiction": "everyone"},
        {"mithaq_jurisdiction": "MA-13"},
        {"mithaq_jurisdiction": "MA-06,MA-07"},
        {"mithaq_jurisdiction": "org:anything"},
        {"mithaq_jurisdiction": ["national"]},
        {"mithaq_roles": None},
        {"mithaq_roles": "ministry_officer"},
    ],
    ids=lambda claims: next(iter(claims)),
)
async def test_wrong_claims_are_refused(claims: dict[str, Any], issuer: Issuer, verifier: TokenVerifier) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.actor(issuer.token(DIRECTOR, **claims))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"typ": "id+jwt"},
        {"kid": None},
        {"kid": "unknown"},
        {"alg": "PS256"},
        {"alg": "RS512"},
    ],
    ids=str,
)
async def test_wrong_headers_are_refused(header: dict[str, Any], issuer: Issuer, verifier: TokenVerifier) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.actor(issuer.token(DIRECTOR, header=header))


async def test_an_unknown_critical_header_is_refused(issuer: Issuer, verifier: TokenVerifier) -> None:
    header, claims, signature = issuer.token(DIRECTOR).split(".")
    known = json.loads(base64.urlsafe_b64decode(header + "=="))
    strange = _part({**known, "crit": ["strange"], "strange": True})
    with pytest.raises(Unauthenticated):
        await verifier.actor(f"{strange}.{claims}.{signature}")


async def test_a_token_without_signature_is_refused(issuer: Issuer, verifier: TokenVerifier) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.actor(unsigned(issuer, DIRECTOR))


async def test_the_public_key_is_no_shared_secret(issuer: Issuer, verifier: TokenVerifier) -> None:
    _, claims, _ = issuer.token(DIRECTOR).split(".")
    signed = f"{_part({'alg': 'HS256', 'kid': 'first', 'typ': 'at+jwt'})}.{claims}"
    signature = hmac.new(issuer.key.as_pem(private=False), signed.encode(), hashlib.sha256).digest()
    with pytest.raises(Unauthenticated):
        await verifier.actor(f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


async def test_another_key_under_a_known_id_is_refused(issuer: Issuer, verifier: TokenVerifier) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.actor(issuer.token(DIRECTOR, key=RSAKey.generate_key(2048)))
    with pytest.raises(Unauthenticated):
        await verifier.actor(issuer.token(DIRECTOR, key=ECKey.generate_key("P-256")))


@pytest.mark.parametrize(
    "text",
    ["", "a", "a.b", "a.b.c", "..", "é.é.é", "e30.e30.e30", "a" * 5000, "W1tb" * 10_000 + ".e30.e30"],
    ids=lambda text: text[:12],
)
async def test_what_is_no_token_is_refused(text: str, verifier: TokenVerifier) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.actor(text)


async def test_clocks_may_differ_by_a_minute(issuer: Issuer, verifier: TokenVerifier) -> None:
    now = int(time.time())
    await verifier.actor(issuer.token(DIRECTOR, exp=now - 30, iat=now + 30, nbf=now + 30))


async def test_a_token_seen_before_still_expires(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.token(DIRECTOR)
    await verifier.actor(token)
    monkeypatch.setattr(time, "time", lambda: NOW + 3600.0)
    with pytest.raises(Unauthenticated):
        await verifier.actor(token)


async def test_genuine_tokens_are_remembered_within_bounds(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_identity, "MOST_GENUINE", 3)
    for number in range(10):
        await verifier.actor(issuer.token(DIRECTOR, jti=str(number)))
    assert len(verifier._genuine) <= 3


async def test_roles_we_do_not_know_are_ignored(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = issuer.token(roles=["auditor", "king", "system"], jurisdiction="national", mithaq_extra=1)
    actor, _ = await verifier.actor(token)
    assert actor.roles == {Role.auditor}


async def test_an_elliptic_key_is_as_good(issuer: Issuer, verifier: TokenVerifier) -> None:
    key = ECKey.generate_key("P-256", parameters={"kid": "curve", "use": "sig"})
    issuer.published.append(key)
    await verifier.actor(issuer.token(DIRECTOR, key=key, header={"kid": "curve"}))


async def test_keys_for_encryption_verify_nothing(issuer: Issuer, verifier: TokenVerifier) -> None:
    key = RSAKey.generate_key(2048, parameters={"kid": "enc", "use": "enc"})
    issuer.published.append(key)
    signing = RSAKey.import_key(key.as_dict(private=True, use="sig"))
    with pytest.raises(Unauthenticated):
        await verifier.actor(issuer.token(DIRECTOR, key=signing, header={"kid": "enc"}))


async def test_one_fetch_serves_everybody(issuer: Issuer, verifier: TokenVerifier) -> None:
    await asyncio.gather(*(verifier.actor(issuer.token(DIRECTOR)) for _ in range(50)))
    assert issuer.fetches == 2  # the discovery document and the keys


async def test_unknown_keys_cannot_flood_the_issuer(issuer: Issuer, verifier: TokenVerifier) -> None:
    await verifier.actor(issuer.token(DIRECTOR))
    for number in range(100):
        with pytest.raises(Unauthenticated):
            await verifier.actor(issuer.token(DIRECTOR, header={"kid": f"k{number}"}))
    assert issuer.fetches <= 3


async def test_a_new_key_is_found_at_once(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    await verifier.actor(issuer.token(DIRECTOR))
    monkeypatch.setattr(web_identity, "REFRESH", 0.0)
    old = issuer.key
    issuer.key = RSAKey.generate_key(2048, parameters={"kid": "second", "use": "sig"})
    issuer.published.append(issuer.key)
    both = [issuer.token(DIRECTOR), issuer.token(DIRECTOR, key=old, header={"kid": "first"})] * 20
    assert len(await asyncio.gather(*map(verifier.actor, both))) == 40


async def test_a_withdrawn_key_goes(issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    token = issuer.token(DIRECTOR)
    await verifier.actor(token)
    monkeypatch.setattr(web_identity, "FRESH", 0.0)
    monkeypatch.setattr(web_identity, "REFRESH", 0.0)
    issuer.published = [RSAKey.generate_key(2048, parameters={"kid": "second", "use": "sig"})]
    await verifier.actor(token)  # answered with what is known, while the keys are fetched
    assert verifier.keys._refreshing is not None
    await verifier.keys._refreshing
    with pytest.raises(Unauthenticated):
        await verifier.actor(token)


async def test_the_last_keys_serve_while_the_issuer_is_away(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    await verifier.actor(issuer.token(DIRECTOR))
    issuer.away = True
    monkeypatch.setattr(web_identity, "FRESH", 0.0)
    monkeypatch.setattr(web_identity, "REFRESH", 0.0)
    await verifier.actor(issuer.token(DIRECTOR))
    monkeypatch.setattr(web_identity, "KEPT", 0.0)
    with pytest.raises(Unavailable):
        await verifier.actor(issuer.token(DIRECTOR))


async def test_without_keys_nobody_is_turned_away_as_false(issuer: Issuer, verifier: TokenVerifier) -> None:
    issuer.away = True
    with pytest.raises(Unavailable):
        await verifier.actor(issuer.token(DIRECTOR))


async def test_a_discovery_document_of_another_issuer_is_not_trusted() -> None:
    other = Issuer("https://other.test")
    verifier = TokenVerifier(issuer=ISSUER, audience="mithaq", fetch=other.fetch)
    with pytest.raises(Unavailable):
        await verifier.actor(other.token(DIRECTOR, iss=ISSUER))


def test_production_refuses_an_issuer_without_https() -> None:
    settings = PlatformSettings(profile="production", oidc_issuer="http://identity.test")
    with pytest.raises(ValueError, match="https"):
        TokenVerifier.of(settings)


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
