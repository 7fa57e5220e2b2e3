"""What a signature rests on: the mandate, the association's standing, the ceremony, the text as it was frozen."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import NamedTuple
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import text

from services.agreements.agreement import Agreement, Delegation, Scan
from services.agreements.agreement.core import names_of
from services.agreements.agreement.scans import Scans
from services.agreements.agreement.signing import Signing
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
from services.agreements.permissions import PERMISSIONS, acts_for, owns_or_supervises
from services.agreements.places import frozen_named
from services.agreements.surroundings import Surroundings
from services.agreements.text import get_annexes, get_table
from shared.actor import NATIONAL, Actor
from shared.database import Transaction
from shared.events.agreements import (
    AgreementApproved,
    AgreementDrafted,
    AgreementParty,
    AgreementTermsRevised,
)
from shared.messaging.journal import past
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
    select organisation, asked.person, day, held.id as mandate_id, valid_from, valid_until, covers, standing,
        sitting.id as ceremony_id, sitting.status as ceremony_state, listed
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
        ('kind', approved.detail->>'rules', cast(cast(cast(:rules as text) as jsonb) as text)),
        ('framework', termed.data->>'framework_id', cast(:parent as text)),
        ('number', approved.data->>'reference', cast(:reference as text)),
        ('names', coalesce(approved.detail->>'names', '{}'), null)
    ) frozen(place, was, is_now)
    where was is distinct from is_now
""").bindparams(drafted=AgreementDrafted.type, revised=AgreementTermsRevised.type, approved=AgreementApproved.type)

SIGNING = frozenset(
    event.type for part in (Signing, Scans) for step in vars(part).values() for event in getattr(step, "follows", ())
)
"""The events that tell of signatures, as long as some are awaited."""
GIVEN = {"delegations": ("delegations",), "signatures": ("signatures", "scans")}
"""By place: what these events say of an agreement."""
FROZEN = {
    "number": ("agreement_id", "number", "reference"),
    "kind": ("agreement_kind", "kept_rules", "amendment_type"),
    "terms": ("base_hash", "content_hash", "touched"),
    "parties": ("parties",),
    "names": ("names",),
    "delegations": ("delegations",),
    "signatures": ("signatures", "scans", "sealed_file", "archived_file"),
}
"""By place: what an amendment's journal says beside its two contents, from which nothing departs once it is frozen."""

SIGNS = frozenset({"sign_agreement", "sign_amendment"})
"""These a delegate does under the mandate of who delegated; for the others one's own is needed."""
UNDER_MANDATE = SIGNS | {"decline_agreement", "delegate_signing", "decline_amendment", "delegate_amendment"}
RECORDS = frozenset({"record_scan", "record_amendment_scan"})
"""Who signed on paper is said with the scan: whether they hold a mandate is seen then."""
ACCEPTS = frozenset({"accept_scan", "accept_amendment_scan"})
"""These rest on the mandate of who signed, of the day on the paper."""
GIVES = SIGNS | RECORDS
BINDS = GIVES | ACCEPTS
"""By these a party comes to be bound."""


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


async def still_mandated(tx: Transaction, agreement: Agreement, organisation: UUID, scan: Scan) -> UUID:
    """The mandate on which a signature on paper rests, by what is known when it is checked.

    Refuses NoMandate, MandateNotValid, MandateOutOfScope, AssociationNotAccredited.
    """
    # Whoever checks a scan need not see the mandates of who signed it.
    async with tx.widened(NATIONAL):
        authority = await authority_of(tx, organisation, scan.person, agreement, scan.signed_on)
    mandate_id = authority.mandate_of(organisation, agreement, scan.signed_on)
    authority.require_standing(organisation)
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


class Step(NamedTuple):
    """A step towards a party's signature, and whose authority of which day it rests on."""

    action: str
    party: AgreementParty
    person: str
    day: date
    delegation: Delegation | None = None

    @property
    def asked(self) -> Asked:
        """By what its authority is looked up."""
        return self.party.organisation_id, self.person, self.day


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
        delegator_of(step.delegation, day)
        if step.action not in RECORDS:
            authority.mandate_of(organisation, agreement, step.day)
        if step.action in BINDS:
            authority.require_standing(organisation)
        if step.action in GIVES:
            authority.require_ceremony(authority.ceremony_id)
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
        yield Step(action, party, given.delegator if given else by.person, day, given)


def _steps_on_paper(file: Agreement | Amendment, by: Actor, day: date) -> Iterator[Step]:
    """What somebody who keeps or supervises the file may do with signatures on paper."""
    if owns_or_supervises(by, file):
        for action, party in product(_open_to(by, RECORDS, file), file.parties):
            yield Step(action, party, by.person, day)
        for action, (party_id, scan) in product(_open_to(by, ACCEPTS, file), file.scans.items()):
            yield Step(action, file.party(party_id), scan.person, scan.signed_on)


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


async def require_untampered(tx: Transaction, agreement: Agreement) -> None:
    """Refuse TextTampered unless all is as it was frozen: every clause in both languages, every term, every annex.

    Delegations and signatures are those of which the journal tells.
    """
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
        "rules": agreement.kept_rules,
        "parent": str(agreement.parent_id) if agreement.parent_id else None,
        "reference": agreement.reference,
    }
    drifted = (await (await tx.connection()).execute(DRIFTED, beside)).all()
    # How a name is written may change with what there is beside it: names are compared as what they say.
    places = [
        place for place, was in drifted if place != "names" or names_of({"names": from_json(was)}) != agreement.names
    ]
    told = Scans(id=agreement.id, agreement_kind=agreement.agreement_kind, parties=agreement.parties)
    told.evolve(each.event for each in await past(tx, agreement.id, types=SIGNING))
    places += [
        place
        for place, fields in GIVEN.items()
        if any(getattr(told, field) != getattr(agreement, field) for field in fields)
    ]
    if places:
        raise _tampered(places)


async def require_as_agreed(tx: Transaction, amendment: Amendment) -> None:
    """Refuse TextTampered unless an amendment is as it was frozen: base and branch by their hashes, the rest as told.

    The journal tells which contents these are, the agreement, the kind, the number, the parties, who signs, the names,
    who was let sign for whom, and which signatures were given.
    """
    await require_kept(tx, amendment.base_hash)
    await require_kept(tx, amendment.content_hash)
    told = Amendment.fold(amendment.id, (each.event for each in await past(tx, amendment.id)))
    if places := [
        place
        for place, fields in FROZEN.items()
        if any(getattr(told, field) != getattr(amendment, field) for field in fields)
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
