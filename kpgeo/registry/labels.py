"""An analyst's labelled polygons: what the ground at a place was, from when until when. Files that strangers wrote."""

import logging
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from kpgeo.model.calendar import date_in_utc, day_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.geometry import area_ha
from kpgeo.model.grid import Grid
from kpgeo.model.state import LandState
from kpgeo.registry.outline import Outline, count_positions
from kpgeo.registry.raster import in_pixels
from kpgeo.registry.reading import _check_crs, _raise_first
from kpgeo.registry.rules import MAX_VERTICES, Findings, clean
from kpgeo.registry.text import parse_json, read_bytes

MAX_LABELS = 2000
MAX_LABEL_KM2 = 25.0
STATES = tuple(state.name.lower() for state in LandState if state is not LandState.STABLE)
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,60}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Label:
    """One polygon whose ground is all of one kind.

    Attributes
    ----------
    id : str
        How it is called in reports.
    class_name : str
        A class of the library, or empty: whichever of the state's classes it is most like.
    start_day, end_day : int or None
        First day, and day after the last one, on which the ground was so; None where the file does not say.
    is_checked : bool
        Somebody looked again and stands by it, however it looks.
    geometry : shapely geometry
        EPSG:4326.
    """

    id: str
    state: LandState
    class_name: str
    start_day: int | None
    end_day: int | None
    is_checked: bool
    geometry: BaseGeometry = field(repr=False)

    def holds(self, day: int) -> bool:
        """Say whether the ground was so on a day."""
        return (self.start_day is None or self.start_day <= day) and (self.end_day is None or day < self.end_day)


def read_labels(path: Path) -> tuple[Label, ...]:
    """Read labelled polygons from a GeoJSON file, in its order.

    A feature's properties: `state` (a land state other than stable); optionally `class`, `from` and `until` (ISO dates,
    the day after the last one), `checked` (true or false) and `name`. Others are left alone. Outlines are repaired
    where that takes no guessing, and the log says so.

    Raises
    ------
    RuleError
        The file, its text, its coordinate system or an outline breaks a rule of area files.
    BadInputError
        A property cannot be used; the message names the feature and the property.
    """
    found = Findings(file=str(path), consent=True)
    raw = read_bytes(path, found)
    content = parse_json(raw, found) if raw is not None else None
    _raise_first(found.errors)
    rows = _features(content, path, found)
    labels = [_label(row, index, path, found) for index, row in enumerate(rows)]
    _raise_first(found.errors)
    for rule, times in sorted(Counter(repair.partition(" at ")[0] for repair in found.repairs).items()):
        _log.warning("%s: %d outline(s) repaired (%s)", path.name, times, rule)
    return _told_apart([label for label in labels if label is not None])


def find_label_pixels(label: Label, grid: Grid) -> NDArray[np.int64]:
    """Return the (row, column) pairs, int64 (pixel, 2), of the grid's pixels that lie wholly inside a label."""
    outline = in_pixels(label.geometry, grid).buffer(-0.5)
    if outline.is_empty:
        return np.zeros((0, 2), dtype=np.int64)
    left, top, right, bottom = outline.bounds
    x0, y0 = max(int(np.floor(left)), 0), max(int(np.floor(top)), 0)
    x1, y1 = min(int(np.ceil(right)), grid.width), min(int(np.ceil(bottom)), grid.height)
    if x1 <= x0 or y1 <= y0:
        return np.zeros((0, 2), dtype=np.int64)
    burnt = rasterize([(translate(outline, -x0, -y0), 1)], out_shape=(y1 - y0, x1 - x0), fill=0, dtype="uint8")
    inside: NDArray[np.int64] = np.argwhere(burnt > 0) + np.array([y0, x0])
    return inside


def _told_apart(labels: list[Label]) -> tuple[Label, ...]:
    """Return labels whose ids differ: the second `pit` is called `pit (2)`."""
    seen: Counter[str] = Counter()
    found = []
    for label in labels:
        seen[label.id] += 1
        found.append(label if seen[label.id] == 1 else replace(label, id=f"{label.id} ({seen[label.id]})"))
    return tuple(found)


def _features(content: object, path: Path, found: Findings) -> list[Mapping[str, Any]]:
    """Return the features of a parsed file, counted before any geometry is built."""
    collection = content if isinstance(content, dict) and content.get("type") == "FeatureCollection" else {}
    features = collection.get("features")
    if not isinstance(features, list) or not all(isinstance(row, dict) for row in features):
        raise BadInputError(
            "This is not a GeoJSON FeatureCollection.", where=str(path), remedy="Save the polygons as GeoJSON."
        )
    if not features:
        raise BadInputError("The file holds no polygon.", where=str(path), remedy="Draw at least one.")
    if len(features) > MAX_LABELS:
        raise BadInputError(
            f"The file holds {len(features):,} features.", where=str(path), remedy=f"Keep at most {MAX_LABELS:,}."
        )
    _check_crs(collection.get("crs"), found)
    geometries = [row.get("geometry") for row in features]
    n_positions = sum(count_positions(g.get("coordinates")) for g in geometries if isinstance(g, dict))
    if n_positions > MAX_VERTICES:
        found.add("vertices-too-many", f"The file holds {n_positions:,} positions.")
    _raise_first(found.errors)
    return features


def _label(row: Mapping[str, Any], index: int, path: Path, found: Findings) -> Label | None:
    """Read one feature, or return None with a finding about its outline."""
    place = f"features[{index}]"
    where = f"{clean(str(path), 200)}: {place}"
    about = row.get("properties")
    if not isinstance(about, dict):
        raise BadInputError("The feature has no properties.", where=where, remedy="Give each polygon a state.")
    geometry = Outline(found, place).read(row.get("geometry"))
    start_day, end_day = (_day(about.get(name), f"{where}.properties.{name}") for name in ("from", "until"))
    if start_day is not None and end_day is not None and end_day <= start_day:
        raise BadInputError(
            "until does not lie after from.",
            where=f"{where}.properties.until",
            remedy="until is the day after the last one.",
        )
    name = _name_of(row, about, index)
    state = _state(about.get("state"), f"{where}.properties.state")
    class_name = _class(about.get("class"), f"{where}.properties.class")
    is_checked = _flag(about.get("checked"), f"{where}.properties.checked")
    if geometry is None:
        return None
    if area_ha(geometry) / 100.0 > MAX_LABEL_KM2:
        raise BadInputError(
            f"The polygon covers {area_ha(geometry) / 100.0:,.0f} km².",
            where=f"{where}.geometry",
            remedy="Draw smaller polygons over ground that is all of one kind.",
        )
    return Label(
        id=name,
        state=state,
        class_name=class_name,
        start_day=start_day,
        end_day=end_day,
        is_checked=is_checked,
        geometry=geometry,
    )


def _name_of(row: Mapping[str, Any], about: Mapping[str, Any], index: int) -> str:
    """Return the name, the id or the number of a feature, fit for a report."""
    for value in (about.get("name"), row.get("id"), about.get("id")):
        if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
            return clean(str(value).strip(), 40)
    return f"feature {index + 1}"


def _state(value: object, where: str) -> LandState:
    if isinstance(value, str) and value.strip().lower() in STATES:
        return LandState[value.strip().upper()]
    if isinstance(value, str) and value.strip().lower() == "stable":
        raise BadInputError(
            "stable has no class: every pixel's own season is what it looks like.",
            where=where,
            remedy="Leave the polygon out.",
        )
    said = clean(repr(value), 40)
    raise BadInputError(f"{said} is not a land state.", where=where, remedy=f"Write one of {', '.join(STATES)}.")


def _class(value: object, where: str) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, str) and _NAME.fullmatch(value.strip()):
        return value.strip()
    raise BadInputError("This cannot be the name of a class.", where=where, remedy="Write a class of the library.")


def _flag(value: object, where: str) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    raise BadInputError(f"{clean(repr(value), 40)} is not true or false.", where=where, remedy="Write true or false.")


def _day(value: object, where: str) -> int | None:
    if value is None or value == "":
        return None
    remedy = "Write it as 2024-08-31, or leave it out."
    if not isinstance(value, str):
        raise BadInputError(f"{clean(repr(value), 40)} is not an ISO date.", where=where, remedy=remedy)
    try:
        date = date_in_utc(value)
    except BadInputError as error:
        raise BadInputError(error.what, where=where, remedy=remedy) from error
    if date.year < 1984:
        raise BadInputError(f"{date} lies before the first Landsat image of 30 m.", where=where, remedy=remedy)
    return day_of(date)
