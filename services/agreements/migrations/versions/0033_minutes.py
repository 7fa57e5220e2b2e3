"""Room for a change of this number."""

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Nothing yet."""
