"""Papers."""

import hashlib

from shared.files import StoredFile


def pdf(
    words: str = "exemple",
    *more: bytes,
    catalog: bytes = b"",
    kids: bytes = b"3 0 R",
    box: bytes = b"0 0 9 9",
    page: bytes = b"",
) -> bytes:
    """The smallest PDF: a page with a black square, unlike that of other words, with what more its parts are to say."""
    parts = [
        b"<</Type/Catalog/Pages 2 0 R%b>>" % catalog,
        b"<</Type/Pages/Kids[%b]/Count 1>>" % kids,
        b"<</Type/Page/Parent 2 0 R/MediaBox[%b]/Contents 4 0 R%b>>" % (box, page),
        b"<</Length 11>>stream\n0 0 9 9re f\nendstream",
        *more,
    ]
    file, places = b"%%PDF-1.7\n%% %b\n" % words.encode(), list[int]()
    for number, part in enumerate(parts, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(parts) + 1
    end = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(file))
    return file + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + end


def stored(content: bytes = b"exemple") -> StoredFile:
    """A file that is kept, as far as an agreement knows."""
    hash = hashlib.sha256(content).hexdigest()
    return StoredFile(hash=hash, size=len(content), media_type="application/pdf")
