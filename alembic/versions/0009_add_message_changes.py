"""Add what is told of messages after they were sent, and what it makes of them."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

SQL = Path(__file__).parents[1] / "sql"


def upgrade():
    op.create_table(
        "message_changes",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "text",
                "media",
                "reaction",
                "edit",
                "delete",
                "status",
                "call",
                "event",
                "unsupported",
                name="messagekind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("target_external_id", sa.Text(), nullable=True),
        sa.Column("external_thread_id", sa.Text(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["message_events.id"],
            name=op.f("fk_message_changes_event_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
            name=op.f("fk_message_changes_message_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "config_id"],
            ["channel_configs.workspace_id", "channel_configs.id"],
            name=op.f("fk_message_changes_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_message_changes_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_message_changes")),
    )
    op.create_index(
        op.f("ix_message_changes_message_id"),
        "message_changes",
        ["message_id"],
        unique=False,
    )
    op.create_index(
        "ix_message_changes_waiting",
        "message_changes",
        ["config_id", "target_external_id"],
        unique=False,
        postgresql_where=sa.text("message_id IS NULL"),
    )
    op.create_index(
        "ix_message_changes_watermarks",
        "message_changes",
        ["config_id", "external_thread_id"],
        unique=False,
        postgresql_where=sa.text("target_external_id IS NULL"),
    )
    op.drop_constraint(op.f("uq_drafts_target_message_id"), "drafts", type_="unique")
    op.create_index(
        "uq_drafts_target_message_id",
        "drafts",
        ["target_message_id"],
        unique=True,
        postgresql_where=sa.text("status = 'live'"),
    )
    op.create_index(
        op.f("ix_drafts_target_message_id"),
        "drafts",
        ["target_message_id"],
        unique=False,
    )
    op.add_column(
        "messages", sa.Column("edited_at", sa.TIMESTAMP(timezone=True), nullable=True)
    )
    op.add_column(
        "messages", sa.Column("deleted_at", sa.TIMESTAMP(timezone=True), nullable=True)
    )
    op.add_column(
        "messages",
        sa.Column(
            "reactions",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.add_column(
        "messages",
        sa.Column("call", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )
    op.create_index(
        "ix_messages_sent",
        "messages",
        ["config_id", "external_thread_id"],
        unique=False,
        postgresql_where=sa.text("direction = 'outbound'"),
    )
    op.drop_constraint(op.f("ck_messages_deliverystatus"), "messages", type_="check")
    op.create_check_constraint(
        op.f("ck_messages_deliverystatus"), "messages", statuses("queued", "sent")
    )
    op.execute((SQL / "wall_in_new_tables.sql").read_text())


def downgrade():
    op.drop_index(
        "ix_messages_sent",
        table_name="messages",
        postgresql_where=sa.text("direction = 'outbound'"),
    )
    op.drop_column("messages", "call")
    op.drop_column("messages", "reactions")
    op.drop_column("messages", "deleted_at")
    op.drop_column("messages", "edited_at")
    op.drop_index(op.f("ix_drafts_target_message_id"), table_name="drafts")
    op.drop_index(
        "uq_drafts_target_message_id",
        table_name="drafts",
        postgresql_where=sa.text("status = 'live'"),
    )
    op.create_unique_constraint(
        op.f("uq_drafts_target_message_id"),
        "drafts",
        ["target_message_id"],
        postgresql_nulls_not_distinct=False,
    )
    op.drop_index(
        "ix_message_changes_watermarks",
        table_name="message_changes",
        postgresql_where=sa.text("target_external_id IS NULL"),
    )
    op.drop_index(
        "ix_message_changes_waiting",
        table_name="message_changes",
        postgresql_where=sa.text("message_id IS NULL"),
    )
    op.drop_index(op.f("ix_message_changes_message_id"), table_name="message_changes")
    op.drop_table("message_changes")
    op.drop_constraint(op.f("ck_messages_deliverystatus"), "messages", type_="check")
    op.create_check_constraint(
        op.f("ck_messages_deliverystatus"), "messages", statuses()
    )


def statuses(*more):
    known = (*more, "delayed", "delivered", "read", "failed")
    return "delivery_status IN ({})".format(", ".join(f"'{one}'" for one in known))
