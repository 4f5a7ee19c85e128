"""Create the tables of the pipeline: tenants, accounts, events, conversations, operations."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade():
    op.execute((SQL / "uuid7.sql").read_text())
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "workspaces",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspaces")),
        sa.UniqueConstraint("name", name=op.f("uq_workspaces_name")),
    )
    op.create_table(
        "api_keys",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
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
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_api_keys_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_keys_prefix")),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "details",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_audit_log_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_table(
        "channel_configs",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column(
            "addresses",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("credentials", sa.LargeBinary(), nullable=True),
        sa.Column(
            "settings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "paused",
                "disconnected",
                name="configstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="active",
            nullable=False,
        ),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column(
            "connected_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("last_fetch_timestamp", sa.TIMESTAMP(timezone=True), nullable=True),
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
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_channel_configs_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_configs")),
        sa.UniqueConstraint(
            "workspace_id", "id", name=op.f("uq_channel_configs_workspace_id_id")
        ),
        sa.UniqueConstraint(
            "workspace_id", "name", name=op.f("uq_channel_configs_workspace_id_name")
        ),
    )
    op.create_index(
        op.f("ix_channel_configs_workspace_id_channel"),
        "channel_configs",
        ["workspace_id", "channel"],
        unique=False,
    )
    op.create_table(
        "customers",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("first_seen_at", sa.TIMESTAMP(timezone=True), nullable=False),
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
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_customers_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
    )
    op.create_index(
        op.f("ix_customers_workspace_id"), "customers", ["workspace_id"], unique=False
    )
    op.create_table(
        "pipeline_incidents",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "severity",
            sa.Enum(
                "warning",
                "error",
                "critical",
                name="severity",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "acknowledged",
                "resolved",
                name="incidentstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="open",
            nullable=False,
        ),
        sa.Column(
            "first_seen_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "last_seen_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("resolved_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "details",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_pipeline_incidents_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipeline_incidents")),
        sa.UniqueConstraint(
            "workspace_id",
            "dedupe_key",
            name=op.f("uq_pipeline_incidents_workspace_id_dedupe_key"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "pipeline_job_audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=True),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column(
            "attempt", sa.SmallInteger(), server_default=sa.text("1"), nullable=False
        ),
        sa.Column(
            "duration_ms", sa.Integer(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_pipeline_job_audit_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipeline_job_audit")),
    )
    op.create_index(
        op.f("ix_pipeline_job_audit_created_at"),
        "pipeline_job_audit",
        ["created_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_pipeline_job_audit_event_id"),
        "pipeline_job_audit",
        ["event_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_pipeline_job_audit_run_id"),
        "pipeline_job_audit",
        ["run_id"],
        unique=False,
    )
    op.create_table(
        "sender_rules",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column(
            "field",
            sa.Enum(
                "address",
                "domain",
                "subject",
                name="rulefield",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column(
            "category",
            sa.Enum(
                "notification",
                "newsletter",
                "spam",
                "inquiry",
                "order",
                "booking",
                "cancellation",
                "complaint",
                "payment",
                "feedback",
                "personal",
                "other",
                name="category",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "decision",
            sa.Enum(
                "auto_handled",
                "needs_human",
                "act_now",
                "quick_win",
                name="decision",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
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
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_sender_rules_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sender_rules")),
        sa.UniqueConstraint(
            "workspace_id",
            "field",
            "pattern",
            name=op.f("uq_sender_rules_workspace_id_field_pattern"),
        ),
    )
    op.create_index(
        op.f("ix_sender_rules_workspace_id"),
        "sender_rules",
        ["workspace_id"],
        unique=False,
    )
    op.create_table(
        "conversations",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "new",
                "open",
                "pending",
                "closed",
                name="conversationstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="new",
            nullable=False,
        ),
        sa.Column(
            "ai_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False
        ),
        sa.Column(
            "decision",
            sa.Enum(
                "auto_handled",
                "needs_human",
                "act_now",
                "quick_win",
                name="decision",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column(
            "category",
            sa.Enum(
                "notification",
                "newsletter",
                "spam",
                "inquiry",
                "order",
                "booking",
                "cancellation",
                "complaint",
                "payment",
                "feedback",
                "personal",
                "other",
                name="category",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("last_message_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_inbound_message_id", sa.Uuid(), nullable=True),
        sa.Column(
            "last_inbound_message_at", sa.TIMESTAMP(timezone=True), nullable=True
        ),
        sa.Column(
            "last_outbound_message_at", sa.TIMESTAMP(timezone=True), nullable=True
        ),
        sa.Column("last_classified_message_id", sa.Uuid(), nullable=True),
        sa.Column("last_classify_enqueued_message_id", sa.Uuid(), nullable=True),
        sa.Column("last_draft_message_id", sa.Uuid(), nullable=True),
        sa.Column("last_draft_enqueued_message_id", sa.Uuid(), nullable=True),
        sa.Column("ai_draft_response", sa.Text(), nullable=True),
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
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_conversations_customer_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "config_id"],
            ["channel_configs.workspace_id", "channel_configs.id"],
            name=op.f("fk_conversations_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_conversations_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    op.create_index(
        op.f("ix_conversations_customer_id"),
        "conversations",
        ["customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_conversations_inbox",
        "conversations",
        ["workspace_id", sa.literal_column("last_message_at DESC")],
        unique=False,
    )
    op.create_table(
        "customer_identities",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("original", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
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
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_identities_customer_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "config_id"],
            ["channel_configs.workspace_id", "channel_configs.id"],
            name=op.f("fk_customer_identities_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_customer_identities_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_identities")),
        sa.UniqueConstraint(
            "workspace_id",
            "kind",
            "value",
            "config_id",
            name=op.f("uq_customer_identities_workspace_id_kind_value_config_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        op.f("ix_customer_identities_customer_id"),
        "customer_identities",
        ["customer_id"],
        unique=False,
    )
    op.create_table(
        "pipeline_runs",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "mode",
            sa.Enum(
                "triage",
                "history",
                name="runmode",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="triage",
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "running",
                "completed",
                "failed",
                "cancelled",
                name="runstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="queued",
            nullable=False,
        ),
        sa.Column("cap", sa.Integer(), nullable=True),
        sa.Column("folder", sa.Text(), nullable=True),
        sa.Column("page_token", sa.Text(), nullable=True),
        sa.Column(
            "fetched_so_far", sa.Integer(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("pages", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "duplicates", sa.Integer(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "rejected", sa.Integer(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "rate_limit_count",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column(
            "truncated", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column(
            "attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("next_attempt_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("rung_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column(
            "heartbeat_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "started_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "config_id"],
            ["channel_configs.workspace_id", "channel_configs.id"],
            name=op.f("fk_pipeline_runs_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_pipeline_runs_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipeline_runs")),
    )
    op.create_index(
        op.f("ix_pipeline_runs_workspace_id"),
        "pipeline_runs",
        ["workspace_id", sa.literal_column("started_at DESC")],
        unique=False,
    )
    op.create_index(
        "uq_pipeline_runs_going",
        "pipeline_runs",
        ["config_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "sync_watermarks",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("cursor", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
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
            name=op.f("fk_sync_watermarks_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_sync_watermarks_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_watermarks")),
        sa.UniqueConstraint(
            "config_id", "resource", name=op.f("uq_sync_watermarks_config_id_resource")
        ),
    )
    op.create_table(
        "conversation_refs",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column("external_thread_id", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
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
            name=op.f("fk_conversation_refs_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "config_id"],
            ["channel_configs.workspace_id", "channel_configs.id"],
            name=op.f("fk_conversation_refs_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_conversation_refs_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_refs")),
        sa.UniqueConstraint(
            "workspace_id",
            "channel",
            "config_id",
            "external_thread_id",
            name=op.f(
                "uq_conversation_refs_workspace_id_channel_config_id_external_thread_id"
            ),
        ),
    )
    op.create_index(
        op.f("ix_conversation_refs_conversation_id"),
        "conversation_refs",
        ["conversation_id"],
        unique=False,
    )
    op.create_table(
        "message_events",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("external_thread_id", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column(
            "direction",
            sa.Enum(
                "inbound",
                "outbound",
                name="direction",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("content_digest", sa.Text(), nullable=True),
        sa.Column(
            "id_collision",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "received",
                "materialized",
                "classified",
                "decided",
                "drafted",
                "stored",
                "superseded",
                "failed",
                name="eventstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="received",
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decision", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("next_attempt_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("rung_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("superseded_by", sa.Uuid(), nullable=True),
        sa.Column(
            "received_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("materialized_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("classified_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("decided_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("drafted_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("finished_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column(
            "updated_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_message_events_conversation_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["pipeline_runs.id"],
            name=op.f("fk_message_events_run_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "config_id"],
            ["channel_configs.workspace_id", "channel_configs.id"],
            name=op.f("fk_message_events_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_message_events_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_events")),
        sa.UniqueConstraint(
            "workspace_id",
            "channel",
            "config_id",
            "external_id",
            name=op.f("uq_message_events_workspace_id_channel_config_id_external_id"),
        ),
    )
    op.create_index(
        "ix_message_events_conversation_unfinished",
        "message_events",
        ["conversation_id"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        op.f("ix_message_events_message_id"),
        "message_events",
        ["message_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_message_events_run_id"), "message_events", ["run_id"], unique=False
    )
    op.create_index(
        "ix_message_events_unfinished",
        "message_events",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "dead_letters",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("source_queue", sa.Text(), nullable=False),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("traceback", sa.Text(), nullable=True),
        sa.Column(
            "attempts", sa.SmallInteger(), server_default=sa.text("1"), nullable=False
        ),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "requeued",
                "discarded",
                name="deadletterstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="open",
            nullable=False,
        ),
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
            ["event_id"],
            ["message_events.id"],
            name=op.f("fk_dead_letters_event_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_dead_letters_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
        sa.UniqueConstraint(
            "workspace_id",
            "fingerprint",
            name=op.f("uq_dead_letters_workspace_id_fingerprint"),
        ),
    )
    op.create_index(
        op.f("ix_dead_letters_event_id"), "dead_letters", ["event_id"], unique=False
    )
    op.create_index(
        "ix_dead_letters_status",
        "dead_letters",
        ["status", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_table(
        "messages",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("external_thread_id", sa.Text(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column(
            "direction",
            sa.Enum(
                "inbound",
                "outbound",
                name="direction",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "sender_type",
            sa.Enum(
                "customer",
                "employee",
                "agent",
                name="sendertype",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("sender", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "recipients",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
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
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("body_visible", sa.Text(), nullable=True),
        sa.Column("body_html", sa.Text(), nullable=True),
        sa.Column(
            "attachments",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("thread_evidence", sa.Text(), nullable=True),
        sa.Column(
            "is_automatic",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
        ),
        sa.Column(
            "is_old", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column(
            "reply_sent", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("sent_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("occurred_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column(
            "created_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_messages_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_messages_customer_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["message_events.id"],
            name=op.f("fk_messages_event_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "config_id"],
            ["channel_configs.workspace_id", "channel_configs.id"],
            name=op.f("fk_messages_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_messages_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint(
            "workspace_id",
            "config_id",
            "external_id",
            name=op.f("uq_messages_workspace_id_config_id_external_id"),
        ),
    )
    op.create_index(
        op.f("ix_messages_customer_id"), "messages", ["customer_id"], unique=False
    )
    op.create_index(
        op.f("ix_messages_event_id"), "messages", ["event_id"], unique=False
    )
    op.create_index(
        "ix_messages_timeline",
        "messages",
        ["conversation_id", sa.literal_column("occurred_at DESC"), "id"],
        unique=False,
    )
    op.create_index(
        "ix_messages_unreplied",
        "messages",
        ["workspace_id", "conversation_id"],
        unique=False,
        postgresql_where=sa.text(
            "NOT is_old AND NOT reply_sent AND sender_type = 'customer'"
        ),
    )
    op.create_table(
        "drafts",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("target_message_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "live",
                "stale",
                name="draftstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="live",
            nullable=False,
        ),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column(
            "usage",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
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
            name=op.f("fk_drafts_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["target_message_id"],
            ["messages.id"],
            name=op.f("fk_drafts_target_message_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_drafts_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
        sa.UniqueConstraint(
            "target_message_id", name=op.f("uq_drafts_target_message_id")
        ),
    )
    op.create_index(
        op.f("ix_drafts_conversation_id"), "drafts", ["conversation_id"], unique=False
    )


def downgrade():
    op.drop_index(op.f("ix_drafts_conversation_id"), table_name="drafts")
    op.drop_table("drafts")
    op.drop_index(
        "ix_messages_unreplied",
        table_name="messages",
        postgresql_where=sa.text(
            "NOT is_old AND NOT reply_sent AND sender_type = 'customer'"
        ),
    )
    op.drop_index("ix_messages_timeline", table_name="messages")
    op.drop_index(op.f("ix_messages_event_id"), table_name="messages")
    op.drop_index(op.f("ix_messages_customer_id"), table_name="messages")
    op.drop_table("messages")
    op.drop_index("ix_dead_letters_status", table_name="dead_letters")
    op.drop_index(op.f("ix_dead_letters_event_id"), table_name="dead_letters")
    op.drop_table("dead_letters")
    op.drop_index(
        "ix_message_events_unfinished",
        table_name="message_events",
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.drop_index(op.f("ix_message_events_run_id"), table_name="message_events")
    op.drop_index(op.f("ix_message_events_message_id"), table_name="message_events")
    op.drop_index(
        "ix_message_events_conversation_unfinished",
        table_name="message_events",
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.drop_table("message_events")
    op.drop_index(
        op.f("ix_conversation_refs_conversation_id"), table_name="conversation_refs"
    )
    op.drop_table("conversation_refs")
    op.drop_table("sync_watermarks")
    op.drop_index(
        "uq_pipeline_runs_going",
        table_name="pipeline_runs",
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.drop_index(op.f("ix_pipeline_runs_workspace_id"), table_name="pipeline_runs")
    op.drop_table("pipeline_runs")
    op.drop_index(
        op.f("ix_customer_identities_customer_id"), table_name="customer_identities"
    )
    op.drop_table("customer_identities")
    op.drop_index("ix_conversations_inbox", table_name="conversations")
    op.drop_index(op.f("ix_conversations_customer_id"), table_name="conversations")
    op.drop_table("conversations")
    op.drop_index(op.f("ix_sender_rules_workspace_id"), table_name="sender_rules")
    op.drop_table("sender_rules")
    op.drop_index(op.f("ix_pipeline_job_audit_run_id"), table_name="pipeline_job_audit")
    op.drop_index(
        op.f("ix_pipeline_job_audit_event_id"), table_name="pipeline_job_audit"
    )
    op.drop_index(
        op.f("ix_pipeline_job_audit_created_at"), table_name="pipeline_job_audit"
    )
    op.drop_table("pipeline_job_audit")
    op.drop_table("pipeline_incidents")
    op.drop_index(op.f("ix_customers_workspace_id"), table_name="customers")
    op.drop_table("customers")
    op.drop_index(
        op.f("ix_channel_configs_workspace_id_channel"), table_name="channel_configs"
    )
    op.drop_table("channel_configs")
    op.drop_table("audit_log")
    op.drop_table("api_keys")
    op.drop_table("workspaces")
    op.drop_table("heartbeats")
    op.execute("DROP FUNCTION bb_uuid7()")
