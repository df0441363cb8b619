"""What an evidence bundle is made of: the alert, what it rests on, and what it was made with, as files.

None of it depends on the clock or on how often it is made, so that a bundle made twice is the same twice.
"""

import csv
import io
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import shapely
from pydantic import TypeAdapter

import kpgeo
from kpgeo import brief, evidence, registry
from kpgeo.brief import ChipPair, Explanation
from kpgeo.detect import DETECTOR
from kpgeo.flows.explained.explained import explanation_content
from kpgeo.flows.exports.sheets import KP_ONLY, PUBLIC
from kpgeo.flows.reviews.reviewing import review_content, review_entries, review_of
from kpgeo.flows.sealed.scenes import scene_lines, until_day
from kpgeo.flows.watching.deciding import Bench
from kpgeo.flows.watching.record import MANIFEST, gap_content
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.alert import Alert, AlertEvent
from kpgeo.model.calendar import date_of, dekad_end, dekad_label, dekad_start
from kpgeo.model.errors import BadInputError, IntegrityError
from kpgeo.model.ids import digest
from kpgeo.model.ledger import Entry, EntryKind, canonical
from kpgeo.model.production import DeclaredFigure
from kpgeo.model.run import Coverage
from kpgeo.model.site import Site, SiteEvent
from kpgeo.options.base import StageOptions
from kpgeo.store import Workspace

# What moves an alert, its chips or its series; the others say where files lie, who is told, and when.
STAGES = (
    "ingest", "features", "misfit", "detect", "prior", "sites", "production", "alerts", "brief", "evidence",
)  # fmt: skip
_PACKAGES = (
    "cryptography", "icechunk", "imagecodecs", "matplotlib", "numba", "numpy", "odc-geo", "odc-stac", "pydantic",
    "pyproj", "rasterio", "scipy", "shapely", "xarray", "zarr",
)  # fmt: skip
_REVIEWED = (
    "state", "verdict", "reason", "text", "duplicate_of", "judged_by", "audited_by", "moved_by", "moved_at", "field",
    "findings", "notes", "carried_from", "carried_to",
)  # fmt: skip
_BY_AOI = ("errors", "operating")  # of a run's manifest
_ALERT_KINDS = (EntryKind.ALERT_EVENT, EntryKind.ALERT_EVENT_SUPERSEDED)
FIGURES = TypeAdapter(list[DeclaredFigure])
_ALERT = TypeAdapter(Alert)
_EVENTS = TypeAdapter(list[AlertEvent])
_SITE_EVENTS = TypeAdapter(list[SiteEvent])


@dataclass(frozen=True, kw_only=True)
class Case:
    """An alert as it stood at the end of a dekad, and all that is known of it then.

    Attributes
    ----------
    dekads : range
        What its series of looks covers; the last is the one it stands at.
    events : tuple of AlertEvent
        The steps up to then that hold.
    site_events : tuple of SiteEvent
        What had happened to its site.
    """

    alert: Alert
    site: Site
    dekads: range
    events: tuple[AlertEvent, ...]
    site_events: tuple[SiteEvent, ...]

    @property
    def dekad(self) -> int:
        """Return the dekad it stands at."""
        return self.alert.dekad


def find_case(bench: Bench, alert_id: str, dekad: int | None = None) -> Case:
    """Return an alert as it stood at the end of a dekad; None is the last one decided.

    Raises
    ------
    BadInputError
        There was no such alert then.
    """
    tables, watch = bench.tables, bench.watch
    lived = [one for one in tables.alert_history(alert_id) if dekad is None or one.dekad == dekad]
    sites = {} if not lived else {site.id: site for site in tables.sites(watch.aoi.id, watch.lineage, lived[-1].dekad)}
    if not lived or lived[-1].site_id not in sites:
        then = "" if dekad is None else f" at the end of {dekad_label(dekad)}"
        raise BadInputError(
            f"There is no alert {alert_id[:80]!r}{then} in {watch.aoi.id} as it is watched now.",
            where="evidence",
            remedy="See: kpgeo alerts list --all.",
        )
    alert = lived[-1]
    _, happened = tables.site_history(alert.site_id)
    before = watch.pipeline.evidence.looks_before_dekads
    first_sign = min(alert.raised_dekad, _dekad_at(alert.evidence.first_day, watch.first_dekad))
    return Case(
        alert=alert,
        site=sites[alert.site_id],
        dekads=range(max(watch.first_dekad, first_sign - before), alert.dekad + 1),
        events=tuple(one for one in tables.alert_events(alert_id) if one.dekad <= alert.dekad),
        site_events=tuple(one for one in happened if one.dekad <= alert.dekad),
    )


def _dekad_at(day: int, first: int) -> int:
    """Return the dekad of a day, not before the first one monitored."""
    dekad = first
    while dekad_end(dekad) <= day:
        dekad += 1
    return dekad


def release_of(watch: Watch) -> str:
    """Return who may see what is made of an AOI."""
    return PUBLIC if watch.aoi.sensitivity == "public" else KP_ONLY


def alert_files(case: Case, coverage: Iterable[Coverage], release: str) -> dict[str, bytes]:
    """Return what was decided: the alert, its events, its site, what could be seen."""
    return {
        "alert.json": _pretty({"release": release, **_ALERT.dump_python(case.alert, mode="json")}),
        "events.json": _pretty(_EVENTS.dump_python(list(case.events), mode="json")),
        "site.json": _pretty({"release": release, **_site_content(case)}),
        "coverage.csv": _sheet({**asdict(row), "dekad": dekad_label(row.dekad)} for row in coverage),
    }


def coverage_of(bench: Bench, case: Case) -> list[Coverage]:
    """Return how much was seen in the dekads of a case."""
    return bench.tables.coverage(bench.watch.aoi.id, bench.watch.lineage, case.dekads.start, case.dekad)


def series_files(explanation: Explanation, release: str) -> dict[str, bytes]:
    """Return the looks at the site's surest pixel, and the belief at the end of each dekad."""
    content = explanation_content(explanation)
    looks, dekads = content.pop("looks"), content.pop("dekads")
    content.pop("snapshot")
    return {
        "looks.csv": _sheet(_look_row(look) for look in looks),
        "dekads.csv": _sheet(_dekad_row(dekad) for dekad in dekads),
        "series.json": _pretty({**content, "release": release}),
    }


def chip_files(watch: Watch, site: Site, pair: ChipPair, release: str) -> dict[str, bytes]:
    """Return the pictures before and after, and what they show; no picture where there was no clear look."""
    margin_m = watch.pipeline.brief.chip_margin_m
    mark = "" if release == PUBLIC else release
    drawn = brief.draw_chips(pair, site.geometry, epsg=watch.grid.epsg, margin_m=margin_m, mark=mark)
    facts = {
        name: None
        if chip is None
        else {
            "scene": chip.scene_id,
            "datetime": chip.datetime.isoformat(),
            "sensor": str(chip.sensor),
            "not_clear_frac": chip.cloud_frac,
            "epsg": watch.grid.epsg,
            "bounds_m": list(chip.geobox.boundingbox.bbox),
        }
        for name, chip in (("before", pair.before), ("after", pair.after))
    }
    pictures = {f"chips/{name}.png": content for name, content in drawn.items()}
    return {**pictures, "chips/chips.json": _pretty({"release": release, "stretch": "one for both", **facts})}


def background_files(bench: Bench, case: Case, room: Workspace) -> dict[str, bytes]:
    """Return what was made with: scenes, options, area, figures, gaps, run, versions."""
    watch, tables = bench.watch, bench.tables
    aoi = aoi_files(watch)
    figures = [one for one in tables.declared() if one.iso3 == watch.aoi.iso3]
    gaps = tables.gaps(watch.aoi.id, dekad_start(case.dekads.start), dekad_end(case.dekad))
    return {
        **aoi,
        "scenes.jsonl": scene_lines(bench, case.dekad),
        "options.json": _pretty(_options_content(bench, case, next(iter(aoi)))),
        "declared.json": _pretty(FIGURES.dump_python(figures, mode="json")),
        "gaps.json": _pretty([gap_content(gap) for gap in gaps]),
        "run.json": _run_manifest(bench, room),
        "provenance.json": _pretty(_provenance(bench)),
    }


def people_files(bench: Bench, case: Case) -> tuple[dict[str, bytes], Entry | None]:
    """Return what people made of the alert and what the ledger holds of it, and its last entry there."""
    row = review_content(review_of(bench.tables, case.alert.id))
    entries = ledger_entries(bench, case)
    files = {
        "review.json": _pretty({name: row[name] for name in _REVIEWED}),
        "ledger.jsonl": evidence.write_ledger_lines(entries),
    }
    return files, entries[-1] if entries else None


def ledger_entries(bench: Bench, case: Case) -> list[Entry]:
    """Return what the ledger holds of an alert up to the dekad it stands at, and of its review."""
    told = bench.tables.ledger.entries(subject=case.alert.id, kind=_ALERT_KINDS)
    decided = [one for one in told if int(one.body["dekad"]) <= case.dekad]
    return sorted([*decided, *review_entries(bench.tables, case.alert.id)], key=lambda entry: entry.seq)


def aoi_files(watch: Watch) -> dict[str, bytes]:
    """Return the file of an AOI, first, and the layer files it names, each below `aoi/`."""
    (reference,) = [one for one in watch.pipeline.aois if _is_of(watch, one)][:1] or [watch.aoi.id]
    path = _aoi_path(watch, reference)
    try:
        raw = path.read_bytes()
        files = {f"aoi/{path.name}": raw}
        for feature in json.loads(raw)["features"]:
            named = (feature.get("properties") or {}).get("path")
            if isinstance(named, str):
                files[f"aoi/{named}"] = path.parent.joinpath(named).read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError("The file of the area cannot be read.", where=str(path)) from error
    return files


def _is_of(watch: Watch, reference: str) -> bool:
    """Say whether a reference of the pipeline names the AOI of a watch."""
    if reference == watch.aoi.id or len(watch.pipeline.aois) == 1:
        return True
    path = _aoi_path(watch, reference)
    try:
        return bool(json.loads(path.read_bytes())["features"][0]["properties"].get("id") == watch.aoi.id)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return False


def _aoi_path(watch: Watch, reference: str) -> Path:
    is_path = "/" in reference or reference.endswith((".geojson", ".json"))
    return watch.pipeline.path(reference) if is_path else registry.aoi_folder() / f"{reference}.geojson"


def _site_content(case: Case) -> dict[str, Any]:
    """Return a site as plain JSON, and what happened to it."""
    site = case.site
    names = (
        "id", "aoi_id", "dekad", "opened_day", "grown_day", "last_day", "peak_area_ha", "confidence", "pond_frac",
        "look_frac", "elongation", "hits", "looked_dekads", "stratum_id", "merged_into", "misses", "looks",
    )  # fmt: skip
    plain = {name: getattr(site, name) for name in names}
    return {
        **plain,
        "status": str(site.status),
        "area_ha": [site.area.ha, site.area.low_ha, site.area.high_ha],
        "geometry": shapely.geometry.mapping(site.geometry),
        "events": _SITE_EVENTS.dump_python(list(case.site_events), mode="json"),
    }


def _options_content(bench: Bench, case: Case, aoi_file: str) -> dict[str, Any]:
    """Return the options of every stage that moves an alert, and how far the catalogues were read."""
    pipeline = bench.watch.pipeline
    stages: dict[str, StageOptions] = {name: getattr(pipeline, name) for name in STAGES}
    return {
        "pipeline": pipeline.name,
        "history": pipeline.history.model_dump(mode="json"),
        "until": date_of(until_day(bench, case.dekad)).isoformat(),
        "aoi_file": aoi_file,
        "aoi_version": bench.watch.aoi.version,
        "stages": {name: options.model_dump(mode="json") for name, options in stages.items()},
        "digests": {name: options.digest() for name, options in stages.items()},
    }


def _run_manifest(bench: Bench, room: Workspace) -> bytes:
    """Return the manifest of the run that made the newest commit of the state: of this area, and not who was told."""
    made = [one for one in bench.state.snapshots() if one.id == bench.head.snapshot_id]
    run_id = str(made[0].metadata.get("run_id", "")) if made else ""
    path = room.path / "runs" / run_id / MANIFEST
    if not run_id or not path.is_file():
        return _pretty({"run_id": run_id or None, "outcome": "not known"})
    manifest = {name: told for name, told in json.loads(path.read_bytes()).items() if name != "post"}
    aoi_id = bench.watch.aoi.id
    for name in _BY_AOI:
        manifest[name] = {aoi: told for aoi, told in (manifest.get(name) or {}).items() if aoi == aoi_id}
    return _pretty({**manifest, "aois": [one for one in manifest.get("aois", []) if one.get("aoi") == aoi_id]})


def _provenance(bench: Bench) -> dict[str, Any]:
    """Return which programs made it."""
    return {
        "code": dict(code_facts()),
        "lineage": bench.watch.lineage,
        "snapshot": bench.head.snapshot_id,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
    }


@cache
def code_facts() -> Mapping[str, str | None]:
    """Return the version of kpgeo and of its detector, a digest of its code, and the git commit of a checkout."""
    package = Path(kpgeo.__file__).resolve().parent
    sources = sorted(package.rglob("*.py"))
    return {
        "kpgeo": kpgeo.__version__,
        "detector": f"{DETECTOR.name}-{DETECTOR.version}",
        "digest": digest([(path.relative_to(package).as_posix(), path.read_text("utf-8")) for path in sources]),
        "commit": _git_commit(package.parent),
    }


def _git_commit(folder: Path) -> str | None:
    """Return the commit a checkout stands at, read from its files; None where it is no checkout."""
    git = folder / ".git"
    try:
        named = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not named.startswith("ref: "):
            return named
        reference = named.removeprefix("ref: ")
        if (git / reference).is_file():
            return (git / reference).read_text(encoding="utf-8").strip()
        packed = (git / "packed-refs").read_text(encoding="utf-8").splitlines()
        return next((line.split(" ")[0] for line in packed if line.endswith(f" {reference}")), None)
    except OSError:
        return None


def _look_row(look: Mapping[str, Any]) -> dict[str, Any]:
    """Return a look as a row: what was seen, what was expected, what it did to the belief."""
    row = {name: look[name] for name in ("day", "sensor", "scene", "is_clear", "unseen")}
    for band, of_band in look["bands"].items():
        row |= {f"{band}_{name}": value for name, value in of_band.items()}
    row |= {f"level_{band}_db": value for band, value in (look["level_db"] or {}).items()}
    row |= {"mined_before": look["before"]["mined"], "mined_after": look["after"]["mined"]}
    return row | {"move_nats": look["move_nats"], "gain_nats": look["gain_nats"]}


def _dekad_row(dekad: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dekad as a row."""
    row = {"dekad": dekad["dekad"], **dekad["belief"], "onset": dekad["onset"], "mined_frac": dekad["mined_frac"]}
    for band, season in dekad["season"].items():
        row |= {f"season_{band}": season["expected"], f"season_{band}_scatter": season["scatter"]}
    return row | {"difference": dekad["difference"]}


def _sheet(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as CSV; a column that a row lacks is empty. Cells are numbers, codes and ids of our own."""
    given = list(rows)
    columns = list(dict.fromkeys(name for row in given for name in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if value is None else value for name, value in row.items()} for row in given)
    return stream.getvalue().encode("utf-8")


def _pretty(content: Any) -> bytes:
    """Return JSON with a line for each value, so that a changed value has a line of its own."""
    plain = json.loads(canonical(content))
    return (json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=True) + "\n").encode("ascii")
