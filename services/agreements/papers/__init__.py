"""Papers: agreements, their certificates and minutes as PDF, in Arabic, in French, or side by side."""

from services.agreements.papers.fonts import unprintable
from services.agreements.papers.paper import (
    AgreementPaper,
    CenterLine,
    CertificatePaper,
    FileLine,
    Language,
    MinutesPaper,
    Paper,
    PartyLine,
    SignatureLine,
)
from services.agreements.papers.printing import render_agreement, render_certificate, render_minutes

__all__ = [
    "AgreementPaper",
    "CenterLine",
    "CertificatePaper",
    "FileLine",
    "Language",
    "MinutesPaper",
    "Paper",
    "PartyLine",
    "SignatureLine",
    "render_agreement",
    "render_certificate",
    "render_minutes",
    "unprintable",
]
