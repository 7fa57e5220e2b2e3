"""Agreements without I/O, and who acts for them."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.terms import Terms
from services.agreements.tests.builders.papers import stored
from services.agreements.tests.builders.people import AUTHOR, LEGAL, MINISTRY, NAME, director, officer, person
from services.agreements.tests.builders.terms import regional
from services.agreements.thread import Remark
from shared.actor import Actor, Role
from shared.ids import new_id
from shared.territory import MINISTRY_ID
from tests.fixtures.identity import ISSUER

TEXT = "ab" * 32

AT = datetime(2024, 6, 28, 10, tzinfo=UTC)
DECISION: dict[str, Any] = {"reason": "(fictif)", "document": "DECISION-EXEMPLE-1", "notified_on": AT.date()}
"""On what suspensions and terminations stand; notice was given once all had signed, and is over when it begins."""


def drafted(terms: Terms | None = None) -> Agreement:
    """A draft, without I/O."""
    id = new_id()
    return Agreement.fold(id, Agreement.draft(id, terms or regional(), names={}, by=AUTHOR))


def negotiated(terms: Terms | None = None) -> Agreement:
    """An agreement in negotiation, with a text."""
    agreement = drafted(terms)
    agreement.evolve(agreement.revise(TEXT, by=AUTHOR))
    return agreement.evolve(agreement.open_negotiation(AT))


def ready(terms: Terms | None = None) -> Agreement:
    """An agreement whose text is frozen."""
    agreement = accepted(terms)
    agreement.evolve(agreement.submit(AT))
    for rule in agreement.missing_for("approve_agreement"):
        attach(agreement, rule.category)
    return approve(agreement)


def accepted(terms: Terms | None = None) -> Agreement:
    """An agreement in negotiation, whose text every party that signs accepts."""
    agreement = negotiated(terms)
    for each in agreement.not_accepted:
        agreement.evolve(agreement.accept(each.party_id, text_hash=TEXT, person="somebody", at=AT))
    return agreement


def approve(agreement: Agreement, *, reference: str = "AREF-06/2024-0001", at: datetime = AT) -> Agreement:
    """Different people approve step after step: the text is frozen."""
    names = {party.organisation_id: NAME for party in agreement.parties}
    while agreement.state == "legal_review":
        by = approver(agreement)
        agreement.evolve(agreement.approve(by.person, by.roles, reference=reference, names=names, clauses=(), at=at))
    return agreement


def approver(agreement: Agreement) -> Actor:
    """Somebody who holds the step at which the file waits, neither its author nor an approver so far."""
    step, given = agreement.climbing.current, len(agreement.climbing.approvals)
    assert step is not None, "nothing is left to approve"
    if Role.ministry_officer not in step.roles:
        return person(f"approver-{given}", step.roles[0], agreement.academy or "national")
    return LEGAL if step.needed == 1 else person(f"legal-{given}", Role.ministry_officer, "national")


def sign(agreement: Agreement, party_id: UUID, *, text_hash: str | None = None, at: datetime = AT) -> Agreement:
    """One party's signature, without I/O."""
    named = text_hash or agreement.text_hash or ""
    return agreement.evolve(
        agreement.sign(
            party_id,
            text_hash=named,
            person=f"{ISSUER}#somebody",
            mandate_id=new_id(),
            ceremony_id=None,
            level="simple",
            at=at,
        )
    )


def attach(agreement: Agreement, category: str, **changes: Any) -> Agreement:
    """A paper of this category, without I/O; one that must expire holds for very long unless told otherwise."""
    fields: dict[str, Any] = {
        "name": "exemple.pdf",
        "organisation_id": agreement.parties[0].organisation_id,
        "expires_on": holds_until(agreement, category),
        "replaces": None,
        "at": AT,
        "today": AT.date(),
    }
    file = changes.pop("file", None) or stored(str(new_id()).encode())
    return agreement.evolve(agreement.attach(new_id(), category=category, **file.model_dump(), **(fields | changes)))


def holds_until(agreement: Agreement, category: str) -> date | None:
    return next(
        (date(2040, 1, 1) for rule in agreement.rules.documents if rule.category == category and rule.expires), None
    )


def papered(agreement: Agreement) -> Agreement:
    """The agreement with the papers that its kind asks for, without I/O."""
    for rule in agreement.rules.documents:
        if rule.before and rule.before != "approve_agreement":
            attach(agreement, rule.category)
    return agreement


def signed(terms: Terms | None = None, *, at: datetime = AT) -> Agreement:
    """An agreement that all its parties have signed, with the papers that its kind asks for."""
    agreement = papered(ready(terms))
    for each in agreement.parties:
        sign(agreement, each.party_id, at=at)
    return agreement


def in_force(terms: Terms | None = None) -> Agreement:
    """An agreement in force."""
    agreement = signed(terms)
    return agreement.evolve(agreement.bring_into_force(agreement.effective_from))


def remark(**changes: Any) -> Remark:
    """A comment of the ministry's."""
    return Remark(
        **({"body": f"(fictif) {new_id()}", "person": AUTHOR, "organisation_id": MINISTRY_ID, "at": AT} | changes)
    )


def keeper(agreement: Agreement) -> Actor:
    """Whoever keeps the agreement."""
    return officer(agreement.academy) if agreement.academy else MINISTRY


def head_of(agreement: Agreement) -> Actor:
    """Whoever heads the office that keeps the agreement."""
    return director(agreement.academy) if agreement.academy else MINISTRY


def operator_of(agreement: Agreement) -> UUID:
    """The association that runs the centers."""
    return next(each.organisation_id for each in agreement.parties if "operator" in each.roles)
