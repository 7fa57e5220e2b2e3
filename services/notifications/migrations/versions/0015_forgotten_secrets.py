"""Secrets that were replaced are deleted once they are of no use."""

from alembic import op

from shared.migrations import grant

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """The service may delete them."""
    grant(op, "endpoint_secret", "delete")
