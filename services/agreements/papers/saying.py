"""What papers say, in a language: agreements, certificates, minutes and seals in words."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from services.agreements.bilingual import Bilingual
from services.agreements.content import Annex
from services.agreements.papers.paper import (
    AgreementPaper,
    AmendmentPaper,
    CertificatePaper,
    FileLine,
    MinutesPaper,
    Paper,
    PartyLine,
    SealPaper,
    SignatureLine,
    SignedAmendment,
)
from services.agreements.terms import Duty
from shared.clock import CASABLANCA
from shared.money import Money

HERE = Path(__file__).parent
WORDS = ("ar", "fr")
"""The languages that papers are in."""
LOCALES = {"ar": "ar_MA", "fr": "fr_MA", "en": "en_GB"}

Said = dict[str, Any]


def words(language: str) -> Said:
    """The labels of papers in a language."""
    return _words()[language]


@cache
def _words() -> Mapping[str, Said]:
    return {language: tomllib.loads((HERE / "words" / f"{language}.toml").read_text("utf-8")) for language in WORDS}


def heading(paper: Paper, language: str) -> Said:
    """What every paper begins with."""
    return {
        "title": of(paper.title, language),
        "academy": of(paper.academy, language) if paper.academy else None,
        "reference": paper.reference,
    }


def agreement(paper: AgreementPaper, language: str) -> Said:
    """All that an agreement says."""
    said = words(language)
    amounts = [line.amount for line in paper.budget]
    return {
        "version": str(paper.version),
        "school_year": paper.school_year,
        "period": said["period"].format(
            first=day(paper.effective_from, language), last=day(paper.effective_until, language)
        ),
        "parties": parties(paper, language),
        "clauses": [
            {"title": of(clause.title, language), "body": getattr(clause.body, language).splitlines()}
            for clause in paper.clauses
        ],
        "obligations": [
            {
                "debtor": of(party.name, language),
                "duties": [
                    duty(each, paper.parties, language) for each in paper.obligations if each.debtor == party.party_id
                ],
            }
            for party in paper.parties
            if any(each.debtor == party.party_id for each in paper.obligations)
        ],
        "budget": [
            {
                "payer": called(line.payer, paper.parties, language),
                "line": of(line.heading, language),
                "kind": said["kinds"][line.kind],
                "year": str(line.budget_year),
                "amount": money(line.amount, language),
            }
            for line in paper.budget
        ],
        "total": money(Money.total(amounts), language) if amounts else None,
        "centers": [
            {
                "name": of(center.name, language),
                "province": of(center.province, language),
                "operator": of(center.operator, language),
                "funded": number(center.funded_seats, language),
                "unfunded": number(center.unfunded_seats, language),
            }
            for center in paper.centers
        ],
        "annexes": [annex(each) for each in paper.annexes],
        "signatures": [signature(line, language) for line in paper.signatures],
        "frames": frames(paper, language),
        "amendments": [
            said["amendment"].format(
                number=each.number,
                type=said["amendment_types"][each.amendment_type],
                day=day(each.amended_on, language),
                parties=said["comma"].join(of(name, language) for name in each.signed_by),
            )
            for each in paper.amendments
        ],
        "hashes": hashes(paper, language) if paper.content_hash else None,
    }


def certificate(paper: CertificatePaper, language: str) -> Said:
    """What a certificate of signatures says."""
    said = words(language)["certificate"]
    return {
        "version": said["version"].format(version=paper.version),
        "head": paper.head,
        "signatures": [signature(line, language) for line in paper.signatures],
        # Once there are several texts, each has its hashes above the signatures under it.
        "hashes": None if paper.amendments else hashes(paper, language),
        "first": hashes(paper, language),
        "amendments": [
            {
                "heading": said["amendment"].format(
                    number=each.number,
                    type=words(language)["amendment_types"][each.amendment_type],
                    day=day(each.amended_on, language),
                ),
                "signatures": [signature(line, language) for line in each.signatures],
                "hashes": hashes(each, language),
            }
            for each in paper.amendments
        ],
        "files": [{"what": _file(file, language), "hash": file.hash} for file in paper.files],
    }


def _file(file: FileLine, language: str) -> str:
    said = words(language)["certificate"]
    what: str = said[file.kind].format(party=of(file.party, language) if file.party else "")
    return what if file.number is None else said["of_amendment"].format(number=file.number, what=what)


def seal(paper: SealPaper, language: str) -> Said:
    """What a seal shows."""
    return {"signature": signature(paper.signature, language)}


def minutes(paper: MinutesPaper, language: str) -> Said:
    """What the minutes of a ceremony say."""
    said = words(language)["minutes"]
    title, *lines = getattr(paper, language).splitlines()
    return {
        "title": _line(title)["text"],
        "lines": [_line(each.strip()) for each in lines if each.strip()],
        "whole": paper.whole,
        "adopted": said["adopted" if paper.adopted else "not_adopted"],
        "hashes": [{"what": said["hash" if paper.whole else "hash_of_whole"], "hash": paper.minutes_hash}],
    }


def _line(line: str) -> Said:
    """One line of the minutes' Markdown, which knows titles, numbered entries, points and plain lines."""
    mark, _, rest = line.partition(" ")
    if set(mark) == {"#"}:
        return {"kind": "title", "text": rest}
    if mark == "-":
        return {"kind": "point", "text": rest}
    if re.fullmatch(r"[0-9]+\.", mark):
        return {"kind": "entry", "text": line}
    return {"kind": "text", "text": line}


def duty(duty: Duty, parties: Sequence[PartyLine], language: str) -> Said:
    """An obligation: what, to whom, by when, on what evidence."""
    said = words(language)["obligations"]
    if duty.recurrence:
        months = number(duty.recurrence.every_months, language)
        due = said["again"].format(day=day(duty.recurrence.first_due_on, language), months=months)
    elif duty.due_on:
        due = said["on"].format(day=day(duty.due_on, language))
    else:
        due = said["after"].format(days=number(duty.due_days or 0, language))
    return {
        "what": of(duty.what, language),
        "to": said["to"].format(creditor=called(duty.creditor, parties, language)) if duty.creditor else said["to_all"],
        "due": due,
        "evidence": said["evidence"].format(evidence=of(duty.evidence, language)) if duty.evidence else None,
    }


def parties(paper: AgreementPaper | AmendmentPaper, language: str) -> list[Said]:
    """The parties with their roles."""
    return [{"name": of(party.name, language), "roles": roles(party, language)} for party in paper.parties]


def called(party_id: UUID, parties: Sequence[PartyLine], language: str) -> str:
    """A party's name; its id, if it is none of these."""
    return next((of(each.name, language) for each in parties if each.party_id == party_id), str(party_id))


def roles(party: PartyLine, language: str) -> str:
    """What a party is in the agreement."""
    said = words(language)
    joined: str = said["comma"].join(said["roles"][role] for role in party.roles)
    return joined


def annex(annex: Annex) -> Said:
    """A document that is part of the text, which is named in no language."""
    return {"name": annex.name, "rtl": _from_the_right(annex.name), "hash": annex.hash}


def frames(paper: AgreementPaper | AmendmentPaper, language: str) -> list[Said]:
    """The parties' places for their seals."""
    return [
        frame.model_dump(include={"page", "left", "top"}) | {"party": of(frame.party, language)}
        for frame in paper.frames
    ]


def signature(line: SignatureLine, language: str) -> Said:
    """A signature, or that it is missing."""
    said = words(language)["signatures"]
    if line.signed_at is None:
        return {"party": of(line.party, language), "signed": said["missing"], "mandate": None, "facts": []}
    facts = [
        words(language)["seals"][line.level]
        if line.by_seal
        else said["level"].format(level=words(language)["levels"][line.level])
    ]
    if line.signed_on:
        facts.append(said["by_hand"].format(day=day(line.signed_on, language)))
    if line.certificate:
        facts.append(said["certificate"].format(holder=line.certificate))
    if line.delegated:
        facts.append(said["delegated"])
    if line.ceremony:
        facts.append(said["ceremony"].format(ceremony=of(line.ceremony, language)))
    if line.contested:
        facts.append(said["contested"])
    if line.confirmed_on:
        facts.append(said["confirmed"].format(day=day(line.confirmed_on, language)))
    return {
        "party": of(line.party, language),
        "signed": said["signed"].format(at=instant(line.signed_at, language)),
        "mandate": str(line.mandate_id) if line.mandate_id else None,
        "facts": facts,
    }


def hashes(paper: AgreementPaper | AmendmentPaper | CertificatePaper | SignedAmendment, language: str) -> list[Said]:
    """The hashes of what is agreed, each with what it is."""
    said = words(language)["verification"]
    found = {"content": paper.content_hash}
    if paper.language_hashes:
        found |= {"ar": paper.language_hashes.ar, "fr": paper.language_hashes.fr}
    return [{"what": said[name], "hash": value} for name, value in found.items()]


def day(value: date, language: str) -> str:
    """A date in words, with Moroccan month names and Latin digits."""
    said = format_date(value, "d MMMM y", locale=LOCALES[language])
    return f"1er {said.removeprefix('1 ')}" if language == "fr" and value.day == 1 else said


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


def of(text: Bilingual, language: str) -> str:
    """The text in this language."""
    said: str = getattr(text, language)
    return said
