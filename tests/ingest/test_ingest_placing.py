"""Onto another grid along the same axes: the bits of GDAL's warper, however the grid is cut."""

import math

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

import kpgeo.ingest.raster
from kpgeo.ingest.frames import frame_along_axes, frame_of, lie_of
from kpgeo.ingest.opening import Setting, opened
from kpgeo.options.ingest import IngestOptions
from kpgeo.wire import Access
from tests.ingest.scene_files import window
from tests.ingest.tiff_files import LEFT, SETTING, TOP, frame, read, source, write_tiff

BILINEAR = Setting(access=Access(), options=IngestOptions(resampling_same="bilinear"))


def warped_by_gdal(path, target, resampling, nodata=0.0):
    """Return the window as rasterio's WarpedVRT gives it."""
    with (
        rasterio.open(path) as dataset,
        WarpedVRT(
            dataset, crs=target.system, transform=target.transform, height=target.height, width=target.width,
            resampling=resampling, src_nodata=nodata, nodata=math.nan, dtype="float32", tolerance=1e-6,
        ) as vrt,
    ):  # fmt: skip
        return vrt.read(1)


@pytest.fixture
def no_warping(monkeypatch):
    """Fail if anything is warped."""

    def refuse(*_):
        raise AssertionError("warped")

    monkeypatch.setattr(kpgeo.ingest.raster, "warped", refuse)


def holed(shape, seed, share, dtype="uint16"):
    random = np.random.default_rng(seed)
    values = random.integers(1, 9000, shape).astype(dtype)
    values[random.random(shape) < share] = 0
    return values


COARSER = {
    "step": st.sampled_from((20.0, 30.0, 60.0)),
    "shape": st.tuples(st.integers(2, 25), st.integers(2, 25)),  # GDAL reads files one pixel wide askew
    "offset": st.tuples(st.integers(-20, 60), st.integers(-20, 60)),
    "size": st.tuples(st.integers(8, 70), st.integers(8, 70)),  # GDAL smooths where it is asked for fewer
    "half": st.sampled_from((0.0, 5.0)),
    "share": st.sampled_from((0.0, 0.05, 0.5)),
    "seed": st.integers(0, 99),
}
LONG = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LONG
@given(dtype=st.sampled_from(("uint16", "float32")), **COARSER)
def test_coarser_bands_get_the_bits_of_gdals_bilinear(
    tmp_path, no_warping, dtype, step, shape, offset, size, half, share, seed
):
    path = write_tiff(tmp_path / "one.tif", holed(shape, seed, share, dtype), step=step)
    target = frame(*size, left=LEFT + 10.0 * offset[0] + half, top=TOP - 10.0 * offset[1] - half)
    np.testing.assert_array_equal(read(path, target), warped_by_gdal(path, target, Resampling.bilinear))


@LONG
@given(**COARSER)
def test_class_layers_get_the_pixel_that_holds_the_centre(
    tmp_path, no_warping, step, shape, offset, size, half, share, seed
):
    path = write_tiff(tmp_path / "one.tif", holed(shape, seed, share), step=step)
    target = frame(*size, left=LEFT + 10.0 * offset[0] + half, top=TOP - 10.0 * offset[1] - half)
    expected = warped_by_gdal(path, target, Resampling.nearest)
    np.testing.assert_array_equal(read(path, target, is_class=True), expected)


def interpolated_by_gdal(path, target):
    """Return a window of the file's own pixel size as GDAL interpolates it, read as part of a far larger one.

    GDAL reckons from the sizes of the window and of what lies below it whether to smooth, and smooths small windows.
    """
    margin = 60
    wide = frame(target.height + 2 * margin, target.width + 2 * margin, left=target.left - 10.0 * margin,
                 top=target.top + 10.0 * margin)  # fmt: skip
    return warped_by_gdal(path, wide, Resampling.bilinear)[margin:-margin, margin:-margin]


@LONG
@given(
    shift=st.tuples(st.integers(-3000, 3000), st.integers(-3000, 3000)),
    share=st.sampled_from((0.0, 0.3)),
    seed=st.integers(0, 9),
)
def test_a_shifted_grid_gets_gdals_bilinear(tmp_path, no_warping, shift, share, seed):
    path = write_tiff(tmp_path / "one.tif", holed((30, 30), seed, share))
    target = frame(20, 20, left=LEFT + shift[0] / 100.0, top=TOP - shift[1] / 100.0)
    with opened(source(path), SETTING) as pixels:
        is_same = lie_of(pixels.frame, target).is_same
    if not is_same and 500 not in (shift[0] % 1000, shift[1] % 1000):
        np.testing.assert_allclose(read(path, target, BILINEAR), interpolated_by_gdal(path, target), rtol=1e-6)


@pytest.mark.fault(16)
@pytest.mark.parametrize("shift", [5.0, 2.5, 0.02])
def test_a_file_half_a_pixel_off_is_not_taken_for_aligned(tmp_path, shift):
    path = write_tiff(tmp_path / "one.tif", holed((30, 30), 1, 0.1), left=LEFT + shift)
    target = frame(20, 20, left=LEFT + 50.0)
    with opened(source(path), SETTING) as pixels:
        assert not lie_of(pixels.frame, target).is_same
    np.testing.assert_array_equal(read(path, target), warped_by_gdal(path, target, Resampling.nearest))
    np.testing.assert_allclose(read(path, target, BILINEAR), interpolated_by_gdal(path, target), rtol=1e-6)


def test_a_thousandth_of_a_pixel_is_aligned(tmp_path):
    path = write_tiff(tmp_path / "one.tif", holed((30, 30), 1, 0.1), left=LEFT + 0.005)
    target = frame(20, 20, left=LEFT + 50.0)
    with opened(source(path), SETTING) as pixels:
        assert lie_of(pixels.frame, target).is_same
    np.testing.assert_array_equal(read(path, target, BILINEAR), read(path, target))


@LONG
@given(
    ratio=st.integers(2, 6),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    offset=st.tuples(st.integers(-4, 8), st.integers(-4, 8)),
    share=st.sampled_from((0.0, 0.3, 0.9)),
    seed=st.integers(0, 9),
)
def test_finer_files_are_averaged_over_what_there_is_of_them(tmp_path, no_warping, ratio, size, offset, share, seed):
    values = holed((31, 29), seed, share)
    path = write_tiff(tmp_path / "one.tif", values)
    step = 10.0 * ratio
    target = frame(*size, step=step, left=LEFT + step * offset[0], top=TOP - step * offset[1])
    found, by_gdal = read(path, target), warped_by_gdal(path, target, Resampling.average)
    for row, col in np.ndindex(size):
        top, left = (offset[1] + row) * ratio, (offset[0] + col) * ratio
        below = values[max(top, 0) : max(top + ratio, 0), max(left, 0) : max(left + ratio, 0)]
        expected = below[below > 0].mean() if (below > 0).any() else np.nan
        np.testing.assert_allclose(found[row, col], expected, rtol=1e-6)
        if below.shape == (ratio, ratio):  # at its edge GDAL weighs what lies outside
            np.testing.assert_allclose(found[row, col], by_gdal[row, col], rtol=1e-6)


@pytest.mark.parametrize("step", [10.0, 20.0, 30.0, 40.0, 23.0])
@pytest.mark.parametrize("is_class", [True, False])
def test_however_the_grid_is_cut_the_pixels_are_the_same(tmp_path, step, is_class):
    path = write_tiff(
        tmp_path / "one.tif", holed((60, 60), 4, 0.1), step=20.0, tiled=True, blockxsize=16, blockysize=16
    )
    left, top = LEFT - 3 * step, TOP + 2 * step
    whole = read(path, frame(64, 57, step=step, left=left, top=top), is_class=is_class)
    for rows in (slice(0, 13), slice(13, 64)):
        for cols in (slice(0, 30), slice(30, 31), slice(31, 57)):
            part = frame(rows.stop - rows.start, cols.stop - cols.start, step=step, left=left + cols.start * step,
                         top=top - rows.start * step)  # fmt: skip
            np.testing.assert_array_equal(read(path, part, is_class=is_class), whole[rows, cols])


def test_another_zone_is_warped_as_gdal_warps_the_file(tmp_path):
    path = write_tiff(tmp_path / "one.tif", holed((90, 90), 4, 0.05), left=800_000.0, compress="deflate", tiled=True,
                      blockxsize=32, blockysize=32)  # fmt: skip
    xs, ys = rasterio.warp.transform("EPSG:32629", "EPSG:32630", [800_300.0], [TOP - 200.0])
    target = frame(40, 40, left=round(xs[0], -1), top=round(ys[0], -1), system="EPSG:32630")
    for setting, resampling in ((SETTING, Resampling.nearest), (BILINEAR, Resampling.bilinear)):
        found, expected = read(path, target, setting), warped_by_gdal(path, target, resampling)
        assert np.isfinite(expected).mean() > 0.5
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_rotated_file_is_warped(tmp_path):
    path = tmp_path / "one.tif"
    values = holed((40, 40), 4, 0.05)
    place = Affine.translation(LEFT, TOP) @ Affine.rotation(20.0) @ Affine.scale(10.0, -10.0)
    make = {"width": 40, "height": 40, "count": 1, "dtype": "uint16", "crs": "EPSG:32629", "nodata": 0}
    with rasterio.open(path, "w", driver="GTiff", transform=place, **make) as one:
        one.write(values, 1)
    target = frame(30, 30, left=LEFT, top=TOP)
    expected = warped_by_gdal(path, target, Resampling.nearest)
    assert np.isfinite(expected).any()
    np.testing.assert_array_equal(read(path, target), expected)


def test_an_overview_stands_in_only_where_enough_of_its_pixels_remain(tmp_path):
    values = holed((64, 64), 4, 0.0)
    path = write_tiff(tmp_path / "one.tif", values, tiled=True, blockxsize=16, blockysize=16)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], Resampling.average)
    exact = values.reshape(8, 8, 8, 8).mean(axis=(1, 3))
    target = frame(8, 8, step=80.0)
    with rasterio.open(path, overview_level=0) as dataset:
        of_overview = dataset.read(1).reshape(8, 4, 8, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(read(path, target), of_overview, rtol=1e-6)
    assert np.abs(read(path, target) - exact).max() <= 0.5, "rounding of the overview, not more"
    full = Setting(access=Access(), options=IngestOptions(overview_px=8))
    np.testing.assert_allclose(read(path, target, full), exact, rtol=1e-6)
    np.testing.assert_array_equal(
        read(path, target, is_class=True), warped_by_gdal(path, target, Resampling.nearest), "classes never use one"
    )


def test_frames_are_of_grids_along_the_axes_only():
    assert frame_of(window(4, 6)) == frame(4, 6)
    assert frame_along_axes("EPSG:32629", Affine(10, 1, 0, 0, -10, 0), 2, 2) is None
    assert frame_along_axes("EPSG:32629", Affine(10, 0, 0, 0, 10, 0), 2, 2) is None
    with pytest.raises(ValueError, match="rotated"):
        frame_of(window(4, 6).rotate(10.0))
