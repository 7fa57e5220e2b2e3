"""What the gateway says itself: the landing page, the documentation of the API and of the events.

Everything a page loads comes from the same address. `python -m services.gateway.pages FOLDER` writes all of it as
files, for an nginx that has no Python behind it.
"""

import argparse
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.types import Scope

from services.gateway.events import channels, envelope
from shared.language import LANGUAGES, RIGHT_TO_LEFT, Wording, choose
from shared.web import WORDING, Check, health
from shared.web.edge import Edge
from shared.web.problems import install_problems

HERE = Path(__file__).parent
DOCS = HERE.parent.parent / "docs"
OPENAPI = DOCS / "api" / "openapi.json"
ASYNCAPI = DOCS / "events" / "asyncapi.json"
SWAGGER = Path(fastapi_offline.__file__).parent / "static"
SWAGGER_FILES = ("swagger-ui-bundle.js", "swagger-ui.css")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of our pages: nothing from another host. Swagger UI sets styles on elements."""
PAGES = {"/": "landing", "/docs": "api", "/docs/events": "events"}
"""Address -> template."""
NAMES = {"ar": "العربية", "fr": "Français", "en": "English"}


def create_pages(
    checks: Mapping[str, Check],
    *,
    lifespan: Callable[[], AbstractAsyncContextManager[None]] | None = None,
    sign_in: str | None = None,
) -> FastAPI:
    """The pages as an app, with the health of everything behind the gateway.

    `sign_in` is the address of the dev identity provider, shown while there is one.
    """

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        if lifespan is None:
            yield
            return
        async with lifespan():
            yield

    app = FastAPI(
        lifespan=running,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.wording = Wording(WORDING, HERE / "wording")
    install_problems(app)
    app.add_middleware(Edge)
    app.include_router(health(checks))
    read = ["GET", "HEAD"]
    for address, name in PAGES.items():
        app.add_api_route(address, _page_route(name, sign_in), methods=read, response_class=HTMLResponse)
    app.add_api_route("/v", _to_the_door, methods=read)
    app.add_api_route("/openapi.json", _document_route(OPENAPI), methods=read)
    app.add_api_route("/docs/events/asyncapi.json", _document_route(ASYNCAPI), methods=read)
    app.mount("/static/swagger", Kept(directory=SWAGGER))
    app.mount("/static", Kept(directory=HERE / "static"))
    return app


class Kept(StaticFiles):
    """Files that a browser may keep, and asks about before it uses them again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or 304."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


@cache
def render(name: str, language: str, sign_in: str | None = None) -> str:
    """A page in a language, as HTML."""
    wording = Wording(HERE / "wording")
    events = json.loads(ASYNCAPI.read_text("utf-8")) if name == "events" else {"channels": {}}
    return (
        _templates()
        .get_template(f"{name}.html")
        .render(
            t=lambda key, **values: wording.text(f"pages.{key}", language, **values),
            language=language,
            direction="rtl" if language in RIGHT_TO_LEFT else "ltr",
            languages={code: NAMES[code] for code in LANGUAGES},
            channels=channels(events),
            envelope=envelope(events),
            sign_in=sign_in,
        )
    )


def write(folder: Path) -> None:
    """Write every page in every language, the documents and what they load into a folder."""
    for address, name in PAGES.items():
        for language in LANGUAGES:
            page = folder / address.lstrip("/") / f"index.{language}.html"
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(render(name, language), "utf-8")
    shutil.copy(OPENAPI, folder / "openapi.json")
    shutil.copy(ASYNCAPI, folder / "docs" / "events" / "asyncapi.json")
    shutil.copytree(HERE / "static", folder / "static", dirs_exist_ok=True)
    (folder / "static" / "swagger").mkdir(exist_ok=True)
    for file in SWAGGER_FILES:
        shutil.copy(SWAGGER / file, folder / "static" / "swagger" / file)


async def _to_the_door(request: Request) -> RedirectResponse:
    """Where papers are looked up, for who left the last sign out."""
    return RedirectResponse(f"/v/?{request.url.query}".rstrip("?"), 308)


def _page_route(name: str, sign_in: str | None) -> Callable[[Request], Awaitable[HTMLResponse]]:
    async def show(request: Request) -> HTMLResponse:
        wanted = request.query_params.get("lang")
        language = wanted if wanted in LANGUAGES else choose(request.headers.get("accept-language"))
        headers = {
            "Content-Language": language,
            "Vary": "Accept-Language",
            "Content-Security-Policy": POLICY,
            "Cache-Control": "no-cache",
        }
        return HTMLResponse(render(name, language, sign_in), headers=headers)

    return show


def _document_route(file: Path) -> Callable[[], Awaitable[FileResponse]]:
    async def show() -> FileResponse:
        return FileResponse(file, media_type="application/json", headers={"Cache-Control": "no-cache"})

    return show


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Writes the gateway's pages as files.")
    parser.add_argument("folder", type=Path)
    write(parser.parse_args().folder)
