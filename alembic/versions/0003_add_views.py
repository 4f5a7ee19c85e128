"""Add the views that operators query."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"

SQL = Path(__file__).parents[1] / "sql"
VIEWS = (
    "bb_open_incidents",
    "bb_stalled_events",
    "bb_pipeline_progress",
    "bb_queue_depths",
    "bb_needs_classification",
    "bb_stage_latency",
    "bb_unreplied_messages",
)


def upgrade():
    op.execute((SQL / "views.sql").read_text())


def downgrade():
    for view in VIEWS:
        op.execute(f"DROP VIEW {view}")
