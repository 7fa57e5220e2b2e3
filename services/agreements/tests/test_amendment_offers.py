"""Amendments are offered for signature until a day, recalled before it, and signed by a delegate under a mandate."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import col, update

from services.agreements import commands, queries, schedule
from services.agreements.amendment import Amendment, AmendmentState
from services.agreements.errors import AssociationNotAccredited, MandateNotValid, MandateOutOfScope, NoMandate
from services.agreements.errors.amendments import NotTouched
from services.agreements.errors.approval import MandatesMissing
from services.agreements.errors.families import ParentAtRest
from services.agreements.errors.signing import (
    DelegateIsOneself,
    DelegationOver,
    OfferExpired,
    OfferStillStands,
)
from services.agreements.kinds import KINDS, AmendmentRule
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import MandateRow
from services.agreements.tests.branches import agree, owed, propose, reread, revise, reword, sign_for
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    bound,
    change_kind,
    current,
    end_mandate,
    following,
    framework,
    officer,
    person,
    president,
    signer,
    stand,
    suspend,
)
from services.agreements.tests.test_offers import refusal_of
from shared.actor import NATIONAL, Actor, Role
from shared.clock import business_date, now, today
from shared.database import Database
from shared.web import available_actions

S = AmendmentState


@pytest.fixture
async def offered(database: Database) -> Amendment:
    """An amendment that all three parties are to sign."""
    agreement = await bound(database, current(effective_from=today() - timedelta(days=40)))
    return await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))


def operator_of(amendment: Amendment) -> Any:
    """The association."""
    return amendment.parties[1]


def deputy_of(amendment: Amendment) -> Actor:
    """Somebody of the association without a mandate."""
    return person("deputy", Role.association_manager, f"org:{operator_of(amendment).organisation_id}")


async def delegate(database: Database, amendment: Amendment, **changes: Any) -> Amendment:
    """The association's president lets the deputy sign."""
    fields: dict[str, Any] = {
        "party_id": operator_of(amendment).party_id,
        "delegate": deputy_of(amendment).person,
        "valid_until": today() + timedelta(days=5),
        "document": "(fictif) acte",
        "by": president(operator_of(amendment).organisation_id),
    }
    return await commands.delegate_amendment(database, amendment.id, **(fields | changes))


async def days_pass(database: Database, amendment: Amendment, days: int) -> Amendment:
    """What time does by so many days before the last day to sign."""
    assert amendment.offered_until
    day = amendment.offered_until - timedelta(days=days)
    return await commands.let_amendment_time_pass(database, amendment.id, on=day)


async def test_an_amendment_is_offered_for_as_long_as_its_kind_says(offered: Amendment) -> None:
    assert offered.offered_until == today() + timedelta(days=60)
    assert offered.expires_on == offered.offered_until


async def why_not_approved(database: Database, amendment: Amendment, by: Actor = LEGAL) -> str | None:
    """Why somebody cannot approve now, as they are told and as they are refused."""
    told = await queries.amendment(database, amendment.id, by=by)
    refusal = PERMISSIONS.refusal_of(by, "approve_amendment", told) or told.refusal_of("approve_amendment")
    assert ("approve_amendment" in available_actions(by, told, PERMISSIONS)) == (refusal is None)
    async with database.transaction(by.scope) as tx:

        async def approve(*_: Any) -> object:
            return await commands.approve_amendment(tx, amendment.id, by=by)

        met = await refusal_of(tx, approve, None, by)  # type: ignore[arg-type]
    assert (refusal and (refusal.slug, refusal.values)) == (met and (met.slug, met.values))
    return refusal.slug if refusal else None


async def test_no_amendment_is_frozen_for_a_party_for_which_nobody_may_sign(database: Database) -> None:
    agreement = await bound(database, current(effective_from=today() - timedelta(days=40)))
    _, operator, ministry = agreement.parties
    scope = update(MandateRow).where(col(MandateRow.organisation_id) == operator.organisation_id)
    async with database.transaction(NATIONAL) as tx:
        await tx.exec(scope.values(agreement_types=["central"]))
    amendment = await reword(database, await propose(database, agreement), "article-1", "Un")
    with pytest.raises(MandatesMissing) as missing:
        await agree(database, amendment)
    assert missing.value.values["organisations"] == [operator.organisation_id]
    apart = owed(agreement, debtor=ministry.party_id)
    other = await revise(database, await propose(database, agreement), obligations=(apart,))
    assert (await agree(database, other)).state == S.agreed, "whom it does not touch needs none"


async def test_who_approves_an_amendment_is_told_who_cannot_sign_it_and_who_is_not_vetted(
    as_: Any, database: Database
) -> None:
    agreement = await bound(database, current(effective_from=today() - timedelta(days=40)))
    operator = agreement.parties[1].organisation_id
    amendment = await reword(database, await propose(database, agreement), "article-1", "Un")
    amendment = await commands.submit_amendment(database, amendment.id, by=officer())
    day: dict[str, Any] = {"valid_from": today(), "valid_until": today(), "reason": "(fictif)"}
    await commands.grant_substitution(database, substitute=LEGAL.person, by=MINISTRY, **day)
    theirs = update(MandateRow).where(col(MandateRow.organisation_id) == operator)
    assert await why_not_approved(database, amendment) is None
    for days, standing, why in ((-1, "accredited", "mandates-missing"), (0, "suspended", "parties-not-vetted")):
        await stand(database, operator, standing)
        async with database.transaction(NATIONAL) as tx:
            await tx.exec(theirs.values(valid_until=today() + timedelta(days=days)))
        assert await why_not_approved(database, amendment) == why
        told = (await as_(LEGAL).get(f"/amendments/{amendment.id}")).json()
        reasons = {each["action"]: each["type"] for each in told["unavailable_actions"]}
        approving = ("approve_amendment", "approve_amendment_as_substitute")
        assert {action: reasons.get(action) for action in approving} == dict.fromkeys(approving, f"/problems/{why}")
        assert "return_amendment" in told["available_actions"]
    await stand(database, operator, "accredited")
    assert await why_not_approved(database, amendment) is None
    assert await why_not_approved(database, amendment, officer()) == "author-does-not-approve"


async def test_only_whom_somebody_named_is_offered_to_approve_in_their_place(as_: Any, database: Database) -> None:
    agreement = await bound(database, current(effective_from=today() - timedelta(days=40)))
    amendment = await reword(database, await propose(database, agreement), "article-1", "Un")
    amendment = await commands.submit_amendment(database, amendment.id, by=officer())

    async def offered() -> bool:
        told = (await as_(LEGAL).get(f"/amendments/{amendment.id}")).json()
        return "approve_amendment_as_substitute" in told["available_actions"]

    assert not await offered()
    day: dict[str, Any] = {"valid_from": today(), "valid_until": today(), "reason": "(fictif)"}
    granted = await commands.grant_substitution(database, substitute=LEGAL.person, by=MINISTRY, **day)
    assert await offered()
    await commands.revoke_substitution(database, granted.id, by=MINISTRY)
    assert not await offered()
    await commands.grant_substitution(database, substitute=LEGAL.person, by=MINISTRY, academies=["MA-07"], **day)
    assert not await offered(), "not for another academy's"


@pytest.mark.parametrize(
    ("command", "told", "state"),
    [
        (commands.return_amendment, {"remarks": "(fictif)", "by": LEGAL}, S.proposed),
        (commands.refuse_amendment, {"reason": "(fictif)", "by": LEGAL}, S.refused),
        (commands.withdraw_amendment, {"reason": "(fictif)", "by": officer()}, S.withdrawn),
    ],
    ids=["returned", "refused", "withdrawn"],
)
async def test_what_is_nearly_agreed_leaves_its_review_though_its_content_was_lost(
    database: Database, databases: Any, command: Any, told: dict[str, Any], state: S
) -> None:
    agreement = await bound(database, current(effective_from=today() - timedelta(days=40)))
    amendment = await reword(database, await propose(database, agreement), "article-1", "Un")
    amendment = await commands.submit_amendment(database, amendment.id, by=officer())
    async with (await databases("agreements", role=None)).transaction(NATIONAL) as tx:
        await tx.execute(text("delete from content where hash = :hash"), {"hash": amendment.content_hash})
    assert amendment.nearly_frozen
    assert (await command(database, amendment.id, **told)).state == state


async def test_only_the_approval_that_freezes_an_amendment_asks_who_may_sign_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = KINDS["academy-association"]
    rule = kind.amendments["scope"] if "scope" in kind.amendments else AmendmentRule(approval=kind.approval)
    twice = tuple(tier.model_copy(update={"needed": 2}) for tier in rule.approval)
    amendments = {**kind.amendments, "scope": rule.model_copy(update={"approval": twice})}
    change_kind(monkeypatch, amendments=amendments)
    agreement = await bound(database, current(effective_from=today() - timedelta(days=40)))
    amendment = await reword(database, await propose(database, agreement), "article-1", "Un")
    amendment = await commands.submit_amendment(database, amendment.id, by=officer())
    await stand(database, agreement.parties[1].organisation_id, "suspended")
    assert await why_not_approved(database, amendment) is None
    await commands.approve_amendment(database, amendment.id, by=LEGAL)
    assert await why_not_approved(database, amendment, MINISTRY) == "parties-not-vetted"


async def test_the_last_day_to_sign_an_amendment_counts_and_the_day_after_does_not(
    database: Database, offered: Amendment
) -> None:
    assert not (await days_pass(database, offered, 0)).offer_over
    offered = await days_pass(database, offered, -1)
    assert offered.offer_over and offered.state == S.agreed
    for party in (offered.parties[0], offered.parties[1]):
        with pytest.raises(OfferExpired):
            await sign_for(database, offered, party.party_id)
    offered_to = available_actions(president(operator_of(offered).organisation_id), offered, PERMISSIONS)
    assert not {"sign_amendment", "decline_amendment", "delegate_amendment"} & {*offered_to}


async def test_nobody_signs_an_amendment_after_its_last_day_even_before_that_was_noticed(
    database: Database, offered: Amendment
) -> None:
    first = offered.touched[0]
    with pytest.raises(OfferExpired):
        await sign_for(database, offered, first, at=now() + timedelta(days=61))


async def test_those_whose_turn_it_is_are_reminded_once_per_day_of_the_kind_and_late_reminders_are_one(
    database: Database, offered: Amendment
) -> None:
    assert (await days_pass(database, offered, 31)).reminded is None
    assert (await days_pass(database, offered, 30)).reminded == 30
    version = (await days_pass(database, offered, 30)).version
    late = await days_pass(database, offered, 0)
    assert (late.reminded, late.version) == (1, version + 1)


async def test_the_schedule_recalls_the_last_day_to_sign_an_amendment(
    database: Database, offered: Amendment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "today", lambda: offered.offered_until)
    await schedule.recall_amendments(database)
    assert (await reread(database, offered)).reminded == 1


async def test_an_offer_of_an_amendment_is_renewed_once_it_is_over_and_what_was_signed_stands(
    database: Database, offered: Amendment
) -> None:
    await sign_for(database, offered, offered.touched[0])
    with pytest.raises(OfferStillStands):
        await commands.renew_amendment_offer(database, offered.id, by=officer())
    await days_pass(database, offered, -1)
    later = now() + timedelta(days=70)
    offered = await commands.renew_amendment_offer(database, offered.id, by=officer(), at=later)
    assert offered.offered_until == business_date(later) + timedelta(days=60)
    assert (offered.offer_over, offered.reminded, len(offered.signatures)) == (False, None, 1)


async def test_what_some_have_signed_is_withdrawn_only_once_the_time_to_sign_is_over(
    database: Database, offered: Amendment
) -> None:
    await sign_for(database, offered, offered.touched[0])
    with pytest.raises(OfferStillStands):
        await commands.withdraw_amendment(database, offered.id, reason="(fictif)", by=officer())
    await days_pass(database, offered, -1)
    offered = await commands.withdraw_amendment(database, offered.id, reason="(fictif)", by=officer())
    assert offered.state == S.withdrawn


async def test_a_delegate_signs_an_amendment_under_the_mandate_of_who_delegated(
    database: Database, offered: Amendment
) -> None:
    party, deputy = operator_of(offered), deputy_of(offered)
    with pytest.raises(NoMandate):
        await sign_for(database, offered, party.party_id, by=deputy)
    offered = await delegate(database, offered)
    offered = await sign_for(database, offered, offered.parties[0].party_id)
    offered = await sign_for(database, offered, party.party_id, by=deputy)
    given = next(each for each in offered.signatures if each.party_id == party.party_id)
    assert (given.person, given.on_behalf_of) == (deputy.person, president(party.organisation_id).person)


async def refused(database: Database, amendment: Amendment, by: Actor) -> dict[str, str]:
    """Step -> why somebody who reads the amendment is told that they may not take it."""
    told = await queries.amendment(database, amendment.id, by=by)
    steps = ("sign_amendment", "decline_amendment", "delegate_amendment")
    found = {step: PERMISSIONS.refusal_of(by, step, told) or told.refusal_of(step) for step in steps}
    return {step: refusal.slug for step, refusal in found.items() if refusal}


async def test_a_delegate_is_offered_to_sign_an_amendment_and_neither_to_decline_nor_to_delegate_it(
    database: Database, offered: Amendment
) -> None:
    party, deputy = operator_of(offered), deputy_of(offered)
    offered = await sign_for(database, await delegate(database, offered), offered.parties[0].party_id)
    own = dict.fromkeys(("decline_amendment", "delegate_amendment"), "no-mandate")
    assert await refused(database, offered, deputy) == own
    with pytest.raises(NoMandate):
        await delegate(database, offered, by=deputy, delegate="another")
    await stand(database, party.organisation_id, "suspended")
    assert await refused(database, offered, deputy) == own | {"sign_amendment": "association-not-accredited"}
    with pytest.raises(AssociationNotAccredited):
        await sign_for(database, offered, party.party_id, by=deputy)
    await stand(database, party.organisation_id, "accredited")
    assert (await sign_for(database, offered, party.party_id, by=deputy)).signatures


async def test_a_delegation_ends_with_its_last_day(database: Database, offered: Amendment) -> None:
    offered = await delegate(database, offered, valid_until=today())
    offered = await sign_for(database, offered, offered.parties[0].party_id)
    deputy, party_id = deputy_of(offered), operator_of(offered).party_id
    with pytest.raises(DelegationOver):
        await sign_for(database, offered, party_id, by=deputy, at=now() + timedelta(days=1))
    assert (await sign_for(database, offered, party_id, by=deputy)).signatures[-1].on_behalf_of


async def test_a_delegation_ends_with_the_mandate_that_it_rests_on(database: Database, offered: Amendment) -> None:
    party = operator_of(offered)
    offered = await delegate(database, offered)
    mandate_id = offered.delegations[party.party_id].mandate_id
    await end_mandate(database, mandate_id, on=today() - timedelta(days=1))
    offered = await sign_for(database, offered, offered.parties[0].party_id)
    with pytest.raises(MandateNotValid):
        await sign_for(database, offered, party.party_id, by=deputy_of(offered))


async def test_nobody_delegates_an_amendment_to_themselves_for_a_day_that_has_passed_or_without_a_mandate(
    database: Database, offered: Amendment
) -> None:
    head = president(operator_of(offered).organisation_id)
    with pytest.raises(DelegateIsOneself):
        await delegate(database, offered, delegate=head.person)
    with pytest.raises(DelegationOver):
        await delegate(database, offered, valid_until=today() - timedelta(days=1))
    with pytest.raises(NoMandate):
        await delegate(database, offered, by=deputy_of(offered), delegate="another")


async def test_an_amendment_is_signed_declined_and_delegated_under_a_mandate_that_covers_its_agreement(
    database: Database, offered: Amendment
) -> None:
    party = operator_of(offered)
    theirs = update(MandateRow).where(col(MandateRow.organisation_id) == party.organisation_id)
    async with database.transaction(NATIONAL) as tx:
        await tx.exec(theirs.values(agreement_types=["central"]))
    head = president(party.organisation_id)
    told = await queries.amendment(database, offered.id, by=head)
    assert isinstance(PERMISSIONS.refusal_of(head, "sign_amendment", told), MandateOutOfScope)
    assert "sign_amendment" not in available_actions(head, told, PERMISSIONS)
    with pytest.raises(MandateOutOfScope):
        await sign_for(database, offered, party.party_id)
    with pytest.raises(MandateOutOfScope):
        await delegate(database, offered)
    with pytest.raises(MandateOutOfScope):
        await commands.decline_amendment(
            database,
            offered.id,
            party_id=party.party_id,
            content_hash=offered.content_hash or "",
            reason="(fictif)",
            by=head,
        )
    async with database.transaction(NATIONAL) as tx:
        await tx.exec(theirs.values(agreement_types=[], agreements=[offered.agreement_id]))
    assert (await delegate(database, offered)).version > offered.version


async def test_no_amendment_is_signed_under_a_parent_that_rests_and_its_parties_may_still_decline(
    database: Database,
) -> None:
    parent = await bound(database, framework())
    child = await bound(database, following(parent.id))
    offered = await agree(database, await reword(database, await propose(database, child), "article-1", "Un"))
    parent = await suspend(database, parent)
    for party in offered.parties:
        assert await refused(database, offered, signer(party.organisation_id)) == {"sign_amendment": "parent-at-rest"}
        for level in ("simple", "advanced"):
            with pytest.raises(ParentAtRest):
                await sign_for(database, offered, party.party_id, level=level)
    await commands.resume_agreement(database, parent.id, reason="(fictif)", by=MINISTRY)
    for party in offered.parties:
        assert await refused(database, offered, signer(party.organisation_id)) == {}
        offered = await sign_for(database, offered, party.party_id)
    assert offered.state == S.applied


async def test_who_is_not_touched_delegates_nothing(database: Database) -> None:
    agreement = await bound(database, current(effective_from=today() - timedelta(days=40)))
    ministry = agreement.parties[2]
    amendment = await revise(database, await propose(database, agreement), obligations=(owed(agreement),))
    amendment = await agree(database, amendment)
    with pytest.raises(NotTouched):
        await delegate(database, amendment, party_id=ministry.party_id, by=signer(ministry.organisation_id))
