"""What is in a file that somebody brings. It runs in the worker, with bounds: a hostile file makes it raise anything.

Maintained libraries read; what is ours is what we do not take.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name, Page, Stream
from PIL import Image

from services.agreements.errors.documents import FileActive, FileUnsound
from shared.refusals import Refusal

TAIL = 1024
"""Bytes at the end of a PDF within which it says that it ends (ISO 32000-1, Annex H.3, note 18)."""
ZIP_TAIL = 66_000
"""Bytes at the end of a file within which a ZIP archive has its directory's end: its comment is 64 KiB at most."""
ENDS = {"image/png": (b"IEND\xaeB`\x82",), "image/jpeg": (b"\xff\xd9", b"SEFT")}
"""How a picture ends: as its standard says, or with what a Samsung telephone notes behind a photo."""
PIECE = 4096
"""Bytes of a picture that are read at once: few may ask for much work, and the clock is looked at in between."""
COUNTED = {"P": "RGBA", "I;16": "I"}
"""Of pictures whose colours cannot be counted as they are, what they are turned into."""
SMALLEST = 3
"""Points of a page's width and height (ISO 32000-1, Annex C.2)."""
ACTS = frozenset({"/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/Rendition", "/RichMediaExecute"})
"""What a PDF may do beyond leading its reader to another place (ISO 32000-1, table 198)."""
CARRIES = frozenset({"/JS", "/EF", "/XFA", "/OnInstantiate"})
"""Keys of a script, of a file within the file, of a form that computes, and of a script that comes with a solid.

ISO 32000-1, 12.6.4.16, 7.11.3, 12.7.2, 13.6.3.
"""


def inspect(path: str, media_type: str) -> type[Refusal] | None:
    """What is wrong with a file that begins like this type: FileUnsound, FileActive, or nothing.

    It can be read, shows something, and is no archive besides. Of a picture that says that it ends and holds less than
    it should, what there is must do, as for those who look at it. Of a PDF every object is looked at, but not how its
    pages are drawn.
    """
    end = Path(path).read_bytes()[-ZIP_TAIL:]
    if b"PK\x05\x06" in end:
        return FileUnsound
    if media_type == "application/pdf":
        return _fault_of_pdf(path) if b"%%EOF" in end[-TAIL:] else FileUnsound
    return None if end.endswith(ENDS[media_type]) and _shows(path, media_type) else FileUnsound


def _fault_of_pdf(path: str) -> type[Refusal] | None:
    with pikepdf.open(path, attempt_recovery=False) as file:
        if file.is_encrypted or not any(map(_is_seen, file.pages)):
            return FileUnsound
        return FileActive if any(map(_acts, _dictionaries(file.Root))) else None


def _is_seen(page: Page) -> bool:
    left, low, right, high = map(float, page.mediabox.as_list())
    return min(abs(right - left), abs(high - low)) >= SMALLEST and ("/Contents" in page or "/Annots" in page)


def _dictionaries(root: pikepdf.Object) -> Iterator[Dictionary | Stream]:
    """All that can be reached from this object, each once."""
    left, seen = [root], set[tuple[int, int]]()
    while left:
        found = left.pop()
        if not isinstance(found, Dictionary | Stream | Array) or found.objgen in seen:
            continue
        if found.is_indirect:
            seen.add(found.objgen)
        if isinstance(found, Array):
            left.extend(found)
            continue
        yield found
        for key, value in found.items():
            # Here a page's author chose the keys.
            left.extend(_named(value) if key == "/Resources" else [value])


def _named(resources: pikepdf.Object) -> Iterator[pikepdf.Object]:
    """What pages are drawn with (ISO 32000-1, 7.8.3)."""
    kinds = resources.values() if isinstance(resources, Dictionary) else ()
    for kind in kinds:
        yield from kind.values() if isinstance(kind, Dictionary) else (kind,)


def _acts(found: Dictionary | Stream) -> bool:
    if str(found.get("/S")) in ACTS or any(key in found for key in CARRIES):
        return True
    if isinstance(found, Stream) and "/F" in found:  # its content lies elsewhere (ISO 32000-1, 7.3.8.2)
        return True
    opens, adds = found.get("/OpenAction"), found.get("/AA")
    return _leads_away(opens) or (isinstance(adds, Dictionary) and any(map(_leads_away, adds.values())))


def _leads_away(action: pikepdf.Object | None) -> bool:
    """Whether it is an action, and another than going to a place in the same file."""
    return isinstance(action, Dictionary) and "/S" in action and (Name.GoTo != action.S or "/Next" in action)


def _shows(path: str, media_type: str) -> bool:
    """Whether the picture can be read, and is of more than one colour."""
    formats = [media_type.removeprefix("image/")]
    with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning):
        picture = Image.open(path, formats=formats)
    with picture:
        picture.decodermaxblock = PIECE
        seen = picture.convert(COUNTED[picture.mode]) if picture.mode in COUNTED else picture
        return seen.getcolors(1) is None
