"""Papers as PDF, by Typst: the same data gives the same bytes, in this process or another."""

import io
import json
from collections.abc import Mapping
from typing import Any

import segno
import typst

from services.agreements.errors.papers import PaperNotSet
from services.agreements.papers import amending, saying
from services.agreements.papers.fonts import FONTS
from services.agreements.papers.frames import HEIGHT, LABEL, WIDTH
from services.agreements.papers.paper import (
    AgreementPaper,
    AmendmentPaper,
    CertificatePaper,
    Language,
    MinutesPaper,
    Paper,
    SealPaper,
)
from services.agreements.papers.reading import as_read
from services.agreements.papers.saying import HERE, WORDS, Said, heading, words

STANDARDS: "list[typst.PDFStandard]" = ["a-2a", "ua-1"]
"""PDF/A-2a to be kept, PDF/UA-1 to be read aloud."""


def render_agreement(paper: AgreementPaper | AmendmentPaper, language: Language) -> bytes:
    """The agreement, or an amendment of it, as PDF/A, tagged. As all of these, refuses PaperNotSet."""
    return _pdf(paper, language)


def render_certificate(paper: CertificatePaper, language: Language) -> bytes:
    """The completion certificate as PDF/A, tagged."""
    return _pdf(paper, language)


def render_minutes(paper: MinutesPaper, language: Language) -> bytes:
    """The minutes of a ceremony as PDF/A, tagged."""
    return _pdf(paper, language)


def render_seal(paper: SealPaper) -> bytes:
    """What a seal shows, in both languages: one page as large as its frame."""
    return _pdf(paper, "both", standards=[])


def pictures(paper: Paper, language: Language, *, per_inch: float) -> list[bytes]:
    """The pages as PNG."""
    pages = _typeset(paper, language).compile(format="png", ppi=per_inch)
    return pages if isinstance(pages, list) else [pages or b""]


def _pdf(paper: Paper, language: Language, standards: "list[typst.PDFStandard]" = STANDARDS) -> bytes:
    try:
        pdf = _typeset(paper, language).compile(pdf_standards=standards, timestamp=int(paper.drawn_at.timestamp()))
    except typst.TypstError as error:
        raise PaperNotSet(reason=str(error)) from error
    assert isinstance(pdf, bytes)
    return pdf


def _typeset(paper: Paper, language: Language) -> typst.Compiler:
    template, say = SAYING[type(paper)]
    # Typst sets the first column where the first language begins, on the right.
    languages = ["ar", "fr"] if language == "both" else [language]
    data = {
        "languages": languages,
        "mark": paper.mark,
        "qr": _qr(paper.address) if paper.address else None,
        "address": paper.address,
        "frame": {"width": WIDTH, "height": HEIGHT, "label": LABEL},
        "words": {one: words(one) for one in WORDS},
    }
    said = {one: as_read(heading(paper, one) | say(paper, one)) for one in languages}
    return typst.Compiler(
        HERE / "templates" / f"{template}.typ",
        root=HERE / "templates",
        font_paths=fonts(),
        sys_inputs={"data": _json(data), "said": _json(said)},
    )


def fonts() -> typst.Fonts:
    """The fonts there are: ours, and those within Typst."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[FONTS])


def _json(value: Said) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _qr(address: str) -> str:
    """The address as a QR code of level M, in SVG."""
    drawn = io.BytesIO()
    segno.make(address, error="m", boost_error=False, micro=False).save(drawn, kind="svg", xmldecl=False, border=4)
    return drawn.getvalue().decode()


SAYING: Mapping[type[Paper], tuple[str, Any]] = {
    AgreementPaper: ("agreement", saying.agreement),
    AmendmentPaper: ("amendment", amending.amendment),
    SealPaper: ("seal", saying.seal),
    CertificatePaper: ("certificate", saying.certificate),
    MinutesPaper: ("minutes", saying.minutes),
}
"""Each paper's template, and what is said in it in a language."""
