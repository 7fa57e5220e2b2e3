"""Rules are kept: what was approved goes by its kind as it was then, whatever the ministry makes of the kind later."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from services.agreements import commands, past, queries, schedule
from services.agreements.agreement import Agreement, AgreementState
from services.agreements.amendment import AmendmentState
from services.agreements.bilingual import Bilingual
from services.agreements.errors import RolesMissing
from services.agreements.errors.approval import ClosedPeriod
from services.agreements.errors.documents import DocumentCategoryUnknown, DocumentMissing
from services.agreements.errors.families import ParentNotFollowed
from services.agreements.errors.force import VisaMissing
from services.agreements.errors.signing import LevelTooLow, NotYourTurnToSign, TextTampered
from services.agreements.kinds import (
    KINDS,
    Closure,
    DocumentRule,
    ObligationRule,
    SigningGroup,
    SigningRule,
    Tier,
    rules_of,
)
from services.agreements.kinds.clauses import ClauseTemplate
from services.agreements.tables import AGREEMENTS
from services.agreements.tests import branches
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    NAME,
    accept_for_all,
    approved,
    attached,
    bound,
    change_kind,
    current,
    current_network,
    drafted,
    know,
    officer,
    owing,
    regional,
    sign_all,
    sign_for,
    signed_by_all,
    suspend,
    terminate,
)
from services.agreements.text import get_clauses
from shared.actor import NATIONAL, Role
from shared.audit import canonical
from shared.clock import now, today
from shared.database import Database
from shared.messaging import journal
from shared.territory import MINISTRY_ID
from tests.fixtures.database import Databases
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

DAY = timedelta(days=1)
KIND = "academy-association"
VERSION = KINDS[KIND].version
"""Of today, before a test changes the kind."""
VISA = Bilingual(ar="تأشيرة (مثال)", fr="Visa (exemple)")
FOUND = Path(__file__).with_name("kept_rules.json")
"""The rules of the first version of the kind, as they were kept then."""
STEP = Tier(id="another", name=NAME, roles=(Role.academy_director,), needed=2)
PAPER = DocumentRule(category="another", name=NAME, before="suspend_agreement")
STRICTER: dict[str, Any] = {
    "roles": ("granting_authority", "operator", "supervising_ministry", "funder"),
    "approval": (STEP,),
    "signing": SigningRule(groups=(SigningGroup(roles=("operator",)),), least_level="advanced", offer_days=5),
    "documents": (PAPER,),
    "editions": None,
    "amendments": {},
    "visa": VISA,
    "notice_days": 200,
    "suspension_notice_days": 200,
}
"""A kind of which everything is asked otherwise."""


@pytest.fixture
async def client(app: FastAPI, issuer: Issuer) -> AsyncIterator[AsyncClient]:
    """The ministry's client."""
    async with client_of(app, issuer.token(MINISTRY)) as client:
        yield client


async def read(database: Database, agreement: Agreement) -> Agreement:
    """The agreement as it is kept."""
    async with database.transaction(NATIONAL) as tx:
        return await AGREEMENTS.read(tx, agreement.id)


async def the_day_after(database: Database, patched: pytest.MonkeyPatch) -> None:
    """The schedule looks which agreements bind on the day after today."""
    with patched.context() as later:
        later.setattr(schedule, "today", lambda: today() + DAY)
        await schedule.bring_into_force(database)


async def test_the_text_is_signed_in_the_order_and_at_the_level_that_were_asked_when_it_was_approved(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await approved(database)
    change_kind(monkeypatch, **STRICTER)
    # Neither in the operator's turn nor at a level: as its offer was.
    signed = await sign_all(database, await sign_for(database, before, MINISTRY_ID))
    assert (signed.state, signed.kind_version) == (AgreementState.signed, VERSION)
    assert len(signed.editions) == 1, "it has its editions, though its kind has none any more"
    await the_day_after(database, monkeypatch)
    assert (await read(database, signed)).state == AgreementState.in_force, "without the visa that is asked for now"


async def test_what_is_approved_from_then_on_goes_by_the_new_version(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_kind(monkeypatch, signing=STRICTER["signing"])
    after = await approved(database)
    assert after.kind_version == VERSION + 1
    with pytest.raises(NotYourTurnToSign):
        await sign_for(database, after, MINISTRY_ID, level="advanced")
    with pytest.raises(LevelTooLow):
        await sign_for(database, after, after.parties[1].organisation_id)


async def test_a_visa_is_asked_of_what_was_approved_while_the_kind_asked_for_one_and_of_nothing_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = await signed_by_all(database, current())
    asking = change_kind(monkeypatch, visa=VISA)
    waiting, granted = [await signed_by_all(database, current()) for _ in range(2)]
    change_kind(monkeypatch, visa=None)
    given: dict[str, Any] = {"visa_number": "VISA-EXEMPLE-3", "granted_on": today(), "by": officer()}
    await commands.record_visa(database, granted.id, **given)
    await the_day_after(database, monkeypatch)
    assert [(await read(database, each)).state for each in (without, waiting, granted)] == [
        AgreementState.in_force,
        AgreementState.signed,
        AgreementState.in_force,
    ]
    with pytest.raises(VisaMissing) as refused:
        await commands.bring_into_force(database, waiting.id, on=today() + DAY)
    assert asking.visa and refused.value.values["visa"] == asking.visa.model_dump()


async def test_papers_and_notice_are_those_of_the_approval(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    agreement = await signed_by_all(database, current(effective_from=today()))
    change_kind(monkeypatch, **STRICTER)
    with pytest.raises(DocumentMissing) as refused:
        await suspend(database, agreement)
    assert refused.value.values["categories"] == ["suspension_decision"]
    with pytest.raises(DocumentCategoryUnknown):
        await attached(database, agreement, "another")
    for category in ("suspension_decision", "termination_decision"):
        agreement = await attached(database, agreement, category)
    rested = await suspend(database, agreement, notified_on=today() - 8 * DAY)
    assert rested.state == AgreementState.suspended
    ended = await terminate(database, rested, notified_on=today())
    assert ended.announcement and ended.announcement.effective_on == today() + 30 * DAY


async def test_editions_and_reminders_go_on_as_agreed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    due_on = today() + 60 * DAY
    agreement = await bound(database, owing(current(effective_from=today() - 10 * DAY), {"due_on": due_on}))
    change_kind(monkeypatch, **STRICTER, obligations=ObligationRule(remind_before=(1,)))
    reminded = await commands.let_time_pass(database, agreement.id, on=due_on - 30 * DAY)
    assert reminded.obligations[0].reminded == -30
    ends_on = agreement.editions[0].ends_on
    late = await commands.let_time_pass(database, agreement.id, on=ends_on - 90 * DAY)
    assert late.renewal and late.renewal.due_on == ends_on - 90 * DAY


async def test_an_amendment_is_approved_checked_and_signed_by_its_agreements_rules(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await bound(database, current(effective_from=today() - 40 * DAY))
    change_kind(monkeypatch, **STRICTER)
    branch = await branches.reword(database, await branches.propose(database, agreement), "article-1", "Un")
    offered = await branches.agree(database, branch)
    assert (offered.kind_version, offered.offered_until) == (VERSION, today() + 60 * DAY)
    for party_id in reversed(offered.touched):
        offered = await branches.sign_for(database, offered, party_id)
    assert offered.state == AmendmentState.applied
    amended = await read(database, agreement)
    assert [each.number for each in amended.amendments] == [1]
    with pytest.raises(RolesMissing):
        await commands.draft_agreement(database, current(), by=officer())


async def test_what_is_negotiated_again_follows_the_kind_of_today_on_the_ladder_it_began(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await approved(database)
    change_kind(monkeypatch, visa=VISA, approval=(STEP,), signing=STRICTER["signing"])
    agreement = await commands.reopen_text(database, agreement.id, reason="(fictif)", by=officer())
    assert (agreement.kind_version, agreement.rules) == (None, KINDS[KIND])
    await accept_for_all(database, agreement)
    await commands.submit_for_review(database, agreement.id, by=officer())
    again = await commands.approve_agreement(database, agreement.id, by=LEGAL)
    assert (again.state, again.kind_version) == (AgreementState.ready_to_sign, VERSION + 1)
    assert again.offered_until == today() + 5 * DAY
    with pytest.raises(NotYourTurnToSign):
        await sign_for(database, again, MINISTRY_ID, level="advanced")


async def test_the_past_is_told_by_the_rules_of_the_past(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    before = now()
    agreement = await approved(database, current(effective_from=today()))
    frozen = now()
    change_kind(monkeypatch, **STRICTER)
    agreement = await sign_all(database, agreement)
    async with database.transaction(NATIONAL) as tx:
        life = await journal.past(tx, agreement.id)
    stored = await read(database, agreement)
    assert past.as_of(agreement.id, life, None) == Agreement.fold(agreement.id, (each.event for each in life)) == stored
    then = await queries.agreement(database, agreement.id, as_of=frozen, action="read_agreement", by=MINISTRY)
    assert then.rules == stored.rules and then.rules.visa is None
    found = await queries.agreement_changes(
        database, agreement.id, before=queries.Instants(before), after=queries.Instants(frozen), by=MINISTRY
    )
    assert [(each.before, each.after) for each in found if each.path == "/kind_version"] == [(None, VERSION)]


async def test_a_new_version_is_there_for_whoever_drafts(
    database: Database, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await commands.draft_agreement(database, current(), by=officer())
    clause = ClauseTemplate(key="another", title=NAME, ar="(وهمي)", fr="(fictif)")
    change_kind(monkeypatch, clauses=(*KINDS[KIND].clauses, clause))
    terms = current()
    await know(database, terms)
    new = await commands.draft_agreement(database, terms, by=officer())
    async with database.transaction(NATIONAL) as tx:
        last = [(await get_clauses(tx, it.text_hash or ""))[-1].key for it in (old, new)]
    assert last == ["publication", "another"]
    told = (await client.get("/api/v1/agreement-kinds")).json()["items"]
    assert {each["id"]: each["version"] for each in told} == {id: kind.version for id, kind in KINDS.items()}
    assert KINDS[KIND].version == VERSION + 1


async def test_whoever_reads_an_agreement_sees_which_version_it_keeps(
    database: Database, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = await commands.draft_agreement(database, current(), by=officer())
    agreement = await approved(database)
    change_kind(monkeypatch, visa=VISA)
    told = [(await client.get(f"/api/v1/agreements/{each.id}")).json() for each in (draft, agreement)]
    assert [each["kind_version"] for each in told] == [None, VERSION]
    async with database.transaction(NATIONAL) as tx:
        (frozen,) = [each for each in await AGREEMENTS.history(tx, agreement.id) if each.type.endswith(".approved.v1")]
    assert frozen.data["kind_version"] == VERSION and "rules" not in frozen.data


async def test_a_time_in_which_offices_rest_is_todays(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    agreement = await bound(database, current(effective_from=today()))
    rest = Closure(first="01-01", last="12-31", reason=NAME, actions=("suspend_agreement",))
    change_kind(monkeypatch, closed=(rest,))
    with pytest.raises(ClosedPeriod):
        await suspend(database, agreement)


async def test_a_child_is_signed_though_its_kind_may_follow_no_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = await bound(database, current_network(agreement_kind="framework", effective_from=today() - DAY))
    terms = current(parent_id=parent.id)
    child = await approved(database, terms)
    change_kind(monkeypatch, "framework", children=())
    assert (await sign_all(database, child)).state == AgreementState.signed
    with pytest.raises(ParentNotFollowed):
        await commands.draft_agreement(database, terms, by=officer())


async def test_rules_that_were_changed_behind_our_back_are_not_signed_under(
    database: Database, databases: Databases
) -> None:
    agreement = await approved(database)
    looser = agreement.rules.model_copy(update={"notice_days": 0}).as_kept()
    for kept in (canonical(looser).decode(), None):
        async with (await databases("agreements", role=None)).transaction(NATIONAL) as tx:
            put = text("update agreement set state = jsonb_set(state, '{kept_rules}', cast(:kept as jsonb))")
            await tx.execute(put, {"kept": json.dumps(kept)})
        with pytest.raises(TextTampered) as refused:
            await sign_for(database, agreement, MINISTRY_ID)
        assert refused.value.values["places"] == ["kind"]


FORGET = text("update agreement set state = state - 'kept_rules' - 'annexed' - 'stands_since' - 'signed_on'")
"""What is left of a state once a version that did not know these fields yet has written it."""


async def test_what_a_version_beside_this_one_forgot_is_found_again(
    database: Database, databases: Databases, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await approved(database)
    change_kind(monkeypatch, visa=VISA)
    for each in agreement.parties:
        async with (await databases("agreements", role=None)).transaction(NATIONAL) as tx:
            await tx.execute(FORGET)
        told = (await client.get(f"/api/v1/agreements/{agreement.id}")).json()
        assert told["kind_version"] == VERSION
        agreement = await sign_for(database, agreement, each.organisation_id)
    assert agreement.state == AgreementState.signed
    async with database.transaction(NATIONAL) as tx:
        life = [each.event for each in await journal.past(tx, agreement.id)]
        state = (await tx.execute(text("select state from agreement"))).scalar_one()
    assert Agreement.fold(agreement.id, life) == agreement
    assert {"kept_rules", "stands_since", "signed_on"} <= state.keys()


def test_what_was_approved_before_rules_were_kept_follows_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    agreement = drafted(regional())
    agreement.keep(None)
    changed = change_kind(monkeypatch, notice_days=7)
    assert (agreement.rules, agreement.kind_version) == (changed, None)


async def test_a_paper_that_another_budget_used_up_stays_so_whatever_the_kind_asks_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = current()
    draft = await commands.draft_agreement(database, terms, by=officer())
    await attached(database, draft, "budget_reservation", by=officer())
    other = terms.model_copy(update={"budget": (branches.budget_line(terms.parties[0].party_id),)})
    revised = await commands.revise_terms(database, draft.id, other, by=officer())
    assert [each.state for each in revised.documents] == ["used"]
    change_kind(monkeypatch, documents=())
    async with database.transaction(NATIONAL) as tx:
        life = await journal.past(tx, draft.id)
    assert Agreement.fold(draft.id, (each.event for each in life)) == revised


def test_what_was_kept_once_is_read_for_good() -> None:
    found = json.loads(FOUND.read_text("utf-8"))
    rules = rules_of(canonical(found).decode())
    kept = rules.as_kept()
    assert found.pop("notice_form") == "written", "nothing ever went by it: no kind has it any more"
    assert kept == kept | found | {"signing": kept["signing"] | found["signing"]}, "what is new stands at its default"
    assert (rules.id, rules.version, rules.notice_days, len(rules.documents)) == (KIND, 1, 30, 8)


def test_rules_that_a_later_version_of_mithaq_kept_are_read_but_for_what_is_new() -> None:
    found = json.loads(FOUND.read_text("utf-8"))
    later = found | {"new": 1, "signing": found["signing"] | {"new": 1}}
    later["documents"] = [each | {"new": 1} for each in found["documents"]]
    assert rules_of(canonical(later).decode()) == rules_of(canonical(found).decode())
