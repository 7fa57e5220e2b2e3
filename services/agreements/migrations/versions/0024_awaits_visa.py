"""What waits for a visa is had from an index."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0022"

MAY_AWAIT_VISA = """
    status = 'signed' and state -> 'visa' ->> 'visa_number' is null and (
        state ->> 'kept_rules' is null or cast(state ->> 'kept_rules' as jsonb) ->> 'visa' is not null
    )
"""


def upgrade() -> None:
    """By what the state says, whichever version writes it; built while agreements are written."""
    with op.get_context().autocommit_block():
        # One that was given up half built is there, and not valid.
        op.drop_index("agreement_awaits_visa", "agreement", postgresql_concurrently=True, if_exists=True)
        op.create_index(
            "agreement_awaits_visa",
            "agreement",
            ["id"],
            postgresql_where=sa.text(MAY_AWAIT_VISA),
            postgresql_concurrently=True,
        )
