"""Clients of the agreements' API, in this process."""

from typing import Any

import httpx

from shared.actor import Actor


class Client:
    """Somebody's HTTP client."""

    def __init__(self, http: httpx.AsyncClient, token: Any, by: Actor) -> None:
        self.http = http
        self.headers = {"Authorization": f"Bearer {token(by)}"}

    async def get(self, path: str, **params: Any) -> httpx.Response:
        """Read."""
        return await self.http.get(f"/api/v1{path}", params=params, headers=self.headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Do."""
        return await self._send("POST", path, body, headers)

    async def put(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Put another in its place."""
        return await self._send("PUT", path, body, headers)

    async def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, f"/api/v1{path}", json=body, headers=self.headers | named)
