"""Add what became of our mails, and what mails quote."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

SQL = Path(__file__).parents[1] / "sql"


def upgrade():
    op.create_table(
        "mail_reports",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about_mail_id", sa.Text(), nullable=True),
        sa.Column("about_message_id", sa.Uuid(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
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
            ["message_id"],
            ["messages.id"],
            name=op.f("fk_mail_reports_message_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "config_id"],
            ["channel_configs.workspace_id", "channel_configs.id"],
            name=op.f("fk_mail_reports_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_mail_reports_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_mail_reports")),
    )
    op.create_index(
        op.f("ix_mail_reports_about_message_id"),
        "mail_reports",
        ["about_message_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_mail_reports_config_id_about_mail_id"),
        "mail_reports",
        ["config_id", "about_mail_id"],
        unique=False,
    )
    op.add_column(
        "customer_identities",
        sa.Column("undeliverable_at", sa.TIMESTAMP(timezone=True), nullable=True),
    )
    op.add_column(
        "customer_identities",
        sa.Column("undeliverable_reason", sa.Text(), nullable=True),
    )
    op.add_column("messages", sa.Column("mail_id", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("body_quoted", sa.Text(), nullable=True))
    op.add_column(
        "messages",
        sa.Column(
            "delivery_status",
            sa.Enum(
                "delayed",
                "delivered",
                "read",
                "failed",
                name="deliverystatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
    )
    op.add_column("messages", sa.Column("delivery_reason", sa.Text(), nullable=True))
    op.create_index(
        op.f("ix_messages_config_id_mail_id"),
        "messages",
        ["config_id", "mail_id"],
        unique=False,
    )
    op.execute((SQL / "wall_in_new_tables.sql").read_text())


def downgrade():
    op.drop_index(op.f("ix_messages_config_id_mail_id"), table_name="messages")
    op.drop_column("messages", "delivery_reason")
    op.drop_column("messages", "delivery_status")
    op.drop_column("messages", "body_quoted")
    op.drop_column("messages", "mail_id")
    op.drop_column("customer_identities", "undeliverable_reason")
    op.drop_column("customer_identities", "undeliverable_at")
    op.drop_index(
        op.f("ix_mail_reports_config_id_about_mail_id"), table_name="mail_reports"
    )
    op.drop_index(op.f("ix_mail_reports_about_message_id"), table_name="mail_reports")
    op.drop_table("mail_reports")
