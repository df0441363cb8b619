"""The tables: scenes, coverage, what was decided dekad by dekad, what was declared, what waits to be delivered."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, delete, insert, select, update

from kpgeo.model.alert import Alert, AlertEvent
from kpgeo.model.decision import Commit, DekadDecision, OutboxItem
from kpgeo.model.errors import BadInputError
from kpgeo.model.production import Comparison, DeclaredFigure, TradeFigure
from kpgeo.model.run import Coverage, Gap
from kpgeo.model.scene import Scene
from kpgeo.model.site import ChangeObject, Site, SiteEvent
from kpgeo.store import rows, schema
from kpgeo.store.database import MIGRATIONS, Database
from kpgeo.store.decisions import replace_decisions
from kpgeo.store.deliveries import Deliveries
from kpgeo.store.fingerprint import fingerprint
from kpgeo.store.ledger import Ledger
from kpgeo.store.methods import Methods, lineages_beside
from kpgeo.store.runbook import Runbook

_BATCH = 500


class Tables:
    """The tables of a workspace. Every call is one transaction.

    Parameters
    ----------
    url : str
        As SQLAlchemy writes it.
    migrations : Path
        The Alembic folder.
    run_pid : int, optional
        As `Database`.

    Attributes
    ----------
    ledger : Ledger
        What happened, and who did it.
    runs : Runbook
        Which runs began and ended, and the alarms over those that did not.
    methods : Methods
        Which detector lineage speaks for an AOI.
    deliveries : Deliveries
        What was put together for which subscriber, and what became of it.

    Raises
    ------
    IntegrityError, BusyError, UpstreamError, BadInputError
        As `Database`.
    """

    def __init__(self, url: str, *, migrations: Path = MIGRATIONS, run_pid: int | None = None) -> None:
        self._database = Database(url, migrations=migrations, run_pid=run_pid)
        self.ledger = Ledger(self._database)
        self.runs = Runbook(self._database)
        self.methods = Methods(self._database)
        self.deliveries = Deliveries(self._database)

    def close(self) -> None:
        """Close what connections are open."""
        self._database.close()

    def replace_decisions(
        self, commit: Commit, decisions: Sequence[DekadDecision], outbox: Sequence[OutboxItem] = ()
    ) -> None:
        """Put what a run decided in place of what was decided before, in one transaction.

        Derived rows (change objects, sites, site events, alerts, coverage) of the commit's AOI and lineage from
        `commit.first_dekad` on are deleted and those of `decisions` inserted. Comparisons of the AOI, which follow from
        them, are deleted, so that a crash leaves none that is out of date. Alert events are never deleted: one that
        was not decided again is marked superseded by the commit's snapshot, one that was is left alone, a new one is
        added; one that was superseded and comes true again is added as a new row, so the table says when it did not
        hold. Outbox items are added where their id is new. One that still waits, of a dekad decided again, and that was
        not made again, is withdrawn: nobody has heard of it.

        Raises
        ------
        BadInputError
            A decision or item is of a dekad outside the commit's, or holds rows of another dekad or AOI.
        """
        with self._database.writing() as connection:
            replace_decisions(connection, commit, decisions, outbox)

    def last_commit(self, aoi_id: str, lineage: str) -> Commit | None:
        """Return what the tables of an AOI and lineage were last decided from."""
        found = self._read(_of(schema.commits, aoi_id, lineage))
        return rows.commit_of_row(found[0]) if found else None

    def lineages(self, aoi_id: str) -> list[str]:
        """Return the lineages an AOI was decided in."""
        commits = schema.commits.c
        query = select(commits.lineage).where(commits.aoi_id == aoi_id).order_by(commits.lineage)
        return [row["lineage"] for row in self._read(query)]

    def changes(self, aoi_id: str, lineage: str, dekad: int | None = None) -> list[ChangeObject]:
        """Return the change objects of a dekad (None is the last one decided), in the order they were outlined."""
        return [rows.change_of_row(row) for row in self._of_dekad(schema.change_objects, aoi_id, lineage, dekad)]

    def sites(self, aoi_id: str, lineage: str, dekad: int | None = None) -> list[Site]:
        """Return the sites as they stood at the end of a dekad (None is the last one decided), in the order given."""
        return [rows.site_of_row(row) for row in self._of_dekad(schema.sites, aoi_id, lineage, dekad)]

    def site_history(self, site_id: str) -> tuple[list[Site], list[SiteEvent]]:
        """Return every dekad of a site, and what happened to it (also as the other site of a split or merge)."""
        sites, events = schema.sites.c, schema.site_events.c
        lived = select(schema.sites).where(sites.id == site_id).order_by(sites.lineage, sites.dekad)
        concerned = (events.site_id == site_id) | (events.other_id == site_id)
        happened = select(schema.site_events).where(concerned).order_by(events.lineage, events.dekad, events.rank)
        with self._database.reading() as connection:
            return (
                [rows.site_of_row(row) for row in connection.execute(lived).mappings()],
                [rows.site_event_of_row(row) for row in connection.execute(happened).mappings()],
            )

    def site_events(
        self, aoi_id: str, lineage: str, first_dekad: int | None = None, last_dekad: int | None = None
    ) -> list[SiteEvent]:
        """Return what happened to an AOI's sites in a range of dekads, both ends included; None is open."""
        found = self._of_range(schema.site_events, aoi_id, lineage, first_dekad, last_dekad)
        return [rows.site_event_of_row(row) for row in found]

    def alerts(self, aoi_id: str, lineage: str, dekad: int | None = None) -> list[Alert]:
        """Return the alerts as they stood at the end of a dekad (None is the last one decided), in the order given."""
        return [rows.alert_of_row(row) for row in self._of_dekad(schema.alerts, aoi_id, lineage, dekad)]

    def alert_history(self, alert_id: str) -> list[Alert]:
        """Return every dekad of an alert."""
        alerts = schema.alerts.c
        query = select(schema.alerts).where(alerts.id == alert_id).order_by(alerts.lineage, alerts.dekad)
        return [rows.alert_of_row(row) for row in self._read(query)]

    def standing_alert(self, alert_id: str) -> tuple[str, Alert, Site] | None:
        """Return lineage, alert and site of an alert as of the last dekad decided; None where it is not raised then."""
        alerts, sites, commits = schema.alerts, schema.sites, schema.commits.c
        of_last = (commits.aoi_id == alerts.c.aoi_id, commits.lineage == alerts.c.lineage)
        query = select(alerts).where(alerts.c.id == alert_id, alerts.c.dekad == commits.last_dekad, *of_last)
        with self._database.reading() as connection:
            row = connection.execute(query.order_by(alerts.c.lineage)).mappings().first()
            if row is None:
                return None
            place = _of(sites, row["aoi_id"], row["lineage"]).where(
                sites.c.id == row["site_id"], sites.c.dekad == row["dekad"]
            )
            site = connection.execute(place).mappings().one()
            return row["lineage"], rows.alert_of_row(row), rows.site_of_row(site)

    def alert_events(self, alert_id: str, *, with_superseded: bool = False) -> list[AlertEvent]:
        """Return the steps of an alert's life, in order; those that later scenes overturned only where asked for."""
        events = schema.alert_events.c
        query = select(schema.alert_events).where(events.alert_id == alert_id)
        if not with_superseded:
            query = query.where(events.superseded_by.is_(None))
        ordered = query.order_by(events.dekad, events.rank, events.seq)
        return [rows.alert_event_of_row(row) for row in self._read(ordered)]

    def coverage(
        self, aoi_id: str, lineage: str, first_dekad: int | None = None, last_dekad: int | None = None
    ) -> list[Coverage]:
        """Return the coverage of a range of dekads, both ends included; None is open."""
        found = self._of_range(schema.coverage, aoi_id, lineage, first_dekad, last_dekad)
        return [rows.coverage_of_row(row) for row in found]

    def put_scenes(self, aoi_id: str, scenes: Iterable[Scene]) -> None:
        """Keep scenes, in place of those with the same ids: a search may have found more granules since.

        What was read of them is kept. A scene that was withdrawn and is there again counts as if it had never gone.
        """
        given = list({scene.id: rows.row_of_scene(aoi_id, scene) for scene in scenes}.values())
        columns = schema.scenes.c
        with self._database.writing() as connection:
            query = select(columns.id, columns.used).where(columns.aoi_id == aoi_id, columns.withdrawn_at == "")
            used = {row["id"]: row["used"] for row in connection.execute(query).mappings()}
            for row in given:
                row["used"] = used.get(row["id"], "[]")
            for batch in _batches(given):
                ids = [row["id"] for row in batch]
                connection.execute(delete(schema.scenes).where(columns.aoi_id == aoi_id, columns.id.in_(ids)))
                connection.execute(insert(schema.scenes), batch)

    def scenes(self, aoi_id: str, start_day: int | None = None, end_day: int | None = None) -> list[Scene]:
        """Return an AOI's scenes of a half-open range of days (None is open), in `Scene.order`."""
        columns = schema.scenes.c
        there = select(schema.scenes).where(columns.aoi_id == aoi_id, columns.withdrawn_at == "")
        query = _between(there, columns.day, start_day, end_day)
        return sorted((rows.scene_of_row(row) for row in self._read(query)), key=lambda scene: scene.order)

    def withdraw_scenes(self, aoi_id: str, scene_ids: Iterable[str]) -> None:
        """Note that scenes are no longer in their catalogues: their rows stay, and `scenes` leaves them out."""
        columns = schema.scenes.c
        now = dt.datetime.now(dt.UTC).isoformat()
        with self._database.writing() as connection:
            for scene_id in scene_ids:
                same = (columns.aoi_id == aoi_id, columns.id == scene_id)
                connection.execute(update(schema.scenes).where(*same).values(withdrawn_at=now))

    def note_used(self, aoi_id: str, used: Mapping[str, Iterable[str]]) -> None:
        """Note by scene id which granules were read, as `provider/item id`, where not those it names first."""
        columns = schema.scenes.c
        with self._database.writing() as connection:
            for scene_id, granules in used.items():
                same = (columns.aoi_id == aoi_id, columns.id == scene_id)
                connection.execute(update(schema.scenes).where(*same).values(used=rows.to_json(sorted(granules))))

    def used(self, aoi_id: str) -> dict[str, tuple[str, ...]]:
        """Return by scene id the granules that were read in place of those a scene names first."""
        columns = schema.scenes.c
        query = select(columns.id, columns.used).where(columns.aoi_id == aoi_id, columns.used != "[]")
        return {row["id"]: tuple(json.loads(row["used"])) for row in self._read(query.order_by(columns.id))}

    def put_gaps(self, aoi_id: str, gaps: Iterable[Gap], *, since_day: int | None = None) -> None:
        """Keep gaps, each once; with `since_day`, in place of all the AOI's gaps from that day on."""
        given = [rows.row_of_gap(gap) for gap in dict.fromkeys(gaps)]
        if any(row["aoi_id"] != aoi_id for row in given):
            raise BadInputError("A gap is of another AOI.", where=aoi_id)
        columns = schema.gaps.c
        with self._database.writing() as connection:
            if since_day is not None:
                connection.execute(delete(schema.gaps).where(columns.aoi_id == aoi_id, columns.day >= since_day))
            for row in given:
                connection.execute(delete(schema.gaps).where(*(columns[name] == value for name, value in row.items())))
                connection.execute(insert(schema.gaps), row)

    def gaps(self, aoi_id: str, start_day: int | None = None, end_day: int | None = None) -> list[Gap]:
        """Return an AOI's gaps of a half-open range of days; None is open."""
        columns = schema.gaps.c
        query = _between(select(schema.gaps).where(columns.aoi_id == aoi_id), columns.day, start_day, end_day)
        return [rows.gap_of_row(row) for row in self._read(query.order_by(*columns))]

    def add_declared(self, figures: Iterable[DeclaredFigure]) -> int:
        """Add declared figures that are not there yet, and return how many those were. Nothing is ever overwritten."""
        return self._add_once(schema.declared, map(rows.row_of_declared, figures))

    def add_trade(self, figures: Iterable[TradeFigure]) -> int:
        """Add trade figures that are not there yet, and return how many those were. Nothing is ever overwritten."""
        return self._add_once(schema.trade, map(rows.row_of_trade, figures))

    def trade(self) -> list[TradeFigure]:
        """Return trade figures, every vintage, in the order they were entered."""
        query = select(schema.trade).order_by(schema.trade.c.seq)
        return [rows.trade_of_row(row) for row in self._read(query)]

    def _add_once(self, table: Table, found: Iterable[dict[str, Any]]) -> int:
        """Add rows whose content is not in a table yet, and return how many those were."""
        now = dt.datetime.now(dt.UTC).isoformat()
        given = {row["content_digest"]: row for row in found}
        with self._database.writing() as connection:
            known = set(connection.scalars(select(table.c.content_digest)))
            new = [{**row, "entered_at": now} for content, row in given.items() if content not in known]
            if new:
                connection.execute(insert(table), new)
        return len(new)

    def declared(self, participant: str | None = None, aoi_id: str | None = None) -> list[DeclaredFigure]:
        """Return declared figures, every vintage, in the order they were entered."""
        columns = schema.declared.c
        query = select(schema.declared).order_by(columns.seq)
        if participant is not None:
            query = query.where(columns.participant == participant)
        if aoi_id is not None:
            query = query.where(columns.aoi_id == aoi_id)
        return [rows.declared_of_row(row) for row in self._read(query)]

    def put_comparisons(self, comparisons: Iterable[Comparison]) -> None:
        """Keep comparisons, each in place of the one of the same AOI, participant and period."""
        columns = schema.comparisons.c
        subject = ("aoi_id", "participant", "period")
        with self._database.writing() as connection:
            for row in map(rows.row_of_comparison, comparisons):
                same = [columns[name] == row[name] for name in subject]
                connection.execute(delete(schema.comparisons).where(*same))
                connection.execute(insert(schema.comparisons), row)

    def comparisons(self, aoi_id: str | None = None, participant: str | None = None) -> list[Comparison]:
        """Return comparisons by AOI, participant and period."""
        columns = schema.comparisons.c
        query = select(schema.comparisons).order_by(columns.aoi_id, columns.participant, columns.period)
        if aoi_id is not None:
            query = query.where(columns.aoi_id == aoi_id)
        if participant is not None:
            query = query.where(columns.participant == participant)
        return [rows.comparison_of_row(row) for row in self._read(query)]

    def pending_outbox(self) -> list[OutboxItem]:
        """Return what waits to be delivered, oldest dekad first; what another method found beside waits with it."""
        columns = schema.outbox.c
        query = select(schema.outbox).where(columns.sent_at.is_(None)).order_by(columns.created_dekad, columns.id)
        with self._database.reading() as connection:
            waiting = list(connection.execute(query).mappings())
            beside = lineages_beside(connection, {(row["aoi_id"], row["lineage"]) for row in waiting})
        return [rows.outbox_of_row(row) for row in waiting if (row["aoi_id"], row["lineage"]) not in beside]

    def mark_sent(self, item_id: str) -> None:
        """Note that an item was delivered; the first time counts."""
        columns = schema.outbox.c
        now = dt.datetime.now(dt.UTC).isoformat()
        statement = update(schema.outbox).where(columns.id == item_id, columns.sent_at.is_(None))
        with self._database.writing() as connection:
            connection.execute(statement.values(sent_at=bindparam("now", now)))

    def digest(self, *, with_history: bool = False) -> str:
        """Return the SHA-256 of what the tables say now; two workspaces that know the same have the same.

        Snapshots, clock times and the course of runs are left out. `with_history` adds what was superseded or put into
        the outbox on the way, which depends on when scenes arrived.
        """
        with self._database.reading() as connection:
            return fingerprint(connection, with_history=with_history)

    def _read(self, query: Select[Any]) -> list[Any]:
        with self._database.reading() as connection:
            return list(connection.execute(query).mappings())

    def _of_dekad(self, table: Table, aoi_id: str, lineage: str, dekad: int | None) -> list[Any]:
        with self._database.reading() as connection:
            last = dekad if dekad is not None else _last_dekad(connection, aoi_id, lineage)
            query = _of(table, aoi_id, lineage).where(table.c.dekad == last).order_by(table.c.rank)
            return list(connection.execute(query).mappings())

    def _of_range(self, table: Table, aoi_id: str, lineage: str, first: int | None, last: int | None) -> list[Any]:
        end = None if last is None else last + 1
        query = _between(_of(table, aoi_id, lineage), table.c.dekad, first, end)
        return self._read(query.order_by(table.c.dekad, table.c.rank))


def _of(table: Table, aoi_id: str, lineage: str) -> Select[Any]:
    return select(table).where(table.c.aoi_id == aoi_id, table.c.lineage == lineage)


def _between(query: Select[Any], column: Any, start: int | None, end: int | None) -> Select[Any]:
    if start is not None:
        query = query.where(column >= start)
    return query if end is None else query.where(column < end)


def _last_dekad(connection: Connection, aoi_id: str, lineage: str) -> int | None:
    commits = schema.commits.c
    query = select(commits.last_dekad).where(commits.aoi_id == aoi_id, commits.lineage == lineage)
    return connection.scalar(query)


def _batches(given: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    for start in range(0, len(given), _BATCH):
        yield given[start : start + _BATCH]
