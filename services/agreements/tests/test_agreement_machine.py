"""Agreements under every order of actions that anybody could try."""

from collections.abc import Iterator

import pytest

from services.agreements.tests.builders import ask_for_a_visa
from services.agreements.tests.machines import MANY, AgreementMachine, BoundAgreementMachine


@pytest.fixture(scope="module", autouse=True)
def a_kind_asks_for_a_visa() -> Iterator[None]:
    """While the machines run."""
    with pytest.MonkeyPatch.context() as patched:
        ask_for_a_visa(patched)
        yield


AgreementMachine.TestCase.settings = MANY
BoundAgreementMachine.TestCase.settings = MANY
TestAgreementMachine = AgreementMachine.TestCase
TestBoundAgreementMachine = BoundAgreementMachine.TestCase
