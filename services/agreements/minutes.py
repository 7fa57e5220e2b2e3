"""The minutes of a ceremony, in Arabic and French, from the templates beside."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.agreements.agreement import SIGNED_BY_ALL, Agreement
from services.agreements.ceremony import Ceremony
from shared.clock import CASABLANCA

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def draw_up(ceremony: Ceremony, agreements: Sequence[Agreement], *, language: str, closed_at: datetime) -> str:
    """The minutes as Markdown: what was signed in which order, by how many parties, and what was not."""
    return TEMPLATES.get_template(f"minutes.{language}.md").render(
        ceremony=ceremony,
        title=getattr(ceremony.title, language),
        place=getattr(ceremony.place, language, None),
        opened_at=ceremony.opened_at,
        closed_at=closed_at,
        agreements=[_entry(ceremony, each, language) for each in agreements],
        local=lambda at: at.astimezone(CASABLANCA),
    )


def _entry(ceremony: Ceremony, agreement: Agreement, language: str) -> dict[str, object]:
    signatures = {each.party_id: each for each in agreement.signatures}
    return {
        "reference": agreement.reference,
        "title": getattr(agreement.title, language),
        "signed": agreement.state in SIGNED_BY_ALL,
        "parties": [
            {
                "name": getattr(agreement.names.get(party.organisation_id), language, str(party.organisation_id)),
                "signature": signatures.get(party.party_id),
                "here": party.party_id in signatures and signatures[party.party_id].ceremony_id == ceremony.id,
            }
            for party in agreement.parties
        ],
    }
