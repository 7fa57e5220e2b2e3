"""Papers as PDF, by Typst: the same data gives the same bytes, in this process or another."""

import io
import json
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import segno
import typst
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from services.agreements.bilingual import Bilingual
from services.agreements.content import Annex
from services.agreements.papers.fonts import FONTS
from services.agreements.papers.frames import HEIGHT, LABEL, WIDTH
from services.agreements.papers.paper import (
    AgreementPaper,
    AmendmentPaper,
    CenterLine,
    CertificatePaper,
    ChangedPart,
    Language,
    MinutesPaper,
    Paper,
    PartyLine,
    SealPaper,
    SignatureLine,
    Value,
)
from services.agreements.terms import BudgetLine, Duty
from services.agreements.text import Clause
from shared.clock import CASABLANCA
from shared.money import Money

HERE = Path(__file__).parent
WORDS = ("ar", "fr")
"""The languages that papers are in."""
LOCALES = {"ar": "ar_MA", "fr": "fr_MA", "en": "en_GB"}
STANDARDS: "list[typst.PDFStandard]" = ["a-2a", "ua-1"]
"""PDF/A-2a to be kept, PDF/UA-1 to be read aloud."""
SPACED = re.compile(r"(?<!\d)\d{1,3}(?: \d{3})+(?!\d)")
"""A number whose thousands are set apart by ordinary spaces: in Arabic `125 000` would read `000 125` (UAX 9)."""

Said = dict[str, Any]


def render_agreement(paper: AgreementPaper | AmendmentPaper, language: Language) -> bytes:
    """The agreement, or an amendment of it, as PDF/A, tagged."""
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


def words(language: str) -> Said:
    """The labels of papers in a language."""
    return _words()[language]


@cache
def _words() -> Mapping[str, Said]:
    return {language: tomllib.loads((HERE / "words" / f"{language}.toml").read_text("utf-8")) for language in WORDS}


def _pdf(paper: Paper, language: Language, standards: "list[typst.PDFStandard]" = STANDARDS) -> bytes:
    pdf = _typeset(paper, language).compile(pdf_standards=standards, timestamp=int(paper.drawn_at.timestamp()))
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
    said = {one: _heading(paper, one) | say(paper, one) for one in languages}
    return typst.Compiler(
        HERE / "templates" / f"{template}.typ",
        root=HERE / "templates",
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS]),
        sys_inputs={"data": _json(data), "said": whole_numbers(_json(said))},
    )


def _json(value: Said) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def whole_numbers(text: str) -> str:
    """The text with spaced numbers held together by the narrow no-break space U+202F."""
    return SPACED.sub(lambda found: found[0].replace(" ", "\u202f"), text)


def _qr(address: str) -> str:
    """The address as a QR code of level M, in SVG."""
    drawn = io.BytesIO()
    segno.make(address, error="m", boost_error=False, micro=False).save(drawn, kind="svg", xmldecl=False, border=4)
    return drawn.getvalue().decode()


def _heading(paper: Paper, language: str) -> Said:
    return {
        "title": _of(paper.title, language),
        "academy": _of(paper.academy, language) if paper.academy else None,
        "reference": paper.reference,
    }


def _agreement(paper: AgreementPaper, language: str) -> Said:
    said = words(language)
    names = {party.party_id: _of(party.name, language) for party in paper.parties}
    amounts = [line.amount for line in paper.budget]
    return {
        "version": number(paper.version, language),
        "school_year": paper.school_year,
        "period": said["period"].format(
            first=day(paper.effective_from, language), last=day(paper.effective_until, language)
        ),
        "parties": _parties(paper, language),
        "clauses": [
            {"title": _of(clause.title, language), "body": getattr(clause.body, language).splitlines()}
            for clause in paper.clauses
        ],
        "obligations": [
            {
                "debtor": names[party.party_id],
                "duties": [
                    _duty(duty, paper.parties, language) for duty in paper.obligations if duty.debtor == party.party_id
                ],
            }
            for party in paper.parties
            if any(duty.debtor == party.party_id for duty in paper.obligations)
        ],
        "budget": [
            {
                "payer": names[line.payer],
                "line": _of(line.heading, language),
                "kind": said["kinds"][line.kind],
                "year": str(line.budget_year),
                "amount": money(line.amount, language),
            }
            for line in paper.budget
        ],
        "total": money(Money.total(amounts), language) if amounts else None,
        "centers": [
            {
                "name": _of(center.name, language),
                "province": _of(center.province, language),
                "operator": _of(center.operator, language),
                "funded": number(center.funded_seats, language),
                "unfunded": number(center.unfunded_seats, language),
            }
            for center in paper.centers
        ],
        "annexes": [_annex(annex) for annex in paper.annexes],
        "signatures": [_signature(line, language) for line in paper.signatures],
        "frames": _frames(paper, language),
        "amendments": [
            said["amendment"].format(
                number=each.number,
                type=said["amendment_types"][each.amendment_type],
                day=day(each.amended_on, language),
                parties=said["comma"].join(_of(name, language) for name in each.signed_by),
            )
            for each in paper.amendments
        ],
        "hashes": _hashes(paper, language) if paper.content_hash else None,
    }


def _amendment(paper: AmendmentPaper, language: str) -> Said:
    said = words(language)
    title = said["changes"]["numbered" if paper.number else "unnumbered"]
    return {
        "title": title.format(number=paper.number, title=_of(paper.title, language)),
        "version": number(paper.version, language),
        "type": said["amendment_types"][paper.amendment_type],
        "amends": paper.amends,
        "parties": _parties(paper, language),
        "changes": [_change(each, paper, language) for each in paper.changes],
        "signatures": [_signature(line, language) for line in paper.signatures],
        "frames": _frames(paper, language),
        "hashes": _hashes(paper, language) if paper.content_hash else None,
    }


def _change(change: ChangedPart, paper: AmendmentPaper, language: str) -> Said:
    said = words(language)["changes"]
    how = "added" if change.before is None else "removed" if change.after is None else "changed"
    sides = {"before": change.before, "after": change.after}
    titles = {each.title for each in sides.values() if isinstance(each, Clause)}
    return {
        "heading": said["heading"].format(how=said[how], what=change.what[language]),
        **{
            name: None if value is None else _side(value, paper, language, titled=len(titles) > 1)
            for name, value in sides.items()
        },
    }


def _side(value: Value, paper: AmendmentPaper, language: str, *, titled: bool) -> Said:
    """What a part says, in lines; a document beside them, since its name and its hash are in no language."""
    said = words(language)
    match value:
        case Clause():
            lines = [_of(value.title, language)] if titled else []
            lines += getattr(value.body, language).splitlines()
        case PartyLine():
            lines = [_roles(value, language)]
        case CenterLine():
            named = {name: _of(getattr(value, name), language) for name in ("name", "province", "operator")}
            seats = {name: number(getattr(value, name), language) for name in ("funded_seats", "unfunded_seats")}
            lines = [said["changes"]["center"].format(**named, **seats)]
        case Duty():
            lines = _whole_duty(value, paper, language)
        case BudgetLine():
            payer = next(_of(each.name, language) for each in paper.parties if each.party_id == value.payer)
            lines = [
                said["changes"]["budget_line"].format(
                    payer=payer,
                    heading=_of(value.heading, language),
                    kind=said["kinds"][value.kind],
                    year=value.budget_year,
                    amount=money(value.amount, language),
                )
            ]
        case Annex():
            return {"lines": [], "annex": _annex(value)}
        case Bilingual():
            lines = [_of(value, language)]
        case date():
            lines = [day(value, language)]
        case str():
            lines = [value]
        case _:
            lines = [f"{place}. {_of(name, language)}" for place, name in enumerate(value, 1)]
    return {"lines": lines, "annex": None}


def _whole_duty(duty: Duty, paper: AmendmentPaper, language: str) -> list[str]:
    """All that an obligation says: what an agreement's paper leaves out may be the very thing that changes."""
    said, told = words(language)["changes"], _duty(duty, paper.parties, language)
    debtor = next(_of(each.name, language) for each in paper.parties if each.party_id == duty.debtor)
    lines = [said["debtor"].format(debtor=debtor), told["what"], told["to"], told["due"], told["evidence"]]
    if duty.fulfilled_by and duty.center_id:
        lines.append(said[duty.fulfilled_by].format(center=_of(paper.centers[duty.center_id], language)))
    lines += [said[f"blocks_{each}"] for each in duty.blocks]
    if duty.survives:
        lines.append(said["survives"])
    return [line for line in lines if line]


def _certificate(paper: CertificatePaper, language: str) -> Said:
    said = words(language)["certificate"]
    return {
        "version": said["version"].format(version=number(paper.version, language)),
        "head": paper.head,
        "signatures": [_signature(line, language) for line in paper.signatures],
        "hashes": _hashes(paper, language),
        "files": [
            {
                "what": said[file.kind].format(party=_of(file.party, language) if file.party else ""),
                "hash": file.hash,
            }
            for file in paper.files
        ],
    }


def _seal(paper: SealPaper, language: str) -> Said:
    return {"signature": _signature(paper.signature, language)}


def _minutes(paper: MinutesPaper, language: str) -> Said:
    said = words(language)["minutes"]
    # The first line is the title, which the paper has above.
    _, *lines = getattr(paper, language).splitlines()
    return {
        "lines": [_line(each.strip()) for each in lines if each.strip()],
        "adopted": said["adopted" if paper.adopted else "not_adopted"],
        "hashes": [{"what": said["hash"], "hash": paper.minutes_hash}],
    }


def _line(line: str) -> Said:
    """One line of the minutes' Markdown, which knows titles, points and plain lines."""
    mark, _, rest = line.partition(" ")
    if set(mark) == {"#"}:
        return {"kind": "title", "text": rest}
    if mark == "-":
        return {"kind": "point", "text": rest}
    return {"kind": "text", "text": line}


def _duty(duty: Duty, parties: tuple[PartyLine, ...], language: str) -> Said:
    said = words(language)["obligations"]
    names = {party.party_id: _of(party.name, language) for party in parties}
    if duty.recurrence:
        months = number(duty.recurrence.every_months, language)
        due = said["again"].format(day=day(duty.recurrence.first_due_on, language), months=months)
    elif duty.due_on:
        due = said["on"].format(day=day(duty.due_on, language))
    else:
        due = said["after"].format(days=number(duty.due_days or 0, language))
    return {
        "what": _of(duty.what, language),
        "to": said["to"].format(creditor=names[duty.creditor]) if duty.creditor else said["to_all"],
        "due": due,
        "evidence": said["evidence"].format(evidence=_of(duty.evidence, language)) if duty.evidence else None,
    }


def _parties(paper: AgreementPaper | AmendmentPaper, language: str) -> list[Said]:
    return [{"name": _of(party.name, language), "roles": _roles(party, language)} for party in paper.parties]


def _roles(party: PartyLine, language: str) -> str:
    said = words(language)
    joined: str = said["comma"].join(said["roles"][role] for role in party.roles)
    return joined


def _annex(annex: Annex) -> Said:
    return {"name": annex.name, "rtl": _from_the_right(annex.name), "hash": annex.hash}


def _frames(paper: AgreementPaper | AmendmentPaper, language: str) -> list[Said]:
    return [
        frame.model_dump(include={"page", "left", "top"}) | {"party": _of(frame.party, language)}
        for frame in paper.frames
    ]


def _signature(line: SignatureLine, language: str) -> Said:
    said = words(language)["signatures"]
    if line.signed_at is None:
        return {"party": _of(line.party, language), "signed": said["missing"], "mandate": None, "facts": []}
    facts = [said["level"].format(level=words(language)["levels"][line.level])]
    if line.signed_on:
        facts.append(said["by_hand"].format(day=day(line.signed_on, language)))
    if line.delegated:
        facts.append(said["delegated"])
    if line.ceremony:
        facts.append(said["ceremony"].format(ceremony=_of(line.ceremony, language)))
    if line.contested:
        facts.append(said["contested"])
    return {
        "party": _of(line.party, language),
        "signed": said["signed"].format(at=instant(line.signed_at, language)),
        "mandate": str(line.mandate_id) if line.mandate_id else None,
        "facts": facts,
    }


def _hashes(paper: AgreementPaper | AmendmentPaper | CertificatePaper, language: str) -> list[Said]:
    said = words(language)["verification"]
    hashes = {"content": paper.content_hash}
    if paper.language_hashes:
        hashes |= {"ar": paper.language_hashes.ar, "fr": paper.language_hashes.fr}
    return [{"what": said[name], "hash": value} for name, value in hashes.items()]


def day(value: date, language: str) -> str:
    """A date in words, with Moroccan month names and Latin digits."""
    return format_date(value, "d MMMM y", locale=LOCALES[language])


def instant(value: datetime, language: str) -> str:
    """A date and time of day in Morocco."""
    local = value.astimezone(CASABLANCA)
    said: str = words(language)["instant"]
    return said.format(day=day(local, language), time=f"{local:%H:%M}")


def number(value: int, language: str) -> str:
    """A number, grouped as the language does."""
    return format_decimal(value, locale=LOCALES[language])


def money(value: Money, language: str) -> str:
    """An amount with its currency."""
    return format_currency(Decimal(str(value)), value.currency, locale=LOCALES[language])


def _from_the_right(name: str) -> bool:
    """Whether a name begins with a letter that is written from the right (UAX 9, rule P2)."""
    kinds = map(unicodedata.bidirectional, name)
    return next((kind != "L" for kind in kinds if kind in ("L", "R", "AL")), False)


def _of(text: Bilingual, language: str) -> str:
    said: str = getattr(text, language)
    return said


SAYING: Mapping[type[Paper], tuple[str, Any]] = {
    AgreementPaper: ("agreement", _agreement),
    AmendmentPaper: ("amendment", _amendment),
    SealPaper: ("seal", _seal),
    CertificatePaper: ("certificate", _certificate),
    MinutesPaper: ("minutes", _minutes),
}
"""Each paper's template, and what is said in it in a language."""
