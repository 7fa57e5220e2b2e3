"""Terms, texts, and the requests that draft with them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from services.agreements.bilingual import Bilingual
from services.agreements.kinds import KINDS, Kind
from services.agreements.terms import Duty, Terms
from services.agreements.text import Clause, Prose
from shared.clock import today
from shared.events.agreements import AgreementParty, CenterToOpen, PartyRole
from shared.ids import new_id
from shared.territory import ACADEMIES, MINISTRY_ID, NETWORK_ID, PROVINCES


def party(organisation: UUID, *roles: PartyRole) -> AgreementParty:
    """A party with a fresh id."""
    return AgreementParty(party_id=new_id(), organisation_id=organisation, roles=roles)


def center(operator: UUID, province: str, *, funded: int = 60, unfunded: int = 20) -> CenterToOpen:
    """A center to open."""
    return CenterToOpen(
        center_id=new_id(),
        province=province,
        operator_id=operator,
        name_ar="مركز (وهمي)",
        name_fr="Centre (fictif)",
        funded_seats=funded,
        unfunded_seats=unfunded,
    )


def regional(
    academy: str = "MA-06",
    *,
    operator: UUID | None = None,
    others: Sequence[AgreementParty] = (),
    agreement_kind: str = "academy-association",
    effective_from: date = date(2024, 9, 2),
    effective_until: date = date(2027, 8, 31),
    **changes: Any,
) -> Terms:
    """Terms between an academy, an association and the ministry, on one center."""
    operator = operator or new_id()
    province = next(code for code, each in PROVINCES.items() if each.academy == academy)
    terms = Terms(
        agreement_kind=agreement_kind,
        academy=academy,
        title=Bilingual(ar="اتفاقية شراكة (وهمي)", fr="Convention de partenariat (fictif)"),
        parties=(
            party(ACADEMIES[academy].organisation_id, "granting_authority"),
            party(operator, "operator"),
            party(MINISTRY_ID, "supervising_ministry"),
            *others,
        ),
        centers=(center(operator, province),),
        school_year="2024/2025",
        effective_from=effective_from,
        effective_until=effective_until,
    )
    return terms.model_copy(update=changes)


def duty(terms: Terms, **changes: Any) -> Duty:
    """What the second party owes the first, thirty days after the coming into force unless told otherwise."""
    fields = {
        "obligation_id": new_id(),
        "debtor": terms.parties[1].party_id,
        "creditor": terms.parties[0].party_id,
        "what": Bilingual(ar="التزام (وهمي)", fr="Obligation (fictif)"),
        "due_days": None if changes.keys() & {"due_on", "recurrence"} else 30,
    }
    return Duty(**(fields | changes))


def owing(terms: Terms, *duties: dict[str, Any]) -> Terms:
    """The terms with a duty for each of these changes."""
    return terms.model_copy(update={"obligations": tuple(duty(terms, **changes) for changes in duties)})


def network_terms(**changes: Any) -> Terms:
    """Terms between the ministry and the network."""
    terms = Terms(
        agreement_kind="ministry-network",
        academy=None,
        title=Bilingual(ar="اتفاقية الشبكة (وهمي)", fr="Convention du réseau (fictif)"),
        parties=(party(MINISTRY_ID, "supervising_ministry"), party(NETWORK_ID, "integration_partner")),
        centers=(),
        school_year="2024/2025",
        effective_from=date(2024, 9, 2),
        effective_until=date(2027, 8, 31),
    )
    return terms.model_copy(update=changes)


def clauses(number: int = 2, *, words: str = "") -> list[Clause]:
    """A bilingual text."""
    return [
        Clause(
            key=f"article-{n}",
            title=Bilingual(ar=f"البند {n}", fr=f"Article {n}"),
            body=Prose(ar=f"نص البند {n}{words} (وهمي).", fr=f"Texte de l'article {n}{words} (fictif)."),
        )
        for n in range(1, number + 1)
    ]


def ask_for_a_visa(patched: pytest.MonkeyPatch, like: str = "academy-association") -> str:
    """Let there be a kind like this one that asks for a visa; gives its id."""
    visa = Bilingual(ar="تأشيرة (مثال)", fr="Visa (exemple)")
    kind = KINDS[like].model_copy(update={"id": f"{like}-visa", "visa": visa})
    patched.setitem(cast(dict[str, Kind], KINDS), kind.id, kind)
    return kind.id


def change_kind(patched: pytest.MonkeyPatch, id: str = "academy-association", **changes: Any) -> Kind:
    """The ministry changes a kind: from now on its data is another, under its next version."""
    changed = KINDS[id].model_copy(update={"version": KINDS[id].version + 1} | changes)
    patched.setitem(cast(dict[str, Kind], KINDS), id, changed)
    return changed


def current(academy: str = "MA-06", **changes: Any) -> Terms:
    """Terms that start tomorrow, whatever day it is."""
    dates = {"effective_from": today() + timedelta(days=1), "effective_until": today() + timedelta(days=1000)}
    return regional(academy, **(dates | changes))


def current_network(**changes: Any) -> Terms:
    """Terms between the ministry and the network that start tomorrow, whatever day it is."""
    dates = {"effective_from": today() + timedelta(days=1), "effective_until": today() + timedelta(days=1000)}
    return network_terms(**(dates | changes))


def body_of(terms: Terms, **changes: Any) -> dict[str, Any]:
    """The request that drafts an agreement on these terms, with a text."""
    body = terms.model_dump(mode="json") | {"clauses": [each.model_dump() for each in clauses()]}
    organisations = {each["party_id"]: each["organisation_id"] for each in body["parties"]}
    center_ids = [each["center_id"] for each in body["centers"]]
    for each in body["obligations"]:
        del each["obligation_id"]
        each["debtor_id"] = organisations[each.pop("debtor")]
        each["creditor_id"] = organisations.get(each.pop("creditor"))
        center_id = each.pop("center_id")
        each["center"] = center_ids.index(center_id) if center_id else None
    for each in body["parties"]:
        del each["party_id"]
    for each in body["centers"]:
        del each["center_id"]
    return body | changes
