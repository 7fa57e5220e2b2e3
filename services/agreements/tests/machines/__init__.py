"""What tries decisions on aggregates, whatever the order; agreements part by part of their life."""

from services.agreements.tests.machines.agreements import DRAFTED, AgreementMachine, BoundAgreementMachine
from services.agreements.tests.machines.machine import MANY, Machine

__all__ = ["DRAFTED", "MANY", "AgreementMachine", "BoundAgreementMachine", "Machine"]
