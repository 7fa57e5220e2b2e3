"""Papers: agreements, their certificates and minutes as PDF, in Arabic, in French, or side by side."""

from services.agreements.papers.fonts import require_printable, unprintable
from services.agreements.papers.frames import box_of, frames_for
from services.agreements.papers.paper import (
    AgreementPaper,
    AmendmentPaper,
    CenterLine,
    CertificatePaper,
    ChangedPart,
    FileLine,
    Frame,
    Language,
    MinutesPaper,
    Paper,
    PartyLine,
    SealPaper,
    SignatureLine,
)
from services.agreements.papers.printing import render_agreement, render_certificate, render_minutes, render_seal

__all__ = [
    "AgreementPaper",
    "AmendmentPaper",
    "CenterLine",
    "CertificatePaper",
    "ChangedPart",
    "FileLine",
    "Frame",
    "Language",
    "MinutesPaper",
    "Paper",
    "PartyLine",
    "SealPaper",
    "SignatureLine",
    "box_of",
    "frames_for",
    "render_agreement",
    "render_certificate",
    "render_minutes",
    "render_seal",
    "require_printable",
    "unprintable",
]
