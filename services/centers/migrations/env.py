"""Alembic's entry for the centers database."""

from services.centers.tables import Base
from shared.migrations import run

run(Base.metadata)
