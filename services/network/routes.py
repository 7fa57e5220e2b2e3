"""The register over HTTP: organisations, associations, mandates."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.network import commands, queries
from services.network.association import AssociationState
from services.network.schemas import (
    AssociationAnswer,
    Because,
    EndMandate,
    MandateAnswer,
    OrganisationAnswer,
    RecordMandate,
    RegisterAssociation,
    RegisterOrganisation,
)
from shared.events.network import OrganisationKind
from shared.territory import AcademyCode
from shared.web import CurrentActor, Db, IfMatch, Listing, Once, Page, answer, page

router = APIRouter(prefix="/api/v1", tags=["network"])


@router.post("/organisations", status_code=201, response_model=OrganisationAnswer)
async def register_organisation(body: RegisterOrganisation, by: CurrentActor, once: Once) -> Response:
    """Enter a funder, a host of premises or a partner."""
    return await once(
        lambda tx: commands.register_organisation(tx, **body.model_dump(), by=by),
        answer=lambda found: OrganisationAnswer.of(found, by),
        location=lambda found: f"/api/v1/organisations/{found.id}",
    )


@router.get("/organisations", response_model=Listing[OrganisationAnswer])
async def read_organisations(
    by: CurrentActor,
    db: Db,
    wanted: Page,
    category: OrganisationKind | None = None,
    academy: AcademyCode | None = None,
) -> Response:
    """The ministry, the academies, the network, and the funders, hosts and partners."""
    found, next = await queries.organisations(db, category=category, academy=academy, page=wanted, by=by)
    return page(wanted, [OrganisationAnswer.of(each, by) for each in found], next)


@router.get("/organisations/{id}", response_model=OrganisationAnswer)
async def read_organisation(id: UUID, by: CurrentActor, db: Db) -> Response:
    """One organisation."""
    found = await queries.organisation(db, id, by=by)
    return answer(OrganisationAnswer.of(found, by), version=found.version)


@router.post("/associations", status_code=201, response_model=AssociationAnswer)
async def register_association(body: RegisterAssociation, by: CurrentActor, once: Once) -> Response:
    """Enter an association with its legal identity."""
    return await once(
        lambda tx: commands.register_association(tx, body.identity(), by=by),
        answer=lambda found: AssociationAnswer.of(found, by),
        location=lambda found: f"/api/v1/associations/{found.id}",
    )


@router.get("/associations", response_model=Listing[AssociationAnswer])
async def read_associations(
    by: CurrentActor,
    db: Db,
    wanted: Page,
    state: AssociationState | None = None,
    academy: AcademyCode | None = None,
) -> Response:
    """The associations within one's jurisdiction."""
    found, next = await queries.associations(db, state=state, academy=academy, page=wanted, by=by)
    return page(wanted, [AssociationAnswer.of(each, by) for each in found], next)


@router.get("/associations/{id}", response_model=AssociationAnswer)
async def read_association(id: UUID, by: CurrentActor, db: Db) -> Response:
    """One association."""
    found = await queries.association(db, id, by=by)
    return answer(AssociationAnswer.of(found, by), version=found.version)


@router.post("/associations/{id}/verification", response_model=AssociationAnswer)
async def start_verification(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Begin to verify the legal file."""
    return await once(
        lambda tx: commands.start_verification(tx, id, by=by, expected=expected),
        answer=lambda found: AssociationAnswer.of(found, by),
    )


@router.post("/associations/{id}/accreditation", response_model=AssociationAnswer)
async def accredit_association(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """The legal file holds: the association may sign."""
    return await once(
        lambda tx: commands.accredit_association(tx, id, by=by, expected=expected),
        answer=lambda found: AssociationAnswer.of(found, by),
    )


@router.post("/associations/{id}/refusal", response_model=AssociationAnswer)
async def refuse_association(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """The legal file does not hold."""
    return await once(
        lambda tx: commands.refuse_association(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AssociationAnswer.of(found, by),
    )


@router.post("/associations/{id}/suspension", response_model=AssociationAnswer)
async def suspend_association(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Take the right to sign away for a time."""
    return await once(
        lambda tx: commands.suspend_association(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AssociationAnswer.of(found, by),
    )


@router.post("/associations/{id}/reinstatement", response_model=AssociationAnswer)
async def reinstate_association(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Give the right to sign back."""
    return await once(
        lambda tx: commands.reinstate_association(tx, id, by=by, expected=expected),
        answer=lambda found: AssociationAnswer.of(found, by),
    )


@router.post("/mandates", status_code=201, response_model=MandateAnswer)
async def record_mandate(body: RecordMandate, by: CurrentActor, once: Once) -> Response:
    """Write down who may sign for an organisation or association, and when."""
    return await once(
        lambda tx: commands.record_mandate(
            tx,
            organisation_id=body.organisation_id,
            person=f"{body.person.issuer}#{body.person.subject}",
            holder=body.holder,
            valid_from=body.valid_from,
            valid_until=body.valid_until,
            agreement_types=body.agreement_types,
            academies=body.academies,
            agreements=body.agreements,
            by=by,
        ),
        answer=lambda found: MandateAnswer.of(found, by),
        location=lambda found: f"/api/v1/mandates/{found.id}",
    )


@router.get("/mandates", response_model=Listing[MandateAnswer])
async def read_mandates(
    by: CurrentActor,
    db: Db,
    wanted: Page,
    organisation_id: UUID | None = None,
    on: Annotated[date | None, Query(description="only those under which one may sign on this day")] = None,
) -> Response:
    """The mandates within one's jurisdiction."""
    found, next = await queries.mandates(db, organisation_id=organisation_id, on=on, page=wanted, by=by)
    return page(wanted, [MandateAnswer.of(each, by) for each in found], next)


@router.get("/mandates/{id}", response_model=MandateAnswer)
async def read_mandate(id: UUID, by: CurrentActor, db: Db) -> Response:
    """One mandate."""
    found = await queries.mandate(db, id, by=by)
    return answer(MandateAnswer.of(found, by), version=found.version)


@router.post("/mandates/{id}/end", response_model=MandateAnswer)
async def end_mandate(id: UUID, body: EndMandate, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """End a mandate early."""
    return await once(
        lambda tx: commands.end_mandate(tx, id, on=body.on, how=body.how, by=by, expected=expected),
        answer=lambda found: MandateAnswer.of(found, by),
    )
