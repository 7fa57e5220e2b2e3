"""What was altered or lost under an amendment is neither signed nor applied, and says so; there is a way out of it."""

from typing import Any

import pytest
from httpx import AsyncClient

from services.agreements import commands, queries, schedule
from services.agreements.amendment import Amendment, AmendmentState
from services.agreements.errors.signing import TextTampered
from services.agreements.errors.texts import TextLost
from services.agreements.permissions import PERMISSIONS
from services.agreements.tests.branches import agree, carry, propose, read, rebase, reread, reword, sign_for
from services.agreements.tests.builders import (
    LEGAL,
    approved,
    attached,
    bound,
    current,
    officer,
    reviewed,
    signed_by_all,
    signer,
    terminate,
)
from services.agreements.tests.pages import page_of
from services.agreements.tests.test_amendment_offers import delegate, operator_of
from services.agreements.tests.test_amendment_sealing import tamper
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Database
from shared.refusals import Refusal
from shared.web import available_actions, etag

S = AmendmentState
ALTERED = {
    "who signs for whom": (
        "update amendment set state = jsonb_set(state, array['delegations', :party, 'delegate'], '\"autre\"')",
        ["delegations"],
    ),
    "whose mandate a delegate signs under": (
        "update amendment set state = jsonb_set(state, array['delegations', :party, 'delegator'], '\"autre\"')",
        ["delegations"],
    ),
    "a signature taken away": ("update amendment set state = jsonb_set(state, '{signatures}', '[]')", ["signatures"]),
    "another signer": (
        "update amendment set state = jsonb_set(state, '{signatures,0,person}', '\"autre\"')",
        ["signatures"],
    ),
    "the sealed file": (
        "update amendment set state = jsonb_set(state, '{sealed_file}', '\"autre\"')",
        ["signatures"],
    ),
}


async def reworded(database: Database) -> Amendment:
    """A proposed amendment of an agreement in force, with other words in a clause."""
    agreement = await bound(database, current(effective_from=today()))
    return await reword(database, await propose(database, agreement), "article-1", "Autrement")


async def altered(database: Database, statement: str, **values: Any) -> None:
    """The database as its owner could change it."""
    await tamper(database, statement, **{name: value for name, value in values.items() if f":{name}" in statement})


async def lose(database: Database, hash: str) -> None:
    """A text goes from the store."""
    await tamper(database, "delete from content where hash = :hash", hash=hash)


@pytest.mark.parametrize("what", ALTERED)
async def test_delegations_and_signatures_are_those_of_the_journal_whenever_an_amendment_is_signed(
    database: Database, what: str
) -> None:
    offered = await delegate(database, await agree(database, await reworded(database)))
    offered = await sign_for(database, offered, offered.touched[0])
    statement, places = ALTERED[what]
    await altered(database, statement, party=str(operator_of(offered).party_id))
    with pytest.raises(TextTampered) as refused:
        await sign_for(database, await reread(database, offered), offered.touched[2])
    assert refused.value.values["places"] == places and all(refused.value.values["where"][0].values())


async def signed_early(database: Database) -> Amendment:
    """An amendment that all have signed of an agreement that comes into force tomorrow."""
    agreement = await signed_by_all(database, current())
    return await carry(database, await reword(database, await propose(database, agreement), "article-1", "Un"))


@pytest.mark.parametrize(
    "statement",
    [
        "update content set body = body || ' ' where hash = :content",
        "delete from content where hash = :content",
        "update amendment set state = jsonb_set(state, '{content_hash}', state->'base_hash')",
        "update amendment set state = jsonb_set(state, '{signatures,0,person}', '\"autre\"')",
    ],
    ids=["another content", "a lost content", "no change", "another signer"],
)
async def test_what_is_not_as_it_was_signed_is_not_applied_and_says_so_once(database: Database, statement: str) -> None:
    amendment = await signed_early(database)
    await altered(database, statement, content=amendment.content_hash)
    agreement = await read(database, amendment.agreement_id)
    await commands.bring_into_force(database, agreement.id, on=agreement.effective_from)
    for _ in range(2):
        await schedule.apply_amendments(database)
        await schedule.try_hindered_amendments(database)
    found = await reread(database, amendment)
    assert (found.state, found.version) == (S.signed, amendment.version + 1), "told once"
    assert found.hindrance and found.hindrance.refusal == "text-tampered"
    assert (await read(database, agreement.id)).amendments == ()
    seen = await queries.amendment(database, found.id, by=officer())
    assert "withdraw_amendment" in available_actions(officer(), seen, PERMISSIONS)
    refused = seen.refusal_of("rebase_amendment")
    assert refused and refused.slug == "text-tampered", "no branch is made of it"
    with pytest.raises(Refusal, match="text-tampered"):
        await commands.rebase_amendment(database, found.id, by=officer())
    ended = await commands.withdraw_amendment(database, found.id, reason="(fictif) motif", by=officer())
    assert (ended.state, ended.remarks) == (S.withdrawn, "(fictif) motif")


async def test_no_branch_is_put_on_a_new_base_that_is_not_what_was_written(database: Database) -> None:
    amendment = await reworded(database)
    agreement = await read(database, amendment.agreement_id)
    await carry(database, await reword(database, await propose(database, agreement), "article-2", "Encore"))
    await altered(
        database,
        "update amendment set state = jsonb_set(state, '{content_hash}', state->'base_hash') where id = :amendment",
        amendment=amendment.id,
    )
    with pytest.raises(TextTampered):
        await rebase(database, amendment)


async def test_what_was_put_right_again_is_applied(database: Database) -> None:
    amendment = await signed_early(database)
    await altered(
        database, "update content set body = body || ' ' where hash = :content", content=amendment.content_hash
    )
    agreement = await read(database, amendment.agreement_id)
    await commands.bring_into_force(database, agreement.id, on=agreement.effective_from)
    await schedule.apply_amendments(database)
    await altered(
        database,
        "update content set body = rtrim(body) where hash = :content",
        content=amendment.content_hash,
    )
    await schedule.try_hindered_amendments(database)
    assert (await reread(database, amendment)).state == S.applied


async def test_an_amendment_whose_content_is_lost_is_shown_and_says_what_it_lacks(as_: Any, database: Database) -> None:
    amendment = await commands.submit_amendment(database, (await reworded(database)).id, by=officer())
    await lose(database, amendment.content_hash)
    reader = as_(LEGAL)
    told = (await reader.get(f"/amendments/{amendment.id}")).json()
    assert told["state"] == "under_review" and "approve_amendment" not in told["available_actions"]
    (why,) = [each for each in told["unavailable_actions"] if each["action"] == "approve_amendment"]
    assert why["type"] == "/problems/text-lost" and "قائمة البنود" in why["detail"]
    with pytest.raises(TextLost):
        await commands.approve_amendment(database, amendment.id, by=LEGAL)
    for path in ("content", "changes", "document"):
        answered = await reader.get(f"/amendments/{amendment.id}/{path}")
        assert (answered.status_code, answered.json()["type"]) == (500, "/problems/text-lost"), path
    ended = await commands.withdraw_amendment(database, amendment.id, reason="(fictif)", by=officer())
    assert ended.state == S.withdrawn


async def test_an_agreement_whose_content_is_lost_is_not_offered_for_approval(as_: Any, database: Database) -> None:
    agreement = await reviewed(database, current())
    await lose(database, agreement.text_hash or "")
    told = (await as_(LEGAL).get(f"/agreements/{agreement.id}")).json()
    assert "approve_agreement" not in told["available_actions"]
    (why,) = [each for each in told["unavailable_actions"] if each["action"] == "approve_agreement"]
    assert why["type"] == "/problems/text-lost" and "قائمة البنود" in why["detail"]
    with pytest.raises(TextLost):
        await commands.approve_agreement(database, agreement.id, by=LEGAL)


FIRST_CLAUSE = "delete from content where body like 'Texte de l''article 1 %'"
"""The French body of the first article goes from the store; what names it stays."""


def why_not(told: dict[str, Any], action: str) -> dict[str, Any]:
    """Why an action is not offered."""
    assert action not in told["available_actions"]
    (why,) = [each for each in told["unavailable_actions"] if each["action"] == action]
    return dict(why)


async def test_an_agreement_whose_clause_is_lost_is_not_offered_for_approval(as_: Any, database: Database) -> None:
    agreement = await reviewed(database, current())
    await tamper(database, FIRST_CLAUSE)
    told = (await as_(LEGAL).get(f"/agreements/{agreement.id}")).json()
    why = why_not(told, "approve_agreement")
    assert why["type"] == "/problems/text-lost" and "النص الفرنسي للبند" in why["detail"]
    with pytest.raises(TextLost) as refused:
        await commands.approve_agreement(database, agreement.id, by=LEGAL)
    assert refused.value.values["places"] == ["article-1/fr"]


@pytest.mark.parametrize("changed", ["article-1", "article-2"])
async def test_an_amendment_whose_clause_is_lost_is_not_offered_for_approval(
    as_: Any, database: Database, changed: str
) -> None:
    """Whether it keeps the clause or changes it: what is lost shows on its paper, after or before."""
    agreement = await bound(database, current(effective_from=today()))
    amendment = await reword(database, await propose(database, agreement), changed, "Autrement")
    await commands.submit_amendment(database, amendment.id, by=officer())
    await tamper(database, FIRST_CLAUSE)
    told = (await as_(LEGAL).get(f"/amendments/{amendment.id}")).json()
    assert why_not(told, "approve_amendment")["type"] == "/problems/text-lost"
    with pytest.raises(TextLost) as refused:
        await commands.approve_amendment(database, amendment.id, by=LEGAL)
    assert refused.value.values["places"] == ["article-1/fr"]


async def test_an_agreement_whose_clause_is_lost_names_it_where_its_text_is_read(as_: Any, database: Database) -> None:
    agreement = await approved(database, current())
    await tamper(database, FIRST_CLAUSE)
    reader = as_(LEGAL)
    assert (await reader.get(f"/agreements/{agreement.id}")).status_code == 200
    for path in ("text", "document"):
        answered = await reader.get(f"/agreements/{agreement.id}/{path}")
        told = answered.json()
        assert (answered.status_code, told["type"]) == (500, "/problems/text-lost"), path
        assert told["places"] == ["article-1/fr"] and "النص الفرنسي للبند" in told["detail"]


async def test_the_public_page_tells_how_an_amendment_stands_whose_content_is_lost(
    http: AsyncClient, database: Database
) -> None:
    offered = await agree(database, await reworded(database))
    await lose(database, offered.content_hash)
    page = await http.get(page_of(offered), headers={"Accept-Language": "fr"})
    assert page.status_code == 200 and "0 sur 3" in page.text and offered.content_hash in page.text


@pytest.mark.parametrize("far", ["proposed", "under_review", "agreed", "signed"])
async def test_steps_of_an_amendment_are_offered_no_more_once_its_agreement_has_ended(
    as_: Any, database: Database, far: str
) -> None:
    if far == "signed":
        amendment = await signed_early(database)
    else:
        amendment = await reworded(database)
    if far == "under_review":
        amendment = await commands.submit_amendment(database, amendment.id, by=officer())
    if far == "agreed":
        amendment = await agree(database, amendment)
    agreement = await read(database, amendment.agreement_id)
    await terminate(database, await attached(database, agreement, "termination_decision"))
    forward = {
        "proposed": {"revise_amendment", "submit_amendment"},
        "under_review": {"approve_amendment"},
        "agreed": {"sign_amendment", "delegate_amendment", "record_amendment_scan"},
        "signed": set(),
    }[far]
    for by in (officer(), LEGAL, signer(amendment.parties[0].organisation_id)):
        told = (await as_(by).get(f"/amendments/{amendment.id}")).json()
        listed = (await as_(by).get(f"/agreements/{agreement.id}/amendments")).json()["items"][0]
        for each in (told, listed):
            assert not forward & {*each["available_actions"]}
    seen = await queries.amendment(database, amendment.id, by=officer())
    if far == "proposed":
        assert "withdraw_amendment" in available_actions(officer(), seen, PERMISSIONS)
        answered = await as_(officer()).post(f"/amendments/{amendment.id}/review", If_Match=etag(amendment.version))
        assert (answered.status_code, answered.json()["type"]) == (409, "/problems/not-allowed-now")
    await schedule.apply_amendments(database)
    async with database.transaction(NATIONAL):
        assert (await reread(database, amendment)).state == S.withdrawn


async def test_a_branch_whose_base_is_lost_keeps_no_other_amendment_from_being_applied(database: Database) -> None:
    agreement = await bound(database, current(effective_from=today()))
    waiting = await reword(database, await propose(database, agreement), "article-1", "Un")
    await carry(database, await reword(database, await propose(database, agreement), "article-2", "Deux"))
    await lose(database, waiting.base_hash)
    applied = await carry(database, await reword(database, await propose(database, agreement), "article-2", "Trois"))
    assert applied.state == AmendmentState.applied
    assert (await reread(database, waiting)).state == AmendmentState.rebase_needed
