"""Where seals go: a frame for each party that signs, on pages of their own at the end of the file."""

from collections.abc import Iterable
from uuid import UUID

from services.agreements.bilingual import Bilingual
from services.agreements.papers.paper import Frame

# All in points (1/72 inch); the margins are those of templates/common.typ.
WIDTH, HEIGHT = 238, 88
LABEL = 50
"""Above each frame, for the party's name in both languages."""
PAGE_HEIGHT, LEFT_MARGIN, TOP_MARGIN = 841.89, 51.02, 62.36
FIRST_TOP, DOWN, ACROSS = 120, 148, 255
COLUMNS, ROWS = 2, 4


def frames_for(parties: Iterable[tuple[UUID, Bilingual]]) -> tuple[Frame, ...]:
    """A frame for each party and its name, eight on a page, in the parties' order."""
    frames = []
    for number, (party_id, name) in enumerate(parties):
        page, place = divmod(number, COLUMNS * ROWS)
        row, column = divmod(place, COLUMNS)
        frames.append(Frame(party_id=party_id, party=name, page=page, left=column * ACROSS, top=FIRST_TOP + row * DOWN))
    return tuple(frames)


def box_of(frame: Frame) -> tuple[int, int, int, int]:
    """The frame as PDF counts: left, bottom, right and top, from the page's lower left corner."""
    left, top = LEFT_MARGIN + frame.left, PAGE_HEIGHT - TOP_MARGIN - frame.top
    return round(left), round(top - HEIGHT), round(left + WIDTH), round(top)
