"""The provider itself: an ASGI application that answers at its issuer's address."""

import hashlib
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.embedded.identity.credentials import Credentials, host_of, is_loopback, load_credentials, require_loopback
from shared.embedded.identity.personas import Persona
from shared.language import LANGUAGES, RIGHT_TO_LEFT, Wording, choose

CLIENTS = frozenset({"mithaq-console", "mithaq-docs", "mithaq-cli"})
"""The public clients; they prove themselves by PKCE and live on this machine."""
TOKEN_LASTS = 900
CODE_LASTS = 60
LINK_LASTS = 3600
SESSION_LASTS = 12 * 3600
COOKIE = "mithaq_dev_session"
HERE = Path(__file__).parent

T = TypeVar("T")


def dev_identity(data_dir: Path, issuer: str, *, audience: str = "mithaq") -> Starlette:
    """The provider as an ASGI app that answers at the issuer's own path (`/identity/<installation>/…`, no prefix cut).

    `app.state.provider.sign_in_link()` makes a link that signs a browser in once. ValueError unless the issuer is on
    loopback.
    """
    require_loopback(host_of(issuer))
    provider = Provider(data_dir, load_credentials(data_dir), issuer, audience)
    at = urlsplit(issuer).path
    app = Starlette(
        routes=[
            Route(f"{at}/.well-known/openid-configuration", provider.discovery),
            Route(f"{at}/jwks", provider.jwks),
            Route(f"{at}/authorize", provider.authorize, methods=["GET", "POST"]),
            Route(f"{at}/token", provider.token, methods=["POST"]),
            Route(f"{at}/personas", provider.add_persona, methods=["POST"]),
            Route(f"{at}/sign-in-links", provider.make_link, methods=["POST"]),
            Route(f"{at}/sign-in/{{link}}", provider.sign_in, methods=["GET"]),
            Route(f"{at}/", provider.home, methods=["GET", "POST"]),
        ],
        exception_handlers={OAuthError: _refused},
    )
    app.state.provider = provider
    app.add_middleware(LoopbackOnly)
    return app


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stands for."""

    persona: str
    client: str
    redirect_uri: str
    challenge: str
    nonce: str | None


class Expiring(Generic[T]):
    """Things known by a random name, for a while; at most 1000 of them."""

    def __init__(self, lasts: float) -> None:
        self.lasts = lasts
        self._kept: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def put(self, thing: T) -> str:
        """Keep it; gives its name."""
        name = secrets.token_urlsafe(24)
        self._kept[name] = (time.monotonic() + self.lasts, thing)
        while len(self._kept) > 1000:
            self._kept.popitem(last=False)
        return name

    def get(self, name: str) -> T | None:
        """The thing, while it lasts."""
        until, thing = self._kept.get(name, (0.0, None))
        return thing if time.monotonic() < until else None

    def take(self, name: str) -> T | None:
        """The thing, once."""
        thing = self.get(name)
        self._kept.pop(name, None)
        return thing


class OAuthError(Exception):
    """An error of RFC 6749, 5.2."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


class Provider:
    """Signs people in as personas and issues their tokens."""

    def __init__(self, data_dir: Path, credentials: Credentials, issuer: str, audience: str) -> None:
        self.data_dir = data_dir
        self.credentials = credentials
        self.issuer = issuer
        self.audience = audience
        self.key = RSAKey.import_key(credentials.signing_key)
        self.codes: Expiring[Grant] = Expiring(CODE_LASTS)
        self.links: Expiring[bool] = Expiring(LINK_LASTS)
        self.sessions: Expiring[bool] = Expiring(SESSION_LASTS)
        self.wording = Wording(HERE / "wording")
        self.pages = Environment(loader=FileSystemLoader(HERE), autoescape=True)

    def sign_in_link(self) -> str:
        """A link that signs the browser that opens it first in, within an hour."""
        return f"{self.issuer}/sign-in/{self.links.put(True)}"

    def access_token(self, persona: Persona, client: str) -> str:
        """A signed access token (RFC 9068) for the persona."""
        claims = {
            "aud": self.audience,
            "client_id": client,
            "jti": secrets.token_hex(16),
            "mithaq_roles": [role.value for role in persona.roles],
            "mithaq_jurisdiction": persona.jurisdiction,
            "name": persona.name.get("fr", persona.id),
        }
        return self._signed(persona, "at+jwt", claims)

    async def discovery(self, _: Request) -> Response:
        """OpenID Connect Discovery 1.0."""
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "subject_types_supported": ["public"],
                "scopes_supported": ["openid"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def jwks(self, _: Request) -> Response:
        """The public key."""
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        """The sign-in page (GET), and the choice made on it (POST), which goes back to the client with a code."""
        form = await _form(request) if request.method == "POST" else {}
        asked = form or dict(request.query_params)
        redirect_uri = asked.get("redirect_uri", "")
        # Nothing is ever sent to an address that is not this machine's, not even an error.
        if asked.get("client_id") not in CLIENTS or not _on_this_machine(redirect_uri):
            return self._page(request, asked, error="client", status=400)
        back = {"iss": self.issuer, **({"state": asked["state"]} if "state" in asked else {})}
        if asked.get("response_type") != "code":
            return _redirect(redirect_uri, back | {"error": "unsupported_response_type"})
        if asked.get("code_challenge_method") != "S256" or len(asked.get("code_challenge", "")) != 43:
            return _redirect(redirect_uri, back | {"error": "invalid_request"})
        if request.method == "GET":
            return self._page(request, asked)
        persona = self.credentials.personas.get(form.get("persona", ""))
        if persona is None or not self._admitted(request, form):
            return self._page(request, asked, error="password", status=403)
        grant = Grant(persona.id, asked["client_id"], redirect_uri, asked["code_challenge"], asked.get("nonce"))
        return _redirect(redirect_uri, back | {"code": self.codes.put(grant)})

    async def token(self, request: Request) -> Response:
        """Tokens for a code with its verifier, or for a persona with its secret."""
        form = await _form(request)
        match form.get("grant_type"):
            case "authorization_code":
                answer = self._exchange(form)
            case "client_credentials":
                answer = self._authenticate(request, form)
            case _:
                raise OAuthError("unsupported_grant_type")
        return JSONResponse({"token_type": "Bearer", "expires_in": TOKEN_LASTS, **answer})

    async def add_persona(self, request: Request) -> Response:
        """Add a persona, for the installation's admin secret; gives its client secret."""
        if not self._is_admin(request):
            return JSONResponse({"error": "invalid_token"}, 401)
        try:
            persona = Persona.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"error": "invalid_request", "errors": error.errors(include_input=False)}, 422)
        secret = self.credentials.add(persona)
        self.credentials.save(self.data_dir)
        return JSONResponse({"id": persona.id, "secret": secret}, 201)

    async def make_link(self, request: Request) -> Response:
        """A one-time sign-in link, for the installation's admin secret."""
        if not self._is_admin(request):
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse({"link": self.sign_in_link()}, 201)

    async def sign_in(self, request: Request) -> Response:
        """Trade a one-time link for a session of this browser."""
        if not self.links.take(request.path_params["link"]):
            return self._page(request, {}, error="link", status=403)
        path = urlsplit(self.issuer).path
        response = RedirectResponse(f"{path}/", 303)
        response.set_cookie(COOKIE, self.sessions.put(True), SESSION_LASTS, path=path, httponly=True, samesite="strict")
        return response

    async def home(self, request: Request) -> Response:
        """The personas; choosing one shows an access token to try the API with."""
        if request.method == "GET":
            return self._page(request, {})
        form = await _form(request)
        persona = self.credentials.personas.get(form.get("persona", ""))
        if persona is None or not self._admitted(request, form):
            return self._page(request, {}, error="password", status=403)
        return self._page(request, {}, persona=persona, token=self.access_token(persona, "mithaq-docs"))

    def _exchange(self, form: dict[str, str]) -> dict[str, Any]:
        grant = self.codes.take(form.get("code", ""))
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if grant is None or not secrets.compare_digest(challenge, grant.challenge):
            raise OAuthError("invalid_grant")
        if form.get("client_id") != grant.client or form.get("redirect_uri") != grant.redirect_uri:
            raise OAuthError("invalid_grant")
        persona = self.credentials.personas[grant.persona]
        nonce = {"nonce": grant.nonce} if grant.nonce else {}
        name = {"name": persona.name.get("fr", persona.id), "locale_names": persona.name}
        id_token = self._signed(persona, "JWT", {"aud": grant.client, **name, **nonce})
        return {"access_token": self.access_token(persona, grant.client), "id_token": id_token, "scope": "openid"}

    def _authenticate(self, request: Request, form: dict[str, str]) -> dict[str, Any]:
        id, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        known = self.credentials.secrets.get(id)
        if known is None or not secrets.compare_digest(known.encode(), secret.encode()):
            raise OAuthError("invalid_client", 401)
        return {"access_token": self.access_token(self.credentials.personas[id], id)}

    def _signed(self, persona: Persona, kind: str, claims: dict[str, Any]) -> str:
        now = int(time.time())
        standard = {"iss": self.issuer, "sub": persona.id, "iat": now, "exp": now + TOKEN_LASTS}
        return jwt.encode({"alg": "RS256", "kid": self.key.kid, "typ": kind}, standard | claims, self.key)

    def _admitted(self, request: Request, form: dict[str, str]) -> bool:
        return self._has_session(request) or self._is_secret(form.get("password", ""))

    def _has_session(self, request: Request) -> bool:
        return bool(self.sessions.get(request.cookies.get(COOKIE, "")))

    def _is_admin(self, request: Request) -> bool:
        return self._is_secret(request.headers.get("authorization", "").removeprefix("Bearer "))

    def _is_secret(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self.credentials.admin_secret.encode())

    def _page(
        self,
        request: Request,
        asked: dict[str, str],
        *,
        error: str | None = None,
        persona: Persona | None = None,
        token: str | None = None,
        status: int = 200,
    ) -> Response:
        wanted = request.query_params.get("lang")
        language = wanted if wanted in LANGUAGES else choose(request.headers.get("accept-language"))
        groups: dict[str, list[Persona]] = {}
        for each in self.credentials.personas.values():
            groups.setdefault(each.roles[0].value, []).append(each)
        nonce = secrets.token_urlsafe(12)
        page = self.pages.get_template("page.html").render(
            language=language,
            direction="rtl" if language in RIGHT_TO_LEFT else "ltr",
            say=lambda key, **values: self.wording.text(key, language, **values),
            say_in=self.wording.text,
            groups=groups,
            hidden={name: value for name, value in asked.items() if name not in ("persona", "password")},
            signed_in=self._has_session(request),
            credentials_file=self.data_dir / "credentials.json",
            home=f"{urlsplit(self.issuer).path}/",
            error=error,
            persona=persona,
            token=token,
            nonce=nonce,
        )
        origin = urlsplit(asked.get("redirect_uri", "")) if error != "client" else urlsplit("")
        targets = f"'self' {origin.scheme}://{origin.netloc}" if origin.netloc else "'self'"
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; form-action {targets}; frame-ancestors 'none'"
        headers = {"Content-Security-Policy": policy, "Content-Language": language, "Vary": "Accept-Language, Cookie"}
        return HTMLResponse(page, status, headers)


class LoopbackOnly:
    """Refuses any other host (a name that was made to resolve to this machine), and says what environment this is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Mithaq-Environment"] = "dev"
                headers["Cache-Control"] = "no-store"
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        if scope["type"] == "http" and not is_loopback(host_of(f"http://{Request(scope).headers.get('host', '')}")):
            await Response(status_code=421)(scope, receive, marked)
        else:
            await self.app(scope, receive, marked)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, OAuthError)
    return JSONResponse({"error": error.code}, error.status)


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > 16_384:
            raise OAuthError("invalid_request", 413)
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        id, _, secret = urlsafe_b64decode(value.replace("+", "-").replace("/", "_")).decode().partition(":")
    except ValueError:
        return None
    return unquote(id), unquote(secret)


def _on_this_machine(url: str) -> bool:
    parts = urlsplit(url) if host_of(url) else urlsplit("")
    return parts.scheme in ("http", "https") and is_loopback(parts.hostname) and not parts.fragment


def _redirect(url: str, values: dict[str, str]) -> Response:
    return RedirectResponse(f"{url}{'&' if '?' in url else '?'}{urlencode(values)}", 303)
