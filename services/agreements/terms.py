"""The terms of an agreement: what the parties set out to agree, beside the text."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.agreements.bilingual import Bilingual, called
from services.agreements.errors import (
    AcademyNotForType,
    CenterWithoutSeats,
    DayNotPossible,
    KindUnknown,
    NotAParty,
    OperatorNotAParty,
    PartyMissing,
    PartyMustSign,
    PartyRepeated,
    PeriodReversed,
    ProvinceOutsideAcademy,
    RoleReserved,
    RolesMissing,
    SchoolYearNotOne,
    TooFewSign,
    WitnessOwesNothing,
)
from services.agreements.errors.editions import TermBeyondEditions
from services.agreements.errors.obligations import (
    ObligationOfAnotherCenter,
    ObligationOutsideTerm,
    ObligationPartyUnknown,
    ObligationToOneself,
)
from services.agreements.kinds import KINDS, REGIONAL, Kind, Rules
from shared.clock import FIRST_DAY, LAST_DAY, months_after
from shared.events.agreements import AgreementParty, CenterToOpen
from shared.money import Money
from shared.territory import ACADEMIES, MINISTRY_ID, NETWORK_ID, PROVINCES, belongs


class Recurrence(BaseModel):
    """An obligation that comes back: first on a day, then every so many months."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_due_on: date
    every_months: int = Field(ge=1, le=12)


Fulfilling = Literal["center_opened", "center_visa_granted", "center_filled"]
"""What a center does that may fulfil an obligation: it opens, gets its opening visa, has learners on all its seats."""


class Duty(BaseModel):
    """What one party owes: to whom, by when, and what shows that it was done. Its state is the ledger's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    obligation_id: UUID
    debtor: UUID
    """The party (its `party_id`) that owes."""
    creditor: UUID | None = None
    """The party it is owed to; none: all the others."""
    what: Bilingual
    due_on: date | None = None
    due_days: int | None = Field(None, ge=0, le=3660)
    """Days after the coming into force."""
    recurrence: Recurrence | None = None
    evidence: Bilingual | None = None
    """The proof that is wanted."""
    fulfilled_by: Fulfilling | None = None
    """The event that fulfils it, beside the debtor's own claim."""
    center_id: UUID | None = None
    """The center of which the event tells."""
    blocks: tuple[Literal["renewal", "closing"], ...] = ()
    """What cannot be done while it is unmet: to renew the agreement, to close it."""
    survives: bool = False
    """Whether it is owed beyond the agreement's termination."""

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if sum(each is not None for each in (self.due_on, self.due_days, self.recurrence)) != 1:
            raise ValueError("an obligation is due on a day, some days after the coming into force, or again and again")
        if (self.fulfilled_by is None) != (self.center_id is None):
            raise ValueError("an obligation that a center's event fulfils names the center")
        return self

    @property
    def named_day(self) -> date | None:
        """The day on which it is first due; none if that hangs on the coming into force."""
        return self.recurrence.first_due_on if self.recurrence else self.due_on

    @property
    def when(self) -> tuple[date | int | Recurrence | None, ...]:
        """All that its days are worked out from."""
        return self.due_on, self.due_days, self.recurrence

    @property
    def owed(self) -> tuple[object, ...]:
        """What is owed, by whom and to whom, by when and on what proof, as one value to compare.

        Without what it blocks, whether it survives, and the rhythm of what comes back: an occurrence has its own day.
        """
        shown = (self.what, self.evidence, self.fulfilled_by, self.center_id)
        return self.debtor, self.creditor, self.due_on, self.due_days, *shown

    def first_due_on(self, in_force_on: date) -> date:
        """When it is first due, if the agreement comes into force on this day."""
        return self.named_day or in_force_on + timedelta(days=self.due_days or 0)


class BudgetLine(BaseModel):
    """What a party brings in one budget year under one heading, in cash or in kind."""

    model_config = ConfigDict(frozen=True)

    line_id: UUID
    payer: UUID
    """The party's id."""
    heading: Bilingual
    kind: Literal["cash", "in_kind"]
    amount: Money
    budget_year: int


class Terms(BaseModel):
    """What is drafted; ids of parties and centers are given with it."""

    model_config = ConfigDict(frozen=True)

    agreement_kind: str
    academy: str | None
    title: Bilingual
    parties: tuple[AgreementParty, ...]
    centers: tuple[CenterToOpen, ...]
    obligations: tuple[Duty, ...] = ()
    school_year: str
    effective_from: date
    effective_until: date
    budget: tuple[BudgetLine, ...] = ()
    parent_id: UUID | None = None
    """The framework agreement that this one follows."""

    @property
    def rules(self) -> Kind:
        """What the kind asks of a draft, today."""
        return KINDS[self.agreement_kind]


def must_sign(party: AgreementParty) -> bool:
    """Whether the agreement needs this party's signature: all parties' but those who only witness."""
    return set(party.roles) != {"witness"}


def check_terms(
    terms: Terms, rules: Rules | None = None, *, names: Mapping[UUID, Bilingual] = MappingProxyType({})
) -> None:
    """Refuse terms that do not hold together: dates, academy, parties and their roles, centers.

    `rules` are those of an agreement that is there already; a draft goes by its kind's. `names` are those of the
    parties' organisations.
    """
    if drafted := rules is None:
        if terms.agreement_kind not in KINDS:
            raise unknown_kind(terms.agreement_kind)
        rules = terms.rules
    _check_days(terms)
    check_school_year(terms.school_year)
    if terms.effective_until < terms.effective_from:
        raise PeriodReversed(effective_from=terms.effective_from, effective_until=terms.effective_until)
    if drafted:
        _check_editions(terms, rules)
        check_seats(terms.centers)
    if terms.academy is not None and terms.academy not in ACADEMIES:
        raise AcademyNotForType(agreement_type=rules.agreement_type)
    if (rules.agreement_type in REGIONAL) != (terms.academy is not None):
        raise AcademyNotForType(agreement_type=rules.agreement_type)
    _check_parties(terms, rules, names)
    _check_centers(terms)
    _check_budget(terms)
    _check_obligations(terms)
    _check_owing(terms, names)


def unknown_kind(kind: str) -> KindUnknown:
    """That there is no such kind, and which there are."""
    known = sorted(KINDS)
    return KindUnknown(agreement_kind=kind, known=known, names=[KINDS[each].name.model_dump() for each in known])


def center_named(center: CenterToOpen) -> dict[str, str]:
    """How refusals name a center to people."""
    return {"ar": center.name_ar, "fr": center.name_fr}


def province_named(code: str) -> dict[str, str] | str:
    """How refusals name a province to people: one that there is none of, as it was said."""
    province = PROVINCES.get(code)
    return {"ar": province.name_ar, "fr": province.name_fr} if province else code


def check_school_year(school_year: str) -> None:
    """Refuse SchoolYearNotOne unless the two years, as `2024/2025`, follow one another."""
    first, last = map(int, school_year.split("/"))
    if last != first + 1:
        raise SchoolYearNotOne(school_year=school_year)


def check_seats(opened: Iterable[CenterToOpen]) -> None:
    """Refuse CenterWithoutSeats if a center that is to be opened would have none; an amendment may take all away."""
    for center in opened:
        if not center.funded_seats + center.unfunded_seats:
            raise CenterWithoutSeats(center=center.center_id, name=center_named(center))


def year_from(starts_on: date, years: int = 1) -> date:
    """The last day of so many years that begin on this day."""
    return months_after(starts_on, 12 * years) - timedelta(days=1)


def _check_editions(terms: Terms, rules: Rules) -> None:
    """An edition lasts a year at most, and there are only so many."""
    if rules.editions and terms.effective_until > (latest := year_from(terms.effective_from, rules.editions.most)):
        raise TermBeyondEditions(most=rules.editions.most, latest=latest)


def impossible_day(effective_from: date, effective_until: date, duties: Iterable[Duty]) -> date | None:
    """The first of the days named that nothing can be reckoned from; None if all are possible."""
    named = (effective_from, effective_until, *(each.named_day for each in duties))
    return next((day for day in named if day is not None and not FIRST_DAY <= day <= LAST_DAY), None)


def _check_days(terms: Terms) -> None:
    if day := impossible_day(terms.effective_from, terms.effective_until, terms.obligations):
        raise DayNotPossible(day=day, first=FIRST_DAY, last=LAST_DAY)


def _check_parties(terms: Terms, rules: Rules, names: Mapping[UUID, Bilingual]) -> None:
    organisations = [party.organisation_id for party in terms.parties]
    for organisation in organisations:
        if organisations.count(organisation) > 1:
            raise PartyRepeated(organisation=organisation, name=called([organisation], names)[0])
    bound = {"academy": ACADEMIES[terms.academy].organisation_id} if terms.academy else {"ministry": MINISTRY_ID}
    if rules.agreement_type == "network":
        bound["network"] = NETWORK_ID
    for which, organisation in bound.items():
        if organisation not in organisations:
            raise PartyMissing(organisation=organisation, which=which)
    for party in terms.parties:
        if "supervising_ministry" in party.roles and party.organisation_id != MINISTRY_ID:
            raise RoleReserved(organisation=party.organisation_id)
    roles = {role for party in terms.parties for role in party.roles}
    if missing := [role for role in rules.roles if role not in roles]:
        raise RolesMissing(roles=missing)
    signing = {party.organisation_id for party in terms.parties if must_sign(party)}
    if len(signing) < 2:
        raise TooFewSign()
    for which, organisation in bound.items():
        if organisation not in signing:
            raise PartyMustSign(organisation=organisation, which=which)


def _check_centers(terms: Terms) -> None:
    operators = {party.organisation_id for party in terms.parties if "operator" in party.roles}
    for center in terms.centers:
        academy = terms.academy
        if not (belongs(center.province, academy) if academy else center.province in PROVINCES):
            raise ProvinceOutsideAcademy(
                province=center.province,
                academy=academy,
                name=center_named(center),
                where=province_named(center.province),
            )
        if center.operator_id not in operators:
            raise OperatorNotAParty(organisation=center.operator_id, name=center_named(center))


def _check_budget(terms: Terms) -> None:
    parties = {party.party_id for party in terms.parties}
    for line in terms.budget:
        if line.payer not in parties:
            raise NotAParty(party=line.payer)


def _check_obligations(terms: Terms) -> None:
    parties = {party.party_id for party in terms.parties}
    centers = {center.center_id for center in terms.centers}
    for duty in terms.obligations:
        for party in {duty.debtor, duty.creditor or duty.debtor} - parties:
            raise ObligationPartyUnknown(party=party)
        if duty.creditor == duty.debtor:
            raise ObligationToOneself(party=duty.debtor)
        if duty.center_id is not None and duty.center_id not in centers:
            raise ObligationOfAnotherCenter(center=duty.center_id)
        first = duty.first_due_on(terms.effective_from)
        if first < terms.effective_from or (first > terms.effective_until and not duty.survives):
            raise ObligationOutsideTerm(
                due_on=first, effective_from=terms.effective_from, effective_until=terms.effective_until
            )


def _check_owing(terms: Terms, names: Mapping[UUID, Bilingual]) -> None:
    owing = {*(line.payer for line in terms.budget), *(duty.debtor for duty in terms.obligations)}
    for party in terms.parties:
        if party.party_id in owing and not must_sign(party):
            raise WitnessOwesNothing(party=party.party_id, name=called([party.organisation_id], names)[0])
