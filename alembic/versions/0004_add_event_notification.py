"""Notify the listener of events that other servers insert."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"

SQL = Path(__file__).parents[1] / "sql"


def upgrade():
    op.execute((SQL / "event_notification.sql").read_text())


def downgrade():
    op.execute("DROP TRIGGER notify_new_events ON message_events")
    op.execute("DROP FUNCTION bb_notify_new_events()")
