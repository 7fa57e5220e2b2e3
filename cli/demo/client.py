"""A client of the public API, as an academy's or the ministry's own software would be."""

import asyncio
import time
from collections.abc import Collection
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import aiohttp

from shared.embedded.identity import Credentials

JSON = dict[str, Any]
EARLY = 60.0
"""Seconds before its end at which a token is renewed."""
PATIENCE = 60.0
"""Seconds within which one service has heard what another said, on a machine with much to do."""


class Refused(Exception):
    """The API said no; `problem` is its answer (RFC 9457)."""

    def __init__(self, method: str, path: str, problem: JSON) -> None:
        super().__init__(
            f"{method} {path}: {problem.get('status')} {problem.get('title')}. {problem.get('detail', '')}"
        )
        self.slug = str(problem.get("type", "")).rpartition("/")[2]


class Client:
    """Calls the API as the personas of a development installation."""

    def __init__(self, url: str, credentials: Credentials) -> None:
        self.url = url
        self.credentials = credentials
        self.issuer = f"{url}/identity/{credentials.installation}"
        self._tokens: dict[str, tuple[str, float]] = {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def add_persona(self, id: str, name: dict[str, str], role: str, jurisdiction: str) -> None:
        """Make somebody to sign in as."""
        headers = {"Authorization": f"Bearer {self.credentials.admin_secret}"}
        body = {"id": id, "name": name, "roles": [role], "jurisdiction": jurisdiction}
        async with self._session.post(f"{self.issuer}/personas", json=body, headers=headers) as answer:
            answer.raise_for_status()
            self.credentials.secrets[id] = (await answer.json())["secret"]

    async def sign_in_link(self) -> str:
        """A link that signs a browser in once."""
        headers = {"Authorization": f"Bearer {self.credentials.admin_secret}"}
        async with self._session.post(f"{self.issuer}/sign-in-links", headers=headers) as answer:
            answer.raise_for_status()
            return str((await answer.json())["link"])

    async def token(self, persona: str) -> str:
        """An access token."""
        token, until = self._tokens.get(persona, ("", 0.0))
        if time.monotonic() < until - EARLY:
            return token
        form = {"grant_type": "client_credentials"}
        headers = {"Authorization": aiohttp.encode_basic_auth(persona, self.credentials.secrets[persona])}
        async with self._session.post(f"{self.issuer}/token", data=form, headers=headers) as answer:
            answer.raise_for_status()
            granted = await answer.json()
        self._tokens[persona] = granted["access_token"], time.monotonic() + granted["expires_in"]
        return str(granted["access_token"])

    async def get(self, persona: str, path: str, **query: str) -> JSON:
        """Read. Raises Refused."""
        return await self._call("GET", persona, path, None, query=query)

    async def all(self, persona: str, path: str, **query: str) -> list[JSON]:
        """Every item of a list, page by page."""
        items: list[JSON] = []
        cursor: str | None = None
        while True:
            page = await self.get(persona, path, limit="100", **query, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page["next"]
            if not cursor:
                return items

    async def post(self, persona: str, path: str, body: JSON | None = None, *, version: int | None = None) -> JSON:
        """Command, under an Idempotency-Key of its own. Raises Refused."""
        return await self._call("POST", persona, path, body, version=version)

    async def upload(self, persona: str, path: str, pdf: bytes, **query: str) -> JSON:
        """A PDF file. Raises Refused."""
        return await self._call("POST", persona, path, pdf, query=query)

    async def put(self, persona: str, path: str, body: JSON, *, version: int) -> JSON:
        """Command that replaces something of this version. Raises Refused."""
        return await self._call("PUT", persona, path, body, version=version)

    async def post_when(
        self, persona: str, path: str, body: JSON | None = None, *, version: int | None = None, unless: Collection[str]
    ) -> JSON:
        """Command; while it is refused for one of these reasons, another service has not heard of something yet."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return await self.post(persona, path, body, version=version)
            except Refused as refused:
                if refused.slug not in unless or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.05)

    async def _call(
        self,
        method: str,
        persona: str,
        path: str,
        body: JSON | bytes | None,
        *,
        version: int | None = None,
        query: Any = None,
    ) -> JSON:
        headers = {"Authorization": f"Bearer {await self.token(persona)}", "Accept-Language": "fr"}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid4())
        sent: dict[str, Any] = {"json": body}
        if isinstance(body, bytes):
            sent = {"data": body}
            headers["Content-Type"] = "application/pdf"
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        async with self._session.request(
            method, f"{self.url}/api/v1/{path}", **sent, headers=headers, params=query
        ) as answer:
            found: JSON = await answer.json(content_type=None)
            if answer.status >= 400:
                raise Refused(method, path, found)
            return found
