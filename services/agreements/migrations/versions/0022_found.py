"""What a search filters and orders by is had from one index."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Agreements that have a word are found and put in order without a look at their rows."""
    op.create_index(
        "agreement_found",
        "agreement",
        ["status", "agreement_kind", "agreement_type", "academy", "id"],
        postgresql_include=["visible_to", "reference", "effective_from", "effective_until", "updated_at"],
    )
