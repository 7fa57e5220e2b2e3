"""What is frozen is the whole content: other terms are another text, and nothing of it changes before it is signed."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from services.agreements import commands
from services.agreements.agreement import Agreement, core
from services.agreements.bilingual import Bilingual
from services.agreements.commands.integrity import require_untampered
from services.agreements.errors import TextHashDiffers
from services.agreements.errors.negotiation import TextMovedOn
from services.agreements.errors.signing import TextTampered
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.builders import (
    LEGAL,
    accept_for_all,
    approved,
    clauses,
    current,
    know,
    officer,
    operator_of,
    owing,
    sign_for,
    signer,
)
from services.agreements.text import TABLE, get_table
from shared.actor import NATIONAL
from shared.audit import canonical
from shared.clock import today
from shared.database import Database
from shared.refusals import Refusal
from shared.store import put_text


def longer(agreement: Agreement) -> dict[str, Any]:
    """The terms of the agreement, with other dates and the same clauses."""
    return {"effective_from": agreement.effective_from, "effective_until": agreement.effective_until.replace(day=1)}


async def test_other_terms_under_the_same_clauses_are_another_text(database: Database) -> None:
    terms = current()
    await know(database, terms)
    agreement = await commands.draft_agreement(database, terms, clauses=clauses(), by=officer())
    await commands.open_negotiation(database, agreement.id, by=officer())
    other = terms.model_copy(update=longer(agreement))
    revised = await commands.revise_terms(database, agreement.id, other, by=officer())
    assert revised.text_hash != agreement.text_hash
    operator, read = operator_of(agreement), agreement.text_hash or ""
    party = next(each.party_id for each in agreement.parties if each.organisation_id == operator)
    with pytest.raises(TextMovedOn):
        await commands.accept_text(database, agreement.id, party_id=party, text_hash=read, by=signer(operator))


async def test_a_signature_that_names_what_was_frozen_before_is_refused(database: Database) -> None:
    terms = current()
    first = await approved(database, terms)
    await commands.reopen_text(database, first.id, reason="(fictif)", by=officer())
    await commands.revise_terms(database, first.id, terms.model_copy(update=longer(first)), by=officer())
    async with database.transaction(NATIONAL) as tx:
        reopened = await AGREEMENTS.read(tx, first.id)
    await accept_for_all(database, reopened)
    await commands.submit_for_review(database, first.id, by=officer())
    second = await commands.approve_agreement(database, first.id, by=LEGAL)
    assert second.text_hash == second.content_hash != first.content_hash
    with pytest.raises(TextHashDiffers):
        await sign_for(database, second, operator_of(second), text_hash=first.text_hash)
    assert (await sign_for(database, second, operator_of(second))).signatures


ID = "01920000-0000-7000-8000-000000000001"
LINE = {
    "line_id": ID,
    "payer": ID,
    "heading": {"ar": "بند (وهمي)", "fr": "(fictif)"},
    "kind": "cash",
    "amount": {"amount": "5.00", "currency": "MAD"},
    "budget_year": 2031,
}
EDITS = {
    "a title": ("{title,fr}", "(fictif) autre"),
    "a duty": ("{duties,0,due_on}", "2031-01-01"),
    "a budget line": ("{budget}", [LINE]),
    "a party": ("{parties,0,roles}", ["funder"]),
    "a center": ("{centers,0,funded_seats}", 1),
    "a school year": ("{school_year}", "2031-2032"),
    "the first day": ("{effective_from}", "2020-01-01"),
    "the last day": ("{effective_until}", "2049-01-01"),
    "the hash": ("{content_hash}", "0" * 64),
}


async def edit(database: Database, agreement: Agreement, path: str, value: Any) -> None:
    """Change the kept state behind the service's back."""
    async with database.transaction(NATIONAL) as tx:
        changed = text("update agreement set state = jsonb_set(state, cast(:path as text[]), cast(:v as jsonb))")
        await tx.execute(changed, {"path": path.strip("{}").split(","), "v": json.dumps(value)})


@pytest.mark.parametrize(("path", "value"), EDITS.values(), ids=list(EDITS))
async def test_whatever_is_changed_after_freezing_makes_signing_refuse(
    database: Database, path: str, value: Any
) -> None:
    terms = current()
    agreement = await approved(database, owing(terms, {"due_on": terms.effective_until}))
    await edit(database, agreement, path, value)
    with pytest.raises(TextTampered):
        await sign_for(database, agreement, operator_of(agreement))


BESIDE = {
    "kind": ("{agreement_kind}", "ministry-network"),
    "framework": ("{parent_id}", ID),
    "number": ("{reference}", "AREF-06/2031-0001"),
    "names": ("{names}", {}),
}


@pytest.mark.parametrize("place", BESIDE)
async def test_what_is_printed_beside_the_content_is_what_the_journal_says(database: Database, place: str) -> None:
    agreement = await approved(database)
    await edit(database, agreement, *BESIDE[place])
    async with database.transaction(NATIONAL) as tx:
        with pytest.raises(TextTampered) as refused:
            await require_untampered(tx, await AGREEMENTS.read(tx, agreement.id))
    assert refused.value.values["places"] == [place]
    with pytest.raises(Refusal):
        await sign_for(database, agreement, operator_of(agreement))


GIVEN: dict[str, tuple[str, Any, str]] = {
    "who signs for whom": ("{requests,1,delegation,delegate}", "autre", "delegations"),
    "a delegation put in": ("{requests,0,delegation}", None, "delegations"),
    "a signature taken away": ("{signatures}", [], "signatures"),
    "another signer": ("{signatures,0,person}", "autre", "signatures"),
}


@pytest.mark.parametrize("what", GIVEN)
async def test_delegations_and_signatures_are_those_of_the_journal_whenever_an_agreement_is_signed(
    database: Database, what: str
) -> None:
    agreement = await approved(database)
    first, second, *_ = agreement.parties
    given: dict[str, Any] = {"valid_until": today(), "document": "(fictif) acte"}
    agreement = await commands.delegate_signing(
        database,
        agreement.id,
        party_id=second.party_id,
        delegate="a deputy",
        by=signer(second.organisation_id),
        **given,
    )
    agreement = await sign_for(database, agreement, first.organisation_id)
    path, value, place = GIVEN[what]
    if value is None:
        value = agreement.requests[1].model_dump(mode="json")["delegation"]
    await edit(database, agreement, path, value)
    with pytest.raises(TextTampered) as refused:
        await sign_for(database, agreement, second.organisation_id)
    assert refused.value.values["places"] == [place]


class Wider(Bilingual):
    """A name as a later version may have it, with a field more."""

    en: str | None = None


async def test_a_name_that_gets_a_field_more_makes_nothing_tampered(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await approved(database)
    monkeypatch.setattr(core, "Bilingual", Wider)
    agreement.names = {id: Wider(**dict(name)) for id, name in agreement.names.items()}
    async with database.transaction(NATIONAL) as tx:
        await require_untampered(tx, agreement)
        agreement.names = dict.fromkeys(agreement.names, Wider(ar="(وهمي)", fr="(fictif)", en="(fictitious)"))
        with pytest.raises(TextTampered):
            await require_untampered(tx, agreement)


async def under_its_clauses_alone(database: Database, agreement: Agreement) -> str:
    """Let the agreement hold the hash of its clauses, as before contents were kept; gives it."""
    async with database.transaction(NATIONAL) as tx:
        table = await get_table(tx, agreement.text_hash or "")
        old = await put_text(tx, canonical(TABLE.dump_python(table, mode="json")).decode())
    await edit(database, agreement, "{text_hash}", old)
    return old


async def test_what_was_frozen_over_a_table_of_clauses_is_still_signed(database: Database) -> None:
    agreement = await approved(database)
    old = await under_its_clauses_alone(database, agreement)
    assert (await sign_for(database, agreement, operator_of(agreement), text_hash=old)).signatures
    await edit(database, agreement, "{effective_until}", "2049-01-01")
    with pytest.raises(TextTampered):
        await sign_for(database, agreement, agreement.parties[0].organisation_id, text_hash=old)


async def test_what_was_accepted_over_a_table_of_clauses_stands_while_the_clauses_do(database: Database) -> None:
    terms = current()
    await know(database, terms)
    agreement = await commands.draft_agreement(database, terms, clauses=clauses(), by=officer())
    await commands.open_negotiation(database, agreement.id, by=officer())
    old = await under_its_clauses_alone(database, agreement)
    operator = operator_of(agreement)
    party = next(each.party_id for each in agreement.parties if each.organisation_id == operator)
    await commands.accept_text(database, agreement.id, party_id=party, text_hash=old, by=signer(operator))
    same = await commands.revise_text(database, agreement.id, clauses(), by=officer())
    assert [each.party_id for each in same.acceptances] == [party] and same.text_hash == old
    other = await commands.revise_text(database, agreement.id, clauses(3), by=officer())
    assert other.acceptances == () and other.text_hash != old
