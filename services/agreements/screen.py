"""The public screen of a ceremony: its order of business in large type, in Arabic and French, as it is signed.

It shows organisations, never people. Whoever has the screen's address sees it: it hangs in the room.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import func, select

from services.agreements.agreement import BEING_SIGNED, SIGNED_BY_ALL, Agreement
from services.agreements.ceremony import Ceremony
from services.agreements.commands.screens import ceremony_on
from services.agreements.minutes import TEMPLATES
from services.agreements.tables import AGREEMENTS, CEREMONIES
from services.agreements.terms import must_sign
from shared.actor import NATIONAL
from shared.clock import CASABLANCA
from shared.database import Database, Transaction
from shared.language import Wording
from shared.refusals import NotFound

LOOK = 0.5
"""Seconds between two looks at what has changed."""
BREATH = 15.0
"""Seconds after which a silent stream says that it is alive."""


async def boards(database: Database, secret: str, wording: Wording) -> AsyncIterator[tuple[int, str] | None]:
    """The board as HTML whenever something on it has changed, with a number; None when nothing has.

    Ends once the minutes are adopted, the ceremony is given up or the screen is closed. The first board comes at once,
    so that a screen that comes back shows what is, whatever it missed.
    """
    shown: tuple[int, ...] = ()
    silent = 0.0
    while True:
        async with database.transaction(NATIONAL) as tx:
            try:
                ceremony = await CEREMONIES.read(tx, await ceremony_on(tx, secret))
            except NotFound:
                return
            now = (ceremony.version, *await _versions(tx, ceremony))
            board = _board(ceremony, await _listed(tx, ceremony), wording) if now != shown else None
        if board is not None:
            shown, silent = now, 0.0
            yield sum(now), board
        elif silent >= BREATH:
            silent = 0.0
            yield None
        if ceremony.over:
            return
        await asyncio.sleep(LOOK)
        silent += LOOK


def page(ceremony: Ceremony, *, events: str, nonce: str) -> str:
    """The page around the board; `events` is where it listens."""
    return TEMPLATES.get_template("screen.html").render(ceremony=ceremony, events=events, nonce=nonce)


async def _versions(tx: Transaction, ceremony: Ceremony) -> list[int]:
    row = AGREEMENTS.table.c
    query = select(func.coalesce(func.sum(row.version), 0)).where(row.id.in_(ceremony.agreements))
    return [(await tx.execute(query)).scalar_one()]


async def _listed(tx: Transaction, ceremony: Ceremony) -> list[Agreement]:
    return [await AGREEMENTS.read(tx, each) for each in ceremony.agreements]


def _board(ceremony: Ceremony, listed: list[Agreement], wording: Wording) -> str:
    items = [_item(ceremony, agreement, wording) for agreement in listed]
    return TEMPLATES.get_template("board.html").render(
        ceremony=ceremony,
        state=_both(wording, f"states.ceremony.{ceremony.state}"),
        at=ceremony.planned_for.astimezone(CASABLANCA) if ceremony.planned_for else None,
        items=items,
        called=next((item for item in items if item["called"]), None),
        signed=sum(item["signed"] for item in items),
    )


def _item(ceremony: Ceremony, agreement: Agreement, wording: Wording) -> dict[str, Any]:
    given = {each.party_id for each in agreement.signatures}
    signing = [party for party in agreement.parties if must_sign(party)]
    return {
        "reference": agreement.reference,
        "title": agreement.title,
        "called": agreement.id == ceremony.called,
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
