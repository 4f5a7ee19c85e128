"""Add what polling and webhooks need: receipts, announced messages, the times of watermarks."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

SQL = Path(__file__).parents[1] / "sql"


def upgrade():
    op.create_table(
        "message_fetches",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "fetched",
                "gone",
                "failed",
                name="fetchstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="pending",
            nullable=False,
        ),
        sa.Column(
            "attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("next_attempt_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("rung_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
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
            ["workspace_id", "config_id"],
            ["channel_configs.workspace_id", "channel_configs.id"],
            name=op.f("fk_message_fetches_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_message_fetches_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_fetches")),
        sa.UniqueConstraint(
            "config_id",
            "external_id",
            name=op.f("uq_message_fetches_config_id_external_id"),
        ),
    )
    op.create_index(
        "ix_message_fetches_unfinished",
        "message_fetches",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "webhook_receipts",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("query", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("items", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "received_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "config_id"],
            ["channel_configs.workspace_id", "channel_configs.id"],
            name=op.f("fk_webhook_receipts_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_webhook_receipts_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_receipts")),
    )
    op.create_index(
        op.f("ix_webhook_receipts_config_id"),
        "webhook_receipts",
        ["config_id", sa.literal_column("received_at DESC")],
        unique=False,
    )
    op.create_table(
        "event_repeats",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "import",
                "poll",
                "webhook",
                "post",
                "insert",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("receipt_id", sa.Uuid(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "first_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "last_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["message_events.id"],
            name=op.f("fk_event_repeats_event_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_event_repeats_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("event_id", "source", name=op.f("pk_event_repeats")),
    )
    op.add_column(
        "channel_configs", sa.Column("external_account_id", sa.Text(), nullable=True)
    )
    op.add_column(
        "channel_configs", sa.Column("poll_seconds", sa.Integer(), nullable=True)
    )
    op.add_column(
        "channel_configs",
        sa.Column("rate_limited_until", sa.TIMESTAMP(timezone=True), nullable=True),
    )
    op.add_column(
        "channel_configs",
        sa.Column(
            "subscribes", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    )
    op.create_index(
        op.f("ix_channel_configs_provider_external_account_id"),
        "channel_configs",
        ["provider", "external_account_id"],
        unique=False,
    )
    op.drop_constraint(
        op.f("uq_dead_letters_workspace_id_fingerprint"), "dead_letters", type_="unique"
    )
    op.create_index(
        "uq_dead_letters_fingerprint",
        "dead_letters",
        ["workspace_id", "fingerprint"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("fingerprint IS NOT NULL"),
    )
    op.add_column(
        "message_events",
        sa.Column(
            "source",
            sa.Enum(
                "import",
                "poll",
                "webhook",
                "post",
                "insert",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="insert",
            nullable=False,
        ),
    )
    op.add_column("message_events", sa.Column("receipt_id", sa.Uuid(), nullable=True))
    op.add_column("message_events", sa.Column("fingerprint", sa.Text(), nullable=True))
    op.create_unique_constraint(
        op.f("uq_message_events_config_id_fingerprint"),
        "message_events",
        ["config_id", "fingerprint"],
    )
    op.add_column(
        "sync_watermarks",
        sa.Column(
            "attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False
        ),
    )
    op.add_column(
        "sync_watermarks",
        sa.Column("next_attempt_at", sa.TIMESTAMP(timezone=True), nullable=True),
    )
    op.add_column("sync_watermarks", sa.Column("lease_token", sa.Uuid(), nullable=True))
    op.add_column(
        "sync_watermarks",
        sa.Column("lease_expires_at", sa.TIMESTAMP(timezone=True), nullable=True),
    )
    op.add_column(
        "sync_watermarks",
        sa.Column("rung_at", sa.TIMESTAMP(timezone=True), nullable=True),
    )
    op.add_column("sync_watermarks", sa.Column("last_error", sa.Text(), nullable=True))
    op.alter_column(
        "sync_watermarks",
        "resource",
        existing_type=sa.TEXT(),
        type_=sa.Enum(
            "messages",
            "subscription",
            name="watermarkresource",
            native_enum=False,
            create_constraint=True,
            length=20,
        ),
        existing_nullable=False,
    )
    op.alter_column(
        "sync_watermarks",
        "cursor",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        nullable=True,
    )
    op.execute((SQL / "wall_in_new_tables.sql").read_text())


def downgrade():
    op.alter_column(
        "sync_watermarks",
        "cursor",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        nullable=False,
    )
    op.alter_column(
        "sync_watermarks",
        "resource",
        existing_type=sa.Enum(
            "messages",
            "subscription",
            name="watermarkresource",
            native_enum=False,
            create_constraint=True,
            length=20,
        ),
        type_=sa.TEXT(),
        existing_nullable=False,
    )
    op.drop_column("sync_watermarks", "last_error")
    op.drop_column("sync_watermarks", "rung_at")
    op.drop_column("sync_watermarks", "lease_expires_at")
    op.drop_column("sync_watermarks", "lease_token")
    op.drop_column("sync_watermarks", "next_attempt_at")
    op.drop_column("sync_watermarks", "attempts")
    op.drop_constraint(
        op.f("uq_message_events_config_id_fingerprint"),
        "message_events",
        type_="unique",
    )
    op.drop_column("message_events", "fingerprint")
    op.drop_column("message_events", "receipt_id")
    op.drop_column("message_events", "source")
    op.drop_index(
        "uq_dead_letters_fingerprint",
        table_name="dead_letters",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("fingerprint IS NOT NULL"),
    )
    op.create_unique_constraint(
        op.f("uq_dead_letters_workspace_id_fingerprint"),
        "dead_letters",
        ["workspace_id", "fingerprint"],
        postgresql_nulls_not_distinct=False,
    )
    op.drop_index(
        op.f("ix_channel_configs_provider_external_account_id"),
        table_name="channel_configs",
    )
    op.drop_column("channel_configs", "subscribes")
    op.drop_column("channel_configs", "rate_limited_until")
    op.drop_column("channel_configs", "poll_seconds")
    op.drop_column("channel_configs", "external_account_id")
    op.drop_table("event_repeats")
    op.drop_index(op.f("ix_webhook_receipts_config_id"), table_name="webhook_receipts")
    op.drop_table("webhook_receipts")
    op.drop_index(
        "ix_message_fetches_unfinished",
        table_name="message_fetches",
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.drop_table("message_fetches")
