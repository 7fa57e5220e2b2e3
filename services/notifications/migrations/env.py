"""Alembic's entry for the notifications database."""

from services.notifications.tables import Base
from shared.migrations import run

run(Base.metadata)
