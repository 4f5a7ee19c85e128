"""Add merges of customers that can be undone, and whose each row is by itself."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"

SQL = Path(__file__).parents[1] / "sql"

#: What belongs to a customer, and what becomes of it without its own one.
FOLLOWERS = {
    "customer_identities": "CASCADE",
    "conversations": "SET NULL",
    "messages": "SET NULL",
}
ENDS = ("survivor_id", "loser_id", "survivor_home_id", "loser_home_id")


def upgrade():
    op.create_table(
        "customer_merges",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        *(sa.Column(end, sa.Uuid(), nullable=False) for end in ENDS),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column(
            "details",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column(
            "moved",
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
        sa.Column("undone_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [end],
                ["customers.id"],
                name=op.f(f"fk_customer_merges_{end}"),
                ondelete="CASCADE",
            )
            for end in ENDS
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_customer_merges_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_merges")),
        sa.UniqueConstraint(
            "workspace_id",
            "number",
            name=op.f("uq_customer_merges_workspace_id_number"),
        ),
    )
    for end in ENDS:
        op.create_index(op.f(f"ix_customer_merges_{end}"), "customer_merges", [end])
    op.add_column("customers", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_customers_merged_into"),
        "customers",
        "customers",
        ["merged_into"],
        ["id"],
        ondelete="CASCADE",
    )
    op.create_index(
        "ix_customers_merged",
        "customers",
        ["merged_into"],
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.add_column("customers", sa.Column("name_from", sa.Uuid(), nullable=True))
    op.add_column(
        "customer_identities",
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )
    for table, without in FOLLOWERS.items():
        op.add_column(table, sa.Column("home_customer_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_home_customer_id"),
            table,
            "customers",
            ["home_customer_id"],
            ["id"],
            ondelete=without,
        )
        op.create_index(
            op.f(f"ix_{table}_home_customer_id"),
            table,
            ["home_customer_id"],
            postgresql_where=sa.text("home_customer_id IS NOT NULL"),
        )
    op.execute((SQL / "wall_in_new_tables.sql").read_text())
    op.execute((SQL / "merge_history.sql").read_text())


def downgrade():
    for table in FOLLOWERS:
        op.drop_column(table, "home_customer_id")
    op.drop_column("customer_identities", "evidence")
    op.drop_index("ix_customers_merged", table_name="customers")
    op.drop_column("customers", "name_from")
    op.drop_column("customers", "merged_into")
    op.drop_table("customer_merges")
