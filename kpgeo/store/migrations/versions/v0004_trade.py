"""Whose production a figure is, artisanal or industrial, and what participants declared of their trade."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("declared", sa.Column("sector", sa.Text(), nullable=False, server_default=sa.text("'all'")))
    real: sa.Double[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
    op.create_table(
        "trade",
        sa.Column("seq", sa.Integer(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.Column("carats", real),
        sa.Column("value_usd", real),
        sa.Column("certificates", sa.Integer()),
        sa.Column("as_published_on", sa.Text()),
        sa.UniqueConstraint("content_digest", name="ux_trade_content"),
        sqlite_strict=True,
    )


_TEXTS = (
    "content_digest", "participant", "iso3", "partner", "partner_iso3", "flow", "period", "kind", "source",
    "confidence", "mark", "entered_by", "entered_at",
)  # fmt: skip
