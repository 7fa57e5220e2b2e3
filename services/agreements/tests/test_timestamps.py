"""The time of a seal is an authority's word where one stamps it, else its own; whoever reads it is told which."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from asn1crypto.tsp import TimeStampReq  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric import rsa
from httpx import AsyncClient
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.timestamps import TimeStamper

from services.agreements.agreement import Agreement
from services.agreements.errors.sealing import SealUnavailable
from services.agreements.judgement import Worth
from services.agreements.papers import render_agreement
from services.agreements.sealing import Flaw, Seal, Sealing, Trust, counts, examine
from services.agreements.tests.builders import approved, sign_for
from services.agreements.tests.conftest import WORDING
from services.agreements.tests.pages import HOLDS, file_of, judge, page_of, said
from services.agreements.tests.seals import (
    AT,
    DAY,
    STAMPS,
    Root,
    add_seal,
    seal_with,
    sealable,
    signed_by,
    stamper_of,
    stamper_with,
    token_over,
    with_an_unreadable_stamp_first,
    with_unreadable_stamps,
)
from services.agreements.tests.test_providers import settings
from shared.clock import now
from shared.database import Database
from shared.language import Wording
from shared.territory import MINISTRY_ID

Authority = Callable[[web.Request], Awaitable[web.Response]]
TEXTS = Wording(WORDING)
STAMPED, OWN, UNREADABLE = (
    TEXTS.text(f"verification.seals.{key}", "fr").replace("'", "&#39;")
    for key in ("stamped", "own_time", "stamp_unreadable")
)
KEY = rsa.generate_private_key(65537, 2048)


@pytest.fixture
def root() -> Root:
    """Our root, of seals and of stamps."""
    return Root()


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """An agreement whose text is frozen, and nobody has signed."""
    return await approved(database)


def sealed_and_stamped(root: Root, stamper: TimeStamper | None, trust: Trust | None = None) -> Seal:
    """A seal of AT, whose certificate ended the day after it, looked at a week later."""
    paper = sealable()
    pen = root.issue(AT - DAY, AT + DAY)
    [seal] = examine(
        add_seal(render_agreement(paper, "both"), paper, 0, pen, stamper=stamper), trust or root.trust, AT + 7 * DAY
    )
    return seal


def test_a_stamp_tells_the_time_of_a_seal(root: Root) -> None:
    later = AT + DAY / 2
    seal = sealed_and_stamped(root, stamper_of(root, later))
    assert (seal.made_at, seal.stamped, seal.flaws) == (later, True, ())
    alone = sealed_and_stamped(root, None)
    assert (alone.made_at, alone.stamped, alone.flaws) == (AT, False, ())


def test_a_seal_that_is_dated_back_is_found_by_its_stamp(root: Root) -> None:
    seal = sealed_and_stamped(root, stamper_of(root, AT + 2 * DAY))
    assert (seal.made_at, seal.flaws) == (AT + 2 * DAY, (Flaw.expired,))


def test_a_stamp_outlives_the_certificate_of_its_authority(root: Root) -> None:
    assert sealed_and_stamped(root, stamper_of(root, AT, last=AT + DAY)).stamped


def test_a_stamp_of_nobody_whom_we_trust_tells_nothing(root: Root) -> None:
    """Nor one whose certificate had ended, is for something else, or was revoked."""
    other = root.issue(AT - DAY, key=KEY)
    revoked = root.issue(AT - 9 * DAY, key=KEY, uses=STAMPS)
    for stamper, trust in (
        (stamper_of(Root("Ailleurs (fictif)"), AT), root.trust),
        (stamper_of(root, AT, last=AT - DAY / 2), root.trust),
        (stamper_with(other, AT), root.trust),
        (stamper_with(revoked, AT), root.revoking(revoked, AT - DAY, told=AT + DAY)),
    ):
        seal = sealed_and_stamped(root, stamper, trust)
        assert (seal.made_at, seal.stamped, seal.flaws) == (AT, False, ())


class Elsewhere(TimeStamper):
    """Hands over the stamp of something else."""

    def __init__(self, stamper: TimeStamper) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._stamper = stamper

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> object:
        """Stamp another digest."""
        return await self._stamper.async_timestamp(bytes(len(message_digest)), md_algorithm)


def test_the_stamp_of_another_signature_tells_nothing(root: Root) -> None:
    assert not sealed_and_stamped(root, Elsewhere(stamper_of(root, AT))).stamped


def test_a_stamp_that_cannot_be_read_is_told_of_its_own_seal(root: Root) -> None:
    paper = sealable()
    first = add_seal(render_agreement(paper, "both"), paper, 0, root.issue())
    both = add_seal(first, paper, 1, root.issue(), stamper=stamper_of(root, AT))
    plain, stamped = examine(with_unreadable_stamps(both), root.trust, AT + DAY)
    assert not plain.stamp_unreadable and stamped.stamp_unreadable
    assert (stamped.made_at, stamped.stamped, stamped.flaws) == (AT, False, ())
    assert not any(each.stamp_unreadable for each in examine(both, root.trust, AT + DAY))


def test_a_stamp_that_cannot_be_read_hides_no_other_of_its_seal(root: Root) -> None:
    paper = sealable()
    stamped = add_seal(render_agreement(paper, "both"), paper, 0, root.issue(), stamper=stamper_of(root, AT + DAY / 2))
    [seal] = examine(with_an_unreadable_stamp_first(stamped), root.trust, AT + DAY)
    assert (seal.made_at, seal.stamped, seal.flaws, seal.stamp_unreadable) == (AT + DAY / 2, True, (), True)


def test_whoever_only_stamps_seals_nothing(root: Root) -> None:
    paper, pen = sealable(), root.issue(uses=STAMPS)
    file = add_seal(render_agreement(paper, "both"), paper, 0, pen)
    assert [each.flaws for each in examine(file, root.trust, AT + DAY)] == [(Flaw.untrusted,)]


def stamping(stamper: TimeStamper) -> Authority:
    """An authority that answers as RFC 3161 (3.4) has it."""

    async def answer(request: web.Request) -> web.Response:
        assert request.content_type == "application/timestamp-query"
        given = await stamper.async_request_tsa_response(TimeStampReq.load(await request.read()))
        return web.Response(body=given.dump(), content_type="application/timestamp-reply")

    return answer


@pytest.fixture
async def authorities() -> AsyncIterator[Callable[[Authority], Awaitable[str]]]:
    """`await authorities(answer)`: the address of an authority that answers so."""
    runners = []

    async def start(answer: Authority) -> str:
        app = web.Application()
        app.add_routes([web.post("/tsa", answer)])
        runners.append(runner := web.AppRunner(app, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/tsa"

    yield start
    for each in runners:
        await each.cleanup()


Authorities = Callable[[Authority], Awaitable[str]]


async def test_every_seal_is_stamped_where_an_authority_is_named(
    anybody: AsyncClient,
    database: Database,
    agreement: Agreement,
    root: Root,
    authorities: Authorities,
    tmp_path: Path,
) -> None:
    stamper = stamper_with(root.issue(now() - DAY, now() + DAY, key=KEY, uses=STAMPS), None)
    seal_with(root.issue(now() - DAY, now() + DAY), root.trust, tmp_path)
    plain = await sign_for(database, agreement, MINISTRY_ID, level="advanced")
    page = await judge(anybody, page_of(plain), await file_of(plain))
    assert OWN in page and STAMPED not in page and HOLDS in page
    own = root.issue(now() - DAY, now() + DAY)
    seal_with(own, root.trust, tmp_path, seal_timestamp_url=await authorities(stamping(stamper)))
    sealed = await sign_for(database, plain, agreement.parties[1].organisation_id, level="advanced")
    first, second = PdfFileReader(io.BytesIO(await file_of(sealed))).embedded_signatures
    assert not first.signer_info["unsigned_attrs"].native, "PAdES B-B"
    [attribute] = second.signer_info["unsigned_attrs"]
    assert attribute["type"].native == "signature_time_stamp_token", "PAdES B-T"
    page = await judge(anybody, page_of(sealed), await file_of(sealed))
    assert said(Worth.sealed) in page and page.count(HOLDS) == 2
    assert page.count(STAMPED) == page.count(OWN) == 1
    page = await judge(anybody, page_of(sealed), with_unreadable_stamps(await file_of(sealed)))
    assert said(Worth.unrecorded) in page and page.count(HOLDS) == page.count(UNREADABLE) == 1


async def test_nothing_is_signed_without_the_stamp_that_is_wanted(
    database: Database, agreement: Agreement, root: Root, authorities: Authorities, tmp_path: Path
) -> None:
    pen = root.issue(now() - DAY, now() + DAY)
    good = stamper_with(root.issue(now() - DAY, now() + DAY, key=KEY, uses=STAMPS), None)
    foreign = stamper_with(Root("Ailleurs (fictif)").issue(now() - DAY, now() + DAY, key=KEY, uses=STAMPS), None)

    async def away(_: web.Request) -> web.Response:
        return web.Response(status=503)

    async def babble(_: web.Request) -> web.Response:
        return web.Response(body=b"0\x03nothing", content_type="application/timestamp-reply")

    async def anything(request: web.Request) -> web.Response:
        asked = TimeStampReq.load(await request.read())
        asked["message_imprint"]["hashed_message"] = bytes(32)
        given = await good.async_request_tsa_response(asked)
        return web.Response(body=given.dump(), content_type="application/timestamp-reply")

    for answer in (away, babble, anything, stamping(foreign)):
        seal_with(pen, root.trust, tmp_path, seal_timestamp_url=await authorities(answer))
        with pytest.raises(SealUnavailable):
            await sign_for(database, agreement, MINISTRY_ID, level="advanced")
    seal_with(pen, root.trust, tmp_path, seal_timestamp_url=await authorities(stamping(good)))
    assert len((await sign_for(database, agreement, MINISTRY_ID, level="advanced")).signatures) == 1


def test_a_stamp_counts_for_the_signature_that_it_was_given_for_only(root: Root) -> None:
    signature = signed_by(root.issue(), b"(fictif)")
    token = token_over(signature, stamper_of(root, AT))
    assert counts(token, signature, root.trust, AT)
    assert not counts(token, signature + b"!", root.trust, AT)
    assert not counts(b"0\x03nothing", signature, root.trust, AT)


def test_an_authority_of_time_needs_its_root(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="MITHAQ_AGREEMENTS_SEAL_ROOTS"):
        Sealing(settings(tmp_path, seal_timestamp_url="https://tsa.invalid/"))
