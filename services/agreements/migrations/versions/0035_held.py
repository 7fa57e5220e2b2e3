"""Held for a change that is being made beside the next ones; nothing to do."""

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Nothing."""
