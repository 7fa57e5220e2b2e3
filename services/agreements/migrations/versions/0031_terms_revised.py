"""Agreements of before say whether their terms were revised, so that nobody has to fold them to know."""

from alembic import op

from shared.events.agreements import AgreementTermsRevised

revision = "0031"
down_revision = "0030"

REVISED = f"""
    update agreement set state = state || jsonb_build_object('terms_revised', exists (
        select from journal where aggregate_id = agreement.id and type = '{AgreementTermsRevised.type}'
    ))
    where not state ? 'terms_revised'
"""


def upgrade() -> None:
    """What an older instance writes meanwhile forgets it, and is folded when it is read (0060)."""
    op.execute("alter table agreement no force row level security")
    op.execute(REVISED)
    op.execute("alter table agreement force row level security")
