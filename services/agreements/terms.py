"""The terms of an agreement: what the parties set out to agree, beside the text."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from services.agreements.errors import (
    AcademyNotForType,
    OperatorNotAParty,
    PartyMissing,
    PartyRepeated,
    PeriodReversed,
    ProvinceOutsideAcademy,
    RoleReserved,
    RolesMissing,
)
from shared.events.agreements import AgreementParty, AgreementType, CenterToOpen, PartyRole
from shared.territory import ACADEMIES, MINISTRY_ID, NETWORK_ID, PROVINCES, belongs

REGIONAL: frozenset[AgreementType] = frozenset({"regional", "local"})
"""The types that belong to one academy; the others are national."""
NEEDED_ROLES: tuple[PartyRole, ...] = ("granting_authority", "operator", "supervising_ministry")
"""What an agreement on centers cannot be without; network and framework texts can."""


class Bilingual(BaseModel):
    """A short text in the two languages of an agreement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ar: str = Field(min_length=1, max_length=500)
    fr: str = Field(min_length=1, max_length=500)


class Terms(BaseModel):
    """What is drafted; ids of parties and centers are given with it."""

    model_config = ConfigDict(frozen=True)

    agreement_type: AgreementType
    academy: str | None
    title: Bilingual
    parties: tuple[AgreementParty, ...]
    centers: tuple[CenterToOpen, ...]
    school_year: str
    effective_from: date
    effective_until: date


def must_sign(party: AgreementParty) -> bool:
    """Whether the agreement needs this party's signature: all parties' but those who only witness."""
    return set(party.roles) != {"witness"}


def check_terms(terms: Terms) -> None:
    """Refuse terms that do not hold together: dates, academy, parties and their roles, centers."""
    if terms.effective_until < terms.effective_from:
        raise PeriodReversed(effective_from=terms.effective_from, effective_until=terms.effective_until)
    if terms.academy is not None and terms.academy not in ACADEMIES:
        raise AcademyNotForType(agreement_type=terms.agreement_type)
    if (terms.agreement_type in REGIONAL) != (terms.academy is not None):
        raise AcademyNotForType(agreement_type=terms.agreement_type)
    _check_parties(terms)
    _check_centers(terms)


def _check_parties(terms: Terms) -> None:
    organisations = [party.organisation_id for party in terms.parties]
    for organisation in organisations:
        if organisations.count(organisation) > 1:
            raise PartyRepeated(organisation=organisation)
    bound = {ACADEMIES[terms.academy].organisation_id} if terms.academy else {MINISTRY_ID}
    if terms.agreement_type == "network":
        bound.add(NETWORK_ID)
    for organisation in sorted(bound.difference(organisations)):
        raise PartyMissing(organisation=organisation)
    for party in terms.parties:
        if "supervising_ministry" in party.roles and party.organisation_id != MINISTRY_ID:
            raise RoleReserved(organisation=party.organisation_id)
    roles = {role for party in terms.parties for role in party.roles}
    needed = () if terms.agreement_type in ("network", "framework") else NEEDED_ROLES
    if missing := [role for role in needed if role not in roles]:
        raise RolesMissing(roles=missing)


def _check_centers(terms: Terms) -> None:
    operators = {party.organisation_id for party in terms.parties if "operator" in party.roles}
    for center in terms.centers:
        academy = terms.academy
        if not (belongs(center.province, academy) if academy else center.province in PROVINCES):
            raise ProvinceOutsideAcademy(province=center.province, academy=academy)
        if center.operator_id not in operators:
            raise OperatorNotAParty(organisation=center.operator_id)
