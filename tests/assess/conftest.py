"""A hand-made truth: two new sites, one old one, a burn and a road, on a raster of 60 × 60 pixels."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import from_origin
from shapely import transform
from shapely.geometry import box, mapping
from shapely.geometry.base import BaseGeometry

LEFT, TOP = 760_000.0, 905_000.0


def square(row: int, col: int, size: int = 4) -> BaseGeometry:
    """Return the outline of a square of pixels, EPSG:4326."""
    x, y = LEFT + 10 * col, TOP - 10 * row
    project = Transformer.from_crs(32629, 4326, always_xy=True).transform
    metres = box(x, y - 10 * size, x + 10 * size, y)
    return transform(metres, lambda xy: np.column_stack(project(xy[:, 0], xy[:, 1])))


def _life(opened: str, closed: str | None, max_area_ha: float, *, existed_before: bool = False) -> dict[str, object]:
    return {"existed_before": existed_before, "opened": opened, "closed": closed, "max_area_ha": max_area_ha}


SITES = {
    "new-big": (square(10, 10), _life("2024-07-11", None, 0.16)),
    "new-small": (square(40, 40, 2), _life("2024-08-01", "2024-09-15", 0.04)),
    "old": (square(10, 40), _life("2023-01-05", None, 0.16, existed_before=True)),
}
NUISANCES = [
    (square(28, 8, 8), {"kind": "burn", "start": "2024-07-01", "end": "2024-07-31"}),
    (square(48, 8, 8), {"kind": "road", "start": "2024-07-01", "end": None}),
]
MINED = {  # percent of full by month end
    "2024-06": {"old": 100},
    "2024-07": {"old": 100, "new-big": 25},
    "2024-08": {"old": 100, "new-big": 100, "new-small": 100},
    "2024-09": {"old": 100, "new-big": 100, "new-small": 100},
}
CORNERS = {"new-big": (10, 10, 4), "new-small": (40, 40, 2), "old": (10, 40, 4)}


def _collection(rows) -> str:
    features = [{"type": "Feature", "geometry": mapping(shape), "properties": about} for shape, about in rows]
    return json.dumps({"type": "FeatureCollection", "features": features})


@pytest.fixture
def world(tmp_path: Path) -> SimpleNamespace:
    """Write the truth; gives its folder and the maker of squares."""
    folder = tmp_path / "world-7"
    (folder / "truth").mkdir(parents=True)
    (folder / "aoi.geojson").write_text(_collection([(square(0, 0, 60), {"role": "boundary", "id": "sim-7"})]))
    (folder / "pipeline.toml").write_text("[history]\nstart = 2022-07-01\nend = 2024-07-01\n")
    (folder / "truth" / "world.json").write_text('{"seed": 7}')
    sites = [(shape, {"id": name, "phases": [], "in_stratum": None, **about}) for name, (shape, about) in SITES.items()]
    (folder / "truth" / "sites.geojson").write_text(_collection(sites))
    (folder / "truth" / "nuisances.geojson").write_text(_collection(NUISANCES))
    for month, shares in MINED.items():
        percent = np.zeros((60, 60), np.uint8)
        for name, share in shares.items():
            row, col, size = CORNERS[name]
            percent[row : row + size, col : col + size] = share
        profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "width": 60, "height": 60, "crs": "EPSG:32629"}
        path = folder / "truth" / f"mined_frac_{month}.tif"
        with rasterio.open(path, "w", transform=from_origin(LEFT, TOP, 10, 10), **profile) as target:
            target.write(percent, 1)
    return SimpleNamespace(folder=folder, square=square)
