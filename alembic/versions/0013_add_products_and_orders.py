"""Add what a workspace sells, and what the assistant takes orders for."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

SQL = Path(__file__).parents[1] / "sql"


def upgrade():
    op.create_table(
        "products",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "description", sa.Text(), server_default=sa.text("''"), nullable=False
        ),
        sa.Column("price", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "active", sa.Boolean(), server_default=sa.text("true"), nullable=False
        ),
        sa.Column(
            "max_quantity", sa.Integer(), server_default=sa.text("20"), nullable=False
        ),
        *timestamps(),
        sa.CheckConstraint("max_quantity > 0", name=op.f("ck_products_max_quantity")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_products_price")),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_products_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint(
            "workspace_id", "sku", name=op.f("uq_products_workspace_id_sku")
        ),
    )
    op.create_table(
        "orders",
        sa.Column(
            "id", sa.Uuid(), server_default=sa.text("bb_uuid7()"), nullable=False
        ),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("home_customer_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_by_message_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_with", sa.Text(), nullable=False),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("total", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("customer_name", sa.Text(), nullable=True),
        sa.Column("customer_phone", sa.Text(), nullable=True),
        sa.Column("customer_email", sa.Text(), nullable=True),
        sa.Column("customer_address", sa.Text(), nullable=True),
        sa.Column(
            "ai_generated",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "pending_review",
                "confirmed",
                "cancelled",
                "fulfilled",
                name="orderstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="pending_review",
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=True),
        *timestamps(),
        sa.ForeignKeyConstraint(
            ["confirmed_by_message_id"],
            ["messages.id"],
            name=op.f("fk_orders_confirmed_by_message_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_orders_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_orders_customer_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["home_customer_id"],
            ["customers.id"],
            name=op.f("fk_orders_home_customer_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_orders_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "confirmed_by_message_id", name=op.f("uq_orders_confirmed_by_message_id")
        ),
    )
    op.create_index(
        "ix_orders_newest",
        "orders",
        ["workspace_id", sa.text("created_at DESC"), sa.text("id DESC")],
        unique=False,
    )
    op.create_index(
        op.f("ix_orders_conversation_id"), "orders", ["conversation_id"], unique=False
    )
    op.create_index(
        op.f("ix_orders_customer_id"), "orders", ["customer_id"], unique=False
    )
    op.create_index(
        op.f("ix_orders_home_customer_id"),
        "orders",
        ["home_customer_id"],
        unique=False,
        postgresql_where=sa.text("home_customer_id IS NOT NULL"),
    )
    op.add_column("drafts", sa.Column("order_id", sa.Uuid(), nullable=True))
    op.add_column(
        "drafts",
        sa.Column(
            "order_refusal", postgresql.JSONB(astext_type=sa.Text()), nullable=True
        ),
    )
    op.create_foreign_key(
        op.f("fk_drafts_order_id"),
        "drafts",
        "orders",
        ["order_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_index(
        "ix_drafts_order_id",
        "drafts",
        ["order_id"],
        unique=False,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.add_column(
        "workspaces",
        sa.Column(
            "trust_orders",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
        ),
    )
    op.execute((SQL / "wall_in_new_tables.sql").read_text())


def downgrade():
    op.drop_column("workspaces", "trust_orders")
    op.drop_index(
        "ix_drafts_order_id",
        table_name="drafts",
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.drop_constraint(op.f("fk_drafts_order_id"), "drafts", type_="foreignkey")
    op.drop_column("drafts", "order_refusal")
    op.drop_column("drafts", "order_id")
    op.drop_table("orders")
    op.drop_table("products")


def timestamps():
    return [
        sa.Column(
            name,
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        )
        for name in ("created_at", "updated_at")
    ]
