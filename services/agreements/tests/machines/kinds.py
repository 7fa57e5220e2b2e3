"""The ministry changes kinds while agreements live."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from services.agreements.kinds import EditionRule, ObligationRule, SigningGroup, SigningRule
from services.agreements.tests.builders import NAME, change_kind
from services.agreements.tests.machines.life import Life
from shared.events.agreements import AgreementApproved, AgreementNegotiationOpened

IN_TURN = tuple(SigningGroup(roles=(role,)) for role in ("operator", "supervising_ministry"))
CHANGES: list[dict[str, Any]] = [
    {"visa": NAME, "notice_days": 0},
    {"visa": None, "suspension_notice_days": 60},
    {"signing": SigningRule(groups=IN_TURN)},
    {"signing": SigningRule(offer_days=20, remind_days=(3,))},
    {"editions": None},
    {"editions": EditionRule(most=2, tacit=True, lead_days=10), "obligations": ObligationRule(remind_before=(5,))},
]
"""Of a kind's data, in its next version."""


class Kinds(Life):
    """What was approved keeps the rules of its approval."""

    def __init__(self) -> None:
        super().__init__()
        self.patched = pytest.MonkeyPatch()

    def teardown(self) -> None:
        """Kinds are as their files say again."""
        self.patched.undo()

    @rule(changes=st.sampled_from(CHANGES))
    def the_ministry_changes_the_kind(self, changes: dict[str, Any]) -> None:
        """What was approved is the same agreement still."""
        asked, kept = self.aggregate.rules, self.aggregate.kind_version is not None
        changed = change_kind(self.patched, self.aggregate.agreement_kind, **changes)
        assert self.aggregate.rules == (asked if kept else changed)

    @invariant()
    def it_keeps_the_rules_of_its_approval(self) -> None:
        """Until it is negotiated again."""
        if hasattr(self, "aggregate"):
            turns = [each for each in self.events if isinstance(each, AgreementApproved | AgreementNegotiationOpened)]
            last = turns[-1] if turns else None
            under = last.kind_version if isinstance(last, AgreementApproved) else None
            assert self.aggregate.kind_version == under
