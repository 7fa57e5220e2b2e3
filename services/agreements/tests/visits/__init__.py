"""Visits to every route of agreements, for the walk: one module per noun."""

from services.agreements.tests.visits import amendments, ceremonies, force, negotiation, papers, reading, signing
from services.agreements.tests.visits.made import Made
from shared.database import Database
from tests.web.routes import Arrange


def arranged(database: Database) -> dict[str, Arrange]:
    """A visit per action; each makes what it needs."""
    made = Made(database)
    nouns = (reading, negotiation, signing, force, papers, amendments, ceremonies)
    return {action: visit for noun in nouns for action, visit in noun.visits(made).items()}
