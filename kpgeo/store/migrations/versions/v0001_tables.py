"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "commits",
        sa.Column("aoi_id", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("snapshot_id", sa.Text(), nullable=False),
        sa.Column("first_dekad", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_dekad", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("scenes_digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("aoi_id", "lineage"),
        sqlite_strict=True,
    )
    op.create_table(
        "comparisons",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("aoi_id", sa.Text(), nullable=False),
        sa.Column("participant", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("activities", sa.Text(), nullable=False),
        sa.Column("declared", sa.Text(), nullable=True),
        sa.Column("capacity", sa.Text(), nullable=True),
        sa.Column("prob_above_capacity", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("coverage_frac", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("sentences", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("aoi_id", "participant", "period", name="ux_comparisons_subject"),
        sqlite_strict=True,
    )
    op.create_table(
        "declared",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("content_digest", sa.Text(), nullable=False),
        sa.Column("participant", sa.Text(), nullable=False),
        sa.Column("iso3", sa.Text(), nullable=False),
        sa.Column("aoi_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("carats", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("value_usd", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("as_published_on", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("content_digest", name="ux_declared_content"),
        sqlite_strict=True,
    )
    op.create_table(
        "gaps",
        sa.Column("aoi_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sensor", sa.Text(), nullable=False),
        sa.Column("scene_id", sa.Text(), nullable=False),
        sa.Column("tile", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("aoi_id", "day", "sensor", "scene_id", "tile", "reason"),
        sqlite_strict=True,
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("aoi_id", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_dekad", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sent_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "scenes",
        sa.Column("aoi_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sensor", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("sensed_at", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("relative_orbit", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("orbit_state", sa.Text(), nullable=False),
        sa.Column("granules", sa.Text(), nullable=False),
        sa.Column("footprint", sa.LargeBinary(), nullable=False),
        sa.Column("dropped", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("aoi_id", "id"),
        sqlite_strict=True,
    )
    op.create_index("ix_scenes_day", "scenes", ["aoi_id", "day"], unique=False)
    op.create_table(
        "alert_events",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("aoi_id", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("dekad", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("snapshot_id", sa.Text(), nullable=False),
        sa.Column("superseded_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["aoi_id", "lineage"],
            ["commits.aoi_id", "commits.lineage"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_strict=True,
    )
    op.create_index("ix_alert_events_alert", "alert_events", ["alert_id"], unique=False)
    op.create_index("ix_alert_events_dekad", "alert_events", ["aoi_id", "lineage", "dekad"], unique=False)
    op.create_index(
        "ux_alert_events_live",
        "alert_events",
        ["aoi_id", "lineage", "id"],
        unique=True,
        sqlite_where=sa.text("superseded_by IS NULL"),
        postgresql_where=sa.text("superseded_by IS NULL"),
    )
    op.create_table(
        "alerts",
        sa.Column("aoi_id", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("dekad", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("raised_dekad", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("misses", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("held_state", sa.Text(), nullable=True),
        sa.Column("gaps", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["aoi_id", "lineage"],
            ["commits.aoi_id", "commits.lineage"],
        ),
        sa.PrimaryKeyConstraint("aoi_id", "lineage", "id", "dekad"),
        sqlite_strict=True,
    )
    op.create_index("ix_alerts_dekad", "alerts", ["aoi_id", "lineage", "dekad"], unique=False)
    op.create_table(
        "change_objects",
        sa.Column("aoi_id", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dekad", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("geometry", sa.LargeBinary(), nullable=False),
        sa.Column("first_day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area_ha", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("area_low_ha", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("area_high_ha", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("confidence", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("seed_row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seed_col", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n_px", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pond_frac", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("elongation", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("look_frac", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("stratum_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["aoi_id", "lineage"],
            ["commits.aoi_id", "commits.lineage"],
        ),
        sa.PrimaryKeyConstraint("aoi_id", "lineage", "id"),
        sqlite_strict=True,
    )
    op.create_index("ix_change_objects_dekad", "change_objects", ["aoi_id", "lineage", "dekad"], unique=False)
    op.create_table(
        "coverage",
        sa.Column("aoi_id", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("dekad", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stratum_id", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("scenes", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("look_frac", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("optical_frac", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["aoi_id", "lineage"],
            ["commits.aoi_id", "commits.lineage"],
        ),
        sa.PrimaryKeyConstraint("aoi_id", "lineage", "dekad", "stratum_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_coverage_dekad", "coverage", ["aoi_id", "lineage", "dekad"], unique=False)
    op.create_table(
        "site_events",
        sa.Column("aoi_id", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dekad", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area_ha", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("other_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["aoi_id", "lineage"],
            ["commits.aoi_id", "commits.lineage"],
        ),
        sa.PrimaryKeyConstraint("aoi_id", "lineage", "id"),
        sqlite_strict=True,
    )
    op.create_index("ix_site_events_dekad", "site_events", ["aoi_id", "lineage", "dekad"], unique=False)
    op.create_table(
        "sites",
        sa.Column("aoi_id", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("dekad", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("geometry", sa.LargeBinary(), nullable=False),
        sa.Column("opened_day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("grown_day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area_ha", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("area_low_ha", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("area_high_ha", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("peak_area_ha", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("confidence", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("pond_frac", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("look_frac", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("elongation", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("hits", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("looked_dekads", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seed_row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seed_col", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stratum_id", sa.Text(), nullable=False),
        sa.Column("merged_into", sa.Text(), nullable=False),
        sa.Column("misses", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["aoi_id", "lineage"],
            ["commits.aoi_id", "commits.lineage"],
        ),
        sa.PrimaryKeyConstraint("aoi_id", "lineage", "id", "dekad"),
        sqlite_strict=True,
    )
    op.create_index("ix_sites_dekad", "sites", ["aoi_id", "lineage", "dekad"], unique=False)
