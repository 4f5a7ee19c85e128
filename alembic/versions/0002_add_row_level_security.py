"""Wall tenants in: two roles, and row-level security forced on every table of a workspace."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

SQL = Path(__file__).parents[1] / "sql"


def upgrade():
    op.execute((SQL / "row_level_security.sql").read_text())


def downgrade():
    op.execute((SQL / "row_level_security_down.sql").read_text())
