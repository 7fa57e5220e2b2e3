"""The public screen of a ceremony: its order of business in large type, in Arabic and French, as it is signed.

It shows organisations, never people. Whoever has the screen's address sees it: it hangs in the room.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from sqlalchemy import func, select

from services.agreements.agreement import BEING_SIGNED, SIGNED_BY_ALL, Agreement
from services.agreements.ceremony import RUNNING, Ceremony
from services.agreements.commands.screens import ceremony_on, screens_of
from services.agreements.errors.ceremonies import ScreenFull
from services.agreements.minutes import TEMPLATES
from services.agreements.tables import AGREEMENTS, CEREMONIES
from shared.actor import NATIONAL
from shared.database import Database, Transaction
from shared.language import Wording, instant
from shared.refusals import NotFound
from shared.store import digest

T = TypeVar("T")
LOOK = 0.5
"""Seconds between two looks at what has changed."""
BREATH = 15.0
"""Seconds after which a silent stream says that it is alive."""
AGAIN = 2000
"""Milliseconds after which a screen whose stream ended opens it again; after failures twice as long each time."""

MOST_WATCHING = 200
"""How many may watch one screen at a time, in each process: it hangs in a room, and its address is public."""


class Screen:
    """One address: how many watch it, and what it shows."""

    def __init__(self, secret: str) -> None:
        self.watching = 0
        self._secret = secret
        self._show: Show | None = None
        self._found = Together[UUID]()

    async def look(self, database: Database, wording: Wording, *, since: float) -> "Show":
        """What it shows, as it was at this moment (`time.monotonic`) or later. Raises NotFound once it is closed."""
        if self._show is None:
            id = await self._found.since(since, lambda: ceremony_on(database, self._secret))
            self._show = _shows.setdefault(id, Show(id))
        show = self._show
        await show.looks.since(since, lambda: show.look(database, wording))
        if digest(self._secret) not in show.open:
            raise NotFound()
        return show


class Show:
    """What the screens of a ceremony show, looked at once for all who watch any of them."""

    def __init__(self, ceremony_id: UUID) -> None:
        self.ceremony = Ceremony(id=ceremony_id)
        self.open: frozenset[str] = frozenset()
        """The digests of the screens that are open."""
        self.number = 0
        """Grows with every change of the board; 0 before the first one."""
        self.board = ""
        self.looks = Together[None]()
        self._shown: tuple[int, ...] = ()

    async def look(self, database: Database, wording: Wording) -> None:
        """See what is there now."""
        async with database.transaction(NATIONAL) as tx:
            self.open = await screens_of(tx, self.ceremony.id)
            self.ceremony = await CEREMONIES.read(tx, self.ceremony.id)
            now = (self.ceremony.version, *await _versions(tx, self.ceremony))
            if now != self._shown:
                self.board = _board(self.ceremony, await _listed(tx, self.ceremony), wording)
                # An agreement that is struck takes its version along: the number grows all the same.
                self.number, self._shown = max(self.number + 1, sum(now)), now


class Together(Generic[T]):
    """Work that is done once for all who wait for it. If it fails, it fails for all of them."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._begun = -math.inf
        self._done: asyncio.Future[T]

    async def since(self, moment: float, work: Callable[[], Awaitable[T]]) -> T:
        """What came of it when it was last done, if that began at this moment or later; else it is done anew."""
        async with self._turn:
            if self._begun < moment:
                begun, done = time.monotonic(), asyncio.get_running_loop().create_future()
                try:
                    done.set_result(await work())
                except Exception as error:
                    done.set_exception(error)
                self._begun, self._done = begun, done
        return await self._done


_screens: WeakValueDictionary[str, Screen] = WeakValueDictionary()
"""Secret -> the screen, while somebody watches it."""
_shows: WeakValueDictionary[UUID, Show] = WeakValueDictionary()
"""Ceremony -> what its screens show, while somebody watches one of them."""


@contextmanager
def watching(secret: str) -> Iterator[None]:
    """A place before the screen inside the block. Refuses ScreenFull while as many watch it as may."""
    screen = _screens.setdefault(secret, Screen(secret))
    if screen.watching >= MOST_WATCHING:
        raise ScreenFull(most=MOST_WATCHING)
    screen.watching += 1
    try:
        yield
    finally:
        screen.watching -= 1


async def shown_now(database: Database, secret: str, wording: Wording) -> Show:
    """What a screen shows at this moment. Raises NotFound for a secret that is unknown or closed."""
    screen = _screens.setdefault(secret, Screen(secret))
    return await screen.look(database, wording, since=time.monotonic())


async def boards(database: Database, secret: str, wording: Wording) -> AsyncGenerator[tuple[int, str] | None]:
    """The board as HTML whenever something on it has changed, with a number; None when nothing has.

    Ends once the minutes are adopted, the ceremony is given up or, with an empty board, the screen is closed. The first
    board comes at once, so that a screen that comes back shows what is, whatever it missed.
    """
    screen = _screens.setdefault(secret, Screen(secret))
    shown, silent = 0, 0.0
    while True:
        try:
            show = await screen.look(database, wording, since=time.monotonic() - LOOK * 0.9)
        except NotFound:
            yield shown + 1, ""
            return
        if show.number > shown:
            shown, silent = show.number, 0.0
            yield show.number, show.board
        elif silent >= BREATH:
            silent = 0.0
            yield None
        if show.ceremony.over:
            return
        await asyncio.sleep(LOOK)
        silent += LOOK


def page(ceremony: Ceremony, *, events: str, nonce: str, wording: Wording) -> str:
    """The page around the board; `events` is where it listens, and begins anew when it hears nothing any more."""
    return TEMPLATES.get_template("screen.html").render(
        ceremony=ceremony,
        events=events,
        nonce=nonce,
        lost=_both(wording, "screen.lost"),
        again=AGAIN,
        silence=round(2000 * BREATH),
    )


def closed(*, nonce: str, wording: Wording) -> str:
    """The page at an address that shows nothing, or nothing any more."""
    said = {part: _both(wording, f"screen.closed.{part}") for part in ("title", "detail")}
    return TEMPLATES.get_template("screen-closed.html").render(said, nonce=nonce)


async def _versions(tx: Transaction, ceremony: Ceremony) -> list[int]:
    row = AGREEMENTS.table.c
    query = select(func.coalesce(func.sum(row.version), 0)).where(row.id.in_(ceremony.agreements))
    return [(await tx.execute(query)).scalar_one()]


async def _listed(tx: Transaction, ceremony: Ceremony) -> list[Agreement]:
    return [await AGREEMENTS.read(tx, each) for each in ceremony.agreements]


def _board(ceremony: Ceremony, listed: list[Agreement], wording: Wording) -> str:
    items = [{"number": at, **_item(ceremony, each, wording)} for at, each in enumerate(listed, start=1)]
    return TEMPLATES.get_template("board.html").render(
        ceremony=ceremony,
        facts=_facts(ceremony, wording),
        items=items,
        called=next((item for item in items if item["called"]), None),
        signed=sum(item["signed"] for item in items),
    )


def _facts(ceremony: Ceremony, wording: Wording) -> dict[str, str]:
    """Where and when it is held, and how it stands."""
    state = _both(wording, f"states.ceremony.{ceremony.state}")
    told = {}
    for language in state:
        at = instant(ceremony.opened_at or ceremony.planned_for, language) if ceremony.planned_for else None
        place = getattr(ceremony.place, language) if ceremony.place else None
        told[language] = " · ".join(each for each in (state[language], place, at) if each)
    return told


def _item(ceremony: Ceremony, agreement: Agreement, wording: Wording) -> dict[str, Any]:
    given = agreement.counted
    # What is negotiated is not for everybody, and neither are its parties.
    settled = agreement.content_hash is not None
    signing = agreement.signing_parties if settled else ()
    # What tells one agreement from the next: the others' parties and the beginnings of titles are often the same.
    operators = [party for party in agreement.parties if settled and "operator" in party.roles]
    return {
        "reference": agreement.reference,
        "title": agreement.title if settled else None,
        "operators": [name for each in operators if (name := agreement.names.get(each.organisation_id))],
        "called": ceremony.state in RUNNING and agreement.id == ceremony.called,
        "signed": agreement.state in SIGNED_BY_ALL,
        "state": None
        if agreement.state in BEING_SIGNED | SIGNED_BY_ALL
        else _both(wording, f"states.agreement.{agreement.state}"),
        "given": sum(party.party_id in given for party in signing),
        "of": len(signing),
        "parties": [
            {"name": agreement.names.get(party.organisation_id), "signed": party.party_id in given} for party in signing
        ],
    }


def _both(wording: Wording, key: str) -> dict[str, str]:
    return {language: wording.text(key, language) for language in ("ar", "fr")}
