"""Agreements bind, rest and end, and what is owed by them."""

from datetime import timedelta
from typing import Any

from pydantic_core import to_jsonable_python

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.tables import CenterFactRow
from services.agreements.tests.builders import (
    MINISTRY,
    bound,
    decision_on,
    head_of,
    officer,
    owing,
    signed_by_all,
    signer,
    suspend,
    terminate,
)
from services.agreements.tests.visits.made import WHY, Made, organisation_for, terms_for
from shared.actor import NATIONAL, Actor
from shared.clock import today
from tests.web.routes import Arrange, Visit


def visits(made: Made) -> dict[str, Arrange]:
    """A visit per action."""
    database = made.database
    visa = {"visa_number": "VISA-EXEMPLE-2", "granted_on": today().isoformat()}

    async def without_a_visa(by: Actor) -> Agreement:
        terms = terms_for(by)
        return await signed_by_all(
            database, terms.model_copy(update={"agreement_kind": f"{terms.agreement_kind}-visa"})
        )

    async def with_a_visa(by: Actor) -> Agreement:
        agreement = await without_a_visa(by)
        keeper = officer(agreement.academy) if agreement.academy else MINISTRY
        return await commands.record_visa(
            database, agreement.id, visa_number=visa["visa_number"], granted_on=today(), by=keeper
        )

    async def suspended(by: Actor) -> Agreement:
        return await suspend(database, await made.in_force(by))

    async def announced(by: Actor) -> Agreement:
        return await terminate(database, await made.in_force(by), notified_on=today())

    async def settled(by: Actor) -> Agreement:
        agreement = await terminate(database, await made.in_force(by))
        async with database.transaction(NATIONAL) as tx:
            for each in agreement.centers:
                fact = each.model_dump(include={"province", "funded_seats", "unfunded_seats"})
                here = {"id": each.center_id, "agreement_id": agreement.id, "academy": "MA-06", "state": "closed"}
                tx.add(CenterFactRow(**fact, **here))
        return agreement

    async def close_agreement(by: Actor) -> Visit:
        agreement = await ended(by)
        body = {"confirmed": agreement.to_confirm, "document": "COMPTE-EXEMPLE-1"}
        return Visit(f"/api/v1/agreements/{agreement.id}/closing", body, agreement, agreement.version)

    def decided(action: Any, path: str, **more: str) -> Arrange:
        """A decision whose impact was looked at."""
        make = made.kept(made.in_force)

        async def arrange(by: Actor) -> Visit:
            agreement = await make(by)
            decision = decision_on(agreement)
            looked = await queries.impact(
                database,
                agreement.id,
                action=action,
                scope="money",
                notified_on=decision["notified_on"],
                by=head_of(agreement),
            )
            body = to_jsonable_python(decision) | {"acknowledgement": looked.fingerprint, **more}
            return Visit(f"/api/v1/agreements/{agreement.id}{path}", body, agreement, agreement.version)

        return arrange

    def ledger(path: str, body: Any, *, owes: bool, claimed: bool) -> Arrange:
        """A visit to an obligation that the actor's organisation owes, or is owed."""

        async def make(by: Actor) -> Agreement:
            terms, own = terms_for(by), organisation_for(by)
            mine = next(each.party_id for each in terms.parties if each.organisation_id == own)
            other = next(each for each in terms.parties if each.party_id != mine)
            between = (
                {"debtor": mine, "creditor": other.party_id} if owes else {"debtor": other.party_id, "creditor": mine}
            )
            agreement = await bound(database, owing(terms, between))
            if claimed:
                named = agreement.duties[0].obligation_id
                debtor = signer(own if owes else other.organisation_id)
                return await commands.claim_obligation(database, agreement.id, named, evidence="(fictif)", by=debtor)
            return agreement

        owing_or_owed = made.kept(make, organisation_for)

        async def arrange(by: Actor) -> Visit:
            agreement = await owing_or_owed(by)
            named = agreement.duties[0].obligation_id
            address = f"/api/v1/agreements/{agreement.id}/obligations/{named}/{path}"
            return Visit(address, body, agreement, agreement.version)

        return arrange

    async def renewable(by: Actor) -> Agreement:
        agreement = await made.in_force(by)
        due_on = agreement.editions[0].ends_on - timedelta(days=90)
        return await commands.let_time_pass(database, agreement.id, on=due_on)

    async def evaluated(by: Actor) -> Agreement:
        agreement = await renewable(by)
        keeper = officer() if agreement.academy else MINISTRY
        return await commands.evaluate_renewal(database, agreement.id, outcome="favourable", reason="r", by=keeper)

    async def over(by: Actor) -> Agreement:
        agreement = await made.in_force(by)
        day = agreement.editions[0].ends_on + timedelta(days=1)
        return await commands.let_time_pass(database, agreement.id, on=day)

    async def renew_agreement(by: Actor) -> Visit:
        agreement = await to_renew(by)
        (edition,) = agreement.editions
        body = edition.model_dump(mode="json", exclude={"number", "starts_on", "state"})
        ends_on = edition.ends_on + timedelta(days=300)
        body |= {"ends_on": str(ends_on), "budget_year": ends_on.year, "school_year": "2030/2031"}
        return Visit(f"/api/v1/agreements/{agreement.id}/renewal", body, agreement, agreement.version)

    async def read_obligations(_: Actor) -> Visit:
        return Visit("/api/v1/obligations?limit=100")

    async def export_obligations(_: Actor) -> Visit:
        return Visit("/api/v1/obligations/export?late=true")

    ended, to_renew = made.kept(settled), made.kept(evaluated)
    agreements = "agreements"
    return {
        "record_visa": made.on(agreements, without_a_visa, "/visa", visa),
        "withdraw_visa": made.on(agreements, with_a_visa, "/visa/withdrawal", WHY),
        "suspend_agreement": decided("suspend_agreement", "/suspension", scope="money"),
        "resume_agreement": made.on(agreements, suspended, "/resumption", WHY),
        "terminate_agreement": decided("terminate_agreement", "/termination"),
        "read_impact": made.on(agreements, made.in_force, "/impact?action=terminate_agreement", reads=True),
        "withdraw_announcement": made.on(agreements, announced, "/announcement/withdrawal", WHY),
        "close_agreement": close_agreement,
        "cancel_agreement": made.on(agreements, made.draft, "/cancellation", WHY),
        "read_obligations": read_obligations,
        "export_obligations": export_obligations,
        "read_agreement_obligations": made.on(agreements, made.in_force, "/obligations", reads=True),
        "claim_obligation": ledger("claim", {"evidence": "(fictif) PV"}, owes=True, claimed=False),
        "return_obligation": ledger("return", WHY, owes=False, claimed=True),
        "confirm_obligation": ledger("confirmation", {}, owes=False, claimed=True),
        "waive_obligation": ledger("waiver", WHY, owes=False, claimed=False),
        "read_editions": made.on(agreements, made.in_force, "/editions", reads=True),
        "evaluate_renewal": made.on(agreements, renewable, "/renewal/evaluation", WHY | {"outcome": "favourable"}),
        "return_renewal": made.on(agreements, evaluated, "/renewal/return", WHY),
        "renew_agreement": renew_agreement,
        "decline_renewal": made.on(agreements, evaluated, "/renewal/refusal", WHY),
        "close_edition": made.on(agreements, over, "/editions/1/closing"),
    }
