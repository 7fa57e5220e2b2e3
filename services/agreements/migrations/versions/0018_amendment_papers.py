"""The papers of an amendment."""

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """No change: its papers lie in the table of papers, and the names of its files in its state and its journal."""
