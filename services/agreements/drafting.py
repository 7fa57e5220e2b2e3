"""Drafting: the text that a kind of agreement proposes, filled in from the terms."""

from collections.abc import Container, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import get_args
from uuid import UUID

from babel.dates import format_date
from babel.lists import format_list

from services.agreements.bilingual import Bilingual
from services.agreements.kinds.clauses import PLACEHOLDER, Fact
from services.agreements.terms import Terms
from services.agreements.text import Clause, Prose
from shared.events.agreements import AgreementParty, CenterToOpen, PartyRole
from shared.language import Wording
from shared.territory import ACADEMIES, MINISTRY_ID, NETWORK_ID, PROVINCES

LOCALES = {"ar": "ar_MA", "fr": "fr_MA"}
UNKNOWN = "…"
WORDS = Wording(Path(__file__).parent / "wording")


def draft_text(terms: Terms, names: Mapping[UUID, Bilingual], *, only: Container[str] | None = None) -> list[Clause]:
    """The kind's clauses in their order, but for those of roles that no party holds; `names` are the organisations'.

    Of some clauses `only`, by their keys.

    A name that is not known is left open (`…`). Later terms change no text by themselves: whoever holds it has the
    clauses drawn anew that nobody has edited, and writes what is to be said of who joins.
    """
    roles = {role for party in terms.parties for role in party.roles}
    filled = {language: _values(terms, names, language) for language in LOCALES}

    def fill(text: str, language: str) -> str:
        return PLACEHOLDER.sub(lambda found: filled[language][found[1]], text)

    return [
        Clause(key=each.key, title=each.title, body=Prose(ar=fill(each.ar, "ar"), fr=fill(each.fr, "fr")))
        for each in terms.rules.clauses
        if (each.when is None or each.when in roles) and (only is None or each.key in only)
    ]


def values_named(terms: Terms, names: Mapping[UUID, Bilingual], language: str) -> list[str]:
    """The values of the terms that a text names, one by one: names, days, the school year, seats other than none."""
    filled = _said(terms, language)
    organisations = [
        getattr(names[each.organisation_id], language) for each in terms.parties if each.organisation_id in names
    ]
    centers = [getattr(each, f"name_{language}") for each in terms.centers]
    said = [filled[each] for each in ("title", "school_year", "effective_from", "effective_until")]
    seats = [filled[each] for each in ("seats", "funded_seats", "unfunded_seats")]
    return [*organisations, *centers, *said, *(each for each in seats if each != "0")]


def _said(terms: Terms, language: str) -> Mapping[Fact, str]:
    """What the terms say by themselves."""
    funded = sum(center.funded_seats for center in terms.centers)
    unfunded = sum(center.unfunded_seats for center in terms.centers)
    return {
        "effective_from": _day(terms.effective_from, language),
        "effective_until": _day(terms.effective_until, language),
        "funded_seats": str(funded),
        "school_year": terms.school_year,
        "seats": str(funded + unfunded),
        "title": getattr(terms.title, language),
        "unfunded_seats": str(unfunded),
    }


def _values(terms: Terms, names: Mapping[UUID, Bilingual], language: str) -> dict[str, str]:
    def name(organisation: UUID) -> str:
        return getattr(names[organisation], language) if organisation in names else UNKNOWN

    def role(wanted: PartyRole) -> str:
        holders = [name(party.organisation_id) for party in terms.parties if wanted in party.roles]
        return _listed(tuple(holders), language) or UNKNOWN

    def party(each: AgreementParty) -> str:
        roles = [WORDS.text(f"values.roles.{role}", language) for role in each.roles]
        return f"- {name(each.organisation_id)} ({_listed(tuple(roles), language)})"

    def center(each: CenterToOpen) -> str:
        province = getattr(PROVINCES[each.province], f"name_{language}")
        return f"- {getattr(each, f'name_{language}')} ({province})"

    facts: Mapping[Fact, str] = {
        "academy": name(ACADEMIES[terms.academy].organisation_id) if terms.academy else UNKNOWN,
        "centers": "\n".join(map(center, terms.centers)) or UNKNOWN,
        "ministry": name(MINISTRY_ID),
        "network": name(NETWORK_ID),
        "parties": "\n".join(map(party, terms.parties)),
    }
    roles: Mapping[PartyRole, str] = {each: role(each) for each in get_args(PartyRole)}
    return {str(name): value for each in (_said(terms, language), facts, roles) for name, value in each.items()}


# The same lists and days are written over and over: one version of the terms differs from the next in little.
@lru_cache(maxsize=4096)
def _listed(names: tuple[str, ...], language: str) -> str:
    return format_list(names, locale=LOCALES[language])


@lru_cache(maxsize=4096)
def _day(on: date, language: str) -> str:
    return format_date(on, "long", locale=LOCALES[language])
