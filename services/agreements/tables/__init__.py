"""The agreements service's tables, one module per noun."""

from services.agreements.tables.agreements import AGREEMENTS, AWAITS_KEPT_VISA, MAY_AWAIT_VISA
from services.agreements.tables.amendments import AMENDMENTS
from services.agreements.tables.base import SEEN_BY, Base
from services.agreements.tables.calendars import CalendarRow
from services.agreements.tables.ceremonies import CEREMONIES, ScreenRow
from services.agreements.tables.checkpoints import CHECKPOINTS, ChainHeadRow, ChainLevelRow
from services.agreements.tables.neighbours import (
    CENTER_DAYS,
    AssociationStandingRow,
    CenterFactRow,
    EndpointFactRow,
    MandateRow,
    OrganisationRow,
    ReaderFactRow,
    SubscriberFactRow,
)
from services.agreements.tables.obligations import OWED, ObligationRow
from services.agreements.tables.papers import PaperRow
from services.agreements.tables.searches import AgreementTermRow, ClauseWordRow, SavedSearchRow
from services.agreements.tables.signing import SignatureBatchRow
from services.agreements.tables.substitutions import SUBSTITUTIONS
from services.agreements.tables.threads import THREADS

__all__ = [
    "AGREEMENTS",
    "AMENDMENTS",
    "AWAITS_KEPT_VISA",
    "CENTER_DAYS",
    "CEREMONIES",
    "CHECKPOINTS",
    "MAY_AWAIT_VISA",
    "OWED",
    "SEEN_BY",
    "SUBSTITUTIONS",
    "THREADS",
    "AgreementTermRow",
    "AssociationStandingRow",
    "Base",
    "CalendarRow",
    "CenterFactRow",
    "ChainHeadRow",
    "ChainLevelRow",
    "ClauseWordRow",
    "EndpointFactRow",
    "MandateRow",
    "ObligationRow",
    "OrganisationRow",
    "PaperRow",
    "ReaderFactRow",
    "SavedSearchRow",
    "ScreenRow",
    "SignatureBatchRow",
    "SubscriberFactRow",
]
