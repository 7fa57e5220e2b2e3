"""Papers of agreements are brought and given out."""

from services.agreements.agreement import Agreement
from services.agreements.permissions import PERMISSIONS
from services.agreements.tests.builders import attached, keeper, pdf, sign_for
from services.agreements.tests.visits.made import WHY, Made
from shared.actor import Actor
from shared.ids import new_id
from tests.web.routes import Arrange, Visit


def visits(made: Made) -> dict[str, Arrange]:
    """A visit per action."""
    database = made.database

    async def sealed(by: Actor) -> Agreement:
        agreement = await made.frozen(by)
        return await sign_for(database, agreement, agreement.parties[0].organisation_id, level="advanced")

    async def with_a_paper(by: Actor) -> Agreement:
        bringing = by if PERMISSIONS.may(by, "attach_document", drawn := await made.draft(by)) else keeper(drawn)
        return await attached(database, drawn, "annex", by=bringing)

    async def attach_document(by: Actor) -> Visit:
        path = f"/api/v1/agreements/{(agreement := await made.draft(by)).id}/documents?category=annex&name=exemple.pdf"
        return Visit(path, aggregate=agreement, file=pdf(str(new_id())))

    async def read_document_file(by: Actor) -> Visit:
        agreement = await with_a_paper(by)
        path = f"/documents/{agreement.documents[-1].document_id}/file"
        return Visit(f"/api/v1/agreements/{agreement.id}{path}", aggregate=agreement)

    async def withdraw_document(by: Actor) -> Visit:
        agreement = await with_a_paper(by)
        path = f"/documents/{agreement.documents[-1].document_id}/withdrawal"
        return Visit(f"/api/v1/agreements/{agreement.id}{path}", WHY, agreement, agreement.version)

    agreements = "agreements"
    return {
        "attach_document": attach_document,
        "read_documents": made.on(agreements, made.draft, "/documents", reads=True),
        "read_document_file": read_document_file,
        "withdraw_document": withdraw_document,
        "read_agreement_paper": made.on(agreements, made.draft, "/document?language=fr", reads=True),
        "read_certificate": made.on(agreements, made.in_force, "/certificate", reads=True),
        "read_sealed_paper": made.on(agreements, sealed, "/sealed", reads=True),
    }
