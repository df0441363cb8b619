"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *, empty: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=empty)


def _int(name: str, *, empty: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=empty)


def _real(name: str, *, empty: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=empty)


def _bytes(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _make_commits() -> None:
    op.create_table(
        "commits",
        _text("aoi_id"),
        _text("lineage"),
        _text("snapshot_id"),
        _int("first_dekad"),
        _int("last_dekad"),
        _text("scenes_digest"),
        sa.PrimaryKeyConstraint("aoi_id", "lineage"),
        sqlite_strict=True,
    )


def _make_comparisons() -> None:
    op.create_table(
        "comparisons",
        _text("id"),
        _text("aoi_id"),
        _text("participant"),
        _text("period"),
        _text("verdict"),
        _text("activities"),
        _text("declared", empty=True),
        _text("capacity", empty=True),
        _real("prob_above_capacity", empty=True),
        _real("coverage_frac"),
        _text("reasons"),
        _text("sentences"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("aoi_id", "participant", "period", name="ux_comparisons_subject"),
        sqlite_strict=True,
    )


def _make_declared() -> None:
    op.create_table(
        "declared",
        sa.Column("seq", sa.Integer(), nullable=False),
        _text("content_digest"),
        _text("participant"),
        _text("iso3"),
        _text("aoi_id"),
        _text("period"),
        _text("kind"),
        _real("carats", empty=True),
        _real("value_usd", empty=True),
        _text("as_published_on", empty=True),
        _text("source"),
        _text("confidence"),
        _text("mark"),
        _text("entered_by"),
        _text("entered_at"),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("content_digest", name="ux_declared_content"),
        sqlite_strict=True,
    )


def _make_gaps() -> None:
    op.create_table(
        "gaps",
        _text("aoi_id"),
        _int("day"),
        _text("sensor"),
        _text("scene_id"),
        _text("tile"),
        _text("reason"),
        sa.PrimaryKeyConstraint("aoi_id", "day", "sensor", "scene_id", "tile", "reason"),
        sqlite_strict=True,
    )


def _make_outbox() -> None:
    op.create_table(
        "outbox",
        _text("id"),
        _text("aoi_id"),
        _text("lineage"),
        _text("kind"),
        _text("payload"),
        _int("created_dekad"),
        _text("sent_at", empty=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )


def _make_scenes() -> None:
    op.create_table(
        "scenes",
        _text("aoi_id"),
        _text("id"),
        _text("sensor"),
        _text("platform"),
        _text("sensed_at"),
        _int("day"),
        _int("relative_orbit", empty=True),
        _text("orbit_state"),
        _text("granules"),
        _bytes("footprint"),
        _text("dropped"),
        sa.PrimaryKeyConstraint("aoi_id", "id"),
        sqlite_strict=True,
    )
    op.create_index("ix_scenes_day", "scenes", ["aoi_id", "day"], unique=False)


def _make_alert_events() -> None:
    op.create_table(
        "alert_events",
        sa.Column("seq", sa.Integer(), nullable=False),
        _text("aoi_id"),
        _text("lineage"),
        _text("id"),
        _text("alert_id"),
        _int("dekad"),
        _int("rank"),
        _text("before", empty=True),
        _text("after"),
        _text("evidence"),
        _text("reason"),
        _text("snapshot_id"),
        _text("superseded_by", empty=True),
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


def _make_alerts() -> None:
    op.create_table(
        "alerts",
        _text("aoi_id"),
        _text("lineage"),
        _text("id"),
        _int("dekad"),
        _int("rank"),
        _text("site_id"),
        _text("question"),
        _text("state"),
        _int("raised_dekad"),
        _text("evidence"),
        _int("misses"),
        _text("held_state", empty=True),
        _text("gaps"),
        sa.ForeignKeyConstraint(
            ["aoi_id", "lineage"],
            ["commits.aoi_id", "commits.lineage"],
        ),
        sa.PrimaryKeyConstraint("aoi_id", "lineage", "id", "dekad"),
        sqlite_strict=True,
    )
    op.create_index("ix_alerts_dekad", "alerts", ["aoi_id", "lineage", "dekad"], unique=False)


def _make_change_objects() -> None:
    op.create_table(
        "change_objects",
        _text("aoi_id"),
        _text("lineage"),
        _text("id"),
        _int("rank"),
        _int("dekad"),
        _bytes("geometry"),
        _int("first_day"),
        _int("last_day"),
        _real("area_ha"),
        _real("area_low_ha"),
        _real("area_high_ha"),
        _real("confidence"),
        _int("seed_row"),
        _int("seed_col"),
        _int("n_px"),
        _real("pond_frac"),
        _real("elongation"),
        _real("look_frac"),
        _text("stratum_id"),
        sa.ForeignKeyConstraint(
            ["aoi_id", "lineage"],
            ["commits.aoi_id", "commits.lineage"],
        ),
        sa.PrimaryKeyConstraint("aoi_id", "lineage", "id"),
        sqlite_strict=True,
    )
    op.create_index("ix_change_objects_dekad", "change_objects", ["aoi_id", "lineage", "dekad"], unique=False)


def _make_coverage() -> None:
    op.create_table(
        "coverage",
        _text("aoi_id"),
        _text("lineage"),
        _int("dekad"),
        _text("stratum_id"),
        _int("rank"),
        _int("scenes"),
        _real("look_frac"),
        _real("optical_frac"),
        sa.ForeignKeyConstraint(
            ["aoi_id", "lineage"],
            ["commits.aoi_id", "commits.lineage"],
        ),
        sa.PrimaryKeyConstraint("aoi_id", "lineage", "dekad", "stratum_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_coverage_dekad", "coverage", ["aoi_id", "lineage", "dekad"], unique=False)


def _make_site_events() -> None:
    op.create_table(
        "site_events",
        _text("aoi_id"),
        _text("lineage"),
        _text("id"),
        _int("rank"),
        _text("site_id"),
        _text("kind"),
        _int("dekad"),
        _int("day"),
        _real("area_ha"),
        _text("other_id"),
        sa.ForeignKeyConstraint(
            ["aoi_id", "lineage"],
            ["commits.aoi_id", "commits.lineage"],
        ),
        sa.PrimaryKeyConstraint("aoi_id", "lineage", "id"),
        sqlite_strict=True,
    )
    op.create_index("ix_site_events_dekad", "site_events", ["aoi_id", "lineage", "dekad"], unique=False)


def _make_sites() -> None:
    op.create_table(
        "sites",
        _text("aoi_id"),
        _text("lineage"),
        _text("id"),
        _int("dekad"),
        _int("rank"),
        _text("status"),
        _bytes("geometry"),
        _int("opened_day"),
        _int("grown_day"),
        _int("last_day"),
        _real("area_ha"),
        _real("area_low_ha"),
        _real("area_high_ha"),
        _real("peak_area_ha"),
        _real("confidence"),
        _real("pond_frac"),
        _real("look_frac"),
        _real("elongation"),
        _int("hits"),
        _int("looked_dekads"),
        _int("seed_row"),
        _int("seed_col"),
        _text("stratum_id"),
        _text("merged_into"),
        _int("misses"),
        sa.ForeignKeyConstraint(
            ["aoi_id", "lineage"],
            ["commits.aoi_id", "commits.lineage"],
        ),
        sa.PrimaryKeyConstraint("aoi_id", "lineage", "id", "dekad"),
        sqlite_strict=True,
    )
    op.create_index("ix_sites_dekad", "sites", ["aoi_id", "lineage", "dekad"], unique=False)


def upgrade() -> None:
    """Make the tables."""
    _make_commits()
    _make_comparisons()
    _make_declared()
    _make_gaps()
    _make_outbox()
    _make_scenes()
    _make_alert_events()
    _make_alerts()
    _make_change_objects()
    _make_coverage()
    _make_site_events()
    _make_sites()
