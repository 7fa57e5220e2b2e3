"""Whose turn it is to sign, by groups with n of m."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.agreements.kinds import SigningGroup
from services.agreements.signing_order import SigningOrder, reaches
from services.agreements.tests.builders import party
from shared.events.agreements import AgreementParty, PartyRole
from shared.ids import new_id

OPERATOR = party(new_id(), "operator")
FUNDERS = [party(new_id(), "funder") for _ in range(3)]
ACADEMY = party(new_id(), "granting_authority")
HOST = party(new_id(), "premises_host")
WITNESS = party(new_id(), "witness")
PARTIES = [ACADEMY, HOST, *FUNDERS, OPERATOR]
GROUPS = [
    SigningGroup(roles=("operator",)),
    SigningGroup(roles=("funder",), needed=2),
    SigningGroup(roles=("granting_authority",)),
]


def after(*signed: AgreementParty) -> SigningOrder:
    """The order once these have signed."""
    return SigningOrder(GROUPS, PARTIES, {each.party_id for each in signed})


def test_groups_sign_one_after_the_other() -> None:
    assert after().may_sign_now == (OPERATOR,)
    assert after().awaited_before(ACADEMY.party_id) == (OPERATOR, *FUNDERS)
    assert after(OPERATOR).may_sign_now == tuple(FUNDERS)


def test_a_group_is_done_once_its_number_has_signed() -> None:
    two_of_three = after(OPERATOR, *FUNDERS[:2])
    assert two_of_three.awaited_before(ACADEMY.party_id) == ()
    assert FUNDERS[2] not in two_of_three.awaited


def test_a_group_lacks_nobody_once_enough_of_its_members_could_sign() -> None:
    able = [each.party_id for each in (OPERATOR, ACADEMY, HOST, FUNDERS[0])]
    assert after().awaited_beside(able) == tuple(FUNDERS[1:])
    assert after().awaited_beside([*able, FUNDERS[2].party_id]) == ()
    assert after(FUNDERS[1]).awaited_beside(able) == ()


def test_whoever_was_not_needed_may_still_sign() -> None:
    assert FUNDERS[2] in after(OPERATOR, *FUNDERS[:2]).may_sign_now


def test_parties_that_no_group_names_sign_last() -> None:
    assert after(OPERATOR, *FUNDERS, ACADEMY).may_sign_now == (HOST,)
    assert not after(OPERATOR, *FUNDERS, ACADEMY).complete
    assert after(OPERATOR, *FUNDERS, ACADEMY).completed_by(HOST.party_id)


def test_without_groups_everybody_signs_at_any_time() -> None:
    free = SigningOrder([], PARTIES, ())
    assert free.may_sign_now == tuple(PARTIES)


def test_who_signs_though_it_only_witnesses_from_then_on_is_awaited_last() -> None:
    order = SigningOrder(GROUPS, [*PARTIES, WITNESS], {each.party_id for each in PARTIES})
    assert order.awaited == order.may_sign_now == (WITNESS,)


def test_a_group_without_a_party_holds_nobody_up() -> None:
    groups = [SigningGroup(roles=("training_partner",), needed=2), *GROUPS]
    assert SigningOrder(groups, PARTIES, ()).may_sign_now == (OPERATOR,)


def test_a_group_with_fewer_parties_than_it_needs_needs_them_all() -> None:
    order = SigningOrder([SigningGroup(roles=("operator",), needed=2)], [OPERATOR], ())
    assert order.completed_by(OPERATOR.party_id)


def test_ink_stands_for_any_level_and_a_lower_one_does_not_do() -> None:
    assert reaches("handwritten_scan", "qualified") and reaches("qualified", "advanced")
    assert reaches("simple", "simple") and not reaches("simple", "advanced")


ROLES: list[PartyRole] = ["operator", "funder", "granting_authority", "premises_host", "witness"]


@given(
    roles=st.lists(st.sets(st.sampled_from(ROLES), min_size=1), max_size=7),
    groups=st.lists(
        st.builds(
            SigningGroup,
            roles=st.lists(st.sampled_from(ROLES), min_size=1, unique=True).map(tuple),
            needed=st.none() | st.integers(1, 3),
        ),
        max_size=4,
    ),
    choices=st.randoms(use_true_random=False),
)
def test_those_who_may_sign_always_lead_to_a_complete_signing(roles: list, groups: list, choices) -> None:  # type: ignore[no-untyped-def, type-arg]
    """Whoever is next: nobody is stuck while somebody is awaited, and nobody signs before those they wait for."""
    parties = [party(new_id(), *each) for each in roles]
    signed: set[UUID] = set()
    while not (order := SigningOrder(groups, parties, signed)).complete:
        assert order.may_sign_now, "somebody is awaited and nobody may sign"
        for each in order.awaited:
            assert (each in order.may_sign_now) == (not order.awaited_before(each.party_id))
        following = choices.choice(order.may_sign_now).party_id
        assert order.completed_by(following) == SigningOrder(groups, parties, {*signed, following}).complete
        signed.add(following)
    assert SigningOrder(groups, parties, {each.party_id for each in parties}).complete
