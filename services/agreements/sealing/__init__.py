"""Electronic seals (PAdES) under agreements: made through a provider's port, and examined without trusting them."""

from services.agreements.sealing.examination import NotReadable, Seal, examine
from services.agreements.sealing.holder import certificate_of, is_of
from services.agreements.sealing.installation import Sealing, configure, sealing
from services.agreements.sealing.keys import verifies
from services.agreements.sealing.port import PATIENCE, SEALED, Pen, Provider, Signatory
from services.agreements.sealing.revision import Prepared, complete, prepare
from services.agreements.sealing.timestamps import counts, stamp
from services.agreements.sealing.trust import Flaw, Trust

__all__ = [
    "PATIENCE",
    "SEALED",
    "Flaw",
    "NotReadable",
    "Pen",
    "Prepared",
    "Provider",
    "Seal",
    "Sealing",
    "Signatory",
    "Trust",
    "certificate_of",
    "complete",
    "configure",
    "counts",
    "examine",
    "is_of",
    "prepare",
    "sealing",
    "stamp",
    "verifies",
]
