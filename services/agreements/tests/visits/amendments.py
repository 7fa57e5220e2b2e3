"""Visits to the routes of amendments, for the walk of every route."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from services.agreements import commands, queries
from services.agreements.amendment import Amendment
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.amendments import AmendedContent
from services.agreements.tests.branches import (
    agree,
    carry,
    keeper_of,
    propose,
    read,
    reread,
    revise,
    reword,
    reworded,
    sign_for,
)
from services.agreements.tests.builders import LEGAL, attached, bound, mandate, signer
from services.agreements.tests.visits.made import WHY, Made, organisation_for, terms_for
from shared.actor import NATIONAL, Actor
from shared.clock import today
from tests.web.routes import Arrange, Visit

COMMENT = {"body": "(fictif) remarque"}
Make = Callable[[Actor], Awaitable[Amendment]]


def visits(made: Made) -> dict[str, Arrange]:
    """A visit per action."""
    database = made.database

    async def proposed(by: Actor) -> Amendment:
        return await reword(database, await propose(database, await made.in_force(by)), "article-1", "Autrement")

    async def outdated(by: Actor) -> Amendment:
        """With a school year that its text, which is the kind's, does not say."""
        amendment = await propose(database, await bound(database, terms_for(by), text=()))
        return await revise(database, amendment, school_year="2030/2031")

    async def submitted(by: Actor) -> Amendment:
        amendment = await proposed(by)
        return await commands.submit_amendment(database, amendment.id, by=keeper_of(amendment))

    async def overtaken(by: Actor) -> Amendment:
        agreement = await made.in_force(by)
        behind = await reword(database, await propose(database, agreement), "article-2", "Encore")
        await carry(database, await reword(database, await propose(database, agreement), "article-1", "Autrement"))
        return await reread(database, behind)

    async def agreed(by: Actor) -> Amendment:
        return await agree(database, await proposed(by))

    async def sealed(by: Actor) -> Amendment:
        amendment = await agreed(by)
        return await sign_for(database, amendment, amendment.touched[0], level="advanced")

    async def with_a_paper(by: Actor) -> Amendment:
        amendment = await agreed(by)
        await attached(database, await read(database, amendment.agreement_id), "signed_copy")
        return amendment

    async def scan_for(amendment: Amendment) -> dict[str, Any]:
        party = amendment.party(amendment.touched[0])
        paper = (await read(database, amendment.agreement_id)).documents[-1]
        return {
            "party_id": party.party_id,
            "content_hash": amendment.content_hash,
            "person": signer(party.organisation_id).person,
            "file_hash": paper.hash,
            "signed_on": today(),
        }

    async def scanned(by: Actor) -> Amendment:
        amendment = await with_a_paper(by)
        return await commands.record_amendment_scan(database, amendment.id, **await scan_for(amendment), by=LEGAL)

    async def record_amendment_scan(by: Actor) -> Visit:
        amendment = await to_scan(by)
        return Visit(
            f"/api/v1/amendments/{amendment.id}/scans", to_jsonable_python(await scan_for(amendment)), amendment
        )

    def on_a_scan(path: str, **more: str) -> Arrange:
        make = made.kept(scanned)

        async def arrange(by: Actor) -> Visit:
            amendment = await make(by)
            body = {"party_id": str(amendment.touched[0]), **more}
            return Visit(f"/api/v1/amendments/{amendment.id}/scans/{path}", body, amendment, amendment.version)

        return arrange

    async def no_longer_offered(by: Actor) -> Amendment:
        amendment = await agreed(by)
        assert amendment.offered_until, "its kind sets a limit"
        over = amendment.offered_until + timedelta(days=1)
        return await commands.let_amendment_time_pass(database, amendment.id, on=over)

    async def delegate_amendment(by: Actor) -> Visit:
        visit = await delegating(by)
        del visit.body["content_hash"]
        return visit

    async def withdraw_amendment_delegation(by: Actor) -> Visit:
        visit = await to_withdraw(by)
        amendment, body = visit.aggregate, {"party_id": visit.body["party_id"], **WHY}
        assert isinstance(amendment, Amendment)
        if PERMISSIONS.may(by, "delegate_amendment", amendment):
            amendment = await commands.delegate_amendment(
                database,
                amendment.id,
                party_id=UUID(body["party_id"]),
                delegate="https://identity.example#deputy",
                valid_until=today(),
                document="(fictif) acte",
                by=by,
            )
        return replace(visit, body=body, aggregate=amendment, version=amendment.version)

    revisable, waiting, to_scan = made.kept(proposed), made.kept(submitted), made.kept(with_a_paper)

    async def revise_amendment(by: Actor) -> Visit:
        amendment = await revisable(by)
        _, content, _ = await queries.amendment_content(database, amendment.id, by=LEGAL)
        text = await reworded(database, amendment, "article-2", "Encore")
        body = AmendedContent.of(content, text, amendment.parties).model_dump(mode="json")
        return Visit(f"/api/v1/amendments/{amendment.id}/content", body, amendment, amendment.version)

    async def approve_amendment_as_substitute(by: Actor) -> Visit:
        amendment = await waiting(by)
        days: dict[str, Any] = {"valid_from": today(), "valid_until": today() + timedelta(days=1)}
        await commands.grant_substitution(database, substitute=by.person, reason="(fictif)", by=LEGAL, **days)
        path = f"/api/v1/amendments/{amendment.id}/substituted-approval"
        return Visit(path, {"person": LEGAL.person}, amendment, amendment.version)

    def on_a_thread(path: str = "", body: Any = None, *, resolved: bool = False, versioned: bool = False) -> Arrange:
        make = made.kept(proposed)

        async def arrange(by: Actor) -> Visit:
            amendment = await make(by)
            opening = by if PERMISSIONS.may(by, "open_amendment_thread", amendment) else keeper_of(amendment)
            on: dict[str, Any] = {"of": "amendment", "by": opening}
            thread = await commands.open_thread(
                database, amendment.id, clause=None, text_hash=None, body="(fictif)", **on
            )
            if resolved:
                thread = await commands.resolve_thread(database, amendment.id, thread.id, **on)
            address = f"/api/v1/amendments/{amendment.id}/threads/{thread.id}{path}"
            return Visit(address, body, amendment, thread.version if versioned else None)

        return arrange

    async def contested(by: Actor) -> Amendment:
        amendment = await agreed(by)
        for each in amendment.touched:
            amendment = await sign_for(database, amendment, each)
        for given in amendment.signatures:
            amendment = await commands.contest_amendment(database, amendment.id, given.mandate_id, ended_on=given.day)
        return amendment

    def signing(path: str, of: Make = agreed, **more: str) -> Arrange:
        frozen = made.kept(of)

        async def arrange(by: Actor) -> Visit:
            amendment = await frozen(by)
            organisation = organisation_for(by)
            async with database.transaction(NATIONAL) as tx:
                tx.add(mandate(organisation, by))
            party = next(each for each in amendment.parties if each.organisation_id == organisation)
            body = {"party_id": str(party.party_id), "content_hash": amendment.content_hash, **more}
            return Visit(f"/api/v1/amendments/{amendment.id}/{path}", body, amendment)

        return arrange

    async def export_amendments(_: Actor) -> Visit:
        return Visit("/api/v1/amendments/export?state=applied")

    until = (today() + timedelta(days=1)).isoformat()
    delegating = signing(
        "delegations", delegate="https://identity.example#deputy", valid_until=until, document="(fictif) acte"
    )
    to_withdraw = signing("delegations/withdrawal")
    agreements, amendments = "agreements", "amendments"
    return {
        "propose_amendment": made.on(
            agreements, made.in_force, "/amendments", WHY | {"amendment_type": "seats"}, reads=True
        ),
        "export_amendments": export_amendments,
        "read_amendments": made.on(agreements, made.in_force, "/amendments", reads=True),
        "read_amendment": made.on(amendments, proposed, reads=True),
        "read_amendment_content": made.on(amendments, proposed, "/content", reads=True),
        "read_amendment_changes": made.on(amendments, proposed, "/changes", reads=True),
        "read_amendment_conflicts": made.on(amendments, overtaken, "/conflicts", reads=True),
        "read_amendment_paper": made.on(amendments, proposed, "/document?language=fr", reads=True),
        "read_sealed_amendment": made.on(amendments, sealed, "/sealed", reads=True),
        "open_amendment_thread": made.on(amendments, proposed, "/threads", COMMENT, reads=True),
        "read_amendment_threads": made.on(amendments, proposed, "/threads", reads=True),
        "read_amendment_open_points": made.on(amendments, proposed, "/open-points", reads=True),
        "read_amendment_participants": made.on(amendments, proposed, "/participants", reads=True),
        "read_amendment_thread": on_a_thread(),
        "answer_amendment_thread": on_a_thread("/comments", COMMENT),
        "resolve_amendment_thread": on_a_thread("/resolution", versioned=True),
        "reopen_amendment_thread": on_a_thread("/reopening", resolved=True, versioned=True),
        "read_amendment_history": made.on(amendments, proposed, "/history", reads=True),
        "revise_amendment": revise_amendment,
        "redraw_amendment": made.on(amendments, outdated, "/redrawing"),
        "submit_amendment": made.on(amendments, proposed, "/review"),
        "approve_amendment": made.on(amendments, submitted, "/approval"),
        "approve_amendment_as_substitute": approve_amendment_as_substitute,
        "return_amendment": made.on(amendments, submitted, "/remarks", {"remarks": "(fictif)"}),
        "refuse_amendment": made.on(amendments, submitted, "/rejection", WHY),
        "sign_amendment": signing("signatures"),
        "decline_amendment": signing("refusals", agreed, **WHY),
        "delegate_amendment": delegate_amendment,
        "withdraw_amendment_delegation": withdraw_amendment_delegation,
        "confirm_amendment_signature": signing("confirmations", contested),
        "record_amendment_scan": record_amendment_scan,
        "accept_amendment_scan": on_a_scan("acceptance"),
        "return_amendment_scan": on_a_scan("return", **WHY),
        "renew_amendment_offer": made.on(amendments, no_longer_offered, "/offer"),
        "rebase_amendment": made.on(amendments, overtaken, "/rebase", {}),
        "withdraw_amendment": made.on(amendments, proposed, "/withdrawal", WHY),
    }
