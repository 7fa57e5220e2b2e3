"""Held for a change that is being made beside the next ones; nothing to do."""

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Nothing."""
