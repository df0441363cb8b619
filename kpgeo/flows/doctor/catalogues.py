"""Each catalogue, as a run will use it: does it answer, has it what is named, what is newest, can a pixel be read."""

import datetime as dt
import email.utils
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
import shapely
from pyproj import Transformer

from kpgeo import catalog, ingest
from kpgeo.flows.doctor.finding import Finding, failed, good, of_error, warned
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.errors import UpstreamError
from kpgeo.model.grid import Tile
from kpgeo.model.run import Gap
from kpgeo.model.scene import LookClass, Scene
from kpgeo.options.pipeline import CatalogSource, Pipeline
from kpgeo.wire import Access, FetchError, open_session, trusted_by

_RECENT_DAYS = 60
_STALE_DAYS = 30
_SEARCH_S = 30.0
_MAX_PAGES = 10
_MAX_CHILDREN = 50
_NO_COLLECTION = "has no collection"
_LOOK_PX = 16
KEY_NAMES = ("CDSE_S3_ACCESS_KEY", "CDSE_S3_SECRET_KEY")  # a test holds them to what kpgeo.ingest reads
_QUICK = {
    "connect_timeout_s": 6.0,
    "silence_s": 10.0,
    "http_timeout_s": 20.0,
    "request_attempts": 2,
    "request_deadline_s": 25.0,
    "first_wait_s": 0.2,
    "max_wait_s": 5.0,
}
_OFFLINE = "See that this machine is on the internet, and that no firewall keeps kpgeo from {host}."
_LATER = "The service has trouble of its own: try again in an hour, or name a second catalogue for the same sensor."
_ADDRESS = "Correct `url` under [[catalog]] in the pipeline file; the address of a STAC API often ends in /v1."
_MENDS = {
    "dns-failed": "See that this machine is on the internet, and that {host} is spelled rightly in the pipeline file.",
    "unreachable": _OFFLINE,
    "timed-out": _OFFLINE,
    "reset": _OFFLINE,
    "tls-failed": "Set the machine's clock; if your organisation inspects web traffic, name its certificate file as "
    "ca_file under [wire].",
    "captive-portal": "Open a web browser on this machine, log in to the network there, and ask again.",
    "redirect-loop": _ADDRESS,
    "redirect-refused": _ADDRESS,
    "not-found": _ADDRESS,
    "refused": _ADDRESS,
    "forbidden": "See that your account or key for {host} is valid, and set it in the environment again.",
    "keys-missing": f"Make a key in your account there, and set {' and '.join(KEY_NAMES)} in the environment.",
    "busy": _LATER,
    "server-error": _LATER,
    "short-body": _LATER,
}


@dataclass
class Examination:
    """What came of asking one catalogue.

    Attributes
    ----------
    skews_s : dict
        By host, how far this machine's clock is ahead of the service's (s).
    """

    pipeline: Pipeline
    source: CatalogSource
    watch: Watch | None
    skews_s: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return what the finding is called."""
        one = self.source
        return f"catalogue {one.provider or one.folder or (one.host if one.is_remote else one.url)}"

    @property
    def access(self) -> Access:
        """Return what the network may be used for, with short waits."""
        options = self.pipeline.wire.model_copy(update=_QUICK)
        return Access(options=options, trusted_hosts=trusted_by([self.source.url]))

    def findings(self) -> Iterator[Finding]:
        """Ask the catalogue: its root, its collections, its newest scene, and a pixel of that."""
        if self.source.is_remote and not self.source.is_static:
            is_there = True
            for finding in self._api():
                is_there = is_there and finding.state != "fail"
                yield finding
            if not is_there:
                return
        elif not self.source.is_remote and not self.source.folder:
            path = self.pipeline.path(self.source.url)
            if not path.is_file():
                remedy = "Correct `url` under [[catalog]] in the pipeline file."
                yield failed(self.name, f"no file {path}", remedy, is_upstream=True)
                return
        if self.watch is not None:
            yield from self._scenes(self.watch)

    def _api(self) -> Iterator[Finding]:
        """Ask a STAC API for its root, and for the collections named."""
        url = self.source.url.rstrip("/")
        with open_session(self.access) as session:
            root = self._get(session, url)
            if isinstance(root, Finding):
                yield root
                return
            if "stac_version" not in root:
                yield failed(self.name, f"{url} answers, and is no STAC catalogue", _ADDRESS, is_upstream=True)
                return
            wrong = [
                self._collection(session, url, str(sensor), name) for sensor, name in self.source.collections.items()
            ]
            faults = [finding for finding in wrong if finding is not None]
            yield from faults
            if not faults:
                yield good(self.name, f"{url} answers, and has {', '.join(self.source.collections.values())}")

    def _collection(self, session: requests.Session, url: str, sensor: str, name: str) -> Finding | None:
        """Return what is wrong with one named collection."""
        found = self._get(session, f"{url}/collections/{quote(name, safe='')}")
        if not isinstance(found, Finding):
            return None
        known = list(_collections(self, session, url))
        if name in known:
            return None
        if not known:
            return found
        return self._misnamed(sensor, name, known)

    def _misnamed(self, sensor: str, name: str, known: list[str]) -> Finding:
        """Return that a collection is not there, and which is likest to be meant."""
        near = get_close_matches(name, known, n=1, cutoff=0.3) or get_close_matches(sensor, known, n=1, cutoff=0.0)
        if not near:
            return failed(self.name, f"has no collection {name!r}", "Correct `collections` in the pipeline file.")
        remedy = f'Write {sensor} = "{near[0]}" under `collections` in the pipeline file, if that is what you mean.'
        return failed(self.name, f"has no collection {name!r}; the nearest is {near[0]!r}", remedy)

    def _get(self, session: requests.Session, url: str) -> Any:
        """Return a JSON object, or a finding that says why there is none."""
        host = self.source.host
        try:
            answer = session.get(url, headers={"Accept": "application/json"})
        except FetchError as error:
            remedy = _MENDS.get(error.fault, _OFFLINE).format(host=host)
            return failed(self.name, f"{url}: {error.what}", remedy, is_upstream=True)
        self._note_clock(host, answer)
        fault = _fault_of(answer)
        if fault is not None:
            remedy = _MENDS[fault].format(host=host)
            return failed(self.name, f"{url} answers with status {answer.status_code}", remedy, is_upstream=True)
        try:
            content = answer.json()
        except (ValueError, RecursionError):
            content = None
        if isinstance(content, Mapping):
            return content
        is_page = "html" in answer.headers.get("Content-Type", "")
        detail = f"{url} answers with {'a web page' if is_page else 'what is no JSON'}"
        remedy = _MENDS["captive-portal"] if is_page else _ADDRESS
        return failed(self.name, detail, remedy, is_upstream=True)

    def _note_clock(self, host: str, answer: requests.Response) -> None:
        """Keep how far the service's clock is from this one. An answer out of a store says when it was put there."""
        try:
            moment = email.utils.parsedate_to_datetime(answer.headers["Date"])
            age_s = float(answer.headers.get("Age", 0.0))
            self.skews_s[host] = time.time() - age_s - moment.timestamp()
        except (KeyError, TypeError, ValueError):
            return

    def _scenes(self, watch: Watch) -> Iterator[Finding]:
        """Search the area as a run does, and read a pixel of the newest scene of each sensor."""
        today = dt.datetime.now(dt.UTC).date()
        is_live = self.source.is_remote and not self.source.is_static
        start = today - dt.timedelta(days=_RECENT_DAYS) if is_live else self.pipeline.history.start
        source = self.source.model_copy(update={"deadline_s": min(self.source.deadline_s, _SEARCH_S)})
        try:
            found = catalog.find_scenes(
                watch.aoi,
                [source],
                start,
                today + dt.timedelta(days=1),
                folder=Path(self.pipeline.folder),
                access=self.access,
            )
        except UpstreamError as error:
            yield from self._unsearched(error)
            return
        for sensor, collection in self.source.collections.items():
            of_sensor = [scene for scene in found.scenes if scene.sensor is sensor]
            refused = [gap for gap in found.gaps if gap.sensor is sensor]
            if self.source.is_static and any(_NO_COLLECTION in gap.reason for gap in refused):
                yield self._misnamed(str(sensor), collection, _static_collections(self.pipeline.path(self.source.url)))
                continue
            yield newest_finding(f"{self.name}: {sensor}", of_sensor, refused, today, is_live=is_live)
            if of_sensor:
                yield self._pixels(watch, of_sensor[-1])

    def _unsearched(self, error: UpstreamError) -> Iterator[Finding]:
        """Say why nothing could be searched: of a file, that it has none of the collections, or is no catalogue."""
        if not self.source.is_static:
            yield of_error(self.name, error, _LATER)
        elif _NO_COLLECTION in error.what:
            known = _static_collections(self.pipeline.path(self.source.url))
            for sensor, collection in self.source.collections.items():
                yield self._misnamed(str(sensor), collection, known)
        else:
            yield of_error(self.name, error, "Correct `url` under [[catalog]], or put a whole catalogue in its place.")

    def _pixels(self, watch: Watch, scene: Scene) -> Finding:
        """Read a small window of every file of a scene, in the midst of what it shows of the area."""
        check = f"{self.name}: {scene.sensor}"
        options = self.pipeline.ingest
        begin = time.monotonic()
        cube, gaps = ingest.load_cube([scene], _window(watch, scene), options, self.access)
        took = f"{time.monotonic() - begin:.1f} s"
        if gaps:
            return pixel_fault(check, gaps[0], self.source.host)
        if not (cube["look_class"] != LookClass.NOT_ACQUIRED).any():
            remedy = (
                "Nothing to mend if others can be read; else tell who runs the catalogue that its outlines are wrong."
            )
            return warned(check, f"scene {scene.id} shows nothing where its outline says it does", remedy)
        return good(check, f"a window of each of its {len(scene.granules[0].item['assets'])} files was read in {took}")


def newest_finding(check: str, scenes: list[Scene], gaps: list[Gap], today: dt.date, *, is_live: bool) -> Finding:
    """Say how old the newest scene is. Of a file that has ended, any age is right."""
    failures = [gap.reason for gap in gaps if gap.reason.startswith("catalogue-failed")]
    if failures:
        return failed(check, failures[0].partition(": ")[2], _LATER, is_upstream=True)
    refused = f"; {len(gaps)} refused, the first for {gaps[0].reason.rpartition(': ')[2]}" if gaps else ""
    other = "Name another catalogue for this sensor, or see on the web whether its satellites still deliver."
    if not scenes:
        if is_live:
            detail = f"nothing over the area in the last {_RECENT_DAYS} days{refused}"
            return warned(check, detail, other, is_upstream=True)
        return warned(
            check,
            f"nothing over the area since the history begins{refused}",
            "See that the catalogue covers the area and the days of [history].",
        )
    newest = scenes[-1].datetime.date()
    age_days = (today - newest).days
    detail = f"newest of {newest}, {age_days} days ago{refused}"
    return warned(check, detail, other, is_upstream=True) if is_live and age_days > _STALE_DAYS else good(check, detail)


def pixel_fault(check: str, gap: Gap, host: str) -> Finding:
    """Say why a scene's files cannot be read, with the mend."""
    reason = gap.reason
    if "token-refused" in reason:
        remedy = (
            "The service gave no token to read files with: try again later, or ask it whether it now wants an account."
        )
        return failed(check, f"no read token ({reason})", remedy, is_upstream=True)
    for fault, mend in _MENDS.items():
        if fault in reason:
            return failed(check, f"its files cannot be read ({reason})", mend.format(host=host), is_upstream=True)
    remedy = "Nothing to mend if others can be read: a run passes by what it cannot read, and says so."
    return warned(check, f"the newest scene cannot be read ({reason})", remedy, is_upstream=True)


def key_findings(source: CatalogSource, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Say whether the keys that a catalogue's files need are in the environment. They are not shown."""
    if source.provider != "copernicus":
        return
    missing = [name for name in KEY_NAMES if not environ.get(name)]
    check = f"keys for {source.provider or source.host}"
    if missing:
        remedy = f"Make a key in your account there, and set {' and '.join(missing)} in the environment."
        yield failed(check, f"not set: {', '.join(missing)}", remedy)
    else:
        yield good(check, f"{' and '.join(KEY_NAMES)} are set")


def _collections(one: Examination, session: requests.Session, url: str) -> Iterator[str]:
    """Yield the ids of the collections a service has, page by page."""
    following = f"{url}/collections"
    for _ in range(_MAX_PAGES):
        page = one._get(session, following)  # noqa: SLF001 - a part of its work
        if isinstance(page, Finding):
            return
        listed = page.get("collections")
        entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
        yield from (str(entry.get("id")) for entry in entries)
        links = page.get("links")
        hrefs = [
            str(link.get("href"))
            for link in (links if isinstance(links, list) else [])
            if isinstance(link, Mapping) and link.get("rel") == "next" and link.get("href")
        ]
        if not hrefs:
            return
        following = hrefs[0]


def _static_collections(path: Path) -> list[str]:
    """Return the ids of the collections a catalogue on this machine links to."""
    found: list[str] = []
    for link in _read_object(path).get("links") or []:
        if isinstance(link, Mapping) and link.get("rel") == "child" and len(found) < _MAX_CHILDREN:
            found.append(str(_read_object(path.parent / str(link.get("href"))).get("id", "")))
    return [name for name in found if name]


def _read_object(path: Path) -> Mapping[str, Any]:
    """Return a JSON object of a file; an empty one where it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, Mapping) else {}


def _fault_of(answer: requests.Response) -> str | None:
    """Return the fault an answer's status stands for."""
    status = answer.status_code
    if status < 400:
        return None
    if status in (401, 403, 407):
        return "forbidden"
    if status == 429:
        return "busy"
    return "server-error" if status >= 500 else "not-found"


def _window(watch: Watch, scene: Scene) -> Any:
    """Return a small window of the grid, in the midst of what a scene shows of the area."""
    shared = shapely.intersection(scene.footprint, watch.aoi.geometry)
    point = (shared if not shared.is_empty else watch.aoi.geometry).representative_point()
    grid = watch.grid
    east_m, north_m = Transformer.from_crs(4326, grid.epsg, always_xy=True).transform(point.x, point.y)
    col = min(max(int((east_m - grid.left_m) / grid.res_m) - _LOOK_PX // 2, 0), max(grid.width - _LOOK_PX, 0))
    row = min(max(int((grid.top_m - north_m) / grid.res_m) - _LOOK_PX // 2, 0), max(grid.height - _LOOK_PX, 0))
    edge = {"height": min(_LOOK_PX, grid.height), "width": min(_LOOK_PX, grid.width)}
    return grid.tile_geobox(Tile(row=0, col=0, y0=row, x0=col, **edge))
