"""Real imagery through the doors: found, read, and what is read is what the files hold."""

import datetime as dt
import tarfile

import numpy as np
import pytest
import rasterio

from kpgeo.catalog import find_scenes
from kpgeo.features import clear_looks
from kpgeo.ingest import load_cube
from kpgeo.model.grid import Grid
from kpgeo.model.scene import LookClass, Sensor
from kpgeo.options.features import FeatureOptions
from kpgeo.options.pipeline import Pipeline
from kpgeo.registry import grid_of, read_aoi
from tests.real.build_catalogs import S1_WINDOWS, build_landsat_world, build_s1_world


def _found(path, start, end):
    pipeline = Pipeline.read(path)
    aoi = read_aoi(str(path.parent / "aoi.geojson"))
    search = find_scenes(aoi, pipeline.catalog, dt.date.fromisoformat(start), dt.date.fromisoformat(end), path.parent)
    return pipeline, grid_of(aoi), search


@pytest.fixture(scope="module")
def landsat_world(shared, tmp_path_factory):
    return build_landsat_world(shared, tmp_path_factory.mktemp("landsat"))


@pytest.mark.parametrize("window", S1_WINDOWS)
def test_sentinel1_windows(shared, tmp_path, window):
    pipeline, grid, search = _found(build_s1_world(shared, tmp_path, window), "2021-01-01", "2026-01-01")
    assert search.gaps == ()
    assert len(search.scenes) == 22
    assert {scene.platform for scene in search.scenes} == {"sentinel-1a", "sentinel-1b"}
    assert grid.shape == (300, 300)
    cube, gaps = load_cube(search.scenes[:4], grid.geobox, pipeline.ingest)
    assert gaps == ()
    assert (cube["look_class"] == LookClass.CLEAR).mean() > 0.99
    median_db = 10 * np.log10(np.nanmedian(cube["vv"]))
    assert -14 < median_db < -6
    looks = clear_looks(cube, Sensor.SENTINEL1, FeatureOptions(), 8)
    assert looks["vh"].median() < looks["vv"].median()
    assert float(looks["vv"].std()) < float((10 * np.log10(cube["vv"])).std())


def test_a_30_m_grid_holds_the_numbers_of_the_file(shared, tmp_path):
    pipeline, _, search = _found(build_s1_world(shared, tmp_path, S1_WINDOWS[0]), "2021-01-01", "2026-01-01")
    path = search.scenes[0].granules[0].item["assets"]["vv"]["href"]
    with rasterio.open(path) as dataset:
        stored, bounds, epsg = dataset.read(1), dataset.bounds, dataset.crs.to_epsg()
    grid = Grid(epsg=epsg, left_m=bounds.left, top_m=bounds.top, width=100, height=100, res_m=30.0)
    cube, _ = load_cube(search.scenes[:1], grid.geobox, pipeline.ingest)
    np.testing.assert_array_equal(cube["vv"].values[0], stored)


def test_landsat_stacks(landsat_world):
    pipeline, grid, search = _found(landsat_world, "1984-01-01", "2014-01-01")
    assert search.gaps == ()
    assert len(search.scenes) == 447
    assert [scene.datetime.year for scene in (search.scenes[0], search.scenes[-1])] == [1984, 2013]
    assert 14 <= grid.height <= 16
    cube, gaps = load_cube(search.scenes[::16], grid.geobox, pipeline.ingest)
    assert gaps == ()
    clear = (cube["look_class"] == LookClass.CLEAR).values
    assert 0.3 < clear.mean() < 0.9
    assert 0.0 < np.nanmedian(cube["red"].values[clear]) < 0.3
    assert np.isnan(cube["red"].values[cube["look_class"].values == LookClass.NOT_ACQUIRED]).all()


def test_landsat_reflectance_is_that_of_the_stack(shared, landsat_world):
    pipeline, _, search = _found(landsat_world, "2000-10-22", "2000-10-23")
    (scene,) = search.scenes
    name = "p035r032/images/LT50350322000296XXX02/LT50350322000296XXX02_stack.gtif"
    with tarfile.open(shared / "data" / "landsat_yatsm_stack" / "p035r032_testdata.tar.gz") as archive:
        content = archive.extractfile(name).read()
    with rasterio.MemoryFile(content) as memory, memory.open() as stack:
        theirs, bounds = stack.read().astype(float), stack.bounds
    grid = Grid(epsg=32613, left_m=bounds.left, top_m=bounds.top, width=5, height=5, res_m=30.0)
    stored = pipeline.ingest.model_copy(update={"band_pass": False})
    cube, _ = load_cube([scene], grid.geobox, stored)
    seen = cube["look_class"].values[0] != LookClass.NOT_ACQUIRED
    for band, values in zip(("blue", "green", "red", "nir", "swir16", "swir22"), theirs, strict=False):
        np.testing.assert_allclose(cube[band].values[0][seen], values[seen] * 1e-4, atol=2e-5)
    np.testing.assert_array_equal(seen, (theirs[:6] != -9999).all(axis=0) & np.isin(theirs[7], (0, 1, 2, 3, 4)))
    assert 0 < seen.sum() < 25
