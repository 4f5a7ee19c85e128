"""Add who has a thread while it is handed over."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

SQL = Path(__file__).parents[1] / "sql"


def upgrade():
    op.create_table(
        "thread_owners",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column("external_thread_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "config_id"],
            ["channel_configs.workspace_id", "channel_configs.id"],
            name=op.f("fk_thread_owners_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_thread_owners_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id",
            "config_id",
            "external_thread_id",
            name=op.f("pk_thread_owners"),
        ),
    )
    op.add_column(
        "conversations", sa.Column("handed_over_to", sa.Text(), nullable=True)
    )
    op.execute((SQL / "wall_in_new_tables.sql").read_text())


def downgrade():
    op.drop_column("conversations", "handed_over_to")
    op.drop_table("thread_owners")
