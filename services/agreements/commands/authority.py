"""What a signature rests on: the mandate, the association's standing, the ceremony, the text as it was frozen."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import text

from services.agreements.agreement import Agreement, Delegation
from services.agreements.agreement.core import names_of
from services.agreements.amendment import Amendment
from services.agreements.ceremony import RUNNING, Ceremony, CeremonyState
from services.agreements.commands.families import require_parent_signed
from services.agreements.commands.vetting import COVERS, scope_of
from services.agreements.content import ClauseRef, content_hash
from services.agreements.errors import (
    AssociationNotAccredited,
    CeremonyNotOpen,
    MandateNotValid,
    MandateOutOfScope,
    NoMandate,
    NotInTheCeremony,
    SignedInItsCeremony,
)
from services.agreements.errors.signing import DelegationOver, TextTampered
from services.agreements.permissions import PERMISSIONS, acts_for
from services.agreements.places import frozen_named
from services.agreements.surroundings import Surroundings
from services.agreements.text import get_annexes, get_table
from shared.actor import Actor
from shared.database import Transaction
from shared.events.agreements import AgreementApproved, AgreementDrafted, AgreementParty, AgreementTermsRevised
from shared.refusals import NotFound, Refusal

# All that signatures rest on, in one round trip: each person's best mandate, the association's standing, the ceremony.
ASKED = f"""
    with sitting as (
        select id, status, agreements @> array[cast(:tabled as uuid)] as listed
        from ceremony
        where id = coalesce(cast(:ceremony as uuid), (
            select id from ceremony
            where agreements @> array[cast(:tabled as uuid)] and status in ('lobby', 'open', 'interrupted') limit 1
        ))
        %s
    )
    select organisation, asked.person, held.id as mandate_id, valid_from, valid_until, covers, standing,
        sitting.id as ceremony_id, sitting.status as ceremony_state, listed
    from unnest(cast(:organisations as uuid[]), cast(:people as text[])) as asked(organisation, person)
    left join lateral (
        select id, valid_from, valid_until, {COVERS} as covers from mandate
        where organisation_id = organisation and person = asked.person
        order by :day between valid_from and valid_until desc, covers desc, valid_until desc limit 1
    ) held on true
    left join association_standing on association_standing.id = organisation
    left join sitting on true
"""
# Whoever signs keeps the ceremony as it is until we commit (close_ceremony waits for us, or we for it).
AUTHORITY = text(ASKED % "for share")
# Whoever reads holds up nobody.
GLIMPSE = text(ASKED % "")
# PostgreSQL hashes what it keeps: nothing but the places that differ comes back.
TAMPERED = text("""
    with frozen as (
        select hash, body from content where hash = :text_hash
    ), kept(place, hash) as (
        select clause->>'key' || '/' || language, clause->>language
        from frozen, jsonb_array_elements(
            case jsonb_typeof(body::jsonb) when 'object' then body::jsonb->'clauses' else body::jsonb end
        ) clause, (values ('ar'), ('fr')) languages(language)
    )
    select 'table' from (values (1)) one
    where not exists (select from frozen where encode(sha256(convert_to(body, 'UTF8')), 'hex') = hash)
    union all
    select place from kept left join content using (hash)
    where body is null or encode(sha256(convert_to(body, 'UTF8')), 'hex') <> hash
""")
# What is frozen beside the content, by what the journal says: its hash, once given, is for good.
DRIFTED = text("""
    with told as (
        select aggregate_version as at, type, data, detail from journal
        where aggregate_id = :agreement and type = any(array[:drafted, :revised, :approved])
    ), drafted as (
        select data from told where type = :drafted
    ), termed as (
        select data from told where type <> :approved order by at desc limit 1
    ), approved as (
        select data, detail from told where type = :approved order by at desc limit 1
    )
    select place, was from drafted, termed, approved, lateral (values
        ('kind', drafted.data->>'agreement_kind', cast(:kind as text)),
        ('framework', termed.data->>'framework_id', cast(:parent as text)),
        ('number', approved.data->>'reference', cast(:reference as text)),
        ('names', coalesce(approved.detail->>'names', '{}'), null)
    ) frozen(place, was, is_now)
    where was is distinct from is_now
""").bindparams(drafted=AgreementDrafted.type, revised=AgreementTermsRevised.type, approved=AgreementApproved.type)


SIGNS = frozenset({"sign_agreement", "sign_amendment"})
"""These a delegate does under the mandate of who delegated; for the others one's own is needed."""
UNDER_MANDATE = SIGNS | {"decline_agreement", "delegate_signing", "decline_amendment", "delegate_amendment"}


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

    def mandate_of(self, organisation: UUID, agreement: Agreement, day: date) -> UUID:
        """The mandate that covers the day and the agreement. Refuses NoMandate, MandateNotValid, MandateOutOfScope."""
        if self.mandate_id is None:
            raise NoMandate(organisation=organisation)
        if not self.valid_from <= day <= self.valid_until:
            raise MandateNotValid(organisation=organisation, valid_from=self.valid_from, valid_until=self.valid_until)
        if not self.covers:
            raise MandateOutOfScope(organisation=organisation, **scope_of(agreement))
        return self.mandate_id

    def require_standing(self, organisation: UUID) -> None:
        """Refuse AssociationNotAccredited for an association that may sign nothing at present."""
        if self.standing not in (None, "accredited"):
            raise AssociationNotAccredited(organisation=organisation, standing=self.standing)

    def require_ceremony(self, ceremony_id: UUID | None) -> None:
        """Refuse a signature that is not given in the ceremony under way, or is in one that does not take it.

        Refuses SignedInItsCeremony, NotInTheCeremony, CeremonyNotOpen; NotFound for a ceremony that is not there.
        """
        if ceremony_id is None:
            if self.ceremony_state in RUNNING:
                raise SignedInItsCeremony(ceremony=self.ceremony_id)
            return
        if self.ceremony_id is None:
            raise NotFound()
        if not self.listed:
            raise NotInTheCeremony(ceremony=ceremony_id)
        if self.ceremony_state != CeremonyState.open:
            raise CeremonyNotOpen(ceremony=ceremony_id, kind=Ceremony.kind, state=self.ceremony_state)


async def may_sign(
    tx: Transaction, agreement: Agreement, party_id: UUID, person: str, ceremony_id: UUID | None, day: date
) -> UUID:
    organisation = agreement.party(party_id).organisation_id
    authority = await authority_of(
        tx, organisation, person, agreement, day, tabled=agreement.id, ceremony_id=ceremony_id
    )
    mandate_id = authority.mandate_of(organisation, agreement, day)
    authority.require_standing(organisation)
    authority.require_ceremony(ceremony_id)
    await require_parent_signed(tx, agreement)
    return mandate_id


def delegator_of(delegation: Delegation | None, day: date) -> str | None:
    """Under whose mandate a delegate signs that day; none for whoever signs under their own. Refuses DelegationOver."""
    if delegation is None:
        return None
    if day > delegation.valid_until:
        raise DelegationOver(valid_until=delegation.valid_until)
    return delegation.delegator


async def mandated(tx: Transaction, agreement: Agreement, party_id: UUID, person: str, day: date) -> UUID:
    organisation = agreement.party(party_id).organisation_id
    return (await authority_of(tx, organisation, person, agreement, day)).mandate_of(organisation, agreement, day)


async def look_for(
    tx: Transaction, file: Agreement | Amendment, agreement: Agreement, by: Actor, day: date
) -> Surroundings:
    """What who reads a file that is being signed is told: which steps they may not take for which parties that day.

    Whoever may never take one is told nothing. An agreement in a ceremony under way is signed in that ceremony.
    """
    actions = [each for each in UNDER_MANDATE if each in file.ALLOWED and by.has(*PERMISSIONS[each])]
    national = by.jurisdiction == "national"
    parties = [each for each in file.parties if actions and (national or acts_for(by, each.organisation_id))]
    if not parties:
        return Surroundings(day)
    delegations = {each.party_id: file.delegation(each.party_id, by.person) for each in parties}
    asked = {(each.organisation_id, by.person) for each in parties}
    asked |= {(each.organisation_id, given.delegator) for each in parties if (given := delegations[each.party_id])}
    tabled = agreement.id if file is agreement else None
    found = await _authorities(tx, asked, agreement, day, tabled=tabled, reading=True)
    hindered = await _hindered(tx, agreement) if file is agreement else None

    def require(action: str, party: AgreementParty) -> None:
        signs, organisation = action in SIGNS, party.organisation_id
        holder = delegator_of(delegations[party.party_id], day) if signs else None
        authority = found[organisation, holder or by.person]
        authority.mandate_of(organisation, agreement, day)
        if signs:
            authority.require_standing(organisation)
            authority.require_ceremony(authority.ceremony_id)
            if hindered:
                raise hindered

    barred: dict[tuple[str, UUID], Refusal] = {}
    for action, party in product(actions, parties):
        try:
            require(action, party)
        except Refusal as refusal:
            barred[action, party.party_id] = refusal
    return Surroundings(day, barred=barred)


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
    asked = {(organisation, person)}
    (found,) = (await _authorities(tx, asked, agreement, day, tabled=tabled, ceremony_id=ceremony_id)).values()
    return found


async def _authorities(
    tx: Transaction,
    asked: Collection[tuple[UUID, str]],
    agreement: Agreement,
    day: date,
    *,
    tabled: UUID | None,
    ceremony_id: UUID | None = None,
    reading: bool = False,
) -> dict[tuple[UUID, str], Authority]:
    facts = scope_of(agreement) | {
        "tabled": tabled,
        "organisations": [organisation for organisation, _ in asked],
        "people": [person for _, person in asked],
        "ceremony": ceremony_id,
        "day": day,
    }
    rows = await (await tx.connection()).execute(GLIMPSE if reading else AUTHORITY, facts)
    return {(row.organisation, row.person): Authority(*row[2:]) for row in rows}


async def require_untampered(tx: Transaction, agreement: Agreement) -> None:
    """Refuse TextTampered unless all is as it was frozen: every clause in both languages, every term, every annex."""
    assert agreement.text_hash is not None, "frozen without a text"
    await require_kept(tx, agreement.text_hash)
    content = agreement.content(await get_table(tx, agreement.text_hash))
    # What was frozen before contents had a hash vouches for its clauses alone.
    if agreement.content_hash not in (None, content_hash(content)):
        same_annexes = content.annexes == await get_annexes(tx, agreement.text_hash)
        raise _tampered(["terms" if same_annexes else "annexes"])
    beside = {
        "agreement": agreement.id,
        "kind": agreement.agreement_kind,
        "parent": str(agreement.parent_id) if agreement.parent_id else None,
        "reference": agreement.reference,
    }
    drifted = (await (await tx.connection()).execute(DRIFTED, beside)).all()
    # How a name is written may change with what there is beside it: names are compared as what they say.
    if places := [
        place for place, was in drifted if place != "names" or names_of({"names": from_json(was)}) != agreement.names
    ]:
        raise _tampered(places)


async def require_kept(tx: Transaction, hash: str | None) -> None:
    """Refuse TextTampered unless a table of clauses, or a content with one, is kept under its hash with each clause."""
    places = (await (await tx.connection()).execute(TAMPERED, {"text_hash": hash})).scalars().all()
    if places:
        table = () if hash is None or "table" in places else await get_table(tx, hash)
        raise _tampered(places, table)


def _tampered(places: Sequence[str], table: Sequence[ClauseRef] = ()) -> TextTampered:
    return TextTampered(places=list(places), where=[frozen_named(place, table) for place in places])
