"""Add the pieces of messages that are searched."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"

SQL = Path(__file__).parents[1] / "sql"

IS_UNCHUNKED = (
    "chunked_from IS DISTINCT FROM (CASE WHEN kind IN ('text', 'media') AND deleted_at IS NULL"
    " AND (delivery_status IS NULL OR delivery_status NOT IN ('queued', 'failed'))"
    " THEN md5(COALESCE(body_visible, '')) ELSE '' END)"
)


def upgrade():
    op.create_table(
        "rag_chunks",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.Text(), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "processing",
                "embedded",
                "failed",
                name="chunkstatus",
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
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("dimension", sa.Integer(), nullable=True),
        sa.Column("embedding", sa.ARRAY(sa.REAL()), nullable=True),
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
            name=op.f("fk_rag_chunks_message_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_rag_chunks_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rag_chunks")),
        sa.UniqueConstraint(
            "message_id",
            "position",
            name=op.f("uq_rag_chunks_message_id_position"),
        ),
    )
    op.create_index(
        op.f("ix_rag_chunks_workspace_id_model"),
        "rag_chunks",
        ["workspace_id", "model"],
    )
    op.create_index(
        "ix_rag_chunks_unfinished",
        "rag_chunks",
        ["workspace_id", "created_at"],
        postgresql_where=sa.text("status IN ('pending', 'processing')"),
    )
    op.create_index(
        "ix_rag_chunks_held",
        "rag_chunks",
        ["lease_token"],
        postgresql_where=sa.text("lease_token IS NOT NULL"),
    )
    op.add_column("messages", sa.Column("chunked_from", sa.Text(), nullable=True))
    op.create_index(
        "ix_messages_unchunked",
        "messages",
        ["workspace_id", "id"],
        postgresql_where=sa.text(IS_UNCHUNKED),
    )
    op.execute((SQL / "wall_in_new_tables.sql").read_text())
    op.execute((SQL / "vectors.sql").read_text())


def downgrade():
    # The extension stays: others may use it by now.
    op.drop_index("ix_messages_unchunked", table_name="messages")
    op.drop_column("messages", "chunked_from")
    op.drop_table("rag_chunks")
