"""Which granules of a scene were read in the end, and when its catalogue withdrew it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("scenes", sa.Column("used", sa.Text(), nullable=False, server_default=sa.text("'[]'")))
    op.add_column("scenes", sa.Column("withdrawn_at", sa.Text(), nullable=False, server_default=sa.text("''")))
