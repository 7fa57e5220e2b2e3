"""The front door of a platform, as a person or a system with one access token sees it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import uuid4

import aiohttp
import typer

from cli.demo.client import Client
from cli.installation import platform_settings
from cli.output import Exit, Failed
from shared.embedded.identity import load_credentials

JSON = dict[str, Any]
PAGE = 100
WHOLE = aiohttp.ClientTimeout(total=60)
CODES = {401: Exit.identity, 403: Exit.identity, 404: Exit.not_found, 409: Exit.conflict, 412: Exit.conflict}
Academy = Annotated[str | None, typer.Option(help="The academy, such as MA-06; who belongs to one need not say it.")]
Spoken = Literal["ar", "fr", "en"]
Language = Annotated[Spoken, typer.Option(envvar="MITHAQ_LANGUAGE", help="Of what the platform says.")]
OwnLanguage = Annotated[Spoken | None, typer.Option(help="Of what is told; left out, as for everything.")]


@dataclass
class Door:
    """Where it is and who asks; `async with door.opened()` to ask."""

    url: str | None
    token: str | None
    persona: str
    language: str

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Asking"]:
        """Ask inside the block. Failed if nobody can sign in."""
        url = (self.url or f"http://127.0.0.1:{platform_settings().port}").rstrip("/")
        async with aiohttp.ClientSession() as session:
            try:
                asking = Asking(session, url, lambda: self._signed_in(url), self.language)
                await asking.sign_in()
                yield asking
            except aiohttp.ClientConnectionError:
                raise Failed(f"Nobody answers at {url}.", run="mithaq status, or --url", code=Exit.degraded) from None

    async def _signed_in(self, url: str) -> str:
        if self.token:
            return self.token
        credentials = load_credentials(platform_settings().data_dir)
        if self.persona not in credentials.secrets:
            raise Failed(f"There is no persona {self.persona}.", run="set MITHAQ_TOKEN", code=Exit.identity)
        async with Client(url, credentials) as client:
            try:
                return await client.token(self.persona)
            except aiohttp.ClientResponseError as error:
                why = f"{url} does not let {self.persona} in ({error.status})."
                raise Failed(why, run="set MITHAQ_TOKEN", code=Exit.identity) from None


class Asking:
    """Calls the API."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: Callable[[], Awaitable[str]], language: str
    ) -> None:
        self.session = session
        self.url = f"{url}/api/v1"
        self.headers = {"Accept-Language": language}
        self._token = token

    async def sign_in(self) -> None:
        """Ask with a fresh access token from now on, or with the one that was given. Failed if nobody can sign in."""
        self.headers["Authorization"] = f"Bearer {await self._token()}"

    async def get(self, path: str, **query: Any) -> JSON:
        """Read. Failed with what the platform says."""
        return await self._call("GET", path, params={name: str(value) for name, value in query.items() if value})

    async def some(self, path: str, *, most: int, **query: Any) -> list[JSON]:
        """The first items of a list, page by page."""
        items: list[JSON] = []
        cursor: str | None = None
        while len(items) < most:
            page = await self.get(path, limit=min(PAGE, most - len(items)), cursor=cursor, **query)
            items += page["items"]
            if not (cursor := page["next"]):
                break
        return items

    async def post(self, path: str, body: JSON | None = None, *, version: int | None = None) -> JSON:
        """Command, under an Idempotency-Key of its own. Failed with what the platform says."""
        return await self._command("POST", path, body, version)

    async def put(self, path: str, body: JSON, *, version: int) -> JSON:
        """Replace, as `post` commands."""
        return await self._command("PUT", path, body, version)

    async def _command(self, method: str, path: str, body: JSON | None, version: int | None) -> JSON:
        headers = {"Idempotency-Key": str(uuid4())} | ({"If-Match": f'"{version}"'} if version is not None else {})
        return await self._call(method, path, json=body, headers=headers)

    async def _call(self, method: str, path: str, *, headers: JSON | None = None, **sent: Any) -> JSON:
        asked = self.session.request(
            method, f"{self.url}/{path}", headers=self.headers | (headers or {}), timeout=WHOLE, **sent
        )
        async with asked as answer:
            found: JSON = await answer.json(content_type=None)
            if answer.status < 400:
                return found
        raise refusal(answer.status, found)


def refusal(status: int, problem: JSON) -> Failed:
    """What the platform says (RFC 9457), as a command says it."""
    said = ". ".join(str(problem[part]) for part in ("title", "detail") if problem.get(part))
    for each in problem.get("errors") or ():
        said += f"\n{each.get('pointer') or each.get('parameter')}: {each['detail']}"
    code = CODES.get(status, Exit.usage if status < 500 else Exit.degraded)
    return Failed(said or f"The platform answers {status}.", run=_next(status), code=code)


def _next(status: int) -> str:
    match status:
        case 401 | 403:
            return "set MITHAQ_TOKEN, or mithaq webhooks --as"
        case 404 | 409:
            return "mithaq webhooks endpoints"
        case 412 | 429 | 503:
            return "the same command again"
    return "mithaq webhooks --help" if status < 500 else "mithaq doctor"


def door_of(context: typer.Context) -> Door:
    """The door that `mithaq webhooks` was given."""
    door: Door = context.obj
    return door
