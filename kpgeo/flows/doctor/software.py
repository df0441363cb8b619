"""What kpgeo runs on: Python, packages, GDAL, PROJ, encoding, the cache of compiled code."""

import importlib.metadata
import locale
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numba
import pyogrio
import pyproj
import pyproj.network
import rasterio
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.warp import transform

import kpgeo
from kpgeo.flows.doctor.finding import Case, Finding, failed, good, warned

PYTHON = ">=3.11"
# A file they are handed can name other files and hosts, which they would open.
KEPT_OUT = frozenset(
    {"VRT", "WMS", "WCS", "WMTS", "HTTP", "GTI", "STACIT", "STACTA", "DERIVED", "OGR_VRT", "WFS", "CSW"}
)
NEEDED = ("GTiff", "COG")
_SHOWN = ("numpy", "numba", "rasterio", "dask", "icechunk")
_ELSEWHERE = ("GDAL_DATA", "GDAL_DRIVER_PATH", "PROJ_DATA", "PROJ_LIB")
_KNOWN_POINT = ((32629, 500_000.0, 0.0), (-9.0, 0.0))  # the middle of zone 29 on the equator, in degrees
_TOLERANCE_DEG = 1e-6


def examine_software(case: Case) -> Iterator[Finding]:
    """Check what kpgeo runs on."""
    yield python_finding(platform.python_version())
    yield from package_findings(_requirements(), importlib.metadata.version)
    yield from gdal_findings(_loaded_libraries(), sys.modules.keys())
    yield from driver_findings(_drivers())
    yield from jpeg2000_findings(_drivers(), case)
    yield from proj_findings(case.environ)
    yield from encoding_findings(sys.getfilesystemencoding(), locale.getpreferredencoding(do_setlocale=False))
    yield compiled_finding(case.environ, Path(kpgeo.__file__).parent / "kernels")


def python_finding(version: str) -> Finding:
    """Say whether Python is new enough."""
    detail = f"Python {version}, kpgeo {kpgeo.__version__}"
    if SpecifierSet(PYTHON).contains(version, prereleases=True):
        return good("python", detail)
    return failed("python", detail, "Install Python 3.11 or newer, and kpgeo again with that Python.")


def package_findings(requirements: Iterable[str], version_of: Callable[[str], str]) -> Iterator[Finding]:
    """Hold what is installed against what kpgeo says it needs. A finding for each fault, or one that all is well."""
    versions: dict[str, str] = {}
    is_well = True
    for one in requirements:
        try:
            wanted = Requirement(one)
        except InvalidRequirement:
            continue
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        fix = f"Run: pip install --upgrade '{wanted.name}{wanted.specifier}'"
        try:
            versions[wanted.name] = version_of(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            is_well = False
            yield failed(wanted.name, f"not installed; kpgeo needs {wanted.specifier}", fix)
            continue
        if not wanted.specifier.contains(versions[wanted.name], prereleases=True):
            is_well = False
            yield failed(wanted.name, f"{versions[wanted.name]}; kpgeo needs {wanted.specifier}", fix)
    if not versions and is_well:
        remedy = "Install it: in its folder run: pip install -c constraints.txt -e ."
        yield warned("packages", "kpgeo is not installed, so nobody knows which packages it needs", remedy)
    elif is_well:
        shown = ", ".join(f"{name} {versions[name]}" for name in _SHOWN if name in versions)
        yield good("packages", f"{len(versions)} as needed, among them {shown}")


def gdal_findings(libraries: Iterable[str], modules: Iterable[str]) -> Iterator[Finding]:
    """Say which GDALs are at work. Those that packages bring keep to themselves; one more shares their settings."""
    versions = (
        f"GDAL {rasterio.__gdal_version__} in rasterio, {'.'.join(map(str, pyogrio.__gdal_version__))} in pyogrio"
    )
    strangers = sorted({Path(path).name for path in libraries if not _is_bundled(path)})
    has_bundled = any(_is_bundled(path) for path in libraries)
    remedy = (
        "Give kpgeo an environment of its own, without the osgeo package: python -m venv, then install kpgeo there."
    )
    if "osgeo" in modules:
        yield warned("gdal", f"{versions}, and osgeo, which shares their settings", remedy)
    elif strangers and has_bundled:
        yield warned("gdal", f"{versions}, and {', '.join(strangers)} of another installation", remedy)
    else:
        yield good("gdal", versions)


def driver_findings(drivers: set[str]) -> Iterator[Finding]:
    """Say whether GDAL reads what kpgeo needs, and nothing that opens other files and hosts."""
    missing = [name for name in NEEDED if name not in drivers]
    if missing:
        remedy = "Install rasterio anew, as its makers offer it: pip install --force-reinstall rasterio."
        yield failed("raster formats", f"GDAL cannot read {' and '.join(missing)}", remedy)
    else:
        yield good("raster formats", f"{', '.join(NEEDED)} among {len(drivers)}")
    open_doors = sorted(drivers & KEPT_OUT)
    if open_doors:
        remedy = "Start kpgeo without GDAL_SKIP and OGR_SKIP (unset them), and import kpgeo before rasterio."
        yield failed(
            "formats kept out", f"GDAL opens {', '.join(open_doors)}, which reach other files and hosts", remedy
        )
    else:
        yield good("formats kept out", "none that reaches other files or hosts")


def jpeg2000_findings(drivers: set[str], case: Case) -> Iterator[Finding]:
    """Say whether JPEG 2000 can be read, where a catalogue of the pipeline gives it."""
    sources = case.pipeline.catalog if case.pipeline is not None else ()
    if any(source.provider == "copernicus" for source in sources) and "JP2OpenJPEG" not in drivers:
        remedy = "Install rasterio anew, as its makers offer it: pip install --force-reinstall rasterio."
        yield failed("jpeg 2000", "GDAL cannot read the files of Copernicus Data Space", remedy)


def proj_findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Say whether coordinates are turned rightly, and without the network."""
    foreign = [name for name in _ELSEWHERE if environ.get(name)]
    fix = f"Unset {' and '.join(foreign) or 'PROJ_DATA'} (another installation's), and start again."
    try:
        is_right = _turns_rightly()
    except (CRSError, rasterio.errors.RasterioError, pyproj.exceptions.ProjError) as error:
        yield failed("coordinates", f"PROJ has no database it can read ({type(error).__name__})", fix)
        return
    if not is_right:
        yield failed("coordinates", "a known point comes out at another place", fix)
    elif foreign:
        yield warned("coordinates", f"{', '.join(foreign)} lead to another installation", fix)
    else:
        yield good("coordinates", f"PROJ {pyproj.proj_version_str}, a known point comes out right")
    network: Any = pyproj.network
    if network.is_network_enabled() or environ.get("PROJ_NETWORK", "").upper() == "ON":
        remedy = "Unset PROJ_NETWORK, so that the same place comes out the same with and without internet."
        yield warned("coordinates offline", "PROJ may fetch grids from the internet", remedy)


def encoding_findings(filesystem: str, preferred: str) -> Iterator[Finding]:
    """Say whether names with accents survive."""
    wrong = [name for name in (filesystem, preferred) if name.lower().replace("-", "") != "utf8"]
    if wrong:
        remedy = "Start kpgeo with PYTHONUTF8=1 (in the terminal: export PYTHONUTF8=1, then run it again)."
        yield warned("text", f"the system writes text as {wrong[0]}: names such as Séguéla may break", remedy)
    else:
        yield good("text", "UTF-8")


def compiled_finding(environ: Mapping[str, str], kernels: Path) -> Finding:
    """Say whether compiled code can be kept from one run to the next; numba looks in these places in this order."""
    named = environ.get("NUMBA_CACHE_DIR", "")
    places = [Path(named)] if named else [kernels / "__pycache__", Path.home() / ".cache"]
    kept = next((place for place in places if _is_writable(place)), None)
    if kept is not None:
        return good("compiled code", f"numba {numba.__version__} keeps it")
    remedy = "Set NUMBA_CACHE_DIR to a folder you may write to (export NUMBA_CACHE_DIR=~/numba, and make that folder)."
    return failed("compiled code", f"nothing can be kept in {places[0]}", remedy)


def _requirements() -> list[str]:
    try:
        return importlib.metadata.requires("kpgeo") or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _drivers() -> set[str]:
    with rasterio.Env() as env:
        return {*env.drivers(), *pyogrio.list_drivers()}


def _loaded_libraries() -> list[str]:
    """Return the GDAL libraries this process has loaded, by path; none where the system does not say."""
    try:
        text = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return sorted(set(re.findall(r"(/\S*libgdal[^/\s]*)$", text, flags=re.MULTILINE)))


def _is_bundled(path: str) -> bool:
    """Say whether a library lies in a package's own folder, as wheels bring it."""
    return any(part.endswith(".libs") or part == ".dylibs" for part in Path(path).parts)


def _turns_rightly() -> bool:
    """Turn a known point by both PROJs that are at work."""
    (epsg, east_m, north_m), expected = _KNOWN_POINT
    by_gdal = [values[0] for values in transform(CRS.from_epsg(epsg), CRS.from_epsg(4326), [east_m], [north_m])]
    by_pyproj = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True).transform(east_m, north_m)
    found = (*by_gdal, *by_pyproj)
    return all(abs(one - other) < _TOLERANCE_DEG for one, other in zip(found, (*expected, *expected), strict=True))


def _is_writable(folder: Path) -> bool:
    """Say whether a file can be made in a folder, or in what there is of the way to it."""
    here = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=here):
            return True
    except OSError:
        return False
