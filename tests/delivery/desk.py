"""A workspace in which alerts were decided by hand, and a pipeline that tells subscribers of them."""

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kpgeo import flows
from kpgeo.model.alert import AlertEvent, Evidence, MachineState
from kpgeo.model.calendar import day_of, dekad_label, dekad_of
from kpgeo.model.decision import Commit, DekadDecision, OutboxItem
from kpgeo.model.ids import make_id
from kpgeo.model.run import Coverage
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace

AOI, LINEAGE = "here", "belief-2-abc"
NOW = dt.datetime(2026, 3, 12, 9, 0, tzinfo=dt.UTC)  # a Thursday
_PIPELINE = """
name = "desk"
aois = ["aoi.geojson"]

[[catalog]]
url = "catalog.json"
collections = { sentinel-2 = "s2" }

[history]
start = 2023-01-01
end = 2025-01-01

[wire]
private_hosts = ["127.0.0.1", "localhost"]
connect_timeout_s = 5.0
ca_file = "CA"

[deliver]
subscribers = "subscribers.toml"
"""


@dataclass(frozen=True)
class Thing:
    """What happened to an alert in a dekad, counted back from the newest one."""

    alert: int
    state: MachineState = MachineState.CONFIRMED
    back: int = 0
    more: dict[str, Any] = field(default_factory=dict)


class Desk:
    """The workspace, and what is done in it."""

    def __init__(self, folder: Path, subscribers: str, *, deliver: str = "", ca_file: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.pipeline_path = folder / "pipeline.toml"
        self.pipeline_path.write_text(_PIPELINE.replace("CA", ca_file) + deliver, encoding="utf-8")
        self.subscribe(subscribers)
        self.folder = folder
        self.room = Workspace(folder / "workspace")
        self.newest = dekad_of(day_of(NOW.date()))
        entry = {
            "run_id": "run-1", "reference": "aoi.geojson", "lineage": LINEAGE, "left_out": None, "folder": str(folder),
            "names": {"en": "Here", "fr": "Ici", "pt": "Aqui"}, "pipeline": {"name": "desk"},
            "announcing": {"announced_from_confidence": 0.8, "min_area_ha": 0.05},
        }  # fmt: skip
        (self.room.path / "watched.json").write_text(json.dumps({AOI: entry}), encoding="utf-8")

    def subscribe(self, subscribers: str) -> None:
        (self.pipeline_path.parent / "subscribers.toml").write_text(subscribers, encoding="utf-8")

    @property
    def pipeline(self) -> Pipeline:
        return Pipeline.read(self.pipeline_path)

    def decide(
        self,
        things: Iterable[Thing],
        *,
        look_frac: float = 0.9,
        first_back: int = 120,
        salt: str = "",
        lineage: str = LINEAGE,
    ) -> None:
        """Decide all dekads anew: these things happened and no others. `salt` makes other events of the same."""
        first = self.newest - first_back
        events: dict[int, list[AlertEvent]] = {}
        items = []
        for thing in things:
            dekad = self.newest - thing.back
            event = _event(thing, dekad, salt)
            events.setdefault(dekad, []).append(event)
            payload = {**payload_of(thing, dekad), **thing.more}
            kind = f"alert-{thing.state}"
            items.append(
                OutboxItem(id=make_id("outbox", event.id), aoi_id=AOI, kind=kind, payload=payload, created_dekad=dekad)
            )
        decisions = [
            DekadDecision(
                dekad=dekad,
                alert_events=tuple(events.get(dekad, ())),
                coverage=(_coverage(dekad, look_frac),),
            )
            for dekad in range(first, self.newest + 1)
        ]
        commit = Commit(
            aoi_id=AOI, lineage=lineage, snapshot_id=f"s{salt}", first_dekad=first, last_dekad=self.newest,
            scenes_digest="a.b",
        )  # fmt: skip
        tables = self.room.tables()
        tables.replace_decisions(commit, decisions, items)
        tables.close()

    def tell(self, now: dt.datetime = NOW) -> flows.PostReport:
        return flows.deliver_now(self.pipeline, workspace=self.room.path, now=now)

    def put(self, kind: str, payload: dict[str, Any], *, aoi: str = "") -> str:
        """Put an item that no decision made into the outbox."""
        item = OutboxItem(
            id=make_id("outbox", kind, payload), aoi_id=aoi, kind=kind, payload=payload, created_dekad=self.newest
        )
        tables = self.room.tables()
        tables.deliveries.put_items([item])
        tables.close()
        return item.id

    def deliveries(self) -> list[Any]:
        tables = self.room.tables()
        found = tables.deliveries.deliveries()
        tables.close()
        return found


def payload_of(thing: Thing, dekad: int) -> dict[str, Any]:
    """Return what `alerts.outbox_entries` says of such a thing."""
    return {
        "aoi": AOI, "alert": f"alert-{thing.alert}", "site": f"site-{thing.alert}", "dekad": dekad_label(dekad),
        "question": "which-sites-to-visit", "state": str(thing.state), "before": "first", "reason": "hits:4/5",
        "area_ha": 1.25, "area_low_ha": 0.5, "area_high_ha": 2.5, "confidence": 0.9, "true_share": 0.7,
        "first_seen": "2025-11-02", "last_seen": "2026-03-08", "hits": 4, "looked_dekads": 5,
        "sensors": ["sentinel-2"], "gaps": ["no-look:2026-02-D3", "no-look:2026-02-D2"], "aoi_look_frac": 0.9,
        "lon": -6.6, "lat": 8.2, "stratum": "",
    }  # fmt: skip


def _event(thing: Thing, dekad: int, salt: str) -> AlertEvent:
    evidence = Evidence(
        site_id=f"site-{thing.alert}", area_ha=1.25, area_low_ha=0.5, area_high_ha=2.5, confidence=0.9,
        first_day=20_000, last_day=20_100, hits=4, looked_dekads=5,
    )  # fmt: skip
    return AlertEvent(
        id=make_id("event", thing.alert, dekad, thing.state, salt), alert_id=f"alert-{thing.alert}", dekad=dekad,
        before=MachineState.FIRST, after=thing.state, evidence=evidence,
    )  # fmt: skip


def _coverage(dekad: int, look_frac: float) -> Coverage:
    return Coverage(aoi_id=AOI, dekad=dekad, stratum_id="*", scenes=2, look_frac=look_frac, optical_frac=look_frac / 2)
