"""Fields of items from outside: odd types, odd times, odd places, huge and hostile text. Refused, or fit to be kept."""

import contextlib
import datetime as dt
import json
import pickle

import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kpgeo.catalog.acquisitions import make_scenes
from kpgeo.catalog.candidates import Provider, read_item
from kpgeo.catalog.fields import (
    MAX_VERTICES,
    ItemError,
    acquired,
    epsg_of,
    footprint_of,
    item_id,
    moment_of,
    plain_of,
    text_of,
)
from kpgeo.catalog.hrefs import Origin
from kpgeo.model.scene import Sensor
from kpgeo.store import Workspace
from tests.catalog.items import landsat_item, sentinel1_item, sentinel2_item

ORIGIN = Origin(document="https://stac.example.org/v1", root=None, host="stac.example.org")
PROVIDER = Provider(source=0, name="stac.example.org", sign=False, max_cloud_frac=0.95)


def read(item, sensor=Sensor.SENTINEL2):
    return read_item(item, sensor, PROVIDER, ORIGIN)


@pytest.mark.fault(10)
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59+00:00"),
        ("2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.500000+00:00"),
        ("2017-01-01T05:29:60+05:30", "2016-12-31T23:59:59+00:00"),
        ("2024-02-29T10:00:00Z", "2024-02-29T10:00:00+00:00"),
        ("2024-01-01T00:30:00+01:00", "2023-12-31T23:30:00+00:00"),
        ("2024-03-31T02:30:00+01:00", "2024-03-31T01:30:00+00:00"),
        ("2024-01-05T10:54:31.024Z", "2024-01-05T10:54:31.024000+00:00"),
    ],
)
def test_edges_of_the_calendar(text, moment):
    assert moment_of(text).isoformat() == moment


@pytest.mark.fault(11)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2024-01-05T10:54:31", "datetime-without-zone"),
        ("2024-01-05", "datetime-without-zone"),
        ("2023-02-29T10:00:00Z", "datetime-malformed"),
        ("2024-01-05T10:54:61Z", "datetime-malformed"),
        ("2024-01-05T24:01:00Z", "datetime-malformed"),
        ("9999-12-31T23:59:59-10:00", "datetime-malformed"),
        ("2300-01-01T00:00:00Z", "datetime-out-of-range"),
        (20240105, "datetime-malformed"),
        (None, "datetime-malformed"),
        ("2024" * 100, "datetime-malformed"),
    ],
)
def test_times_that_are_none(text, reason):
    with pytest.raises(ItemError, match=f"^{reason}$"):
        moment_of(text)


@pytest.mark.fault(11)
@given(
    st.datetimes(dt.datetime.fromisoformat("1980-01-01"), dt.datetime.fromisoformat("2090-01-01")),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))),
)
def test_any_offset_comes_to_the_same_moment_in_utc(moment, zone):
    told = moment.replace(tzinfo=dt.UTC).astimezone(zone).isoformat()
    assert moment_of(told) == moment.replace(tzinfo=dt.UTC)
    assert moment_of(told).utcoffset() == dt.timedelta(0)


def test_a_null_datetime_falls_back_to_the_start():
    assert acquired({"properties": {"datetime": None, "start_datetime": "2024-01-05T10:00:00Z"}}).hour == 10
    with pytest.raises(ItemError):
        acquired({"properties": {"datetime": None}})


@pytest.mark.parametrize(
    ("fields", "epsg"),
    [
        ({"proj:epsg": 32629}, 32629), ({"proj:code": "EPSG:32629"}, 32629), ({"proj:epsg": 32629.0}, 32629),
        ({"proj:epsg": None, "proj:code": "IAU_2015:30100"}, None), ({"proj:epsg": True}, None),
        ({"proj:epsg": float("nan")}, None), ({"proj:epsg": 10**400}, None), ({"proj:epsg": "32629"}, None),
        ({"proj:code": "EPSG:" + "9" * 5000}, None), ({"proj:code": "EPSG:٣٢٦٢٩"}, None),
    ],
)  # fmt: skip
def test_epsg_codes_of_both_projection_extensions(fields, epsg):
    assert epsg_of(fields) == epsg


@pytest.mark.parametrize(
    ("bbox", "bounds", "area"),
    [
        ([-7.0, 7.9, -6.0, 8.9], (-7.0, 7.9, -6.0, 8.9), 1.0),
        ([-7.0, 7.9, 0.0, -6.0, 8.9, 900.0], (-7.0, 7.9, -6.0, 8.9), 1.0),
        ([179.0, -17.0, -179.5, -16.0], (-180.0, -17.0, 180.0, -16.0), 1.5),
    ],
)
def test_boxes_of_four_and_six_numbers_and_over_the_antimeridian(bbox, bounds, area):
    shape = footprint_of({"bbox": bbox})
    assert shape.bounds == pytest.approx(bounds)
    assert shape.area == pytest.approx(area), "never the rest of the world"


def test_an_outline_of_very_many_corners_becomes_one_that_holds_it():
    star = shapely.Point(0, 0).buffer(1.0, quad_segs=MAX_VERTICES)
    shape = footprint_of({"geometry": shapely.geometry.mapping(star)})
    assert shape.covers(star)
    assert shapely.get_num_coordinates(shape) > 4
    small = footprint_of({"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 1], [1, 1], [0, 0]]]}})
    assert small.is_valid, "a bow tie is mended"


def test_a_scale_of_stac_1_0_and_of_1_1_is_the_same_to_the_reader():
    old, new, newest = (sentinel2_item() for _ in range(3))
    old["assets"]["B02"]["raster:bands"] = [{"scale": 0.0001, "offset": -0.1, "nodata": 0, "data_type": "uint16"}]
    new["assets"]["B02"] |= {"bands": [{"name": "B02", "raster:scale": 0.0001, "raster:offset": -0.1}], "nodata": 0,
                             "data_type": "uint16"}  # fmt: skip
    new["assets"]["B02"]["bands"][0]["data_type"] = "uint16"
    newest["assets"]["B02"] |= {"raster:scale": 0.0001, "raster:offset": -0.1, "nodata": 0}
    told = [read(item).granule.item["assets"]["blue"]["raster:bands"][0] for item in (old, new, newest)]
    for one in told:
        assert (one["scale"], one["offset"], one["nodata"]) == (0.0001, -0.1, 0)


def test_an_item_as_the_copernicus_data_space_writes_it():
    name = "S2A_MSIL2A_20240105T105431_N0510_R051_T29PQK_20240105T140000"
    item = sentinel2_item()
    item["id"] = name
    keys = {"B02_10m", "B03_10m", "B04_10m", "B08_10m", "B11_20m", "B12_20m", "SCL_20m"}
    item["assets"] = {key: {"href": f"s3://eodata/Sentinel-2/MSI/L2A/{name}.SAFE/{key}.jp2"} for key in keys}
    item["properties"] = {
        "datetime": "2024-01-05T10:54:31.024Z", "platform": "sentinel-2a", "grid:code": "MGRS-29PQK",
        "product:type": "S2MSI2A", "processing:version": "05.10", "proj:code": "EPSG:32629", "eo:cloud_cover": 10,
        "eopf:datatake_id": "GS2A_20240105T105431_044700_N05.10", "sat:relative_orbit": 51,
        "eopf:datastrip_id": "S2A_OPER_MSI_L2A_DS_2APS_20240105T140000_S20240105T105430_N05.10",
        "sat:orbit_state": "descending",
    }  # fmt: skip
    told, known = read(item), read(sentinel2_item())
    for field in ("platform", "moment", "is_shared_moment", "relative_orbit", "orbit_state"):
        assert getattr(told, field) == getattr(known, field), field
    for field in ("tile", "processing_baseline", "epsg", "cloud_frac"):
        assert getattr(told.granule, field) == getattr(known.granule, field), field
    assert told.strip == dt.datetime(2024, 1, 5, 10, 54, 30, tzinfo=dt.UTC)
    assert told.granule.item["assets"]["nir"]["href"] == f"s3://eodata/Sentinel-2/MSI/L2A/{name}.SAFE/B08_10m.jp2"


def test_the_orbit_of_radar_follows_from_the_absolute_one():
    item = sentinel1_item(orbit=51900)
    del item["properties"]["sat:relative_orbit"]
    assert read(item, Sensor.SENTINEL1).relative_orbit == (51900 - 73) % 175 + 1
    item["properties"]["platform"] = "sentinel-1c"
    assert read(item, Sensor.SENTINEL1).relative_orbit is None, "of 1C the shift is not known here"


@pytest.mark.parametrize(
    ("sensor", "make", "change", "reason"),
    [
        (Sensor.SENTINEL2, sentinel2_item, {"s2:product_type": "S2MSI1C"}, "product-not-level-2a"),
        (Sensor.SENTINEL2, sentinel2_item, {"platform": "landsat-8"}, "platform-unknown"),
        (Sensor.SENTINEL2, sentinel2_item, {"hls:product": "HLSS30"}, "product-hls"),
        (Sensor.LANDSAT, landsat_item, {"landsat:collection_number": 1}, "product-not-collection-2"),
        (Sensor.LANDSAT, landsat_item, {"landsat:correction": "L1TP"}, "product-not-level-2"),
        (Sensor.LANDSAT, landsat_item, {"platform": "landsat-5,landsat-7"}, "platform-unknown"),
        (Sensor.SENTINEL1, sentinel1_item, {"sar:instrument_mode": "EW"}, "product-mode-ew"),
        (Sensor.SENTINEL1, sentinel1_item, {"sar:product_type": "SLC"}, "not-terrain-corrected"),
        (Sensor.SENTINEL1, sentinel1_item, {"platform": ["x"]}, None),
    ],
)
def test_other_products_of_a_sensor_are_refused_by_name(sensor, make, change, reason):
    item = make()
    item["properties"] |= change
    if reason is None:
        assert read(item, sensor).platform == "sentinel-1a", "told by the id"
        return
    with pytest.raises(ItemError, match=f"^{reason}$"):
        read(item, sensor)


@pytest.mark.fault(43)
def test_ids_of_control_characters_are_made_harmless():
    assert item_id({"id": "a\x1b[31mb\x00\n\u202e" + "c" * 500}) == "a[31mb" + "c" * 114
    assert item_id({"id": "\ud800"}) == item_id({"id": 7}) == item_id({}) == "?"
    assert text_of(["x"]) == ""


def test_an_item_of_thousands_of_assets_is_refused():
    item = sentinel2_item()
    item["assets"] |= {f"x{number}": {"href": "https://files.example.org/x"} for number in range(2_000)}
    with pytest.raises(ItemError, match=r"^item-too-large$"):
        read(item)


_ODD = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=30) | st.just(10**400)
    | st.just("\ud800") | st.just("x" * 10_000) | st.just([1e308] * 5_000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
_NAMES = (
    "datetime", "start_datetime", "platform", "eo:platform", "eo:cloud_cover", "proj:epsg", "proj:code", "created",
    "s2:datatake_id", "s2:mgrs_tile", "grid:code", "s2:processing_baseline", "processing:version", "s2:product_uri",
    "s2:datastrip_id", "s2:generation_time", "s2:product_type", "sat:relative_orbit", "sat:absolute_orbit",
    "sat:orbit_state", "landsat:wrs_path", "landsat:wrs_row", "landsat:collection_category", "sar:product_type",
    "landsat:collection_number", "landsat:correction", "sar:instrument_mode", "earthsearch:boa_offset_applied",
)  # fmt: skip
_TOP = ("id", "bbox", "geometry", "collection", "properties", "assets", "kpgeo:day_only")
_INNER = ("raster:bands", "bands", "eo:bands", "proj:transform", "proj:shape", "nodata", "unit", "raster:scale", "href")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    opened = Workspace(tmp_path_factory.mktemp("odd")).tables()
    yield opened
    opened.close()


@settings(max_examples=150, deadline=None)
@given(
    sensor=st.sampled_from(list(Sensor)),
    properties=st.dictionaries(st.sampled_from(_NAMES), _ODD, max_size=4),
    top=st.dictionaries(st.sampled_from(_TOP), _ODD, max_size=1),
    inner=st.dictionaries(st.sampled_from(_INNER), _ODD, max_size=3),
)
@example(sensor=Sensor.SENTINEL2, properties={}, top={}, inner={"nodata": float("nan"), "raster:bands": [{"scale": 1}]})
@example(sensor=Sensor.SENTINEL2, properties={}, top={}, inner={"href": "https://files.example.org/\ud800.tif"})
@example(sensor=Sensor.SENTINEL2, properties={"earthsearch:boa_offset_applied": float("inf")}, top={}, inner={})
@example(sensor=Sensor.LANDSAT, properties={"landsat:wrs_path": "٠٨٤"}, top={}, inner={})
def test_an_item_of_any_content_is_refused_or_can_be_stored_sent_and_read_back(tables, sensor, properties, top, inner):
    make = {Sensor.SENTINEL2: sentinel2_item, Sensor.LANDSAT: landsat_item, Sensor.SENTINEL1: sentinel1_item}[sensor]
    item = make()
    item["properties"] |= properties
    item["assets"] = {key: {**asset, **inner} for key, asset in item["assets"].items()}
    item |= top
    with contextlib.suppress(ItemError):
        candidate = read(item, sensor)
        scenes, _, _ = make_scenes([candidate])
        tables.put_scenes("odd", scenes)
        back = {scene.id: scene for one in scenes for scene in tables.scenes("odd", one.day, one.day + 1)}
        for scene in scenes:
            assert back[scene.id].granules == scene.granules
            assert back[scene.id].granules[0].item == scene.granules[0].item
            assert len(pickle.dumps(scene)) < 40_000
            assert scene.platform.startswith(("sentinel-", "landsat-"))


@given(_ODD)
def test_what_is_kept_of_a_value_is_plain_and_small(value):
    text = json.dumps(plain_of(value), allow_nan=False)
    text.encode()
    assert len(text) < 20_000
