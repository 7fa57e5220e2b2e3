"""What people do in the register: one function per verb, each one transaction."""

from collections.abc import Collection
from datetime import date
from typing import Literal
from uuid import UUID

from services.network.association import Association, LegalIdentity
from services.network.errors import AlreadyRegistered, UnknownOrganisation
from services.network.mandate import Mandate
from services.network.organisation import Organisation, institutions
from services.network.permissions import PERMISSIONS
from services.network.tables import ASSOCIATIONS, MANDATES, ORGANISATIONS
from shared.actor import NATIONAL, SYSTEM, Actor
from shared.clock import today
from shared.database import Transaction, Work
from shared.events.agreements import AgreementType
from shared.events.network import OrganisationKind
from shared.ids import new_id
from shared.refusals import ConcurrentChange, NotFound


async def seed_institutions(db: Work) -> int:
    """Register the institutions of the territory, as far as they are missing; gives how many were."""
    added = 0
    async with db.transaction(NATIONAL) as tx:
        for event in institutions():
            try:
                await ORGANISATIONS.read(tx, event.organisation_id)
            except NotFound:
                await ORGANISATIONS.record(tx, Organisation(id=event.organisation_id), [event], by=SYSTEM)
                added += 1
    return added


async def register_organisation(
    db: Work, *, category: OrganisationKind, academy: str | None, name_ar: str, name_fr: str, by: Actor
) -> Organisation:
    """Enter a funder, a host of premises or a partner; one without academy is national."""
    async with db.transaction(by.scope) as tx:
        id = new_id()
        events = Organisation.register(id, category=category, academy=academy, name_ar=name_ar, name_fr=name_fr)
        PERMISSIONS.allow(by, "register_organisation", Organisation.fold(id, events))
        return await ORGANISATIONS.record(tx, Organisation(id=id), events, by=by)


async def register_association(db: Work, identity: LegalIdentity, *, by: Actor) -> Association:
    """Enter an association with its legal identity. Refuses an ICE that the register already holds."""
    async with db.transaction(by.scope) as tx:
        id = new_id()
        events = Association.register(id, identity)
        PERMISSIONS.allow(by, "register_association", Association.fold(id, events))
        try:
            return await ASSOCIATIONS.record(tx, Association(id=id), events, by=by)
        except ConcurrentChange:  # the id is new, so only the ICE can be taken
            raise AlreadyRegistered(ice=identity.ice) from None


async def start_verification(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Association:
    """Begin to verify an association's legal file."""
    async with db.transaction(by.scope) as tx:
        association = await _association(tx, id, "start_verification", by, expected)
        return await ASSOCIATIONS.record(tx, association, association.start_verification(), by=by)


async def accredit_association(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Association:
    """The legal file holds: from today on the association may sign."""
    async with db.transaction(by.scope) as tx:
        association = await _association(tx, id, "accredit_association", by, expected)
        return await ASSOCIATIONS.record(tx, association, association.accredit(on=today()), by=by)


async def refuse_association(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Association:
    """The legal file does not hold."""
    async with db.transaction(by.scope) as tx:
        association = await _association(tx, id, "refuse_association", by, expected)
        return await ASSOCIATIONS.record(tx, association, association.refuse(reason=reason), by=by)


async def suspend_association(
    db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None
) -> Association:
    """Take an association's right to sign away for a time."""
    async with db.transaction(by.scope) as tx:
        association = await _association(tx, id, "suspend_association", by, expected)
        return await ASSOCIATIONS.record(tx, association, association.suspend(on=today(), reason=reason), by=by)


async def reinstate_association(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Association:
    """Give a suspended association its right to sign back."""
    async with db.transaction(by.scope) as tx:
        association = await _association(tx, id, "reinstate_association", by, expected)
        return await ASSOCIATIONS.record(tx, association, association.reinstate(on=today()), by=by)


async def record_mandate(
    db: Work,
    *,
    organisation_id: UUID,
    person: str,
    holder: str,
    valid_from: date,
    valid_until: date,
    agreement_types: Collection[AgreementType] = (),
    academies: Collection[str] = (),
    agreements: Collection[UUID] = (),
    by: Actor,
) -> Mandate:
    """Write down that a person may sign for an organisation or association between two dates, both included.

    `person` is the issuer and subject of the identity, joined by `#`; `holder` the name as minutes print it.
    For all agreements, or for those of these types and academies, or these.
    """
    async with db.transaction(by.scope) as tx:
        id = new_id()
        events = Mandate.record(
            id,
            organisation_id=organisation_id,
            academy=await _academy_of(tx, organisation_id),
            person=person,
            holder=holder,
            valid_from=valid_from,
            valid_until=valid_until,
            agreement_types=agreement_types,
            academies=academies,
            agreements=agreements,
        )
        PERMISSIONS.allow(by, "record_mandate", Mandate.fold(id, events))
        return await MANDATES.record(tx, Mandate(id=id), events, by=by)


async def end_mandate(
    db: Work, id: UUID, *, on: date, how: Literal["resigned", "revoked"], by: Actor, expected: int | None = None
) -> Mandate:
    """End a mandate early: from `on` its person signs no more."""
    async with db.transaction(by.scope) as tx:
        mandate = await MANDATES.load(tx, id, expected=expected)
        PERMISSIONS.allow(by, "end_mandate", mandate)
        return await MANDATES.record(tx, mandate, mandate.end(on=on, how=how, today=today()), by=by)


async def _association(tx: Transaction, id: UUID, action: str, by: Actor, expected: int | None) -> Association:
    association = await ASSOCIATIONS.load(tx, id, expected=expected)
    PERMISSIONS.allow(by, action, association)
    return association


async def _academy_of(tx: Transaction, organisation_id: UUID) -> str | None:
    try:
        return (await ORGANISATIONS.read(tx, organisation_id)).academy
    except NotFound:
        pass
    try:
        return (await ASSOCIATIONS.read(tx, organisation_id)).legal.academy
    except NotFound:
        raise UnknownOrganisation(organisation_id=organisation_id) from None
