"""The public screen: what the room sees, and what it never sees."""

import asyncio
import math
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import select

from services.agreements import commands, screen
from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import Ceremony
from services.agreements.errors.ceremonies import ScreenFull
from services.agreements.routes import screens
from services.agreements.screen import Together, boards, watching
from services.agreements.tables import ScreenRow
from services.agreements.tests.builders import (
    CHAIR,
    MINISTRY,
    NAME,
    approved,
    current,
    fill,
    hold,
    opened,
    operator_of,
    plan,
    planned,
    reviewed,
    sign_for,
)
from shared.actor import NATIONAL
from shared.database import Database
from shared.language import Wording, instant
from shared.messaging.tables import IdempotencyRow
from shared.refusals import NotFound
from tests.fixtures.eventually import eventually
from tests.web.conventions import is_problem

Board = tuple[int, str]


@pytest.fixture
def wording(app: FastAPI) -> Any:
    """The service's wording."""
    return app.state.wording


async def following(stream: AsyncIterator[Board | None]) -> Board:
    """The next board."""
    while (found := await anext(stream)) is None:
        pass
    return found


async def hung(database: Database, ceremony: Ceremony) -> str:
    """A screen of the ceremony, by its secret."""
    return await commands.open_screen(database, ceremony.id, by=MINISTRY)


async def test_a_screen_follows_every_signature(database: Database, wording: Wording) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    stream = boards(database, await hung(database, ceremony), wording)
    first, board = await following(stream)
    assert str(agreement.reference) in board
    assert "0 / 3" in board and "0 / 1" in board
    numbers = [first]
    for done, party in enumerate(agreement.parties, start=1):
        await sign_for(database, agreement, party.organisation_id, ceremony_id=ceremony.id)
        number, board = await following(stream)
        numbers.append(number)
        assert f"{done} / 3" in board
    assert "1 / 1" in board
    assert numbers == sorted(set(numbers)), "the number grows"


async def test_an_agreement_that_is_struck_leaves_the_screen(database: Database, wording: Wording) -> None:
    kept, struck = await approved(database), await approved(database)
    ceremony = await plan(database, kept.id, struck.id)
    stream = boards(database, await hung(database, ceremony), wording)
    first, board = await following(stream)
    assert str(struck.reference) in board
    await commands.strike_agreement(
        database, ceremony.id, agreement_id=struck.id, reason="reporté (fictif)", by=MINISTRY
    )
    number, board = await following(stream)
    assert number > first
    assert str(kept.reference) in board and str(struck.reference) not in board


async def test_a_screen_does_not_show_what_is_still_negotiated(database: Database, wording: Wording) -> None:
    terms = current(title=Bilingual(ar="مشروع اتفاقية (وهمي)", fr="Ce qui se négocie (fictif)"))
    settled, negotiated = await approved(database), await reviewed(database, terms)
    ceremony = await plan(database, settled.id, negotiated.id)
    _, board = await following(boards(database, await hung(database, ceremony), wording))
    assert settled.title.fr in board and settled.title.ar in board and board.count("<b>Organisation") == 1
    assert terms.title.fr not in board and terms.title.ar not in board
    assert wording.text("states.agreement.legal_review", "fr") in board


async def test_a_screen_shows_what_is_on_the_table_in_both_languages(database: Database, wording: Wording) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    stream = boards(database, await hung(database, ceremony), wording)
    assert "called" not in (await following(stream))[1]
    await commands.call_agreement(database, ceremony.id, agreement_id=agreement.id, by=MINISTRY)
    _, board = await following(stream)
    assert "called" in board
    assert agreement.title.ar in board and agreement.title.fr in board
    assert NAME.ar in board and NAME.fr in board


async def test_a_row_begins_with_its_number_and_its_operator_whom_titles_do_not_tell_apart(
    database: Database, wording: Wording
) -> None:
    listed = [await approved(database) for _ in range(2)]
    for at, each in enumerate(listed, start=1):
        each.names = each.names | {
            operator_of(each): Bilingual(ar=f"جمعية {at} (وهمية)", fr=f"Association {at} (fictif)")
        }
    board = screen._board(planned([each.id for each in listed]), listed, wording)
    rows = [
        " ".join(re.sub("<[^>]+>", "", row.partition(">")[2]).split()) for row in board.split('<span class="title"')
    ]
    for at, each in enumerate(listed, start=1):
        french, arabic = rows[2 * at - 1 : 2 * at + 1]
        assert french.startswith(f"{at}. Association {at} (fictif) · {each.title.fr}")
        assert arabic.startswith(f"{at}. جمعية {at} (وهمية) · {each.title.ar}")


async def test_numbers_in_arabic_names_stand_in_their_order_on_a_screen(database: Database, wording: Wording) -> None:
    it = await approved(database)
    numbered = Bilingual(ar="فضاء 2026-2027 (وهمي)", fr="Centre 2026-2027 (fictif)")
    it.title, it.names = numbered, dict.fromkeys(it.names, numbered)
    sitting = opened([it.id])
    sitting.title, sitting.place, sitting.called = numbered, numbered, it.id
    board = screen._board(sitting, [it], wording)
    # Of the ceremony its title and place; the agreement and its parties on the table and in its row.
    assert board.count("فضاء \u20662026-2027\u2069") == board.count("فضاء") == 4 + 1 + len(it.signing_parties)
    assert "Centre 2026-2027" in board


async def test_a_screen_never_shows_a_person(database: Database, wording: Wording) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    await sign_for(database, agreement, agreement.parties[0].organisation_id, ceremony_id=ceremony.id)
    _, board = await following(boards(database, await hung(database, ceremony), wording))
    assert CHAIR.name not in board
    assert "president-" not in board and "director-" not in board


async def test_a_screen_ends_when_the_ceremony_is_over(database: Database, wording: Wording) -> None:
    ceremony = await plan(database, (await approved(database)).id)
    secret = await hung(database, ceremony)
    await commands.cancel_ceremony(database, ceremony.id, reason="(fictif)", by=MINISTRY)
    seen = [each async for each in boards(database, secret, wording)]
    assert len(seen) == 1 and seen[0] is not None and "annulée" in seen[0][1]


async def test_a_screen_that_is_closed_shows_nothing_more(database: Database, wording: Wording) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    stream = boards(database, await hung(database, ceremony), wording)
    await following(stream)
    await commands.close_screens(database, ceremony.id, by=MINISTRY)
    await sign_for(database, agreement, agreement.parties[0].organisation_id, ceremony_id=ceremony.id)
    assert [each and each[1] for each in [each async for each in stream]] == [""]


async def test_a_screen_is_opened_by_its_secret_and_closed_for_good(database: Database) -> None:
    ceremony = await fill(database, await plan(database, (await approved(database)).id))
    secret = await commands.open_screen(database, ceremony.id, by=MINISTRY)
    assert await commands.ceremony_on(database, secret) == ceremony.id
    await commands.close_screens(database, ceremony.id, by=MINISTRY)
    for wrong in (secret, secret[:-1], ""):
        with pytest.raises(NotFound):
            await commands.ceremony_on(database, wrong)


async def test_a_screens_address_is_told_once_and_lies_in_no_answer_kept(as_: Any, database: Database) -> None:
    ceremony = await plan(database, (await approved(database)).id)
    path = f"/ceremonies/{ceremony.id}/screens"
    first, again = [await as_(MINISTRY).post(path, Idempotency_Key="the-hall") for _ in range(2)]
    secret = first.json()["path"].removeprefix("/screens/")
    assert first.headers["location"] == f"/screens/{secret}"
    assert await commands.ceremony_on(database, secret) == ceremony.id
    assert (again.status_code, again.json()) == (201, {"path": None})
    assert "location" not in again.headers
    async with database.transaction(NATIONAL) as tx:
        (kept,) = (await tx.exec(select(IdempotencyRow))).all()
        assert len((await tx.exec(select(ScreenRow))).all()) == 1
    assert "path" in str(kept.body) and secret not in f"{kept.headers} {kept.body!r}"


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often an address was looked for, a ceremony looked at, and a board made."""
    counted: Counter[str] = Counter()

    def count(name: str) -> None:
        does = getattr(screen, name)

        def counting(*given: Any) -> Any:
            counted[name] += 1
            return does(*given)

        monkeypatch.setattr(screen, name, counting)

    for each in ("ceremony_on", "screens_of", "_board"):
        count(each)
    return counted


async def test_all_who_watch_a_ceremony_share_one_look_at_it(
    database: Database, wording: Wording, looks: Counter[str]
) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    addresses = [await hung(database, ceremony) for _ in range(2)]
    streams = [boards(database, secret, wording) for secret in addresses * 10]
    before = await asyncio.gather(*map(following, streams))
    assert len(set(before)) == 1
    assert looks == {"ceremony_on": len(addresses), "screens_of": 1, "_board": 1}
    await sign_for(database, agreement, agreement.parties[0].organisation_id, ceremony_id=ceremony.id)
    after = await asyncio.gather(*map(following, streams))
    assert len(set(after)) == 1 and "1 / 3" in after[0][1]
    assert looks["_board"] == 2 and looks["screens_of"] < len(streams)
    await asyncio.gather(*(stream.aclose() for stream in streams))


async def test_screens_opened_in_one_moment_are_let_in_by_one_look(
    app: FastAPI, database: Database, looks: Counter[str]
) -> None:
    ceremony = await plan(database, (await approved(database)).id)
    secret = await hung(database, ceremony)
    await commands.cancel_ceremony(database, ceremony.id, reason="(fictif)", by=MINISTRY)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://agreements.test") as http:
        path = f"/screens/{secret}"
        answers = await asyncio.gather(*(http.get(each) for each in (path, f"{path}/events") for _ in range(20)))
    assert {each.status_code for each in answers} == {200}
    # Those who come while it is looked at wait for the next look: what they are shown is of after they came.
    assert looks["ceremony_on"] <= 2 and looks["screens_of"] <= 4 and looks["_board"] == 1


async def test_who_comes_to_a_closed_screen_is_refused_however_lately_others_looked_at_it(
    app: FastAPI, database: Database, wording: Wording
) -> None:
    ceremony = await hold(database, (await approved(database)).id)
    secret = await hung(database, ceremony)
    stream = boards(database, secret, wording)
    await following(stream)
    await commands.close_screens(database, ceremony.id, by=MINISTRY)
    other = await hung(database, ceremony)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://agreements.test") as http:
        assert (await http.get(f"/screens/{secret}")).status_code == 404
        is_problem(await http.get(f"/screens/{secret}/events"), 404, "not-found")
        assert (await http.get(f"/screens/{other}")).status_code == 200
    assert (await following(stream))[1] == ""
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_a_look_that_fails_fails_for_all_who_wait_for_it_and_for_nobody_after() -> None:
    work, tried, fails = Together[int](), 0, asyncio.Event()

    async def look() -> int:
        nonlocal tried
        tried += 1
        if tried == 1:
            await fails.wait()
            raise OSError
        return tried

    together = [asyncio.create_task(work.since(0, look)) for _ in range(3)]
    late = asyncio.create_task(work.since(math.inf, look))
    fails.set()
    assert [type(each) for each in await asyncio.gather(*together, return_exceptions=True)] == [OSError] * 3
    assert (await late, tried) == (2, 2)


async def test_a_stream_says_that_it_lives_and_when_nothing_more_will_come(app: FastAPI, database: Database) -> None:
    ceremony = await plan(database, (await approved(database)).id)
    secret = await hung(database, ceremony)
    await commands.cancel_ceremony(database, ceremony.id, reason="(fictif)", by=MINISTRY)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://agreements.test") as http:
        stream = await http.get(f"/screens/{secret}/events")
    events = [line.removeprefix("event: ") for line in stream.text.splitlines() if line.startswith("event: ")]
    assert events == ["alive", "board", "over"]
    # An event without data is not told to the page.
    assert stream.text.count("data: ") == len(events)


async def test_a_screen_says_where_and_when_and_shows_nothing_on_the_table_once_it_is_closed(
    database: Database, wording: Wording
) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    stream = boards(database, await hung(database, ceremony), wording)
    await commands.call_agreement(database, ceremony.id, agreement_id=agreement.id, by=MINISTRY)
    _, board = await following(stream)
    assert ceremony.place and ceremony.place.ar in board and ceremony.place.fr in board
    assert ceremony.opened_at and instant(ceremony.opened_at, "fr") in board
    for party in agreement.parties:
        await sign_for(database, agreement, party.organisation_id, ceremony_id=ceremony.id)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    while "close" not in board:
        _, board = await following(stream)
    assert 'class="called' not in board and str(agreement.reference) in board
    assert '<li class="signed">' in board, "no row is lit any more"


async def test_so_many_watch_a_screen_and_the_next_is_refused_by_name(
    app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "MOST_WATCHING", 2)
    ceremony = await hold(database, (await approved(database)).id)
    secret, watched = await hung(database, ceremony), Counter[str]()

    def watch(*given: Any) -> Any:
        watched.update([secret])
        return boards(*given)

    monkeypatch.setattr(screens, "boards", watch)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://agreements.test") as http:

        async def look() -> httpx.Response:
            return await http.get(f"/screens/{secret}/events", headers={"Accept-Language": "en"})

        # They come in the same moment, and stay until the screen is closed.
        looking = [asyncio.create_task(look()) for _ in range(3)]
        done, let_in = await asyncio.wait(looking, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = (each.result() for each in done)
        assert refused.headers["retry-after"] and len(let_in) == 2
        is_problem(refused, 503, "screen-full")
        await eventually(lambda: watched[secret] == 2)
        await commands.close_screens(database, ceremony.id, by=MINISTRY)
        assert [each.status_code for each in await asyncio.gather(*let_in)] == [200, 200]
    with watching(secret), watching(secret), pytest.raises(ScreenFull), watching(secret):
        pass


async def test_a_screens_page_runs_its_own_script_only_and_says_to_people_when_it_is_closed(
    app: FastAPI, database: Database
) -> None:
    ceremony = await plan(database, (await approved(database)).id)
    secret = await commands.open_screen(database, ceremony.id, by=MINISTRY)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://agreements.test") as http:
        page = await http.get(f"/screens/{secret}")
        await commands.close_screens(database, ceremony.id, by=MINISTRY)
        gone = await http.get(f"/screens/{secret}")
    policy = page.headers["content-security-policy"]
    nonce = policy.split("script-src 'nonce-")[1].split("'")[0]
    assert f'<script nonce="{nonce}">' in page.text and "default-src 'none'" in policy
    assert ceremony.title.ar in page.text
    assert gone.status_code == 404 and "Cet écran est fermé" in gone.text and "هذه الشاشة مغلقة" in gone.text
    assert "<script" not in gone.text and "default-src 'none'" in gone.headers["content-security-policy"]
