"""An explanation finds the letters that told of an event."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Lines are found by letter already."""
    op.create_index("letter_line_event", "letter_line", ["event_id"])
