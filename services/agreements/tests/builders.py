"""Builders: agreements, ceremonies and people for tests, each with everything it needs. All names are fictitious."""

import hashlib
from collections.abc import Awaitable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from services.agreements import commands, queries, reactions
from services.agreements.agreement import Agreement, Scope
from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import Attendee, Ceremony
from services.agreements.kinds import KINDS, Kind
from services.agreements.reactions import codes_of
from services.agreements.tables import (
    AGREEMENTS,
    AssociationStandingRow,
    MandateRow,
    OrganisationRow,
    SignatureBatchRow,
)
from services.agreements.terms import Duty, Terms
from services.agreements.text import Clause, Prose
from services.agreements.thread import Remark
from shared import files
from shared.actor import NATIONAL, Actor, Role
from shared.clock import today
from shared.database import Database, Work
from shared.events.agreements import AgreementParty, CenterToOpen, PartyRole
from shared.events.base import Occurrence
from shared.events.network import MandateEnded
from shared.files import StoredFile
from shared.ids import new_id
from shared.refusals import Refusal
from shared.territory import ACADEMIES, DIRECTORATES, MINISTRY_ID, NETWORK_ID, PROVINCES
from tests.fixtures.identity import ISSUER

TEXT = "ab" * 32
NAME = Bilingual(ar="مؤسسة (وهمي)", fr="Organisation (fictif)")
CHAIR = Attendee(organisation_id=MINISTRY_ID, name="Présidence (fictif)")
AUTHOR = f"{ISSUER}#officer"
AT = datetime(2024, 8, 30, 10, tzinfo=UTC)
DECISION: dict[str, Any] = {"reason": "(fictif)", "document": "DECISION-EXEMPLE-1", "notified_on": date(2024, 1, 1)}
"""On what suspensions and terminations stand; notice was given so long ago that it is over."""
ASKED = frozenset({"centers", "notified_on", "effective_on"})
"""What of a decision its preview is asked with."""


def person(name: str, role: Role, jurisdiction: str) -> Actor:
    """A person of one role."""
    return Actor(ISSUER, name, frozenset({role}), jurisdiction)


MINISTRY = person("ministry", Role.ministry_officer, "national")
LEGAL = person("legal", Role.ministry_officer, "national")
"""Who approves texts: never who drafted them."""


def officer(academy: str = "MA-06") -> Actor:
    """An academy's partnership officer."""
    return person(f"officer-{academy}", Role.academy_officer, academy)


def director(academy: str = "MA-06") -> Actor:
    """An academy's director."""
    return person(f"director-{academy}", Role.academy_director, academy)


def president(association: UUID) -> Actor:
    """An association's president."""
    return person(f"president-{association}", Role.association_manager, f"org:{association}")


def signer(organisation: UUID) -> Actor:
    """Whoever signs for this organisation."""
    if organisation == MINISTRY_ID:
        return MINISTRY
    if organisation == NETWORK_ID:
        return person("network", Role.network_coordinator, f"org:{NETWORK_ID}")
    for academy in ACADEMIES.values():
        if academy.organisation_id == organisation:
            return director(academy.code)
    for directorate in DIRECTORATES.values():
        if directorate.organisation_id == organisation:
            return person(f"office-{directorate.code}", Role.directorate_officer, directorate.code)
    return president(organisation)


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


def pdf(words: str = "exemple") -> bytes:
    """The smallest PDF: one empty page, unlike that of other words."""
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
    ]
    file, places = b"%%PDF-1.7\n%% %b\n" % words.encode(), list[int]()
    for number, part in enumerate(parts, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(file)
    return file + b"xref\n0 4\n0000000000 65535 f \n" + table + end


def stored(content: bytes = b"exemple") -> StoredFile:
    """A file that is kept, as far as an agreement knows."""
    hash = hashlib.sha256(content).hexdigest()
    return StoredFile(hash=hash, size=len(content), media_type="application/pdf")


def attach(agreement: Agreement, category: str, **changes: Any) -> Agreement:
    """A paper of this category, without I/O; one that must expire holds for very long unless told otherwise."""
    fields: dict[str, Any] = {
        "name": "exemple.pdf",
        "organisation_id": agreement.parties[0].organisation_id,
        "expires_on": _holds_until(agreement, category),
        "replaces": None,
        "at": AT,
        "today": AT.date(),
    }
    file = changes.pop("file", None) or stored(str(new_id()).encode())
    return agreement.evolve(agreement.attach(new_id(), category=category, **file.model_dump(), **(fields | changes)))


def _holds_until(agreement: Agreement, category: str) -> date | None:
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


def planned(agreements: Sequence[UUID] = ()) -> Ceremony:
    """A planned ceremony, without I/O."""
    id = new_id()
    title = Bilingual(ar="حفل (وهمي)", fr="Cérémonie (fictif)")
    order = {each: ["MA-06"] for each in agreements or (new_id(), new_id())}
    events = Ceremony.plan(id, title=title, place=None, planned_for=AT, agreements=order)
    return Ceremony.fold(id, events)


def opened(agreements: Sequence[UUID] = ()) -> Ceremony:
    """A ceremony that is open."""
    ceremony = planned(agreements)
    ceremony.evolve(ceremony.prepare({}))
    ceremony.evolve(ceremony.name_chair(CHAIR))
    return ceremony.evolve(ceremony.open({}, AT))


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


async def signed_by_all(database: Database, terms: Terms) -> Agreement:
    """An agreement in the database that all its parties have signed."""
    agreement = await approved(database, terms)
    for each in agreement.parties:
        agreement = await sign_for(database, agreement, each.organisation_id)
    return agreement


async def know(database: Database, terms: Terms, *, standing: str = "accredited", mandates: bool = True) -> None:
    """Let the replicas know the parties, each with somebody mandated for the years around today."""
    async with database.transaction(NATIONAL) as tx:
        for each in terms.parties:
            id = each.organisation_id
            await tx.merge(OrganisationRow(id=id, name_ar=NAME.ar, name_fr=NAME.fr))
            if "operator" in each.roles:
                await tx.merge(AssociationStandingRow(id=id, standing=standing))
            if mandates:
                await tx.merge(mandate(id))


async def stand(database: Database, association: UUID, standing: str) -> None:
    """Let the association have this standing."""
    async with database.transaction(NATIONAL) as tx:
        await tx.merge(AssociationStandingRow(id=association, standing=standing))


def mandate(organisation: UUID, by: Actor | None = None, **changes: Any) -> MandateRow:
    """A mandate valid today, of the organisation's signer unless told otherwise."""
    fields = {
        "id": new_id(),
        "visible_to": codes_of(organisation),
        "organisation_id": organisation,
        "person": (by or signer(organisation)).person,
        "valid_from": today() - timedelta(days=365),
        "valid_until": today() + timedelta(days=365),
    }
    return MandateRow(**(fields | changes))


async def end_mandate(db: Work, mandate_id: UUID, *, on: date) -> None:
    """Let it become known that a mandate ended on a day."""
    ended = MandateEnded(mandate_id=mandate_id, organisation_id=new_id(), ended_on=on, how="revoked")
    told = Occurrence(ended, new_id(), mandate_id, 2, (), "somebody", AT, new_id())
    async with db.transaction(NATIONAL) as tx:
        await reactions.end_mandate(tx, told)


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


async def reviewed(database: Database, terms: Terms | None = None) -> Agreement:
    """An agreement in the database that is in legal review, with all its parties known."""
    terms = terms or current()
    await know(database, terms)
    by = officer(terms.academy) if terms.academy else MINISTRY
    agreement = await commands.draft_agreement(database, terms, clauses=clauses(), by=by)
    await commands.open_negotiation(database, agreement.id, by=by)
    await accept_for_all(database, agreement)
    return await commands.submit_for_review(database, agreement.id, by=by)


async def accept_for_all(database: Database, agreement: Agreement) -> None:
    """Every party that signs accepts the text."""
    for each in agreement.not_accepted:
        by = signer(each.organisation_id)
        text_hash = agreement.text_hash or ""
        await commands.accept_text(database, agreement.id, party_id=each.party_id, text_hash=text_hash, by=by)


async def approved(database: Database, terms: Terms | None = None) -> Agreement:
    """An agreement in the database whose text is frozen, with all its parties known."""
    agreement = await reviewed(database, terms)
    for rule in agreement.missing_for("approve_agreement"):
        await attached(database, agreement, rule.category)
    while agreement.state == "legal_review":
        agreement = await commands.approve_agreement(database, agreement.id, by=approver(agreement))
    return agreement


async def attached(database: Database, agreement: Agreement, category: str, **options: Any) -> Agreement:
    """The agreement in the database with another paper, brought by whoever keeps it unless told otherwise."""
    file = await files.put(options.pop("content", None) or pdf(str(new_id())))
    until = _holds_until(agreement, category)
    fields: dict[str, Any] = {"name": "exemple.pdf", "expires_on": until, "by": keeper(agreement)}
    return await commands.attach_document(database, agreement.id, file, category=category, **(fields | options))


def keeper(agreement: Agreement) -> Actor:
    """Whoever keeps the agreement."""
    return officer(agreement.academy) if agreement.academy else MINISTRY


async def bound(database: Database, terms: Terms | None = None) -> Agreement:
    """An agreement in the database that is in force, with the papers that its kind asks for."""
    agreement = await approved(database, terms)
    for rule in agreement.rules.documents:
        if rule.before and rule.before != "approve_agreement":
            await attached(database, agreement, rule.category)
    for each in agreement.parties:
        agreement = await sign_for(database, agreement, each.organisation_id)
    if agreement.state == "signed":
        agreement = await commands.bring_into_force(database, agreement.id, on=agreement.effective_from)
    return agreement


async def suspend(database: Database, agreement: Agreement, *, scope: Scope = "money", **changes: Any) -> Agreement:
    """The agreement at rest from today on unless told otherwise, its impact acknowledged."""
    by = head_of(agreement)
    asked = {name: value for name, value in (DECISION | changes).items() if name in ASKED}
    looked = await queries.impact(database, agreement.id, action="suspend_agreement", scope=scope, **asked, by=by)
    given = {"scope": scope, "acknowledgement": looked.fingerprint, "by": by}
    return await commands.suspend_agreement(database, agreement.id, **(DECISION | given | changes))


async def terminate(database: Database, agreement: Agreement, **changes: Any) -> Agreement:
    """The agreement ended today unless told otherwise, its impact acknowledged."""
    by = head_of(agreement)
    asked = {name: value for name, value in (DECISION | changes).items() if name in ASKED}
    looked = await queries.impact(database, agreement.id, action="terminate_agreement", **asked, by=by)
    given = {"acknowledgement": looked.fingerprint, "by": by}
    return await commands.terminate_agreement(database, agreement.id, **(DECISION | given | changes))


def head_of(agreement: Agreement) -> Actor:
    """Whoever heads the office that keeps the agreement."""
    return director(agreement.academy) if agreement.academy else MINISTRY


async def late(database: Database, terms: Terms | None = None) -> Agreement:
    """An agreement in the database whose second party is late since nine days with what it owes the first."""
    terms = terms or current(effective_from=today() - timedelta(days=40))
    agreement = await bound(database, owing(terms, {"due_on": today() - timedelta(days=10)}))
    return await commands.let_time_pass(database, agreement.id, on=today())


async def sign_for(database: Work, agreement: Agreement, organisation: UUID, **options: Any) -> Agreement:
    """A signature by the organisation's signer."""
    party_id = next(each.party_id for each in agreement.parties if each.organisation_id == organisation)
    return await commands.sign_agreement(
        database,
        agreement.id,
        **({"party_id": party_id, "text_hash": agreement.text_hash, "by": signer(organisation)} | options),
    )


async def plan(database: Database, *agreements: UUID) -> Ceremony:
    """A planned ceremony in the database."""
    return await commands.plan_ceremony(
        database,
        title=Bilingual(ar="حفل التوقيع (وهمي)", fr="Cérémonie de signature (fictif)"),
        place=Bilingual(ar="الرباط", fr="Rabat"),
        planned_for=AT,
        agreements=agreements,
        by=MINISTRY,
    )


async def fill(database: Database, ceremony: Ceremony) -> Ceremony:
    """The planned ceremony with its lobby open, a chair, and everybody seated."""
    await commands.prepare_ceremony(database, ceremony.id, by=MINISTRY)
    ceremony = await commands.name_chair(database, ceremony.id, chair=CHAIR, by=MINISTRY)
    async with database.transaction(NATIONAL) as tx:
        listed = [await AGREEMENTS.read(tx, each) for each in ceremony.agreements]
    for organisation in sorted({party.organisation_id for each in listed for party in each.parties}):
        seat = Attendee(organisation_id=organisation, name="(fictif)")
        ceremony = await commands.admit_attendee(database, ceremony.id, attendee=seat, by=MINISTRY)
    return ceremony


async def hold(database: Database, *agreements: UUID) -> Ceremony:
    """An open ceremony in the database."""
    ceremony = await plan(database, *agreements)
    await fill(database, ceremony)
    return await commands.open_ceremony(database, ceremony.id, by=MINISTRY)


def operator_of(agreement: Agreement) -> UUID:
    """The association that runs the centers."""
    return next(each.organisation_id for each in agreement.parties if "operator" in each.roles)


async def outcome_of(work: Awaitable[object]) -> object:
    """What the command gives, or the type of its refusal."""
    try:
        return await work
    except Refusal as refusal:
        return type(refusal)


async def batch_of(database: Database, agreements: Sequence[Agreement], **options: Any) -> SignatureBatchRow:
    """The ministry's signatures under these agreements, taken down and not yet given."""
    requests = [
        commands.SignatureRequest(
            agreement_id=each.id, party_id=each.parties[2].party_id, text_hash=each.text_hash or ""
        )
        for each in agreements
    ]
    return await commands.sign_batch(database, requests, by=MINISTRY, **options)
