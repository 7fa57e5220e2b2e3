"""Who signs: whoever an amendment binds or lets go of; and who only witnesses, who owes nothing."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment, AmendmentState
from services.agreements.errors import PartyMustSign, WitnessOwesNothing
from services.agreements.errors.signing import NotYourTurnToSign
from services.agreements.kinds import SigningGroup, SigningRule
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.signing import PartyAnswer
from services.agreements.signatures import RequestState
from services.agreements.terms import Terms
from services.agreements.tests.branches import (
    agree,
    budget_line,
    carry,
    owed,
    propose,
    read,
    revise,
    running,
    sign_for,
)
from services.agreements.tests.builders import (
    approved,
    bound,
    change_kind,
    current,
    drafted,
    know,
    network_terms,
    owing,
    party,
    regional,
    signer,
)
from services.agreements.tests.builders import sign_for as sign_agreement_for
from services.agreements.verification import look_up
from shared.database import Database
from shared.events.agreements import AgreementParty, PartyRole
from shared.ids import new_id
from shared.refusals import Refusal
from shared.web import available_actions


def as_roles(parties: Iterable[AgreementParty], party_id: UUID, *roles: PartyRole) -> tuple[AgreementParty, ...]:
    """The parties, one in other roles."""
    return tuple(each.model_copy(update={"roles": roles}) if each.party_id == party_id else each for each in parties)


async def replaced(database: Database) -> tuple[Agreement, Amendment, AgreementParty]:
    """An approved amendment that has another association operate the center, and who joins; its operator witnesses."""
    agreement = await bound(database, running())
    joining = party(new_id(), "operator")
    await know(database, running(operator=joining.organisation_id))
    amendment = await revise(
        database,
        await propose(database, agreement, "parties"),
        parties=(*as_roles(agreement.parties, agreement.parties[1].party_id, "witness"), joining),
        centers=tuple(each.model_copy(update={"operator_id": joining.organisation_id}) for each in agreement.centers),
    )
    return agreement, await agree(database, amendment), joining


async def test_who_gives_its_place_to_another_signs_that_it_does(database: Database) -> None:
    agreement, amendment, joining = await replaced(database)
    _, operator, _ = agreement.parties
    assert {*amendment.touched} == {*(each.party_id for each in agreement.parties), joining.party_id}
    assert "sign_amendment" in available_actions(signer(operator.organisation_id), amendment, PERMISSIONS)
    for party_id in amendment.touched:
        if party_id != operator.party_id:
            amendment = await sign_for(database, amendment, party_id)
    assert amendment.signing_order.awaited == (operator,) and amendment.to_remind == [operator]
    assert amendment.state == AmendmentState.signing and (await read(database, agreement.id)).amendments == ()
    assert (await sign_for(database, amendment, operator.party_id)).state == AmendmentState.applied


async def test_who_gives_its_place_to_another_signs_in_the_turn_of_that_place(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_kind(monkeypatch, signing=SigningRule(groups=(SigningGroup(roles=("operator",)),)))
    agreement, amendment, joining = await replaced(database)
    academy, operator, ministry = (each.party_id for each in agreement.parties)
    amendment = await sign_for(database, amendment, joining.party_id)
    with pytest.raises(NotYourTurnToSign):
        await sign_for(database, amendment, academy)
    for party_id in (operator, academy, ministry):
        amendment = await sign_for(database, amendment, party_id)
    assert amendment.state == AmendmentState.applied


async def test_what_a_witness_once_signed_is_not_counted_among_what_is_asked_for(database: Database) -> None:
    agreement, amendment, joining = await replaced(database)
    for party_id in amendment.touched:
        amendment = await sign_for(database, amendment, party_id)
    amended = await read(database, agreement.id)
    standing = await look_up(database, str(amended.id), (amended.content_hash or "")[:16])
    assert standing and (standing.signed, standing.of) == (3, 3)
    answers = {each.party_id: each for each in PartyAnswer.all_of(amended)}
    former = answers[agreement.parties[1].party_id]
    assert not former.must_sign and former.signature and answers[joining.party_id].signature


async def test_a_witness_that_becomes_more_has_its_signature_from_the_amendment_that_made_it_so(
    database: Database,
) -> None:
    agreement = await bound(database, running(others=[party(new_id(), "witness")]))
    witness = agreement.parties[3]
    amendment = await revise(
        database, await propose(database, agreement), parties=as_roles(agreement.parties, witness.party_id, "funder")
    )
    amendment = await carry(database, amendment)
    assert witness.party_id in {each.party_id for each in amendment.signatures}
    amended = await read(database, agreement.id)
    assert amended.missing_signatures == ()
    assert amended.request(witness.party_id).state == RequestState.signed
    given = {each.party_id: each for each in amended.signatures}[witness.party_id]
    assert given.text_hash == amended.content_hash != agreement.content_hash
    assert {each.party_id for each in agreement.signatures} < {each.party_id for each in amended.signatures}


async def test_no_contribution_to_the_budget_is_cut_by_who_pays_it_alone(database: Database) -> None:
    terms = running()
    line = budget_line(terms.parties[0].party_id)
    agreement = await bound(database, terms.model_copy(update={"budget": (line,)}))
    nothing = budget_line(line.payer, 0, line_id=line.line_id)
    amendment = await agree(database, await revise(database, await propose(database, agreement), budget=(nothing,)))
    assert {*amendment.touched} == {each.party_id for each in agreement.parties}
    assert (await sign_for(database, amendment, line.payer)).state == AmendmentState.signing
    assert (await read(database, agreement.id)).budget == (line,)


def witnessed(**changes: Any) -> Terms:
    """Terms beside which somebody witnesses."""
    return regional(others=[party(new_id(), "witness")], **changes)


@pytest.mark.parametrize(
    "burden",
    [
        lambda terms: {"obligations": owing(terms, {"debtor": terms.parties[3].party_id}).obligations},
        lambda terms: {"budget": (budget_line(terms.parties[3].party_id),)},
    ],
    ids=["owes", "pays"],
)
def test_who_only_witnesses_neither_owes_nor_pays(burden: Any) -> None:
    terms = witnessed()
    with pytest.raises(WitnessOwesNothing) as refused:
        drafted(terms.model_copy(update=burden(terms)))
    assert refused.value.values["party"] == terms.parties[3].party_id
    both = terms.parties[3].model_copy(update={"roles": ("witness", "funder")})
    terms = terms.model_copy(update={"parties": (*terms.parties[:3], both)})
    assert drafted(terms.model_copy(update=burden(terms))).parties[3] == both


def test_a_witness_may_be_owed_something() -> None:
    terms = witnessed()
    drafted(owing(terms, {"creditor": terms.parties[3].party_id}, {"creditor": None}))


@pytest.mark.parametrize(
    ("terms", "place", "which"),
    [(regional(), 0, "academy"), (network_terms(), 0, "ministry"), (network_terms(), 1, "network")],
    ids=["academy", "ministry", "network"],
)
def test_whom_an_agreement_binds_by_its_type_signs_it(terms: Terms, place: int, which: str) -> None:
    parties = [*terms.parties, party(new_id(), "granting_authority")]
    parties[place] = party(parties[place].organisation_id, "witness")
    with pytest.raises(PartyMustSign) as refused:
        drafted(terms.model_copy(update={"parties": tuple(parties)}))
    assert refused.value.values["which"] == which


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda of, id: {"obligations": (owed(of, debtor=id),)}, WitnessOwesNothing),
        (lambda of, id: {"budget": (budget_line(id),)}, WitnessOwesNothing),
        (
            lambda of, id: {
                "parties": as_roles(as_roles(of.parties, id, "granting_authority"), of.parties[0].party_id, "witness")
            },
            PartyMustSign,
        ),
    ],
    ids=["owes", "pays", "keeper"],
)
async def test_no_amendment_makes_a_witness_owe_or_the_keeper_witness(
    database: Database, change: Any, refusal: type[Refusal]
) -> None:
    agreement = await bound(database, running(others=[party(new_id(), "witness")]))
    with pytest.raises(refusal):
        await revise(database, await propose(database, agreement), **change(agreement, agreement.parties[3].party_id))


async def test_a_witness_that_owes_from_before_is_given_a_role_by_an_amendment_that_it_signs(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = running(others=[party(new_id(), "witness")])
    witness = terms.parties[3].party_id
    with monkeypatch.context() as before:
        before.setattr("services.agreements.terms._check_owing", lambda *_: None)
        agreement = await bound(database, owing(terms, {"debtor": witness}))
    amendment = await propose(database, agreement)
    with pytest.raises(WitnessOwesNothing):
        await revise(database, amendment, budget=(budget_line(terms.parties[0].party_id),))
    amendment = await carry(
        database, await revise(database, amendment, parties=as_roles(agreement.parties, witness, "funder"))
    )
    assert amendment.state == AmendmentState.applied
    assert witness in {each.party_id for each in (await read(database, agreement.id)).signatures}


async def test_what_was_approved_before_is_signed_by_whom_it_asked_then(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await bound(database, running())
    payer = agreement.parties[0].party_id
    amendment = await revise(database, await propose(database, agreement), budget=(budget_line(payer),))
    with monkeypatch.context() as before:
        before.setattr("services.agreements.commands.amendment_approval.touched_by", lambda *_: (payer,))
        amendment = await agree(database, amendment)
    assert (await sign_for(database, amendment, payer)).state == AmendmentState.applied


async def test_a_witness_that_signs_is_not_counted_among_those_asked(database: Database) -> None:
    witness = party(new_id(), "witness")
    agreement = await approved(database, current(others=[witness]))
    await sign_agreement_for(database, agreement, witness.organisation_id)
    standing = await look_up(database, str(agreement.id), (agreement.content_hash or "")[:16])
    assert standing and (standing.signed, standing.of) == (0, 3)
