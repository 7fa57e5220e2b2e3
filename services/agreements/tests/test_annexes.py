"""Annexes are part of the text: revised, accepted, frozen, signed, amended and printed with it."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from services.agreements import commands
from services.agreements.agreement import Agreement, DocumentState
from services.agreements.amendment import Amendment
from services.agreements.bilingual import Bilingual
from services.agreements.commands import integrity
from services.agreements.content import ClauseRef, Content, content_hash
from services.agreements.errors.amendments import BeyondItsType
from services.agreements.errors.ceremonies import LobbyNotReady
from services.agreements.errors.documents import AnnexFrozen, AnnexGone, FileLost
from services.agreements.errors.negotiation import NotYourTurn, TextLocked, TextMovedOn
from services.agreements.errors.papers import CharactersNotPrintable
from services.agreements.errors.signing import TextTampered
from services.agreements.kinds import KINDS, DocumentRule
from services.agreements.papers import Language, render_agreement
from services.agreements.papers.drawing import draw_agreement
from services.agreements.terms import BudgetLine, Duty
from services.agreements.tests.branches import agree, branch_of, carry, propose, read, rebase, revise, reword
from services.agreements.tests.branches import sign_for as sign_amendment_for
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    accept_for_all,
    accepted,
    approved,
    attach,
    attached,
    clauses,
    current,
    drafted,
    in_force,
    know,
    negotiated,
    officer,
    operator_of,
    pdf,
    plan,
    president,
    ready,
    sign_for,
)
from services.agreements.tests.conftest import WORDING
from services.agreements.tests.reading import all_in, text_of
from services.agreements.tests.test_frozen import edit
from services.agreements.text import get_table
from shared import files
from shared.actor import NATIONAL
from shared.clock import now, today
from shared.database import Database
from shared.events.agreements import AgreementParty, CenterToOpen
from shared.language import Wording
from shared.messaging import journal
from shared.money import Money
from shared.refusals import Forbidden, Unavailable

ONE = UUID(int=1)
TEXTS = Wording(WORDING)
WORD = Bilingual(ar="مثال", fr="exemple")
BEFORE = Content(
    title=WORD,
    parties=(AgreementParty(party_id=ONE, organisation_id=ONE, roles=("operator",)),),
    centers=(
        CenterToOpen(
            center_id=ONE,
            province="MA-CAS",
            operator_id=ONE,
            name_ar="مثال",
            name_fr="exemple",
            funded_seats=60,
            unfunded_seats=0,
        ),
    ),
    obligations=(Duty(obligation_id=ONE, debtor=ONE, what=WORD, due_days=30),),
    budget=(
        BudgetLine(line_id=ONE, payer=ONE, heading=WORD, kind="cash", amount=Money(centimes=100), budget_year=2026),
    ),
    school_year="2026/2027",
    effective_from=date(2026, 9, 1),
    effective_until=date(2029, 8, 31),
    clauses=(ClauseRef(key="object", title=WORD, ar="a" * 64, fr="b" * 64),),
)


def annexed(agreement: Agreement, **changes: Any) -> Agreement:
    """The agreement with another annex, without I/O."""
    return attach(agreement, "text_annex", **changes)


def names_of(content: Agreement | Content) -> list[str]:
    """What the annexes are called, in their order."""
    return [each.name for each in content.annexes]


async def with_an_annex(database: Database, **options: Any) -> Agreement:
    """In negotiation, with an annex."""
    terms = current(effective_from=today())
    await know(database, terms)
    agreement = await commands.draft_agreement(database, terms, clauses=clauses(), by=officer())
    await attached(database, agreement, "text_annex", **({"name": "annexe (fictif).pdf"} | options))
    return await commands.open_negotiation(database, agreement.id, by=officer())


async def to_freeze(database: Database) -> Agreement:
    """In legal review, with an annex; one approval is left."""
    agreement = await with_an_annex(database)
    await accept_for_all(database, agreement)
    await commands.submit_for_review(database, agreement.id, by=officer())
    for rule in agreement.missing_for("approve_agreement"):
        agreement = await attached(database, agreement, rule.category)
    return await read(database, agreement.id)


async def frozen(database: Database) -> Agreement:
    """Ready to sign, with an annex."""
    agreement = await to_freeze(database)
    return await commands.approve_agreement(database, agreement.id, by=LEGAL)


async def signed(database: Database) -> Agreement:
    """In force, with an annex."""
    agreement = await frozen(database)
    for each in agreement.parties:
        agreement = await sign_for(database, agreement, each.organisation_id)
    assert agreement.state == "in_force"
    return agreement


def test_what_was_frozen_before_there_were_annexes_keeps_its_hash() -> None:
    assert content_hash(BEFORE) == "7579ce1e59381390a2597c7c160b86e912644dbf513907cc3fd20fc58265e052"


def test_the_hash_of_what_is_agreed_is_over_every_annex_in_order() -> None:
    agreement = annexed(annexed(drafted(), name="a.pdf"), name="b.pdf")
    found = agreement.content(())
    one, two = found.annexes
    others = [(), (one,), (two, one), (one, two.model_copy(update={"hash": "0" * 64}))]
    others += [(one, two.model_copy(update={"name": "c.pdf"}))]
    assert (
        len({content_hash(each) for each in (found, *(found.model_copy(update={"annexes": o}) for o in others))}) == 6
    )


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_kind_takes_annexes_of_its_text(kind: Any) -> None:
    assert [rule.category for rule in kind.documents if rule.part_of_text] == ["text_annex"]


@pytest.mark.parametrize(
    "asked", [{"before": "renew_agreement"}, {"expires": True}, {"remind_days": (1,)}, {"once": True}]
)
def test_a_category_that_is_part_of_the_text_neither_ends_nor_is_waited_for(asked: Any) -> None:
    with pytest.raises(ValidationError, match="part of the text"):
        DocumentRule(category="c", name=WORD, part_of_text=True, **asked)


def test_a_replacement_takes_the_place_of_what_it_replaces_and_what_is_withdrawn_is_left_out() -> None:
    agreement = annexed(annexed(annexed(drafted(), name="a.pdf"), name="b.pdf"), name="c.pdf")
    first, second, _ = agreement.annexed
    annexed(agreement, name="a2.pdf", replaces=first)
    assert names_of(agreement) == ["a2.pdf", "b.pdf", "c.pdf"]
    agreement.evolve(agreement.withdraw(second, reason="r"))
    assert names_of(agreement) == ["a2.pdf", "c.pdf"]
    assert [each.state for each in agreement.documents][:2] == [DocumentState.replaced, DocumentState.withdrawn]


def test_papers_beside_the_text_are_no_part_of_it() -> None:
    agreement = attach(attach(drafted(), "annex"), "evidence")
    assert agreement.annexes == ()
    assert not any(agreement.in_text(each) for each in agreement.documents)


def test_another_annex_lets_acceptances_lapse_and_a_text_that_all_accepted_is_locked() -> None:
    agreement = negotiated()
    first, *_ = agreement.not_accepted
    agreement.evolve(agreement.accept(first.party_id, text_hash=agreement.text_hash or "", person="p", at=now()))
    assert annexed(agreement).acceptances == ()
    locked = accepted()
    with pytest.raises(TextLocked):
        annexed(locked)
    attach(locked, "annex")
    assert not locked.not_accepted, "what is beside the text may come at any time"


@pytest.mark.parametrize("made", [ready, in_force], ids=["ready to sign", "in force"])
def test_no_annex_comes_or_goes_after_the_freezing(made: Any) -> None:
    agreement = made()
    with pytest.raises(AnnexFrozen):
        annexed(agreement)
    attach(agreement, "annex")


async def test_an_annex_makes_another_text_that_is_accepted_anew(database: Database) -> None:
    agreement = await with_an_annex(database)
    operator, read_before = operator_of(agreement), agreement.text_hash or ""
    party = next(each.party_id for each in agreement.parties if each.organisation_id == operator)
    by = president(operator)
    await commands.accept_text(database, agreement.id, party_id=party, text_hash=read_before, by=by)
    changed = await attached(database, agreement, "text_annex", replaces=agreement.annexed[0])
    assert changed.text_hash != read_before and changed.acceptances == ()
    with pytest.raises(TextMovedOn):
        await commands.accept_text(database, agreement.id, party_id=party, text_hash=read_before, by=by)
    gone = await commands.withdraw_document(database, agreement.id, changed.annexed[0], reason="r", by=officer())
    assert gone.text_hash not in (read_before, changed.text_hash)
    async with database.transaction(NATIONAL) as tx:
        assert content_hash(gone.content(await get_table(tx, gone.text_hash or ""))) == gone.text_hash


async def test_whoever_brings_an_annex_has_written_the_text_and_does_not_approve_it(database: Database) -> None:
    agreement = await with_an_annex(database)
    assert officer().person in agreement.authors
    operator = president(operator_of(agreement))
    party = next(each.party_id for each in agreement.parties if each.organisation_id == operator_of(agreement))
    await commands.pass_turn(database, agreement.id, party_id=party, by=officer())
    changed = await attached(database, agreement, "text_annex", by=operator)
    assert operator.person in changed.authors and len(changed.annexes) == 2


async def test_an_annex_is_changed_by_whoever_holds_the_text(database: Database) -> None:
    agreement = await with_an_annex(database)
    partner = president(operator_of(agreement))
    with pytest.raises(NotYourTurn):
        await attached(database, agreement, "text_annex", by=partner)
    with pytest.raises(NotYourTurn):
        await commands.withdraw_document(database, agreement.id, agreement.annexed[0], reason="r", by=partner)
    with pytest.raises(Forbidden):
        await attached(database, agreement, "text_annex", by=LEGAL)
    await attached(database, agreement, "annex", by=partner)
    party = next(each.party_id for each in agreement.parties if each.organisation_id == operator_of(agreement))
    await commands.pass_turn(database, agreement.id, party_id=party, by=officer())
    replaced = await attached(database, agreement, "text_annex", by=partner, replaces=agreement.annexed[0])
    assert len(replaced.annexes) == 1, "also what another party brought, as it may rewrite any clause"


async def test_an_annex_has_a_name_that_can_be_printed(database: Database) -> None:
    agreement, name = await signed(database), "annexe ① (fictif).pdf"
    agreement = await attached(database, agreement, "annex", name=name)
    with pytest.raises(CharactersNotPrintable):
        await revise(database, await propose(database, agreement), annexes=[agreement.documents[-1].as_annex()])
    with pytest.raises(CharactersNotPrintable):
        await attached(database, await with_an_annex(database), "text_annex", name=name)


async def test_after_the_freezing_a_refusal_says_what_to_do_in_the_readers_language(
    as_: Any, database: Database
) -> None:
    agreement = await frozen(database)
    client = as_(officer())
    path = f"/api/v1/agreements/{agreement.id}/documents"
    for language, word in (("ar", "مرفقات"), ("fr", "avenant"), ("en", "amendment")):
        headers = client.headers | {"Accept-Language": language}
        about = {"category": "text_annex", "name": "exemple.pdf"}
        refused = await client.http.post(path, params=about, content=pdf(), headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/annex-frozen")
        assert word in refused.json()["title"] + refused.json()["detail"]
    (shown,) = [each for each in (await client.get(f"{path[7:]}")).json()["items"] if each["part_of_text"]]
    assert (shown["category"], shown["available_actions"]) == ("text_annex", [])
    with pytest.raises(AnnexFrozen):
        await commands.withdraw_document(database, agreement.id, agreement.annexed[0], reason="r", by=officer())
    await commands.reopen_text(database, agreement.id, reason="(fictif)", by=officer())
    again = await commands.withdraw_document(database, agreement.id, agreement.annexed[0], reason="r", by=officer())
    assert again.annexes == ()


async def test_no_text_is_frozen_with_an_annex_that_the_storage_has_lost(database: Database, kept_files: Path) -> None:
    agreement = await to_freeze(database)
    kept = kept_files / agreement.annexes[0].hash[:2] / agreement.annexes[0].hash
    content = kept.read_bytes()
    kept.unlink()
    with pytest.raises(FileLost) as refused:
        await commands.approve_agreement(database, agreement.id, by=LEGAL)
    assert refused.value.values == {"hash": agreement.annexes[0].hash}
    assert (await read(database, agreement.id)).version == agreement.version
    await attached(database, agreement, "annex", content=content)
    assert (await commands.approve_agreement(database, agreement.id, by=LEGAL)).reference, "as the refusal says"


async def test_no_amendment_is_frozen_with_an_annex_that_the_storage_has_lost(
    database: Database, kept_files: Path
) -> None:
    agreement = await attached(database, await signed(database), "annex")
    annexes = (*agreement.annexes, agreement.documents[-1].as_annex())
    proposed = await revise(database, await propose(database, agreement), annexes=annexes)
    (kept_files / annexes[-1].hash[:2] / annexes[-1].hash).unlink()
    with pytest.raises(FileLost):
        await agree(database, proposed)


EDITS = {
    "another file": ("{documents,0,hash}", "0" * 64),
    "another name": ("{documents,0,name}", "autre (fictif).pdf"),
    "no annex": ("{annexed}", []),
}


@pytest.mark.parametrize(("path", "value"), EDITS.values(), ids=list(EDITS))
async def test_an_annex_that_is_changed_after_freezing_makes_signing_refuse(
    database: Database, path: str, value: Any
) -> None:
    agreement = await frozen(database)
    await edit(database, agreement, path, value)
    with pytest.raises(TextTampered) as refused:
        await sign_for(database, agreement, operator_of(agreement))
    assert refused.value.values["places"] == ["annexes"]


async def test_nothing_is_signed_with_an_annex_that_the_storage_changed(database: Database, kept_files: Path) -> None:
    """Of an agreement, and of its amendment, which is signed with the same annex."""
    agreement = await frozen(database)
    content = _spoil(kept_files, agreement.annexes[0].hash)
    with pytest.raises(FileLost) as refused:
        await sign_for(database, agreement, operator_of(agreement))
    assert refused.value.values == {"hash": agreement.annexes[0].hash}
    assert not (await read(database, agreement.id)).signatures
    await files.put(content)
    for each in agreement.parties:
        agreement = await sign_for(database, agreement, each.organisation_id)
    offered = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    _spoil(kept_files, agreement.annexes[0].hash)
    with pytest.raises(FileLost):
        await sign_amendment_for(database, offered, offered.touched[0])
    await files.put(content)
    assert (await sign_amendment_for(database, offered, offered.touched[0])).signatures


async def test_a_lobby_says_which_agreement_has_an_annex_that_is_lost(database: Database, kept_files: Path) -> None:
    whole, spoilt = await approved(database), await frozen(database)
    ceremony = await plan(database, whole.id, spoilt.id)
    _spoil(kept_files, spoilt.annexes[0].hash)
    with pytest.raises(LobbyNotReady) as refused:
        await commands.prepare_ceremony(database, ceremony.id, by=MINISTRY)
    assert {each["agreement"] for each in refused.value.values["missing"]} == {spoilt.id}


async def test_a_storage_that_takes_long_holds_nobody_up_for_long(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement, answers = await frozen(database), asyncio.Event()
    is_whole = files.is_whole

    async def late(hash: str) -> bool:
        await answers.wait()
        return await is_whole(hash)

    monkeypatch.setattr(files, "is_whole", late)
    monkeypatch.setattr(integrity, "READ_WITHIN", 0.05)
    with pytest.raises(Unavailable):
        await sign_for(database, agreement, operator_of(agreement))
    answers.set()
    monkeypatch.setattr(integrity, "READ_WITHIN", 20)
    assert (await sign_for(database, agreement, operator_of(agreement))).signatures


def _spoil(kept_files: Path, hash: str) -> bytes:
    """Let the storage hold something else under this hash; gives what was there."""
    kept = kept_files / hash[:2] / hash
    content = kept.read_bytes()
    kept.write_bytes(content[:-1] + b"!")
    return content


async def test_what_is_signed_is_read_with_its_annexes_and_compared_with_them(as_: Any, database: Database) -> None:
    agreement = await with_an_annex(database)
    before = now().isoformat()
    changed = await attached(database, agreement, "text_annex", name="deux (fictif).pdf")
    client = as_(officer())
    text = (await client.get(f"/agreements/{agreement.id}/text")).json()
    assert text["text_hash"] == changed.text_hash
    assert text["annexes"] == [each.model_dump(mode="json") for each in changed.annexes]
    params = {"as_of": before}
    was = (
        await client.http.get(f"/api/v1/agreements/{agreement.id}/text", params=params, headers=client.headers)
    ).json()
    assert [each["name"] for each in was["annexes"]] == ["annexe (fictif).pdf"]
    url = f"/api/v1/agreements/{agreement.id}/changes"
    items = (await client.http.get(url, params={"from": before}, headers=client.headers)).json()["items"]
    assert [each["path"] for each in items] == [f"/annexes/{changed.annexed[1]}"]


async def test_the_paper_lists_each_annex_with_its_hash_in_every_language_and_is_the_same_each_time(
    database: Database,
) -> None:
    agreement = await frozen(database)
    (annex,) = agreement.annexes
    async with database.transaction(NATIONAL) as tx:
        paper = await draw_agreement(tx, agreement)
    languages: dict[Language, str] = {"ar": "الوثائق المرفقة", "fr": "Documents annexés", "both": "Documents annexés"}
    for language, heading in languages.items():
        pdf = render_agreement(paper, language)
        said = text_of(pdf)
        # The reader sorts lines of two directions its own way.
        assert sorted(annex.hash) in map(sorted, said.split()) and all_in(f"annexe fictif pdf {heading}", said)
        assert render_agreement(paper, language) == pdf
    none = paper.model_copy(update={"annexes": ()})
    assert "annexés" not in text_of(render_agreement(none, "fr"))


async def test_an_amendment_carries_the_annexes_and_its_agreement_keeps_them(database: Database) -> None:
    agreement = await signed(database)
    first, second = await propose(database, agreement), await propose(database, agreement)
    first = await carry(database, await reword(database, first, "article-1", "un"))
    assert (await branch_of(database, first)).annexes == agreement.annexes
    second = await rebase(database, second)
    assert (await branch_of(database, second)).annexes == agreement.annexes
    amended = await read(database, agreement.id)
    assert amended.amendments and amended.annexes == agreement.annexes
    async with database.transaction(NATIONAL) as tx:
        assert content_hash(amended.content(await get_table(tx, amended.text_hash or ""))) == amended.content_hash
    with pytest.raises(AnnexFrozen):
        await attached(database, amended, "text_annex")


async def put(as_: Any, amendment: Amendment, **changes: Any) -> Any:
    """The branch read, changed and put back over HTTP."""
    client, path = as_(officer()), f"/amendments/{amendment.id}/content"
    content = (await client.get(path)).json() | changes
    content = {name: value for name, value in content.items() if value is not None}
    headers = client.headers | {"If-Match": f'"{amendment.version}"'}
    return await client.http.put(f"/api/v1{path}", json=content, headers=headers)


@pytest.mark.parametrize("changes", [{}, {"annexes": None}], ids=["as read", "left out"])
async def test_an_amendment_that_is_put_back_keeps_the_annexes(as_: Any, database: Database, changes: Any) -> None:
    proposed = await propose(database, await signed(database))
    answered = await put(as_, proposed, **changes)
    assert (answered.status_code, answered.json()["content_hash"]) == (200, answered.json()["base_hash"])


async def test_an_amendment_changes_the_annexes_and_all_sign_it(as_: Any, database: Database) -> None:
    agreement = await signed(database)
    agreement = await attached(database, agreement, "annex", name="nouvelle (fictif).pdf")
    old, new = agreement.annexed[0], agreement.documents[-1].document_id
    proposed = await propose(database, agreement)
    answered = await put(as_, proposed, annexes=[str(new)])
    assert answered.status_code == 200, answered.text
    changes = (await as_(officer()).get(f"/amendments/{proposed.id}/changes")).json()["items"]
    assert {(each["part"], each["key"]) for each in changes} == {("annex", str(old)), ("annex", str(new))}
    done = await carry(database, proposed)
    assert {*done.touched} == {each.party_id for each in agreement.parties}
    amended = await read(database, agreement.id)
    assert names_of(amended) == ["nouvelle (fictif).pdf"]
    async with database.transaction(NATIONAL) as tx:
        assert content_hash(amended.content(await get_table(tx, amended.text_hash or ""))) == amended.content_hash
        life = [each.event for each in await journal.past(tx, agreement.id)]
    assert Agreement.fold(agreement.id, life).annexes == amended.annexes
    with pytest.raises(AnnexFrozen):
        await commands.withdraw_document(database, agreement.id, new, reason="r", by=officer())


async def test_an_amendment_annexes_only_current_documents_of_its_agreement(as_: Any, database: Database) -> None:
    agreement = await attached(database, await signed(database), "annex")
    new = agreement.documents[-1].document_id
    proposed = await propose(database, agreement)
    unknown = await put(as_, proposed, annexes=[str(ONE)])
    assert (unknown.status_code, unknown.json()["type"]) == (422, "/problems/part-unknown")
    twice = await put(as_, proposed, annexes=[str(new)] * 2)
    assert twice.status_code == 422
    assert (await put(as_, proposed, annexes=[str(new)])).status_code == 200
    agreed = await agree(database, proposed)
    await commands.withdraw_document(database, agreement.id, new, reason="r", by=officer())
    *others, last = agreed.touched
    for party_id in others:
        await sign_amendment_for(database, agreed, party_id)
    with pytest.raises(AnnexGone) as refused:
        await sign_amendment_for(database, agreed, last)
    told = TEXTS.text("refusals.annex-gone.detail", "fr", **refused.value.values)
    assert agreement.documents[-1].name in told and str(new) not in told
    assert (await read(database, agreement.id)).annexes == agreement.annexes


async def test_a_correction_changes_no_annex(database: Database) -> None:
    correction = await propose(database, await signed(database), "correction")
    with pytest.raises(BeyondItsType):
        await revise(database, correction, annexes=())
