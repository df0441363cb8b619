"""Tiles: what is read by their index equals what GDAL reads, bit for bit, or is refused by name."""

import hashlib

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling

from kpgeo.ingest.faults import FileError
from kpgeo.ingest.foreign import ForeignPixels
from kpgeo.ingest.opening import Setting, opened
from kpgeo.ingest.raster import sample_counts
from kpgeo.ingest.tiles import TiledPixels
from kpgeo.options.ingest import IngestOptions
from kpgeo.wire import Access
from tests.ingest.tiff_files import LEFT, SETTING, TOP, Forged, by_gdal, frame, read, source, write_tiff

DTYPES = ("uint8", "uint16", "int16", "float32")
COMPRESSIONS = ("none", "deflate", "lzw", "zstd")


def values_of(dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Return smooth numbers with noise over the whole range of the type, some of them 0."""
    random = np.random.default_rng(seed)
    drawn = random.normal(0.0, 1.0, shape).cumsum(axis=-1)
    if dtype == "float32":
        values = drawn.astype(dtype)
    else:
        info = np.iinfo(dtype)
        values = (drawn * (info.max / 8) + random.integers(info.min, info.max, shape)).astype(np.int64).astype(dtype)
    values[random.random(shape) < 0.05] = 0
    return values


def is_tiled(path) -> bool:
    with opened(source(path), SETTING) as pixels:
        return isinstance(pixels, TiledPixels)


@st.composite
def makes(draw):
    """Draw how a TIFF is made."""
    dtype, compress = draw(st.sampled_from(DTYPES)), draw(st.sampled_from(COMPRESSIONS))
    make = {"compress": compress, "interleave": draw(st.sampled_from(("pixel", "band")))}
    if compress != "none":
        make["predictor"] = draw(st.sampled_from((1, 3) if dtype == "float32" else (1, 2)))
    if draw(st.booleans()):
        make |= {
            "tiled": True,
            "blockxsize": draw(st.sampled_from((16, 32, 48))),
            "blockysize": draw(st.sampled_from((16, 64))),
        }
    else:
        make["blockysize"] = draw(st.integers(1, 60))
    if draw(st.booleans()):
        make["BIGTIFF"] = "YES"
    return dtype, make


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=makes(),
    shape=st.tuples(st.integers(1, 2), st.integers(1, 90), st.integers(1, 90)),
    offset=st.tuples(st.integers(-120, 120), st.integers(-120, 120)),
    size=st.tuples(st.integers(1, 100), st.integers(1, 100)),
    seed=st.integers(0, 99),
)
def test_a_plain_tiff_equals_gdal(tmp_path, made, shape, offset, size, seed):
    dtype, make = made
    path = write_tiff(tmp_path / "one.tif", values_of(dtype, shape, seed), **make)
    target = frame(*size, left=LEFT + 10.0 * offset[0], top=TOP + 10.0 * offset[1])
    assert is_tiled(path)
    np.testing.assert_array_equal(read(path, target), by_gdal(path, target))


@pytest.mark.parametrize(
    "make",
    [
        {"compress": "packbits"},
        {"compress": "lzma"},
        {"endianness": "BIG", "ENDIANNESS": "BIG"},
        {"compress": "deflate", "dtype": "float64"},
        {"dtype": "uint32"},
        {"compress": "deflate", "predictor": 2, "dtype": "float32"},
    ],
)
def test_other_makes_are_read_by_gdal(tmp_path, make):
    values = values_of("uint16", (50, 70)).astype(make.pop("dtype", "uint16"))
    make.pop("endianness", None)
    path = write_tiff(tmp_path / "one.tif", values, **make)
    assert not is_tiled(path)
    target = frame(60, 60, left=LEFT + 200.0)
    np.testing.assert_array_equal(read(path, target), by_gdal(path, target))


def test_jpeg_2000_is_read_by_gdal(tmp_path):
    make = {"driver": "JP2OpenJPEG", "nodata": None, "QUALITY": "100", "REVERSIBLE": "YES"}
    path = write_tiff(tmp_path / "one.jp2", values_of("uint16", (80, 80)), **make)
    target = frame(50, 90, left=LEFT + 200.0)
    np.testing.assert_array_equal(read(path, target), by_gdal(path, target))


def test_the_name_of_a_file_does_not_say_what_it_is(tmp_path):
    values = values_of("uint16", (40, 40))
    path = write_tiff(tmp_path / "one.tif", values)
    wrong = path.rename(tmp_path / "one.jp2")
    np.testing.assert_array_equal(read(wrong, frame(40, 40)), by_gdal(wrong, frame(40, 40)))


def test_a_mask_inside_the_file_counts(tmp_path):
    path = tmp_path / "one.tif"
    values = np.full((32, 32), 7, dtype="uint16")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write_tiff(path, values, nodata=None)
        with rasterio.open(path, "r+") as dataset:
            valid = np.full((32, 32), 255, dtype="uint8")
            valid[3, 4] = 0
            dataset.write_mask(valid)
    assert not is_tiled(path)
    found = read(path, frame(32, 32))
    assert np.isnan(found).sum() == 1
    assert np.isnan(found[3, 4])


@pytest.mark.parametrize(("nodata", "kept"), [(None, 3), (65535, 3), (0, 2), (2.5, 3), (-1, 3), (float("nan"), 3)])
def test_the_files_own_nodata_counts_first(tmp_path, nodata, kept):
    values = np.array([[0, 1, 65535, 7]], dtype="uint16" if nodata != -1 else "int32")
    path = write_tiff(tmp_path / "one.tif", values, nodata=nodata) if nodata != 2.5 and nodata == nodata else None
    if path is None:
        path = write_tiff(tmp_path / "one.tif", values.astype("float32"), nodata=nodata)
    found = read(path, frame(1, 4), nodata=7.0)
    expected = {None: 3, 65535: 3, 0: 3}.get(nodata, 4)
    assert np.isfinite(found).sum() == expected
    assert kept <= expected


def test_pixels_that_are_points_lie_half_a_pixel_off(tmp_path):
    path = tmp_path / "one.tif"
    write_tiff(path, values_of("uint16", (20, 20)))
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(AREA_OR_POINT="Point")
    with rasterio.open(path) as dataset, opened(source(path), SETTING) as pixels:
        assert pixels.transform.almost_equals(dataset.transform)
    np.testing.assert_array_equal(read(path, frame(20, 20)), by_gdal(path, frame(20, 20)))


@pytest.mark.parametrize("levels", [[], [2, 4, 8]])
@pytest.mark.parametrize("edge", [16, 50, 64, 200])
def test_a_thin_sample_equals_gdals(tmp_path, levels, edge):
    values = values_of("uint16", (200, 130), 3)
    path = write_tiff(tmp_path / "one.tif", values, tiled=True, blockxsize=32, blockysize=32, compress="deflate")
    if levels:
        with rasterio.open(path, "r+") as dataset:
            dataset.build_overviews(levels, Resampling.average)
    with rasterio.open(path) as dataset:
        counts = dataset.read(1, out_shape=(min(edge, 200), min(edge, 130)), resampling=Resampling.nearest)
    expected = counts.astype("float32").ravel()
    np.testing.assert_array_equal(sample_counts(source(path), SETTING, edge), expected[expected != 0])


# What lies.


@pytest.mark.fault(14)
@pytest.mark.parametrize("nodata", [None, 0, 65535])
@pytest.mark.parametrize("make", [{"compress": "deflate"}, {"compress": "packbits"}, {"interleave": "band"}])
def test_tiles_that_are_not_stored_are_no_data(tmp_path, nodata, make):
    path = tmp_path / "one.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=64, height=64, count=1, dtype="uint16", crs="EPSG:32629", nodata=nodata,
        transform=rasterio.Affine(10, 0, LEFT, 0, -10, TOP), tiled=True, blockxsize=32, blockysize=32, SPARSE_OK="TRUE",
        **make,
    ) as dataset:  # fmt: skip
        dataset.write(np.full((32, 32), 5, dtype="uint16"), 1, window=((0, 32), (32, 64)))
    found = read(path, frame(64, 64), nodata=1.0)
    assert np.all(found[:32, 32:] == 5.0)
    assert np.isfinite(found).sum() == 32 * 32


def _big(path, **make):
    return write_tiff(path, values_of("uint16", (200, 200)), **make)


@pytest.mark.fault(12)
@pytest.mark.parametrize("share", [0.0, 0.0001, 0.001, 0.5, 0.99, 0.999])
@pytest.mark.parametrize("driver", ["GTiff", "COG"])
def test_a_truncated_file_is_refused_by_name(tmp_path, share, driver):
    path = _big(tmp_path / "one.tif", driver=driver, compress="deflate")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FileError, match=r"truncated|unknown-format"):
        read(path, frame(10, 10))


@pytest.mark.fault(12)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_truncated_jpeg_2000_is_refused(tmp_path, share):
    path = _big(tmp_path / "one.jp2", driver="JP2OpenJPEG", nodata=None)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FileError):
        read(path, frame(200, 200))


@pytest.mark.fault(13)
def test_a_bit_that_flipped_in_a_compressed_tile_is_an_error(tmp_path):
    path = _big(tmp_path / "one.tif", compress="deflate", tiled=True, blockxsize=64, blockysize=64)
    with opened(source(path), SETTING) as pixels:
        level = pixels._levels[0]
    content = bytearray(path.read_bytes())
    random = np.random.default_rng(5)
    for row, col in np.ndindex(level.sizes.shape[1:]):
        flipped = bytearray(content)
        place = int(level.offsets[0, row, col] + random.integers(2, level.sizes[0, row, col]))
        flipped[place] ^= 1 << int(random.integers(0, 8))
        path.write_bytes(flipped)
        with pytest.raises(FileError, match="broken-tile"):
            read(path, frame(200, 200), is_again=True)


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    ("code", "algorithm"), [("1220", "sha256"), ("1114", "sha1"), ("1340", "sha512"), ("d50110", "md5")]
)
def test_a_bit_that_flipped_in_a_stored_tile_is_found_by_the_files_checksum(tmp_path, code, algorithm):
    path = _big(tmp_path / "one.tif")
    stated = code + hashlib.new(algorithm, path.read_bytes()).hexdigest()
    read(path, frame(4, 4), checksum=stated)
    content = bytearray(path.read_bytes())
    content[-5000] ^= 4
    path.write_bytes(content)
    with pytest.raises(FileError, match="wrong-checksum"):
        read(path, frame(4, 4), checksum=stated)
    read(path, frame(4, 4), checksum="")


@pytest.mark.fault(15)
def test_a_small_file_that_declares_a_huge_image_is_refused_unread(tmp_path):
    path = tmp_path / "one.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=200_000, height=200_000, count=1, dtype="uint16", crs="EPSG:32629",
        transform=rasterio.Affine(10, 0, LEFT, 0, -10, TOP), tiled=True, blockxsize=4096, blockysize=4096,
        SPARSE_OK="TRUE", compress="deflate",
    ):  # fmt: skip
        pass
    with pytest.raises(FileError, match="too-large"):
        read(path, frame(10, 10))


@pytest.mark.fault(15)
@pytest.mark.parametrize(("tag", "value"), [(256, 2**31), (257, 2**31 - 1), (322, 2**20), (277, 40_000)])
def test_sizes_that_contradict_the_tiles_are_refused(tmp_path, tag, value):
    path = _big(tmp_path / "one.tif", compress="deflate", tiled=True, blockxsize=64, blockysize=64)
    Forged(path).put(tag, value).save()
    with pytest.raises(FileError, match=r"broken-index|too-large|truncated"):
        read(path, frame(10, 10))


@pytest.mark.fault(15)
def test_a_tile_that_decompresses_to_more_than_it_holds_is_refused(tmp_path):
    bomb = write_tiff(tmp_path / "bomb.tif", np.zeros((4096, 4096), dtype="uint8"), compress="deflate", nodata=None,
                      tiled=True, blockxsize=4096, blockysize=4096)  # fmt: skip
    with opened(source(bomb), SETTING) as pixels:
        content = pixels._stream.read(int(pixels._levels[0].offsets[0, 0, 0]), bomb.stat().st_size)
    path = write_tiff(tmp_path / "one.tif", values_of("uint8", (256, 256)), compress="deflate", nodata=None,
                      tiled=True, blockxsize=256, blockysize=256)  # fmt: skip
    forged = Forged(path)
    place = len(forged.content)
    forged.content += content
    forged.put(324, place).put(325, len(content)).save()
    with pytest.raises(FileError, match="broken-tile"):
        read(path, frame(10, 10))


@pytest.mark.fault(15)
def test_tiles_outside_the_file_are_refused(tmp_path):
    path = _big(tmp_path / "one.tif", compress="deflate", tiled=True, blockxsize=64, blockysize=64)
    Forged(path).put_in_array(324, 3, 2**31).save()
    with pytest.raises(FileError, match="truncated"):
        read(path, frame(10, 10))
    Forged(path).put_in_array(324, 3, 8).put_in_array(325, 3, 2**30).save()
    with pytest.raises(FileError, match="broken-index"):
        read(path, frame(10, 10))


@pytest.mark.fault(15)
def test_directories_that_go_round_in_circles_are_refused(tmp_path):
    path = Forged(_big(tmp_path / "one.tif")).loop().save()
    with pytest.raises(FileError, match="broken-index"):
        read(path, frame(10, 10))


@pytest.mark.fault(15)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), min_size=1, max_size=8))
def test_whatever_the_first_bytes_say_it_is_read_or_refused(tmp_path, places):
    path = tmp_path / "one.tif"
    if not (tmp_path / "sound.tif").exists():
        write_tiff(
            tmp_path / "sound.tif", values_of("uint16", (60, 60)), driver="COG", compress="deflate", blocksize=128
        )
    content = bytearray((tmp_path / "sound.tif").read_bytes())
    for place, value in places:
        content[place] = value
    path.write_bytes(content)
    try:
        found = read(path, frame(30, 30), is_again=True)
    except FileError:
        return
    assert found.shape == (30, 30)


@pytest.mark.fault(39)
@pytest.mark.fault(40)
@pytest.mark.parametrize("name", ["one.tif", "one.jp2", "one.vrt"])
@pytest.mark.parametrize("kind", ["vrt", "wms", "path"])
def test_no_other_driver_opens_and_no_other_file_is_read(tmp_path, name, kind):
    canary = write_tiff(tmp_path / "canary.tif", np.full((24, 24), 7777, dtype="uint16"))
    texts = {
        "vrt": f"""<VRTDataset rasterXSize="24" rasterYSize="24"><SRS>EPSG:32629</SRS>
        <GeoTransform>{LEFT}, 10, 0, {TOP}, 0, -10</GeoTransform><VRTRasterBand dataType="UInt16" band="1">
        <SimpleSource><SourceFilename>{canary}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>
        </VRTRasterBand></VRTDataset>""",
        "wms": "<GDAL_WMS><Service name='TMS'><ServerUrl>http://127.0.0.1:9/${z}</ServerUrl></Service></GDAL_WMS>",
        "path": str(canary),
    }
    path = tmp_path / name
    path.write_text(texts[kind])
    with pytest.raises(FileError, match="unknown-format"):
        read(path, frame(24, 24))


@pytest.mark.fault(39)
@pytest.mark.parametrize(
    "prefix", ["/vsizip/", "/vsicurl/file://", "GTIFF_DIR:1:", "vrt://", "file://", "zip://", "s3://"]
)
def test_names_that_mean_something_to_gdal_are_only_names(tmp_path, prefix):
    path = _big(tmp_path / "one.tif")
    with pytest.raises(FileError) as caught:
        read(f"{prefix}{path}", frame(4, 4))
    assert caught.value.fault in {"not-found", "refused", "host-refused"}


@pytest.mark.fault(15)
def test_limits_are_options(tmp_path):
    path = _big(tmp_path / "one.tif", tiled=True, blockxsize=64, blockysize=64)
    for more in ({"max_file_pixels": 200 * 200 - 1}, {"max_block_mb": 1, "max_file_pixels": 200 * 200 - 1}):
        with pytest.raises(FileError, match="too-large"):
            read(path, frame(4, 4), Setting(access=Access(), options=IngestOptions(**more)))
    read(path, frame(4, 4), Setting(access=Access(), options=IngestOptions(max_file_pixels=200 * 200, max_block_mb=1)))


def test_a_file_that_changed_is_indexed_anew(tmp_path):
    path = write_tiff(tmp_path / "one.tif", np.full((20, 20), 5, dtype="uint16"))
    assert np.all(read(path, frame(20, 20)) == 5.0)
    write_tiff(path, np.full((20, 20), 6, dtype="uint16"), tiled=True, blockxsize=16, blockysize=16)
    assert np.all(read(path, frame(20, 20)) == 6.0)


def test_jpeg_2000_is_foreign(tmp_path):
    path = _big(tmp_path / "one.jp2", driver="JP2OpenJPEG", nodata=None)
    with opened(source(path), SETTING) as pixels:
        assert isinstance(pixels, ForeignPixels)
