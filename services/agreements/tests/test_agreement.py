"""An agreement's rules, without I/O."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.agreements.agreement import AgreementState
from services.agreements.errors import (
    AcademyNotForType,
    AlreadySigned,
    CenterWithoutSeats,
    KindUnknown,
    NotAParty,
    OperatorNotAParty,
    PartyMissing,
    PartyRepeated,
    PeriodReversed,
    ProvinceOutsideAcademy,
    RoleReserved,
    RolesMissing,
    TermOver,
    TextHashDiffers,
    TextMissing,
    TooFewSign,
)
from services.agreements.errors.signing import OfferStillStands
from services.agreements.surroundings import Surroundings
from services.agreements.terms import Terms
from services.agreements.tests.builders import (
    AT,
    DECISION,
    LEGAL,
    TEXT,
    accepted,
    approve,
    center,
    drafted,
    in_force,
    negotiated,
    network_terms,
    party,
    ready,
    regional,
    sign,
    signed,
)
from shared.events.agreements import PartyRole
from shared.ids import new_id
from shared.refusals import NotAllowedNow, Refusal
from shared.territory import ACADEMIES, ACADEMY_CODES, MINISTRY_ID, NETWORK_ID

OPERATOR = new_id()
ACADEMY_6 = ACADEMIES["MA-06"].organisation_id


def test_a_draft_knows_its_parties_and_centers() -> None:
    terms = regional()
    agreement = drafted(terms)
    assert (agreement.state, agreement.parties, agreement.centers) == ("draft", terms.parties, terms.centers)
    assert agreement.text_hash is None and agreement.reference is None


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        (regional(effective_from=date(2025, 1, 2), effective_until=date(2025, 1, 1)), PeriodReversed),
        (regional().model_copy(update={"agreement_kind": "handshake"}), KindUnknown),
        (regional().model_copy(update={"academy": None}), AcademyNotForType),
        (network_terms(academy="MA-06"), AcademyNotForType),
        (regional(others=[party(MINISTRY_ID, "funder")]), PartyRepeated),
        (regional(parties=(party(OPERATOR, "operator", "granting_authority"),)), PartyMissing),
        (network_terms(parties=(party(MINISTRY_ID, "supervising_ministry"),)), PartyMissing),
        (regional(others=[party(new_id(), "supervising_ministry")]), RoleReserved),
        (regional(parties=(party(ACADEMY_6, "granting_authority"), party(OPERATOR, "operator"))), RolesMissing),
        (regional(operator=OPERATOR, centers=(center(OPERATOR, "MA-OUJ"),)), ProvinceOutsideAcademy),
        (regional(operator=OPERATOR, centers=(center(OPERATOR, "MA-XXX"),)), ProvinceOutsideAcademy),
        (regional(centers=(center(OPERATOR, "MA-CAS"),)), OperatorNotAParty),
        (regional(operator=OPERATOR, centers=(center(OPERATOR, "MA-CAS", funded=0, unfunded=0),)), CenterWithoutSeats),
    ],
    ids=lambda value: getattr(value, "slug", ""),
)
def test_terms_that_do_not_hold_are_refused(terms: Terms, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        drafted(terms)


def test_a_network_agreement_needs_no_operator_and_concerns_all_academies() -> None:
    agreement = drafted(network_terms())
    assert agreement.audience() == ACADEMY_CODES


def test_a_regional_agreement_concerns_its_academy_and_its_parties() -> None:
    agreement = drafted(regional(operator=OPERATOR))
    assert agreement.audience() == ("MA-06",)
    assert f"org:{OPERATOR}" in agreement.visible_to() and "MA-07" not in agreement.visible_to()


def test_the_same_text_again_changes_nothing() -> None:
    agreement = negotiated()
    assert agreement.revise(TEXT, by="another") == []


def test_there_is_no_review_without_a_text() -> None:
    agreement = drafted()
    agreement.evolve(agreement.open_negotiation(AT))
    with pytest.raises(TextMissing):
        agreement.submit(AT)


def test_review_sends_back_with_remarks() -> None:
    agreement = accepted()
    agreement.evolve(agreement.submit(AT))
    agreement.evolve(agreement.return_with_remarks("préciser l'article 4", LEGAL.person, LEGAL.roles, at=AT))
    assert (agreement.state, agreement.remarks) == ("negotiation", "préciser l'article 4")


def test_the_first_signature_is_partial_and_the_last_completes() -> None:
    agreement = ready()
    first, second, third = agreement.parties
    assert sign(agreement, first.party_id).state == AgreementState.partially_signed
    assert agreement.missing_signatures == (second, third)
    sign(agreement, third.party_id)
    assert sign(agreement, second.party_id).state == AgreementState.signed


def test_a_party_signs_once() -> None:
    agreement = ready()
    party_id = agreement.parties[0].party_id
    sign(agreement, party_id)
    with pytest.raises(AlreadySigned):
        sign(agreement, party_id)


def test_a_party_that_signed_is_told_so_even_when_all_have() -> None:
    agreement = signed()
    with pytest.raises(AlreadySigned):
        sign(agreement, agreement.parties[0].party_id)


def test_only_a_party_signs() -> None:
    with pytest.raises(NotAParty):
        sign(ready(), new_id())


def test_a_signature_names_the_frozen_text() -> None:
    agreement = ready()
    with pytest.raises(TextHashDiffers):
        sign(agreement, agreement.parties[0].party_id, text_hash="cd" * 32)


def test_nothing_is_signed_before_the_text_is_frozen() -> None:
    agreement = negotiated()
    with pytest.raises(NotAllowedNow):
        sign(agreement, agreement.parties[0].party_id)


def test_nothing_is_signed_after_the_end_date() -> None:
    agreement = ready()
    with pytest.raises(TermOver):
        sign(agreement, agreement.parties[0].party_id, at=datetime(2028, 1, 1, tzinfo=UTC))


def test_a_witness_need_not_sign() -> None:
    agreement = ready(regional(others=[party(new_id(), "witness")]))
    for each in agreement.parties[:3]:
        sign(agreement, each.party_id)
    assert agreement.state == AgreementState.signed


@pytest.mark.parametrize(
    ("terms", "which"),
    [
        (regional(parties=(party(OPERATOR, "operator"), party(MINISTRY_ID, "supervising_ministry"))), "academy"),
        (network_terms(parties=(party(NETWORK_ID, "integration_partner"), party(OPERATOR, "operator"))), "ministry"),
        (network_terms(parties=(party(MINISTRY_ID, "supervising_ministry"), party(OPERATOR, "operator"))), "network"),
    ],
)
def test_a_party_that_is_missing_is_told_by_what_it_is(terms: Terms, which: str) -> None:
    with pytest.raises(PartyMissing) as refused:
        drafted(terms)
    assert refused.value.values["which"] == which


@pytest.mark.parametrize("kind", ["framework", "ministry-network"])
@pytest.mark.parametrize("others", [(), ("integration_partner",)])
def test_two_parties_at_least_sign_an_agreement(kind: str, others: tuple[PartyRole, ...]) -> None:
    parties = (party(MINISTRY_ID, "witness", *others), party(NETWORK_ID, "witness"))
    with pytest.raises(TooFewSign):
        drafted(network_terms(agreement_kind=kind, parties=parties))


def test_a_witness_may_sign_without_completing() -> None:
    agreement = ready(regional(others=[party(new_id(), "witness")]))
    sign(agreement, agreement.parties[3].party_id)
    assert agreement.state == AgreementState.partially_signed and len(agreement.missing_signatures) == 3


def test_a_witness_with_another_role_must_sign() -> None:
    agreement = ready(regional(others=[party(new_id(), "witness", "funder")]))
    assert len(agreement.missing_signatures) == 4


def test_an_agreement_whose_start_is_reached_is_in_force_with_the_last_signature() -> None:
    agreement = signed(regional(effective_from=AT.date(), effective_until=AT.date() + timedelta(days=900)))
    assert agreement.state == AgreementState.in_force


def test_a_signed_agreement_waits_for_its_start() -> None:
    agreement = signed()
    assert agreement.bring_into_force(date(2024, 9, 1)) == []
    agreement.evolve(agreement.bring_into_force(date(2024, 9, 2)))
    assert agreement.state == AgreementState.in_force


def test_declining_voids_the_signatures_and_reopens_the_negotiation() -> None:
    agreement = ready()
    first, second, _ = agreement.parties
    sign(agreement, first.party_id)
    agreement.evolve(agreement.decline(second.party_id, text_hash=TEXT, reason="budget", at=AT))
    assert (agreement.state, agreement.signatures, agreement.remarks) == ("negotiation", (), "budget")


def test_signatures_are_not_given_away_by_reopening_the_text_while_it_is_offered() -> None:
    agreement = ready()
    assert agreement.refusal_of("reopen_text") is None
    sign(agreement, agreement.parties[0].party_id)
    with pytest.raises(OfferStillStands):
        agreement.reopen("erreur matérielle", at=AT)


def test_a_signature_that_does_not_count_holds_up_no_reopening() -> None:
    agreement = ready()
    sign(agreement, agreement.parties[0].party_id)
    (given,) = agreement.signatures
    agreement.evolve(agreement.contest_signatures(given.mandate_id, ended_on=given.day))
    assert agreement.counted == set()
    assert agreement.refusal_of("reopen_text") is None


def test_reopening_voids_the_signatures_and_keeps_the_reference() -> None:
    agreement = ready()
    sign(agreement, agreement.parties[0].party_id)
    assert agreement.offered_until
    agreement.evolve(agreement.pass_time(agreement.offered_until + timedelta(days=1)))
    agreement.evolve(agreement.reopen("erreur matérielle", at=AT))
    assert agreement.signatures == () and agreement.missing_signatures == agreement.parties
    for each in agreement.not_accepted:
        agreement.evolve(agreement.accept(each.party_id, text_hash=TEXT, person="somebody", at=AT))
    agreement.evolve(agreement.submit(AT))
    approve(agreement, reference="AREF-06/2024-0009")
    assert agreement.reference == "AREF-06/2024-0001"


def test_an_agreement_expires_after_its_end_date() -> None:
    agreement = in_force()
    assert agreement.expire(date(2027, 8, 31)) == []
    agreement.evolve(agreement.expire(date(2027, 9, 1)))
    assert agreement.state == AgreementState.expired


def test_an_agreement_signed_by_all_is_terminated_not_cancelled() -> None:
    agreement = signed()
    with pytest.raises(NotAllowedNow) as refused:
        agreement.cancel(reason="r", today=AT.date())
    assert "terminate_agreement" in refused.value.values["allowed"]
    agreement.evolve(agreement.terminate(**DECISION, today=agreement.effective_from))
    assert agreement.state == AgreementState.terminated and agreement.ending


def test_agreements_in_the_same_state_are_equal_whatever_they_were_told() -> None:
    agreement = negotiated()
    told = agreement.model_copy().amid(Surroundings(AT.date()))
    assert told == agreement and told.amid(Surroundings(date(2030, 1, 1))) == agreement
    assert agreement.model_copy(update={"school_year": "2031/2032"}) != agreement
