"""Add what threads are joined by: claims, participants, joins, and where a merged one went."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

SQL = Path(__file__).parents[1] / "sql"
TABLES = ("thread_claims", "conversation_participants", "conversation_joins")


def upgrade():
    _add_columns()
    _add_claims()
    _add_participants()
    _add_joins()
    op.execute((SQL / "wall_in_new_tables.sql").read_text())
    op.execute((SQL / "thread_history.sql").read_text())
    _carry_over()


def downgrade():
    for table in TABLES:
        op.drop_table(table)
    op.drop_index("ix_conversations_merged", table_name="conversations")
    op.drop_column("messages", "identity_evidence")
    op.drop_column("conversations", "first_message_at")
    op.drop_column("conversations", "merged_into")


def _add_columns():
    op.add_column(
        "conversations",
        sa.Column(
            "merged_into",
            sa.Uuid(),
            sa.ForeignKey(
                "conversations.id",
                name=op.f("fk_conversations_merged_into"),
                ondelete="CASCADE",
            ),
        ),
    )
    op.add_column(
        "conversations", sa.Column("first_message_at", sa.TIMESTAMP(timezone=True))
    )
    op.add_column("messages", sa.Column("identity_evidence", sa.Text()))
    op.create_index(
        "ix_conversations_merged",
        "conversations",
        ["merged_into"],
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )


def _add_claims():
    op.create_table(
        "thread_claims",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column("external_thread_id", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                *("proves", "bears", "repeats", "points", "says", "asks"),
                name="claimkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("claimant", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        _of_workspace("thread_claims"),
        _of_conversation("thread_claims", "conversation_id"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "config_id"],
            ["channel_configs.workspace_id", "channel_configs.id"],
            name=op.f("fk_thread_claims_workspace_id_config_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            *("workspace_id", "config_id", "external_thread_id", "kind", "claimant"),
            *("scope", "conversation_id"),
            name=op.f("pk_thread_claims"),
        ),
    )
    op.create_index(
        op.f("ix_thread_claims_conversation_id"), "thread_claims", ["conversation_id"]
    )


def _add_participants():
    op.create_table(
        "conversation_participants",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        _of_workspace("conversation_participants"),
        _of_conversation("conversation_participants", "conversation_id"),
        sa.PrimaryKeyConstraint(
            "conversation_id", "token", name=op.f("pk_conversation_participants")
        ),
    )


def _add_joins():
    op.create_table(
        "conversation_joins",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.Column("loser_id", sa.Uuid(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("external_thread_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("moved", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        _of_workspace("conversation_joins"),
        _of_conversation("conversation_joins", "survivor_id"),
        _of_conversation("conversation_joins", "loser_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_joins")),
    )
    for column in ("survivor_id", "loser_id"):
        op.create_index(
            op.f(f"ix_conversation_joins_{column}"), "conversation_joins", [column]
        )


def _of_workspace(table):
    return sa.ForeignKeyConstraint(
        ["workspace_id"],
        ["workspaces.id"],
        name=op.f(f"fk_{table}_workspace_id"),
        ondelete="CASCADE",
    )


def _of_conversation(table, column):
    return sa.ForeignKeyConstraint(
        [column],
        ["conversations.id"],
        name=op.f(f"fk_{table}_{column}"),
        ondelete="CASCADE",
    )


def _carry_over():
    """Let what is stored already be found: who wrote, and which ids led where.

    Nobody remembers who pointed to an id, and its conversation was let in: anybody (`*`) did.
    """
    # Row-level security is forced: the owner of the tables sees no row of them.
    op.execute("SET LOCAL ROLE bizzybee_system")
    op.execute("""
        UPDATE conversations c SET first_message_at = m.first_at
        FROM (SELECT conversation_id, min(occurred_at) AS first_at FROM messages
              GROUP BY conversation_id) m
        WHERE m.conversation_id = c.id
    """)
    op.execute("""
        INSERT INTO conversation_participants (workspace_id, conversation_id, token)
        SELECT m.workspace_id, m.conversation_id, lower(person ->> 'value')
        FROM messages m
        JOIN channel_configs f ON f.id = m.config_id
        CROSS JOIN LATERAL jsonb_path_query(
            jsonb_build_array(m.sender) || m.recipients, '$[*]') person
        WHERE person ->> 'kind' = 'email' AND octet_length(person ->> 'value') <= 200
          AND NOT f.addresses ? lower(person ->> 'value')
        ON CONFLICT DO NOTHING
    """)
    op.execute("""
        INSERT INTO thread_claims (workspace_id, config_id, external_thread_id, kind,
                                   claimant, scope, conversation_id, evidence)
        SELECT workspace_id, config_id, external_thread_id,
               CASE evidence WHEN 'message_id' THEN 'bears' ELSE 'points' END,
               CASE evidence WHEN 'message_id' THEN '' ELSE '*' END,
               '', conversation_id, evidence
        FROM conversation_refs WHERE external_thread_id LIKE 'mid:%'
    """)
    op.execute("RESET ROLE")
