"""The rules of an association, without input or output."""

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.network.association import Association, AssociationState
from services.network.errors import ProvinceOutsideAcademy
from services.network.mandate import Mandate
from services.network.organisation import Organisation
from services.network.tests.builders import association, identity
from shared.aggregate import Aggregate
from shared.events.base import DomainEvent
from shared.events.catalog import decode
from shared.events.centers import CenterClosed
from shared.ids import new_id
from shared.refusals import NotAllowedNow
from shared.territory import NETWORK_ID

DAY = date(2024, 6, 3)


def test_an_association_is_accredited_only_after_verification() -> None:
    with pytest.raises(NotAllowedNow) as refused:
        association().accredit(on=DAY)
    assert refused.value.values == {
        "kind": "association",
        "action": "accredit_association",
        "state": "registered",
        "allowed": ["start_verification"],
    }


def test_a_refused_association_stays_refused() -> None:
    refused = association("start_verification", "refuse_association")
    assert refused.state is AssociationState.refused
    assert all(refused.refusal_of(action) for action in Association.ALLOWED)


def test_a_reinstated_association_is_accredited_since_the_first_time() -> None:
    back = association("start_verification", "accredit_association", "suspend_association", "reinstate_association")
    assert back.state is AssociationState.accredited
    assert back.accredited_on == DAY
    assert back.reason is None


def test_the_seat_lies_in_the_academys_region() -> None:
    with pytest.raises(ProvinceOutsideAcademy):
        Association.register(new_id(), identity(academy="MA-04", province="MA-NOU"))


def test_what_is_published_names_no_legal_number() -> None:
    legal = identity()
    (event,) = Association.register(new_id(), legal)
    published = event.model_dump_json()
    assert legal.ice not in published
    assert legal.receipt_number not in published


def test_a_reason_stays_in_the_register() -> None:
    (event,) = association("start_verification").refuse(reason="récépissé périmé")
    assert "périmé" not in event.model_dump_json()


def test_an_association_is_seen_by_its_academy_its_directorate_itself_and_the_network() -> None:
    seen = association()
    assert seen.audience() == ("MA-06",)
    assert {"MA-06", "DP-CAS-ANFA", f"org:{seen.id}", f"org:{NETWORK_ID}"} <= set(seen.visible_to())
    assert "MA-05" not in seen.visible_to()


def test_deciding_changes_nothing() -> None:
    before = association("start_verification")
    copy = before.model_copy(deep=True)
    before.accredit(on=DAY)
    assert before == copy


@pytest.mark.parametrize("aggregate", [Association, Mandate, Organisation])
def test_an_aggregate_folds_no_event_of_another_kind(aggregate: type[Aggregate]) -> None:
    with pytest.raises(TypeError, match=r"center\.closed"):
        aggregate(id=new_id()).evolve([CenterClosed.model_validate(CenterClosed.example)])


class Register(RuleBasedStateMachine):
    """Whatever is tried in whatever order: only allowed steps happen, and the state is the fold of the events."""

    def __init__(self) -> None:
        super().__init__()
        self.id = new_id()
        self.events: list[DomainEvent] = list(Association.register(self.id, identity()))
        self.association = Association.fold(self.id, self.events)

    @rule(action=st.sampled_from(sorted(Association.ALLOWED)))
    def attempt(self, action: str) -> None:
        """Try any action: it is refused, or it leads where the table says."""
        state = self.association.state
        decide: dict[str, Callable[[], list[DomainEvent]]] = {
            "start_verification": self.association.start_verification,
            "accredit_association": lambda: self.association.accredit(on=DAY),
            "refuse_association": lambda: self.association.refuse(reason="(fictif)"),
            "suspend_association": lambda: self.association.suspend(on=DAY, reason="(fictif)"),
            "reinstate_association": lambda: self.association.reinstate(on=DAY),
        }
        if state not in Association.ALLOWED[action]:
            with pytest.raises(NotAllowedNow):
                decide[action]()
            return
        events = decide[action]()
        self.events += events
        self.association.evolve(events)
        assert self.association.state in LEADS_TO[state]

    @invariant()
    def state_is_the_fold_of_what_was_published_and_kept(self) -> None:
        """Also when every event went through its stored form."""
        stored = [decode(event.type, event.model_dump(mode="json")).keeping(**event.detail) for event in self.events]
        assert Association.fold(self.id, stored) == self.association
        assert self.association.version == len(self.events)

    @invariant()
    def only_the_suspended_and_the_refused_have_a_reason(self) -> None:
        """A reason comes and goes with its state."""
        explained = self.association.state in (AssociationState.suspended, AssociationState.refused)
        assert (self.association.reason is not None) == explained


LEADS_TO = {
    AssociationState.registered: {AssociationState.under_verification},
    AssociationState.under_verification: {AssociationState.accredited, AssociationState.refused},
    AssociationState.accredited: {AssociationState.suspended},
    AssociationState.suspended: {AssociationState.accredited},
    AssociationState.refused: set(),
}

TestRegister = Register.TestCase
