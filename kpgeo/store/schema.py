"""The columns of every table. A change here needs a revision in `migrations/versions`; a test compares the two."""

import math
from typing import Any

from sqlalchemy import (
    Column,
    Dialect,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.sqlite import REAL
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from kpgeo.model.errors import IntegrityError

metadata = MetaData()


class _Number(TypeDecorator[float]):
    """A number. NaN is none: SQLite would take it for an empty field, and others would keep it."""

    impl = Double
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column's type."""
        return dialect.type_descriptor(REAL() if dialect.name == "sqlite" else Double())

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        """Refuse NaN."""
        if value is not None and math.isnan(value):
            raise IntegrityError("The tables refuse (NaN is no number).", where=dialect.name)
        return value


_Real = _Number()
_LINEAGE = ("aoi_id", "lineage")


def _text(name: str, *, key: bool = False, empty: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=empty)


def _int(name: str, *, key: bool = False, empty: bool = False) -> Column[int]:
    return Column(name, Integer, primary_key=key, nullable=empty, autoincrement=False)


def _real(name: str, *, empty: bool = False) -> Column[float]:
    return Column(name, _Real, nullable=empty)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(name, metadata, *items, sqlite_strict=True)


def _derived(name: str, *items: SchemaItem, key: tuple[str, ...]) -> Table:
    """Return a table whose rows follow from a commit: they cannot be there without it.

    `rank` is a row's place among those of its dekad, so that a stage is given things in the order it left them.
    """
    return _table(
        name,
        _text("aoi_id", key=True),
        _text("lineage", key=True),
        *(_int(part, key=True) if part == "dekad" else _text(part, key=True) for part in key),
        _int("rank"),
        *items,
        ForeignKeyConstraint(_LINEAGE, [f"commits.{part}" for part in _LINEAGE]),
        Index(f"ix_{name}_dekad", *_LINEAGE, "dekad"),
    )


commits = _table(
    "commits",
    _text("aoi_id", key=True),
    _text("lineage", key=True),
    _text("snapshot_id"),
    _int("first_dekad"),
    _int("last_dekad"),
    _text("scenes_digest"),
)

scenes = _table(
    "scenes",
    _text("aoi_id", key=True),
    _text("id", key=True),
    _text("sensor"),
    _text("platform"),
    _text("sensed_at"),
    _int("day"),
    _int("relative_orbit", empty=True),
    _text("orbit_state"),
    _text("granules"),
    _bytes("footprint"),
    _text("dropped"),
    Column("used", Text, nullable=False, server_default=text("'[]'")),
    Column("withdrawn_at", Text, nullable=False, server_default=text("''")),
    Index("ix_scenes_day", "aoi_id", "day"),
)

gaps = _table(
    "gaps",
    _text("aoi_id", key=True),
    _int("day", key=True),
    _text("sensor", key=True),
    _text("scene_id", key=True),
    _text("tile", key=True),
    _text("reason", key=True),
)

coverage = _derived(
    "coverage",
    _int("scenes"),
    _real("look_frac"),
    _real("optical_frac"),
    key=("dekad", "stratum_id"),
)

change_objects = _derived(
    "change_objects",
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
    key=("id",),
)

sites = _derived(
    "sites",
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
    Column("looks", _Real, nullable=False, server_default=text("0")),
    Column("growth", Text, nullable=False, server_default=text("'[]'")),
    key=("id", "dekad"),
)

site_events = _derived(
    "site_events",
    _text("site_id"),
    _text("kind"),
    _int("dekad"),
    _int("day"),
    _real("area_ha"),
    _text("other_id"),
    key=("id",),
)

alerts = _derived(
    "alerts",
    _text("site_id"),
    _text("question"),
    _text("state"),
    _int("raised_dekad"),
    _text("evidence"),
    _int("misses"),
    _text("held_state", empty=True),
    _text("gaps"),
    key=("id", "dekad"),
)

alert_events = _table(
    "alert_events",
    Column("seq", Integer, primary_key=True),
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
    ForeignKeyConstraint(_LINEAGE, [f"commits.{part}" for part in _LINEAGE]),
    Index(
        "ux_alert_events_live",
        *_LINEAGE,
        "id",
        unique=True,
        sqlite_where=text("superseded_by IS NULL"),
        postgresql_where=text("superseded_by IS NULL"),
    ),
    Index("ix_alert_events_alert", "alert_id"),
    Index("ix_alert_events_dekad", *_LINEAGE, "dekad"),
)

comparisons = _table(
    "comparisons",
    _text("id", key=True),
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
    UniqueConstraint("aoi_id", "participant", "period", name="ux_comparisons_subject"),
)

declared = _table(
    "declared",
    Column("seq", Integer, primary_key=True),
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
    Column("sector", Text, nullable=False, server_default=text("'all'")),
    UniqueConstraint("content_digest", name="ux_declared_content"),
)

trade = _table(
    "trade",
    Column("seq", Integer, primary_key=True),
    _text("content_digest"),
    _text("participant"),
    _text("iso3"),
    _text("partner"),
    _text("partner_iso3"),
    _text("flow"),
    _text("period"),
    _text("kind"),
    _text("source"),
    _text("confidence"),
    _text("mark"),
    _text("entered_by"),
    _text("entered_at"),
    _real("carats", empty=True),
    _real("value_usd", empty=True),
    _int("certificates", empty=True),
    _text("as_published_on", empty=True),
    UniqueConstraint("content_digest", name="ux_trade_content"),
)

outbox = _table(
    "outbox",
    _text("id", key=True),
    _text("aoi_id"),
    _text("lineage"),
    _text("kind"),
    _text("payload"),
    _int("created_dekad"),
    _text("sent_at", empty=True),
)

ledger = _table(
    "ledger",
    _int("seq", key=True),
    *map(_text, ("at", "kind", "aoi_id", "subject", "actor", "body", "prev", "digest")),
    UniqueConstraint("digest", name="ux_ledger_digest"),
    Index("ix_ledger_subject", "subject", "seq"),
    Index("ix_ledger_kind", "kind", "seq"),
)

deliveries = _table(
    "deliveries",
    _text("id", key=True),
    *map(_text, ("subscriber", "channel", "kind", "items", "body", "state", "made_at", "next_at", "error")),
    _int("attempts"),
    _text("sent_at", empty=True),
    Index("ix_deliveries_state", "state", "next_at"),
    Index("ix_deliveries_channel", "subscriber", "channel"),
)

subscriptions = _table(
    "subscriptions",
    _text("subscriber", key=True),
    _text("channel", key=True),
    *map(_text, ("since", "asked_at", "newest", "settled")),
)

runs = _table(
    "runs",
    _text("id", key=True),
    *map(_text, ("pipeline", "host", "began_at", "verdicts", "unanswered")),
    _text("due_at", empty=True),
    _text("ended_at", empty=True),
    _int("exit_code", empty=True),
    Index("ix_runs_began", "pipeline", "began_at"),
)

alarms = _table(
    "alarms",
    _text("id", key=True),
    *map(_text, ("pipeline", "kind", "subject", "since", "facts", "raised_at")),
    _text("ended_at", empty=True),
    Index("ix_alarms_pipeline", "pipeline", "raised_at"),
)

DERIVED = (coverage, change_objects, sites, site_events, alerts)
