"""What a signature rests on: the mandate, the association's standing, the ceremony, the parent."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import product
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from services.agreements.agreement import Agreement, Delegation
from services.agreements.amendment import Amendment
from services.agreements.ceremony import RUNNING, Ceremony, CeremonyState
from services.agreements.commands.families import require_parent_signed
from services.agreements.commands.vetting import COVERS, scope_of
from services.agreements.errors import (
    AssociationNotAccredited,
    CeremonyNotOpen,
    MandateNotValid,
    MandateOutOfScope,
    NobodySeated,
    NoMandate,
    NotInTheCeremony,
    SignedBeforeTheSitting,
    SignedInItsCeremony,
)
from services.agreements.jurisdiction import acts_for, owns_or_supervises
from services.agreements.permissions import PERMISSIONS
from services.agreements.steps import ACCEPTS, BINDS, CONFIRMS, GIVES, NEED_STANDING, RECORDS, SIGNS, UNDER_MANDATE
from services.agreements.surroundings import Surroundings
from shared.actor import NATIONAL, Actor
from shared.clock import business_date
from shared.database import Transaction
from shared.events.agreements import AgreementParty
from shared.refusals import NotFound, Refusal

# All that signatures rest on, in one round trip: each person's best mandate, the association's standing, the ceremony.
ASKED = f"""
    with sitting as (
        select id, status, agreements @> array[cast(:tabled as uuid)] as listed, state
        from ceremony
        where id = coalesce(cast(:ceremony as uuid), (
            select id from ceremony
            where agreements @> array[cast(:tabled as uuid)] and status in ('lobby', 'open', 'interrupted') limit 1
        ))
        %s
    )
    select organisation, asked.person, day, held.id as mandate_id, valid_from, valid_until, covers, standing,
        sitting.id as ceremony_id, sitting.status as ceremony_state, listed,
        cast(state ->> 'opened_at' as timestamptz) as opened_at,
        state -> 'attendees' @> jsonb_build_array(jsonb_build_object('organisation_id', organisation)) as seated
    from unnest(cast(:organisations as uuid[]), cast(:people as text[]), cast(:days as date[]))
        as asked(organisation, person, day)
    left join lateral (
        select id, valid_from, valid_until, {COVERS} as covers from mandate
        where organisation_id = organisation and person = asked.person
        order by day between valid_from and valid_until desc, covers desc, valid_until desc limit 1
        %s
    ) held on true
    left join association_standing on association_standing.id = organisation
    left join sitting on true
"""
# Whoever signs keeps the ceremony and the mandate as they are until we commit: close_ceremony and end_mandate wait for
# us and then see the signature, or we wait for them and see the end.
AUTHORITY = text(ASKED % ("for share", "for share"))
# Whoever reads holds up nobody.
GLIMPSE = text(ASKED % ("", ""))

ON_THE_TABLE = text("""
    select id from ceremony
    where agreements @> array[cast(:agreement as uuid)] and status in ('lobby', 'open', 'interrupted') for share
""")

Asked = tuple[UUID, str, date]
"""An organisation, a person and the day on which they would act for it."""


@dataclass(frozen=True, slots=True)
class Authority:
    """What a person's signature for an organisation rests on."""

    mandate_id: UUID | None
    valid_from: date
    valid_until: date
    covers: bool
    standing: str | None
    """None for an organisation that is no association."""
    ceremony_id: UUID | None
    """The ceremony asked for, else one under way that has the agreement in its order."""
    ceremony_state: str | None
    listed: bool | None
    opened_at: datetime | None
    """When that ceremony was opened."""
    seated: bool | None
    """Whether somebody sits there for the organisation."""

    def mandate_of(self, organisation: UUID, agreement: Agreement, day: date) -> UUID:
        """The mandate that covers the day and the agreement. Refuses NoMandate, MandateNotValid, MandateOutOfScope."""
        if self.mandate_id is None:
            raise NoMandate(organisation=organisation)
        if not self.valid_from <= day <= self.valid_until:
            raise MandateNotValid(organisation=organisation, valid_from=self.valid_from, valid_until=self.valid_until)
        if not self.covers:
            raise MandateOutOfScope(organisation=organisation, **scope_of(agreement))
        return self.mandate_id

    def holds(self, day: date) -> bool:
        """Whether the mandate covers the day and the agreement."""
        return self.mandate_id is not None and self.covers and self.valid_from <= day <= self.valid_until

    def require_standing(self, organisation: UUID) -> None:
        """Refuse AssociationNotAccredited for an association that may sign nothing at present."""
        if self.standing not in (None, "accredited"):
            raise AssociationNotAccredited(organisation=organisation, standing=self.standing)

    def require_ceremony(self, ceremony_id: UUID | None, organisation: UUID, day: date) -> None:
        """Refuse a signature of a day that is not given in the ceremony under way, or is in one that does not take it.

        One on paper from before the sitting is not of it. Refuses SignedInItsCeremony, NotInTheCeremony,
        CeremonyNotOpen, SignedBeforeTheSitting, NobodySeated; NotFound for a ceremony that is not there.
        """
        before = self.opened_at is not None and day < business_date(self.opened_at)
        if ceremony_id is None:
            if self.ceremony_state in RUNNING and not before:
                raise SignedInItsCeremony(ceremony=self.ceremony_id)
            return
        if self.ceremony_id is None:
            raise NotFound()
        if not self.listed:
            raise NotInTheCeremony(ceremony=ceremony_id)
        if self.ceremony_state != CeremonyState.open:
            raise CeremonyNotOpen(ceremony=ceremony_id, kind=Ceremony.kind, state=self.ceremony_state)
        if before:
            raise SignedBeforeTheSitting(ceremony=ceremony_id, signed_on=day)
        if not self.seated:
            raise NobodySeated(ceremony=ceremony_id, organisation=organisation)


async def mandated(tx: Transaction, agreement: Agreement, party: AgreementParty, person: str, day: date) -> UUID:
    """The mandate under which a person acts for a party of the agreement, or of its amendment, that day.

    Refuses NoMandate, MandateNotValid, MandateOutOfScope.
    """
    organisation = party.organisation_id
    return (await authority_of(tx, organisation, person, agreement, day)).mandate_of(organisation, agreement, day)


async def hold_on_the_table(tx: Transaction, agreement: Agreement) -> None:
    """Keep a ceremony under way that has the agreement in its order as it is until we commit, as signatures do.

    What is declined or checked is then in its minutes, or comes after its closing.
    """
    async with tx.widened(NATIONAL):
        await tx.execute(ON_THE_TABLE, {"agreement": agreement.id})


async def delegable(
    tx: Transaction, agreement: Agreement, party: AgreementParty, person: str, day: date
) -> dict[str, Any]:
    """What a delegation by this person rests on: the mandate, and its last day. Refuses as `mandated` does."""
    organisation = party.organisation_id
    authority = await authority_of(tx, organisation, person, agreement, day)
    mandate_id = authority.mandate_of(organisation, agreement, day)
    return {"mandate_id": mandate_id, "mandate_until": authority.valid_until}


async def may_bind(
    tx: Transaction,
    agreement: Agreement,
    party: AgreementParty,
    person: str,
    day: date,
    *,
    tabled: UUID | None = None,
    ceremony_id: UUID | None = None,
) -> UUID:
    """The same for a signature: in a ceremony, if what is `tabled` is in one under way.

    Refuses AssociationNotAccredited too, what Authority.require_ceremony and require_parent_signed refuse.
    """
    organisation = party.organisation_id
    authority = await authority_of(tx, organisation, person, agreement, day, tabled=tabled, ceremony_id=ceremony_id)
    mandate_id = authority.mandate_of(organisation, agreement, day)
    authority.require_standing(organisation)
    authority.require_ceremony(ceremony_id, organisation, day)
    await require_parent_signed(tx, agreement)
    return mandate_id


async def may_confirm(tx: Transaction, agreement: Agreement, party: AgreementParty, person: str, day: date) -> UUID:
    """The mandate under which a person confirms a party's signature that day, whose association is accredited.

    Refuses NoMandate, MandateNotValid, MandateOutOfScope, AssociationNotAccredited.
    """
    authority = await authority_of(tx, party.organisation_id, person, agreement, day)
    mandate_id = authority.mandate_of(party.organisation_id, agreement, day)
    authority.require_standing(party.organisation_id)
    return mandate_id


async def bound_on_paper(
    tx: Transaction,
    agreement: Agreement,
    party: AgreementParty,
    person: str,
    signed_on: date,
    *,
    tabled: UUID | None = None,
    ceremony_id: UUID | None = None,
) -> UUID:
    """The same for a signature on paper, of its day: whoever sees to it need not see the mandates of who signed it."""
    async with tx.widened(NATIONAL):
        return await may_bind(tx, agreement, party, person, signed_on, tabled=tabled, ceremony_id=ceremony_id)


async def in_place_of(
    tx: Transaction, agreement: Agreement, file: Agreement | Amendment, party: AgreementParty, person: str, day: date
) -> str | None:
    """Under whose mandate a delegate signs that day; None for whoever signs under their own.

    Who holds one is not kept from signing by a delegation that does not stand. Refuses DelegationOver,
    SignedBeforeDelegation.
    """
    delegation = file.delegation(party.party_id, person)
    if delegation is None:
        return None
    if (over := delegation.refusal_on(day)) is None:
        return delegation.delegator
    async with tx.widened(NATIONAL):
        own = await authority_of(tx, party.organisation_id, person, agreement, day)
    if not own.holds(day):
        raise over
    return None


class Step(NamedTuple):
    """A step towards a party's signature, and whose authority of which day it rests on."""

    action: str
    party: AgreementParty
    person: str
    """Who signs, or whoever else takes it."""
    day: date
    on_behalf_of: str | None = None
    delegation: Delegation | None = None

    @property
    def asked(self) -> Asked:
        """By what its authority is looked up."""
        return self.party.organisation_id, self.on_behalf_of or self.person, self.day


async def look_for(
    tx: Transaction, file: Agreement | Amendment, agreement: Agreement, by: Actor, day: date
) -> Surroundings:
    """What who reads a file that is being signed is told: which steps they may not take for which parties that day.

    Whoever may never take one is told nothing. An agreement in a ceremony under way is signed in that ceremony.
    """
    steps = [*_own_steps(file, by, day), *_steps_on_paper(file, by, day)]
    if not steps:
        return Surroundings(day)
    tabled = agreement.id if file is agreement else None
    # As for the commands: whoever sees to a scan need not see the mandates of who signed it.
    async with tx.widened(NATIONAL):
        found = await _authorities(tx, {each.asked for each in steps}, agreement, tabled=tabled, reading=True)
    hindered = await _hindered(tx, agreement)

    def require(step: Step) -> None:
        authority, organisation = found[step.asked], step.party.organisation_id
        if step.delegation and not authority.holds(step.day) and (over := step.delegation.refusal_on(step.day)):
            raise over
        if step.action in SIGNS | CONFIRMS | ACCEPTS:
            file.require_person(step.party.party_id, step.person, step.on_behalf_of)
        if step.action not in RECORDS:
            authority.mandate_of(organisation, agreement, step.day)
        if step.action in NEED_STANDING:
            authority.require_standing(organisation)
        if step.action in GIVES:
            authority.require_ceremony(authority.ceremony_id, organisation, step.day)
        if step.action in BINDS and hindered:
            raise hindered

    barred: dict[tuple[str, UUID], Refusal] = {}
    for step in steps:
        try:
            require(step)
        except Refusal as refusal:
            barred[step.action, step.party.party_id] = refusal
    return Surroundings(day, barred=barred)


def _own_steps(file: Agreement | Amendment, by: Actor, day: date) -> Iterator[Step]:
    """What somebody may do under a mandate of theirs, or of who delegated to them."""
    national = by.jurisdiction == "national"
    parties = [each for each in file.parties if national or acts_for(by, each.organisation_id)]
    for action, party in product(_open_to(by, UNDER_MANDATE, file), parties):
        given = file.delegation(party.party_id, by.person) if action in SIGNS else None
        stands = given is not None and given.refusal_on(day) is None
        yield Step(action, party, by.person, day, given.delegator if given and stands else None, given)


def _steps_on_paper(file: Agreement | Amendment, by: Actor, day: date) -> Iterator[Step]:
    """What somebody who keeps or supervises the file may do with signatures on paper."""
    if owns_or_supervises(by, file):
        for action, party in product(_open_to(by, RECORDS, file), file.parties):
            yield Step(action, party, by.person, day)
        for action, (party_id, scan) in product(_open_to(by, ACCEPTS, file), file.scans.items()):
            yield Step(action, file.party(party_id), scan.person, scan.signed_on, scan.on_behalf_of)


def _open_to(by: Actor, actions: Collection[str], file: Agreement | Amendment) -> list[str]:
    return [each for each in actions if each in file.ALLOWED and by.has(*PERMISSIONS[each])]


async def _hindered(tx: Transaction, agreement: Agreement) -> Refusal | None:
    try:
        await require_parent_signed(tx, agreement, reading=True)
    except Refusal as refusal:
        return refusal
    return None


async def authority_of(
    tx: Transaction,
    organisation: UUID,
    person: str,
    agreement: Agreement,
    day: date,
    *,
    tabled: UUID | None = None,
    ceremony_id: UUID | None = None,
) -> Authority:
    """What a person's signature under an agreement or its amendment rests on that day.

    That is also the ceremony asked for, or the one in which what is `tabled` is.
    """
    asked = {(organisation, person, day)}
    (found,) = (await _authorities(tx, asked, agreement, tabled=tabled, ceremony_id=ceremony_id)).values()
    return found


async def _authorities(
    tx: Transaction,
    asked: Collection[Asked],
    agreement: Agreement,
    *,
    tabled: UUID | None,
    ceremony_id: UUID | None = None,
    reading: bool = False,
) -> dict[Asked, Authority]:
    organisations, people, days = zip(*asked, strict=True)
    facts = scope_of(agreement) | {
        "tabled": tabled,
        "organisations": list(organisations),
        "people": list(people),
        "days": list(days),
        "ceremony": ceremony_id,
    }
    rows = await (await tx.connection()).execute(GLIMPSE if reading else AUTHORITY, facts)
    return {(row.organisation, row.person, row.day): Authority(*row[3:]) for row in rows}
