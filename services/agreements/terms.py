"""The terms of an agreement: what the parties set out to agree, beside the text."""

from datetime import date

from pydantic import BaseModel, ConfigDict

from services.agreements.bilingual import Bilingual
from services.agreements.errors import (
    AcademyNotForType,
    KindUnknown,
    OperatorNotAParty,
    PartyMissing,
    PartyRepeated,
    PeriodReversed,
    ProvinceOutsideAcademy,
    RoleReserved,
    RolesMissing,
)
from services.agreements.kinds import KINDS, Kind
from shared.events.agreements import AgreementParty, AgreementType, CenterToOpen
from shared.territory import ACADEMIES, MINISTRY_ID, NETWORK_ID, PROVINCES, belongs

REGIONAL: frozenset[AgreementType] = frozenset({"regional", "local"})
"""The types that belong to one academy; the others are national."""


class Terms(BaseModel):
    """What is drafted; ids of parties and centers are given with it."""

    model_config = ConfigDict(frozen=True)

    agreement_kind: str
    academy: str | None
    title: Bilingual
    parties: tuple[AgreementParty, ...]
    centers: tuple[CenterToOpen, ...]
    school_year: str
    effective_from: date
    effective_until: date

    @property
    def rules(self) -> Kind:
        """What the kind asks."""
        return KINDS[self.agreement_kind]


def must_sign(party: AgreementParty) -> bool:
    """Whether the agreement needs this party's signature: all parties' but those who only witness."""
    return set(party.roles) != {"witness"}


def check_terms(terms: Terms) -> None:
    """Refuse terms that do not hold together: dates, academy, parties and their roles, centers."""
    if terms.agreement_kind not in KINDS:
        raise KindUnknown(agreement_kind=terms.agreement_kind, known=sorted(KINDS))
    if terms.effective_until < terms.effective_from:
        raise PeriodReversed(effective_from=terms.effective_from, effective_until=terms.effective_until)
    if terms.academy is not None and terms.academy not in ACADEMIES:
        raise AcademyNotForType(agreement_type=terms.rules.agreement_type)
    if (terms.rules.agreement_type in REGIONAL) != (terms.academy is not None):
        raise AcademyNotForType(agreement_type=terms.rules.agreement_type)
    _check_parties(terms)
    _check_centers(terms)


def _check_parties(terms: Terms) -> None:
    organisations = [party.organisation_id for party in terms.parties]
    for organisation in organisations:
        if organisations.count(organisation) > 1:
            raise PartyRepeated(organisation=organisation)
    bound = {ACADEMIES[terms.academy].organisation_id} if terms.academy else {MINISTRY_ID}
    if terms.rules.agreement_type == "network":
        bound.add(NETWORK_ID)
    for organisation in sorted(bound.difference(organisations)):
        raise PartyMissing(organisation=organisation)
    for party in terms.parties:
        if "supervising_ministry" in party.roles and party.organisation_id != MINISTRY_ID:
            raise RoleReserved(organisation=party.organisation_id)
    roles = {role for party in terms.parties for role in party.roles}
    if missing := [role for role in terms.rules.roles if role not in roles]:
        raise RolesMissing(roles=missing)


def _check_centers(terms: Terms) -> None:
    operators = {party.organisation_id for party in terms.parties if "operator" in party.roles}
    for center in terms.centers:
        academy = terms.academy
        if not (belongs(center.province, academy) if academy else center.province in PROVINCES):
            raise ProvinceOutsideAcademy(province=center.province, academy=academy)
        if center.operator_id not in operators:
            raise OperatorNotAParty(organisation=center.operator_id)
