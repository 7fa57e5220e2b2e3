"""What people may do for their organisation is asked of them: workqueues know the roles that permissions know."""

import pytest

from services.agreements.permissions import APPROVERS, DESK, PARTNERS, SIGNERS
from services.notifications.kinds import Queue, kinds
from shared.actor import Role


@pytest.mark.parametrize(
    ("queue", "roles"), [("to_sign", SIGNERS), ("to_approve", APPROVERS), ("obligations", PARTNERS), ("visas", DESK)]
)
def test_whoever_may_do_it_has_it_among_their_work(queue: Queue, roles: frozenset[Role]) -> None:
    assert kinds().work[queue] == roles
