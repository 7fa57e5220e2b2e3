"""The public screen of a ceremony: its order of business in large type, in Arabic and French, as it is signed.

It shows organisations, never people. Whoever has the screen's address sees it: it hangs in the room.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import func, select

from services.agreements.agreement import BEING_SIGNED, SIGNED_BY_ALL, Agreement
from services.agreements.ceremony import RUNNING, Ceremony
from services.agreements.commands.screens import ceremony_on
from services.agreements.errors.ceremonies import ScreenFull
from services.agreements.minutes import TEMPLATES
from services.agreements.tables import AGREEMENTS, CEREMONIES
from shared.actor import NATIONAL
from shared.database import Database, Transaction
from shared.language import Wording, instant
from shared.refusals import NotFound

LOOK = 0.5
"""Seconds between two looks at what has changed."""
BREATH = 15.0
"""Seconds after which a silent stream says that it is alive."""
AGAIN = 2000
"""Milliseconds after which a screen whose stream ended opens it again; after failures twice as long each time."""

MOST_WATCHING = 200
"""How many may watch one screen at a time, in each process: it hangs in a room, and its address is public."""


class Screen:
    """What one address shows, looked at once for all who watch it."""

    def __init__(self) -> None:
        self.watching = 0
        self.number = 0
        """Grows with every change of the board; 0 before the first one."""
        self.board = ""
        self.over = False
        """Whether nothing more will come: the ceremony is over, or the screen is closed."""
        self._turn = asyncio.Lock()
        self._looked_at = -LOOK
        self._shown: tuple[int, ...] = ()

    async def look(self, database: Database, secret: str, wording: Wording) -> None:
        """See what is there now, unless somebody has just looked."""
        async with self._turn:
            if self.over or time.monotonic() - self._looked_at < LOOK * 0.9:
                return
            async with database.transaction(NATIONAL) as tx:
                try:
                    ceremony = await CEREMONIES.read(tx, await ceremony_on(tx, secret))
                except NotFound:
                    self.over, self.number, self.board = True, self.number + 1, ""
                    return
                now = (ceremony.version, *await _versions(tx, ceremony))
                if now != self._shown:
                    self.board = _board(ceremony, await _listed(tx, ceremony), wording)
                    # An agreement that is struck takes its version along: the number grows all the same.
                    self.number, self._shown = max(self.number + 1, sum(now)), now
            self.over = ceremony.over
            self._looked_at = time.monotonic()


_screens: WeakValueDictionary[str, Screen] = WeakValueDictionary()
"""Secret -> the screen, while somebody watches it."""


@contextmanager
def watching(secret: str) -> Iterator[None]:
    """A place before the screen inside the block. Refuses ScreenFull while as many watch it as may."""
    screen = _screens.setdefault(secret, Screen())
    if screen.watching >= MOST_WATCHING:
        raise ScreenFull(most=MOST_WATCHING)
    screen.watching += 1
    try:
        yield
    finally:
        screen.watching -= 1


async def boards(database: Database, secret: str, wording: Wording) -> AsyncGenerator[tuple[int, str] | None]:
    """The board as HTML whenever something on it has changed, with a number; None when nothing has.

    Ends once the minutes are adopted, the ceremony is given up or, with an empty board, the screen is closed. The first
    board comes at once, so that a screen that comes back shows what is, whatever it missed.
    """
    screen = _screens.setdefault(secret, Screen())
    shown, silent = 0, 0.0
    while True:
        await screen.look(database, secret, wording)
        if screen.number > shown:
            shown, silent = screen.number, 0.0
            yield screen.number, screen.board
        elif silent >= BREATH:
            silent = 0.0
            yield None
        if screen.over:
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
    signing = agreement.signing_parties
    # What tells one agreement from the next: the others' parties and the beginnings of titles are often the same.
    operators = [party for party in agreement.parties if "operator" in party.roles]
    return {
        "reference": agreement.reference,
        "title": agreement.title,
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
