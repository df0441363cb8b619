"""What truly was there, as a simulated world writes it down."""

import datetime as dt
import json
import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.warp
import shapely
from numpy.typing import NDArray
from rasterio import features
from rasterio.errors import RasterioError
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from kpgeo.model.calendar import day_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.geometry import area_ha

_MONTH = re.compile(r"^mined_frac_(\d{4})-(\d{2})\.tif$")


@dataclass(frozen=True, kw_only=True)
class TrueSite:
    """A working that truly is there.

    Attributes
    ----------
    geometry : shapely geometry
        Its largest extent, EPSG:4326.
    opened_day : int
        First day of digging.
    closed_day : int or None
        None where it is worked to the end.
    active : tuple of (int, int)
        Spells of digging: (first day, day after the last).
    mined : tuple of (int, float)
        Mined area (ha) at the end of each month: (day after the month's last, area), in order.
    """

    id: str
    geometry: BaseGeometry = field(repr=False)
    existed_before: bool
    opened_day: int
    closed_day: int | None
    max_area_ha: float
    active: tuple[tuple[int, int], ...] = ()
    mined: tuple[tuple[int, float], ...] = ()

    def mined_ha(self, day: int) -> float:
        """Return the mined area on a day (ha), between month ends by straight line, from 0 on the day it opened."""
        known = [(self.opened_day, 0.0)] if not self.existed_before else []
        known += [(end, ha) for end, ha in self.mined if end > self.opened_day or self.existed_before]
        if not known or day < known[0][0]:
            return 0.0
        days, areas = zip(*known, strict=True)
        return float(np.interp(day, days, areas))

    def was_dug(self, day: int, within_days: int) -> bool:
        """Say whether a spell of digging had begun before a day and not ended more than `within_days` before it."""
        return any(start < day <= end + within_days for start, end in self.active)

    def disturbed_day(self, ha: float) -> int | None:
        """Return the first day on which an area was mined; None where it never was."""
        last = max((end for end, _ in self.mined), default=self.opened_day)
        return next((day for day in range(self.opened_day, last + 1) if self.mined_ha(day) >= ha), None)


@dataclass(frozen=True, kw_only=True)
class Nuisance:
    """Something that looks like digging and is not. `end_day` is None where it stays."""

    kind: str
    geometry: BaseGeometry = field(repr=False)
    start_day: int
    end_day: int | None


@dataclass(frozen=True, kw_only=True)
class Truth:
    """A world's truth.

    Attributes
    ----------
    name : str
        The folder of the world.
    monitored_day : int
        First monitored day.
    area_km2 : float
        Of the AOI, on the ellipsoid.
    """

    name: str
    monitored_day: int
    area_km2: float
    sites: tuple[TrueSite, ...]
    nuisances: tuple[Nuisance, ...]


def read_truth(folder: Path) -> Truth:
    """Read the truth of a simulated world.

    Parameters
    ----------
    folder : Path
        The world's folder, which holds `aoi.geojson`, `pipeline.toml` and `truth/`; or its `truth` folder.

    Raises
    ------
    BadInputError
        A file is missing or not what it should be; the message names it.
    """
    world = folder.parent if folder.name == "truth" else folder
    truth = world / "truth"
    found = truth / "sites.geojson"
    sites = [_site(feature, where=str(found)) for feature in _features(found)]
    mined = _mined_by_month(_months(truth), [site.geometry for site in sites])
    sites = [replace(site, mined=tuple(rows)) for site, rows in zip(sites, mined, strict=True)]
    path = truth / "nuisances.geojson"
    return Truth(
        name=world.name,
        monitored_day=_monitored_day(world / "pipeline.toml"),
        area_km2=_area_km2(world / "aoi.geojson"),
        sites=tuple(sorted(sites, key=lambda site: site.id)),
        nuisances=tuple(_nuisance(feature, where=str(path)) for feature in _features(path)),
    )


def _features(path: Path) -> list[dict[str, Any]]:
    """Return the features of a GeoJSON file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content["features"]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise BadInputError(
            f"The file is missing or is not a GeoJSON FeatureCollection ({type(error).__name__}).",
            where=str(path),
            remedy="Give the folder of a world that `kpgeo sim write` has made.",
        ) from error
    if not isinstance(found, list):
        raise BadInputError("`features` is not a list.", where=str(path))
    return found


def _area_km2(path: Path) -> float:
    """Return the area of the AOI's boundary, its file's first feature."""
    try:
        return area_ha(shape(_features(path)[0]["geometry"])) / 100.0
    except (IndexError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadInputError(f"The boundary cannot be read ({type(error).__name__}).", where=str(path)) from error


def _monitored_day(path: Path) -> int:
    """Return the first monitored day: the end of the history in the world's pipeline file."""
    try:
        with path.open("rb") as stream:
            end = tomllib.load(stream)["history"]["end"]
        return day_of(end if isinstance(end, dt.date) else dt.date.fromisoformat(end))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            f"The end of the history cannot be read ({type(error).__name__}).", where=str(path)
        ) from error


def _site(feature: dict[str, Any], where: str) -> TrueSite:
    """Read one site, without its areas."""
    try:
        about = feature["properties"]
        return TrueSite(
            id=str(about["id"]),
            geometry=shape(feature["geometry"]),
            existed_before=bool(about["existed_before"]),
            opened_day=_day(about["opened"]),
            closed_day=_day(about["closed"]) if about.get("closed") else None,
            max_area_ha=float(about["max_area_ha"]),
            active=tuple(
                (_day(phase["start"]), _day(phase["end"])) for phase in about["phases"] if phase["state"] == "active"
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError) as error:
        raise BadInputError(f"A site cannot be read ({type(error).__name__}: {error}).", where=where) from error


def _nuisance(feature: dict[str, Any], where: str) -> Nuisance:
    """Read one nuisance."""
    try:
        about = feature["properties"]
        return Nuisance(
            kind=str(about["kind"]),
            geometry=shape(feature["geometry"]),
            start_day=_day(about["start"]),
            end_day=_day(about["end"]) if about.get("end") else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError) as error:
        raise BadInputError(f"A nuisance cannot be read ({type(error).__name__}: {error}).", where=where) from error


def _day(text: str) -> int:
    return day_of(dt.date.fromisoformat(text))


def _months(truth: Path) -> list[tuple[int, Path]]:
    """Return the monthly rasters, each with the day after its month, in order."""
    found = []
    for path in truth.glob("mined_frac_*.tif"):
        match = _MONTH.match(path.name)
        if match:
            year, month = int(match[1]), int(match[2])
            found.append((day_of(dt.date(year + month // 12, month % 12 + 1, 1)), path))
    return sorted(found)


def _mined_by_month(months: list[tuple[int, Path]], outlines: list[BaseGeometry]) -> list[list[tuple[int, float]]]:
    """Return, for each outline (EPSG:4326), its mined area (ha) month by month; pixels it touches count whole.

    The rasters (percent, uint8) share one grid.
    """
    mined: list[list[tuple[int, float]]] = [[] for _ in outlines]
    places: list[NDArray[np.intp]] = []
    for end, path in months:
        try:
            with rasterio.open(path) as source:
                if not places:
                    places = [_touched(source, outline) for outline in outlines]
                percent = source.read(1).reshape(-1).astype(np.float64)
                pixel_ha = abs(source.transform.a * source.transform.e) / 10_000.0
        except RasterioError as error:
            raise BadInputError(f"The raster cannot be read ({error}).", where=str(path)) from error
        for row, place in zip(mined, places, strict=True):
            row.append((end, float(percent[place].sum()) / 100.0 * pixel_ha))
    return mined


def _touched(source: rasterio.DatasetReader, outline: BaseGeometry) -> NDArray[np.intp]:
    """Return the flat indices of the pixels that an outline touches."""
    if outline.is_empty:
        return np.zeros(0, dtype=np.intp)
    moved = rasterio.warp.transform_geom("EPSG:4326", source.crs, mapping(outline))
    burnt = features.rasterize(
        [moved], out_shape=source.shape, transform=source.transform, all_touched=True, dtype="uint8"
    )
    return np.flatnonzero(burnt)
