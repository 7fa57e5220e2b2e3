"""Alembic's entry for the agreements database."""

from services.agreements.tables import Base
from shared.migrations import run

run(Base.metadata)
