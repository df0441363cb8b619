"""Is everything there that a run needs? Each check gives one finding, and none changes anything."""

import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import rasterio
import requests
from rasterio.drivers import raster_driver_extensions
from rasterio.env import GDALVersion, get_gdal_config

from kpgeo import __version__
from kpgeo.flows.record import read_watched
from kpgeo.model.errors import KpgeoError
from kpgeo.options.pipeline import CatalogSource, Pipeline
from kpgeo.store import Workspace

_PACKAGES = ("numpy", "numba", "rasterio", "pyproj", "dask", "icechunk", "SQLAlchemy", "odc-stac", "typst")
_SKIPPED_DRIVERS = ("VRT", "WMS")
_LEAST_FREE_GIB = 5.0
_REACH_S = (5.0, 10.0)  # connecting, answering


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check found. `state` is `ok`, `warn` (a run can go on) or `fail` (it cannot)."""

    check: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    remedy: str = ""


def examine(workspace: Path, pipeline: Pipeline | None = None) -> list[Finding]:
    """Check versions, raster drivers, disk, workspace and, where a pipeline is given, its catalogues."""
    findings = [*_versions(), *_drivers(), _disk(workspace), *_workspace(workspace)]
    if pipeline is not None:
        findings += [_catalogue(source, pipeline) for source in pipeline.catalog]
    return findings


def _versions() -> Iterator[Finding]:
    is_new_enough = sys.version_info >= (3, 11)
    yield Finding(
        check="python",
        state="ok" if is_new_enough else "fail",
        detail=f"kpgeo {__version__}, Python {platform.python_version()}",
        remedy="" if is_new_enough else "Install Python 3.11 or newer.",
    )
    for name in _PACKAGES:
        try:
            yield Finding(check=name, state="ok", detail=importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(
                check=name, state="fail", detail="not installed", remedy="pip install -c constraints.txt kpgeo"
            )


def _drivers() -> Iterator[Finding]:
    with rasterio.Env() as env:
        drivers = set(env.drivers())
    reads = "GTiff" in drivers and "COG" in drivers
    yield Finding(
        check="gdal",
        state="ok" if reads else "fail",
        detail=f"GDAL {GDALVersion.runtime()}, {len(drivers)} drivers, {len(raster_driver_extensions())} file endings",
        remedy="" if reads else "Install a GDAL with the GTiff and COG drivers.",
    )
    open_doors = sorted(drivers.intersection(_SKIPPED_DRIVERS))
    yield Finding(
        check="gdal drivers kept out",
        state="warn" if open_doors else "ok",
        detail=f"{', '.join(open_doors)} loaded" if open_doors else f"GDAL_SKIP={get_gdal_config('GDAL_SKIP')}",
        remedy="Import kpgeo before rasterio, or set GDAL_SKIP before starting." if open_doors else "",
    )


def _disk(workspace: Path) -> Finding:
    folder = next(parent for parent in (workspace.absolute(), *workspace.absolute().parents) if parent.exists())
    free_gib = shutil.disk_usage(folder).free / 2**30
    is_tight = free_gib < _LEAST_FREE_GIB
    return Finding(
        check="disk",
        state="warn" if is_tight else "ok",
        detail=f"{free_gib:.1f} GiB free at {folder}",
        remedy=f"A run wants {_LEAST_FREE_GIB:.0f} GiB or more." if is_tight else "",
    )


def _workspace(workspace: Path) -> Iterator[Finding]:
    if not workspace.exists():
        yield Finding(check="workspace", state="ok", detail=f"{workspace} does not exist yet; a run makes it")
        return
    try:
        room = Workspace(workspace)
        with room.lock():
            room.tables().close()
            yield Finding(check="workspace", state="ok", detail=f"{workspace}: free, {len(read_watched(room))} AOIs")
    except KpgeoError as error:
        yield Finding(check="workspace", state="fail", detail=error.what, remedy=error.remedy)


def _catalogue(source: CatalogSource, pipeline: Pipeline) -> Finding:
    """Say whether a catalogue answers, within a deadline."""
    if not source.url.startswith(("http://", "https://")):
        path = pipeline.path(source.url)
        is_there = path.is_file()
        return Finding(
            check="catalogue",
            state="ok" if is_there else "fail",
            detail=str(path),
            remedy="" if is_there else "The catalogue file is missing; correct `url` in the pipeline file.",
        )
    try:
        answer = requests.get(source.url, timeout=_REACH_S, headers={"Accept": "application/json"})
        answer.raise_for_status()
        is_stac = "stac_version" in answer.json()
    except (requests.RequestException, ValueError) as error:
        detail = f"{source.url}: {type(error).__name__}"
        return Finding(check="catalogue", state="fail", detail=detail, remedy="Check the network and the address.")
    return Finding(
        check="catalogue",
        state="ok" if is_stac else "fail",
        detail=f"{source.url} answers" + ("" if is_stac else ", but is no STAC catalogue"),
    )
