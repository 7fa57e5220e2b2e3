"""Identity: every service verifies the access token itself and gets the actor from its claims."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Self

import aiohttp
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from pydantic import TypeAdapter, ValidationError

from shared.actor import JURISDICTION, Actor, Role
from shared.embedded.identity import dev_issuer
from shared.refusals import Unauthenticated, Unavailable
from shared.settings import PlatformSettings
from shared.texts import Line

ALGORITHMS = {"RS256": "RSA", "ES256": "EC"}
"""The signature algorithms we accept, each with its type of key. Nothing else, whatever a token says."""
TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})
LEEWAY = 60
"""Seconds two clocks may differ."""
FRESH = 300.0
"""Seconds after which keys are fetched again in any case, so that a withdrawn key goes."""
REFRESH = 10.0
"""Least seconds between two fetches, however many unknown keys are named."""
KEPT = 24 * 3600.0
"""Most seconds the last keys serve while the provider is away."""
MOST_GENUINE = 4096
"""Tokens remembered as genuine at most; beyond that all are forgotten."""

NAME: TypeAdapter[str] = TypeAdapter(Line)

Fetch = Callable[[str], Awaitable[Mapping[str, Any]]]
PublicKey = RSAKey | ECKey

logger = logging.getLogger(__name__)


async def fetch_json(url: str) -> Mapping[str, Any]:
    """A JSON document over HTTP, within 5 seconds. Raises aiohttp.ClientError or TimeoutError."""
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session, session.get(url) as response:
        document: Mapping[str, Any] = await response.json(content_type=None)
        return document


class Keys:
    """The provider's public keys by `kid`: fetched when needed, at most once at a time, kept through an outage."""

    def __init__(self, issuer: str, jwks_url: str | None, fetch: Fetch) -> None:
        self.issuer = issuer
        self.jwks_url = jwks_url
        self.fetch = fetch
        self._keys: dict[str, PublicKey] = {}
        self._fetched = self._tried = -KEPT
        self._refreshing: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> PublicKey | None:
        """The key of this id, or None. Raises Unavailable when there are no usable keys at all."""
        age = time.monotonic() - self._fetched
        if kid not in self._keys or age > KEPT:
            await self._refresh()
        elif age > FRESH:
            self._start()
        if time.monotonic() - self._fetched > KEPT:
            raise Unavailable()
        return self._keys.get(kid)

    async def _refresh(self) -> None:
        if task := self._start():
            # One caller that goes away must not take the fetch from the others.
            await asyncio.shield(task)

    def _start(self) -> asyncio.Task[None] | None:
        if self._refreshing is None or self._refreshing.done():
            wait = 1.0 if not self._keys else REFRESH
            if time.monotonic() - self._tried < wait:
                return None
            self._tried = time.monotonic()
            self._refreshing = asyncio.create_task(self._fetch())
        return self._refreshing

    async def _fetch(self) -> None:
        try:
            keys = _usable((await self.fetch(await self._url())).get("keys"))
        except (aiohttp.ClientError, OSError, LookupError, ValueError, AttributeError) as error:
            logger.warning("keys of %s not refreshed: %s", self.issuer, type(error).__name__)
            return
        # An empty answer is a fault of the provider's, not the end of all keys.
        if keys:
            self._keys, self._fetched = keys, time.monotonic()

    async def _url(self) -> str:
        if self.jwks_url is None:
            document = await self.fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if document.get("issuer") != self.issuer:
                raise ValueError("the discovery document names another issuer")
            self.jwks_url = str(document["jwks_uri"])
        return self.jwks_url


@dataclass(frozen=True, slots=True)
class Genuine:
    """A token whose signature was verified: under which key, and what it says."""

    kid: str
    key: PublicKey
    claims: dict[str, Any]


class TokenVerifier:
    """Decides whether an access token (RFC 9068) is genuine, meant for us and in time, and who it speaks for."""

    def __init__(self, *, issuer: str, audience: str, jwks_url: str | None = None, fetch: Fetch = fetch_json) -> None:
        self.keys = Keys(issuer, jwks_url, fetch)
        self._genuine: dict[str, Genuine] = {}
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )

    @classmethod
    def of(cls, platform: PlatformSettings) -> Self:
        """The verifier of an installation: its OIDC provider, or the dev identity provider when none is set.

        ValueError where that would not be safe: a production issuer without HTTPS, or dev identity beyond loopback.
        """
        if platform.oidc_issuer is None:
            issuer = dev_issuer(platform)
        elif platform.profile == "production" and not platform.oidc_issuer.startswith("https://"):
            raise ValueError("MITHAQ_OIDC_ISSUER must be an https:// address in production")
        else:
            issuer = platform.oidc_issuer
        return cls(issuer=issuer, audience=platform.oidc_audience, jwks_url=platform.oidc_jwks_url)

    async def claims(self, token: str) -> dict[str, Any]:
        """The claims of a valid token. Raises Unauthenticated, or Unavailable when no keys can be had."""
        try:
            claims = await self._signed(token)
            self._claims.validate(claims)
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Unauthenticated() from error
        return claims

    async def _signed(self, token: str) -> dict[str, Any]:
        """The claims of a genuine token, in time or not. The same bytes under the same key are verified once."""
        known = self._genuine.get(token)
        if known and await self.keys.find(known.kid) is known.key:
            return known.claims
        signed = jws.extract_compact(token.encode())
        header = signed.headers()
        kid, algorithm = header.get("kid"), header.get("alg")
        if not isinstance(kid, str) or not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise Unauthenticated()
        if str(header.get("typ")).lower() not in TOKEN_TYPES:
            raise Unauthenticated()
        key = await self.keys.find(kid)
        if key is None or key.key_type != ALGORITHMS[algorithm]:
            raise Unauthenticated()
        if not jws.validate_compact(signed, key, algorithms=list(ALGORITHMS)):
            raise Unauthenticated()
        claims: dict[str, Any] = json.loads(signed.payload)
        if len(self._genuine) >= MOST_GENUINE:
            self._genuine.clear()
        self._genuine[token] = Genuine(kid, key, claims)
        return claims

    async def actor(self, token: str) -> tuple[Actor, datetime]:
        """Who a valid token speaks for, and until when. Raises as `claims` does."""
        claims = await self.claims(token)
        return actor_of(claims), datetime.fromtimestamp(claims["exp"], UTC)


def actor_of(claims: Mapping[str, Any]) -> Actor:
    """The actor of verified claims; unknown roles are ignored. Unauthenticated without a jurisdiction of ours."""
    jurisdiction, roles = claims.get("mithaq_jurisdiction"), claims.get("mithaq_roles")
    if not isinstance(jurisdiction, str) or not JURISDICTION.fullmatch(jurisdiction) or not isinstance(roles, list):
        raise Unauthenticated()
    # What the platform itself acts as is no one's to claim.
    known = {role.value for role in Role} - {Role.system.value}
    held = frozenset(Role(role) for role in roles if isinstance(role, str) and role in known)
    return Actor(claims["iss"], claims["sub"], held, jurisdiction, _name_in(claims))


def _name_in(claims: Mapping[str, Any]) -> str | None:
    """The display name (`name`, OpenID Connect Core 5.1), if it is a line that people can read."""
    try:
        return NAME.validate_python(claims.get("name"))
    except ValidationError:
        return None


_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="an access token of the identity provider")


async def current_actor(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Actor:
    """The actor of the request's access token. Raises Unauthenticated."""
    if given is None:
        raise Unauthenticated()
    verifier: TokenVerifier = request.app.state.verifier
    actor, request.state.token_expires = await verifier.actor(given.credentials)
    return actor


async def token_expiry(request: Request, _: Annotated[Actor, Depends(current_actor)]) -> datetime:
    """When the request's access token expires: long-lived streams end then."""
    expires: datetime = request.state.token_expires
    return expires


CurrentActor = Annotated[Actor, Depends(current_actor)]
"""Who asks."""
TokenExpiry = Annotated[datetime, Depends(token_expiry)]
"""The instant at which a stream opened with this token must end."""


def _usable(entries: Any) -> dict[str, PublicKey]:
    """The signature keys of a JWKS that are of our types; everything else in it is passed over."""
    keys: dict[str, PublicKey] = {}
    kinds: dict[Any, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}
    for entry in entries if isinstance(entries, list) else ():
        kind = kinds.get(entry.get("kty")) if isinstance(entry, dict) else None
        if kind and isinstance(entry.get("kid"), str) and entry.get("use", "sig") == "sig":
            try:
                keys[entry["kid"]] = kind.import_key(entry)
            except (JoseError, ValueError, TypeError, KeyError):
                continue
    return keys
