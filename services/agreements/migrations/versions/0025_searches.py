"""What waits for a visa is had from indexes that hold nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

UNVISAED = "status = 'signed' and state -> 'visa' ->> 'visa_number' is null"
INDEXES = {
    "agreement_awaits_kept_visa": (
        ["id"],
        f"{UNVISAED} and cast(state ->> 'kept_rules' as jsonb) ->> 'visa' is not null",
    ),
    "agreement_may_await_visa": (["agreement_kind", "id"], f"{UNVISAED} and state ->> 'kept_rules' is null"),
}


def upgrade() -> None:
    """Before, each signed agreement without kept rules was in the index, also of kinds that ask for no visa."""
    with op.get_context().autocommit_block():
        for name, (columns, where) in INDEXES.items():
            # One that was given up half built is there, and not valid.
            op.drop_index(name, "agreement", postgresql_concurrently=True, if_exists=True)
            op.create_index(name, "agreement", columns, postgresql_where=sa.text(where), postgresql_concurrently=True)
        op.drop_index("agreement_awaits_visa", "agreement", postgresql_concurrently=True, if_exists=True)
