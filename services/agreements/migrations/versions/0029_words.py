"""How many agreements one sees is not taken for a two-hundredth of them: a long list is read in its order."""

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """The same condition; of `or` the planner guesses far too low, and sorts all that a filter leaves for one page."""
    op.execute(
        "alter policy jurisdiction on agreement using (case when current_setting('mithaq.scope', true) = 'national'"
        " then true else visible_to && string_to_array(nullif(current_setting('mithaq.scope', true), ''), ',') end)"
    )
