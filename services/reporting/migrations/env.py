"""Alembic's entry for the reporting database."""

from services.reporting.tables import Base
from shared.migrations import run

run(Base.metadata)
