"""Add since when people do not want to be written to."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade():
    op.add_column(
        "customer_identities",
        sa.Column("opted_out_at", sa.TIMESTAMP(timezone=True), nullable=True),
    )
    op.add_column(
        "customer_identities",
        sa.Column("consent_at", sa.TIMESTAMP(timezone=True), nullable=True),
    )


def downgrade():
    op.drop_column("customer_identities", "consent_at")
    op.drop_column("customer_identities", "opted_out_at")
