"""What a search filters and orders by is had from one index."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Agreements that have a word are found and put in order without a look at their rows.

    The index is built while agreements are written, which ends the transaction: all until there may be done again.
    """
    with op.get_context().autocommit_block():
        # One that was given up half built is there, and not valid.
        op.drop_index("agreement_found", "agreement", postgresql_concurrently=True, if_exists=True)
        op.create_index(
            "agreement_found",
            "agreement",
            ["status", "agreement_kind", "agreement_type", "academy", "id"],
            postgresql_include=["visible_to", "reference", "effective_from", "effective_until", "updated_at"],
            postgresql_concurrently=True,
        )
