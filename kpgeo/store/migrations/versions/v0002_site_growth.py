"""What a site grew by in each month, and how often it was looked at. The next run makes older rows again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    real: sa.Double[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
    op.add_column("sites", sa.Column("looks", real, nullable=False, server_default=sa.text("0")))
    op.add_column("sites", sa.Column("growth", sa.Text(), nullable=False, server_default=sa.text("'[]'")))
