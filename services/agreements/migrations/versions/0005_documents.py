"""Documents."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """No table: an agreement's documents are part of its state, their files lie outside the database."""
