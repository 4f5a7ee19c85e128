"""Add the outbound queue, what people make of drafts, and the switch for automatic replies."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"

SQL = Path(__file__).parents[1] / "sql"


def upgrade():
    op.create_table(
        "outbound_messages",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column(
            "origin",
            sa.Enum(
                "person",
                "draft",
                "automatic",
                "campaign",
                name="outboundorigin",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("target_message_id", sa.Uuid(), nullable=True),
        sa.Column("draft_id", sa.Uuid(), nullable=True),
        sa.Column("recipient", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recipient_key", sa.Text(), nullable=False),
        sa.Column("text_digest", sa.LargeBinary(), nullable=False),
        sa.Column("head", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sending",
                "held",
                "uncertain",
                "sent",
                "failed",
                "cancelled",
                name="outboundstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="queued",
            nullable=False,
        ),
        sa.Column(
            "is_met", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column(
            "attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "checks", sa.SmallInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("next_attempt_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("rung_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("first_tried_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("finished_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_outbound_messages_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["draft_id"],
            ["drafts.id"],
            name=op.f("fk_outbound_messages_draft_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
            name=op.f("fk_outbound_messages_message_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["target_message_id"],
            ["messages.id"],
            name=op.f("fk_outbound_messages_target_message_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "config_id"],
            ["channel_configs.workspace_id", "channel_configs.id"],
            name=op.f("fk_outbound_messages_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_outbound_messages_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound_messages")),
        sa.UniqueConstraint("message_id", name=op.f("uq_outbound_messages_message_id")),
        sa.UniqueConstraint(
            "workspace_id",
            "request_key",
            "position",
            name=op.f("uq_outbound_messages_workspace_id_request_key_position"),
        ),
    )
    op.create_index(
        "ix_outbound_messages_automatic",
        "outbound_messages",
        ["workspace_id", "recipient_key", "first_tried_at"],
        unique=False,
        postgresql_where=sa.text("origin = 'automatic'"),
    )
    op.create_index(
        op.f("ix_outbound_messages_conversation_id_number"),
        "outbound_messages",
        ["conversation_id", "number"],
        unique=False,
    )
    op.create_index(
        "ix_outbound_messages_unfinished",
        "outbound_messages",
        ["conversation_id", "number"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        op.f("ix_outbound_messages_workspace_id_config_id"),
        "outbound_messages",
        ["workspace_id", "config_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_outbound_messages_target_message_id"),
        "outbound_messages",
        ["target_message_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_outbound_messages_workspace_id_created_at_id"),
        "outbound_messages",
        ["workspace_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_outbound_messages_uncertain",
        "outbound_messages",
        ["config_id"],
        unique=False,
        postgresql_where=sa.text("state = 'uncertain'"),
    )
    op.create_index(
        "ix_outbound_messages_unmet",
        "outbound_messages",
        ["config_id", "text_digest"],
        unique=False,
        postgresql_where=sa.text("NOT is_met"),
    )
    op.add_column("drafts", sa.Column("edited_body", sa.Text(), nullable=True))
    op.add_column("drafts", sa.Column("edited_by", sa.Text(), nullable=True))
    op.add_column(
        "drafts", sa.Column("edited_at", sa.TIMESTAMP(timezone=True), nullable=True)
    )
    op.add_column(
        "drafts",
        sa.Column("auto_reply", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )
    op.add_column(
        "workspaces",
        sa.Column(
            "auto_reply", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    )
    op.drop_constraint(op.f("ck_drafts_draftstatus"), "drafts", type_="check")
    op.create_check_constraint(
        op.f("ck_drafts_draftstatus"), "drafts", "status IN ('live', 'stale', 'sent')"
    )
    op.execute((SQL / "wall_in_new_tables.sql").read_text())
    op.execute((SQL / "queue_depths.sql").read_text())
    op.execute(
        "GRANT USAGE ON SEQUENCE outbound_messages_number_seq TO bizzybee_app, bizzybee_system"
    )


def downgrade():
    op.execute((SQL / "queue_depths_down.sql").read_text())
    op.execute("UPDATE drafts SET status = 'stale' WHERE status = 'sent'")
    op.drop_constraint(op.f("ck_drafts_draftstatus"), "drafts", type_="check")
    op.create_check_constraint(
        op.f("ck_drafts_draftstatus"), "drafts", "status IN ('live', 'stale')"
    )
    op.drop_column("workspaces", "auto_reply")
    op.drop_column("drafts", "auto_reply")
    op.drop_column("drafts", "edited_at")
    op.drop_column("drafts", "edited_by")
    op.drop_column("drafts", "edited_body")
    op.drop_index(
        op.f("ix_outbound_messages_workspace_id_created_at_id"),
        table_name="outbound_messages",
    )
    op.drop_index(
        "ix_outbound_messages_uncertain",
        table_name="outbound_messages",
        postgresql_where=sa.text("state = 'uncertain'"),
    )
    op.drop_index(
        "ix_outbound_messages_unmet",
        table_name="outbound_messages",
        postgresql_where=sa.text("NOT is_met"),
    )
    op.drop_index(
        "ix_outbound_messages_unfinished",
        table_name="outbound_messages",
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.drop_index(
        op.f("ix_outbound_messages_conversation_id_number"),
        table_name="outbound_messages",
    )
    op.drop_index(
        "ix_outbound_messages_automatic",
        table_name="outbound_messages",
        postgresql_where=sa.text("origin = 'automatic'"),
    )
    op.drop_table("outbound_messages")
