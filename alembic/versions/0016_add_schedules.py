"""Add recurring jobs with their log, and where old raw payloads were moved to."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"

SQL = Path(__file__).parents[1] / "sql"


def upgrade():
    op.create_table(
        "scheduled_jobs",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False
        ),
        sa.Column("every_seconds", sa.Integer(), nullable=False),
        moment("anchor_at", server_default=sa.text("now()"), nullable=False),
        moment("next_run_at", server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        moment("lease_expires_at", nullable=True),
        moment("rung_at", nullable=True),
        moment("last_started_at", nullable=True),
        moment("last_finished_at", nullable=True),
        sa.Column("last_outcome", outcome(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        moment("created_at", server_default=sa.text("now()"), nullable=False),
        moment("updated_at", server_default=sa.text("now()"), nullable=False),
        in_workspace("scheduled_jobs"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_jobs")),
        sa.UniqueConstraint(
            "workspace_id", "kind", name=op.f("uq_scheduled_jobs_workspace_id_kind")
        ),
    )
    op.create_index(
        "ix_scheduled_jobs_due",
        "scheduled_jobs",
        ["next_run_at"],
        unique=False,
        postgresql_where=sa.text("enabled"),
    )
    op.create_table(
        "job_runs",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "attempt", sa.SmallInteger(), server_default=sa.text("1"), nullable=False
        ),
        moment("started_at", nullable=False),
        moment("finished_at", nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column(
            "counts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("outcome", outcome(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        in_workspace("job_runs"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_runs")),
    )
    op.create_index(
        op.f("ix_job_runs_workspace_id_kind"),
        "job_runs",
        ["workspace_id", "kind", sa.text("started_at DESC")],
        unique=False,
    )
    op.create_table(
        "archives",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "raw",
                "receipts",
                name="archivekind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        moment("first_at", nullable=False),
        moment("last_at", nullable=False),
        moment("created_at", server_default=sa.text("now()"), nullable=False),
        moment("restored_at", nullable=True),
        in_workspace("archives"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archives")),
        sa.UniqueConstraint(
            "workspace_id",
            "storage_key",
            name=op.f("uq_archives_workspace_id_storage_key"),
        ),
    )
    op.add_column("message_events", sa.Column("archive_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_message_events_raw",
        "message_events",
        ["workspace_id", "received_at"],
        unique=False,
        postgresql_where=sa.text("raw IS NOT NULL AND finished_at IS NOT NULL"),
    )
    op.add_column("webhook_receipts", sa.Column("archive_id", sa.Uuid(), nullable=True))
    op.create_index(
        op.f("ix_webhook_receipts_workspace_id_received_at"),
        "webhook_receipts",
        ["workspace_id", "received_at"],
        unique=False,
    )
    op.execute((SQL / "wall_in_new_tables.sql").read_text())
    op.execute((SQL / "run_history.sql").read_text())


def downgrade():
    op.drop_index(
        op.f("ix_webhook_receipts_workspace_id_received_at"),
        table_name="webhook_receipts",
    )
    op.drop_column("webhook_receipts", "archive_id")
    op.drop_index(
        "ix_message_events_raw",
        table_name="message_events",
        postgresql_where=sa.text("raw IS NOT NULL AND finished_at IS NOT NULL"),
    )
    op.drop_column("message_events", "archive_id")
    op.drop_table("archives")
    op.drop_table("job_runs")
    op.drop_table("scheduled_jobs")


def moment(name, **options):
    return sa.Column(name, sa.TIMESTAMP(timezone=True), **options)


def outcome():
    return sa.Enum(
        "done",
        "more",
        "failed",
        "lost",
        name="scheduledoutcome",
        native_enum=False,
        create_constraint=True,
        length=20,
    )


def in_workspace(table):
    return sa.ForeignKeyConstraint(
        ["workspace_id"],
        ["workspaces.id"],
        name=op.f(f"fk_{table}_workspace_id"),
        ondelete="CASCADE",
    )
