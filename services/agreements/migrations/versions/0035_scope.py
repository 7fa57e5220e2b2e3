"""The scope is read once per statement, not once per row: half of what going through an index took was that."""

from alembic import op

revision = "0035"
down_revision = "0034"

SCOPE = "(select current_setting('mithaq.scope', true))"


def upgrade() -> None:
    """The same conditions; what is selected apart is worked out once."""
    op.execute(
        f"alter policy jurisdiction on agreement using (case when {SCOPE} = 'national' then true"
        " else visible_to && (select string_to_array(nullif(current_setting('mithaq.scope', true), ''), ',')) end)"
    )
    op.execute(
        f"alter policy jurisdiction on agreement_term using ({SCOPE} = 'national'"
        " or (select true from agreement where agreement.id = agreement_id))"
    )
