"""Alembic's entry for the network database."""

from services.network.tables import Base
from shared.migrations import run

run(Base.metadata)
