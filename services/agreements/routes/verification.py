"""The page behind the QR code of a paper: for everybody, without sign-in and without JavaScript."""

import asyncio
import base64
import hashlib
import math
import re
import time
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from markupsafe import Markup
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from services.agreements.errors.signing import TextTampered
from services.agreements.judgement import Finding, Worth, judge
from services.agreements.minutes import TEMPLATES
from services.agreements.papers.drawing import CODE
from services.agreements.papers.issuer import issuer
from services.agreements.papers.saying import day
from services.agreements.verification import Standing, look_up
from shared.database import Database
from shared.language import LANGUAGES, RIGHT_TO_LEFT, Wording, instant
from shared.web import Db, Language, counted

router = APIRouter(tags=["verification"])
log = structlog.get_logger(__name__)

LOOKS = parse("60 per minute")
"""How often one address may look something up: enough for a room that scans what it has just signed."""
FILES = parse("12 per minute")
"""How often one address may have a file judged."""
MOST_BYTES = 5_000_000
"""The longest file whose seals are examined: twice what thirty parties make of an agreement.

A longer one, such as the scan of a signature, is known by its hash alone.
"""
STYLE = TEMPLATES.get_template("verification.css").render()
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Robots-Tag": "noindex, nofollow",
    "Vary": "Accept-Language",
}
NAMES = {"ar": "العربية", "fr": "Français", "en": "English"}
ANSWERS: dict[int | str, dict[str, Any]] = {
    404: {"description": "no paper has this address"},
    409: {"description": "what is kept of it is not what was signed"},
    413: {"description": "the file is too long"},
    429: {"description": "too often"},
}
PUBLIC = {"x-public": True}

LONGEST = 300
"""Signs that are looked through for an address."""
ADDRESS = re.compile(
    rf"(?P<id>[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})/?\?\s*h=(?P<code>[0-9a-f]{{{CODE}}})\b"
)
"""What leads to a paper, in the address that it has."""
Typed = Annotated[str, Query(description="the address that is printed under a paper's code")]
Id = Annotated[str, Path(description="as the paper's code has it")]
Code = Annotated[str, Query(alias="h", description="the beginning of the content's hash, as the paper's code has it")]


def _wanted(accepted: Language, lang: Annotated[str, Query(description="ar, fr or en")] = "") -> str:
    return lang if lang in LANGUAGES else accepted


Wanted = Annotated[str, Depends(_wanted)]


@router.get("/v/", response_class=HTMLResponse, responses=ANSWERS, openapi_extra=PUBLIC)
async def find_paper(request: Request, language: Wanted, typed: Typed = "") -> Response:
    """Where to enter what is printed under a paper's code; it leads to the paper's page."""
    if wait := await _wait(request, LOOKS):
        return _refused(request, language, 429, "too_often", wait=wait)
    if address := ADDRESS.search(typed[:LONGEST].lower()):
        return RedirectResponse(f"/v/{address['id']}?h={address['code']}&lang={language}", 303, _headers(language))
    page = _page(request, language, typed=typed[:LONGEST], longest=LONGEST)
    return HTMLResponse(TEMPLATES.get_template("verification-entry.html").render(page), headers=_headers(language))


@router.get("/v/{id}", response_class=HTMLResponse, responses=ANSWERS, openapi_extra=PUBLIC)
async def verify_paper(id: Id, request: Request, db: Db, language: Wanted, code: Code = "") -> Response:
    """What a paper's code stands for, and how it stands today."""
    if wait := await _wait(request, LOOKS):
        return _refused(request, language, 429, "too_often", wait=wait)
    standing = await _look_up(request, db, language, id, code)
    return standing if isinstance(standing, Response) else _standing(request, language, code, standing)


@router.post("/v/{id}", response_class=HTMLResponse, responses=ANSWERS, openapi_extra=PUBLIC)
async def verify_file(id: Id, request: Request, db: Db, language: Wanted, code: Code = "") -> Response:
    """What a file is worth that is said to be this paper; it is not kept."""
    if wait := await _wait(request, FILES):
        return _refused(request, language, 429, "too_often", wait=wait)
    standing = await _look_up(request, db, language, id, code)
    if isinstance(standing, Response):
        return standing
    file = await _file(request)
    if file is None:
        return _standing(request, language, code, standing, missing=True)
    async with _one_at_a_time(request):
        finding = await judge(db, standing, *file)
    if finding is None:
        return _refused(request, language, 413, "too_long")
    try:
        return _standing(request, language, code, standing, finding=finding)
    except Exception:  # whatever a file says of itself that no page can say
        log.exception("a file cannot be told of", hash=finding.hash)
        unreadable = Finding(Worth.unreadable, finding.hash)
        return _standing(request, language, code, standing, finding=unreadable)


async def _look_up(request: Request, db: Database, language: str, id: str, code: str) -> Standing | Response:
    try:
        standing = await look_up(db, id, code)
    except TextTampered as refused:
        return _refused(request, language, refused.status, "tampered")
    return standing or _refused(request, language, 404, "not_found")


async def _file(request: Request) -> tuple[str, bytes | None] | None:
    """The SHA-256 of the form's file, and the file unless it is too long to examine; None if there is none."""
    try:
        async with request.form(max_files=1, max_fields=1) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile) or not (start := await file.read(MOST_BYTES)):
                return None
            hash, more = hashlib.sha256(start), False
            while part := await file.read(MOST_BYTES):
                hash.update(part)
                more = True
    except HTTPException as error:
        if error.status_code == 400:
            return None
        raise
    return hash.hexdigest(), None if more else start


def _one_at_a_time(request: Request) -> asyncio.Semaphore:
    """The public's turn in the worker: papers and seals never wait for more than one file of theirs."""
    state = request.app.state
    if not hasattr(state, "judging"):
        state.judging = asyncio.Semaphore(1)
    turn: asyncio.Semaphore = state.judging
    return turn


async def _wait(request: Request, rate: RateLimitItem) -> int:
    """Seconds until the address that asks may ask again; 0 if it may now.

    Each process counts for itself; the gateway counts the same rates for all of them together.
    """
    state = request.app.state
    if not hasattr(state, "verifications"):
        state.verifications = SlidingWindowCounterRateLimiter(MemoryStorage())
    # Only our own gateway sets the header, and it drops what callers claim.
    client = counted(request.headers.get("x-forwarded-for") or (request.client.host if request.client else ""))
    limiter: SlidingWindowCounterRateLimiter = state.verifications
    if await limiter.hit(rate, client):
        return 0
    window = await limiter.get_window_stats(rate, client)
    return max(1, math.ceil(window.reset_time - time.time()))


def _standing(
    request: Request,
    language: str,
    code: str,
    standing: Standing,
    *,
    finding: Finding | None = None,
    missing: bool = False,
) -> Response:
    wording: Wording = request.app.state.wording
    page = _page(request, language, standing=standing, code=code, finding=finding, missing=missing, most=MOST_BYTES)
    page["state"] = wording.text(f"states.{standing.kind}.{standing.state}", language)
    page["day"] = lambda date: day(date, language)
    page["moment"] = lambda at: instant(at, language)
    page["specimen"] = issuer().trial
    return HTMLResponse(TEMPLATES.get_template("verification.html").render(page), headers=_headers(language))


def _refused(request: Request, language: str, status: int, why: str, *, wait: int = 0) -> Response:
    page = _page(request, language, why=why, wait=wait, most=MOST_BYTES)
    headers = _headers(language) | ({"Retry-After": str(wait)} if wait else {})
    return HTMLResponse(TEMPLATES.get_template("verification-refused.html").render(page), status, headers=headers)


def _page(request: Request, language: str, **values: Any) -> dict[str, Any]:
    wording: Wording = request.app.state.wording
    return {
        "t": lambda key, **named: wording.text(f"verification.{key}", language, **named),
        "language": language,
        "direction": "rtl" if language in RIGHT_TO_LEFT else "ltr",
        "languages": NAMES,
        "style": Markup(STYLE),  # noqa: S704 - ours, and its hash is in the policy
        **values,
    }


def _headers(language: str) -> dict[str, str]:
    return HEADERS | {"Content-Language": language}
