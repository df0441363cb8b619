"""Properties of sorting items by what was acquired, and of reading what comes from outside."""

import contextlib
import datetime as dt
import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kpgeo.catalog.acquisitions import make_scenes
from kpgeo.catalog.candidates import ItemError, Provider, read_item
from kpgeo.catalog.hrefs import HrefError, Origin, resolve_href
from kpgeo.model.scene import Sensor
from tests.catalog.items import landsat_item, sentinel1_item, sentinel2_item

ORIGIN = Origin(document="https://stac.example.org/v1", root=None, host="stac.example.org")


def _compact(minutes: int) -> str:
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=minutes // 3, minutes=minutes % 3)
    return f"{moment:%Y%m%dT%H%M%S}"


_SENTINEL2 = st.builds(
    sentinel2_item,
    tile=st.sampled_from(["29PQK", "29PQJ", "30PSQ"]),
    taken=st.integers(0, 5).map(lambda day: f"2024010{day + 1}T105431"),
    baseline=st.sampled_from(["02.12", "04.00", "05.10"]),
    made=st.sampled_from(["20240110T140000", "20240310T140000"]),
    unit=st.sampled_from(["A", "B"]),
    cloud=st.sampled_from([0.0, 50.0, 99.0, None]),
)
_LANDSAT = st.builds(
    landsat_item,
    row=st.integers(53, 55),
    day=st.sampled_from(["20240105", "20240121"]),
    tier=st.sampled_from(["T1", "T2", "RT"]),
    processed=st.sampled_from(["20240112", "20240301"]),
)
_SENTINEL1 = st.builds(sentinel1_item, at=st.integers(0, 8).map(_compact))
_ITEMS = st.one_of(
    st.tuples(st.just(Sensor.SENTINEL2), _SENTINEL2),
    st.tuples(st.just(Sensor.LANDSAT), _LANDSAT),
    st.tuples(st.just(Sensor.SENTINEL1), _SENTINEL1),
)


def _read(sensor, item, source):
    return read_item(item, sensor, Provider(source=source, name="x", sign=False, max_cloud_frac=0.95), ORIGIN)


@settings(max_examples=80, deadline=None)
@example(items=[((Sensor.SENTINEL2, sentinel2_item(cloud=cloud)), 0) for cloud in (0.0, 50.0)], seed=1)
@given(items=st.lists(st.tuples(_ITEMS, st.integers(0, 1)), max_size=14), seed=st.integers(0, 1000))
def test_every_item_is_read_once_or_accounted_for_in_any_order(items, seed):
    candidates = [_read(sensor, item, source) for (sensor, item), source in items]
    scenes, duplicates, cloudy = make_scenes(candidates)
    assert sum(len(scene.granules) for scene in scenes) + duplicates + cloudy == len(candidates)
    assert [scene.order for scene in scenes] == sorted(scene.order for scene in scenes)
    assert len({scene.id for scene in scenes}) == len(scenes)
    shuffled = candidates.copy()
    random.Random(seed).shuffle(shuffled)
    again, *counts = make_scenes(shuffled)
    assert (again, counts) == (scenes, [duplicates, cloudy])
    assert [[one.item_id for one in scene.granules] for scene in again] == [
        [one.item_id for one in scene.granules] for scene in scenes
    ]
    for scene in scenes:
        if scene.sensor is not Sensor.SENTINEL1:
            tiles = [granule.tile for granule in scene.granules]
            assert len(tiles) == len(set(tiles))


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
_PROPERTIES = (
    "datetime", "platform", "eo:cloud_cover", "proj:epsg", "s2:datatake_id", "s2:mgrs_tile", "s2:processing_baseline",
    "s2:product_uri", "s2:datastrip_id", "sat:relative_orbit",
)  # fmt: skip
_FIELDS = st.sampled_from(
    [
        *(("properties", name) for name in _PROPERTIES),
        *(("assets", name) for name in ("B02", "odd")),
        *(("geometry", name) for name in ("coordinates", "type")),
        *((name,) for name in ("id", "geometry", "bbox", "assets", "properties", "collection")),
    ]
)


@settings(max_examples=300, deadline=None)
@given(fields=st.lists(st.tuples(_FIELDS, _JSON), min_size=1, max_size=3), odd=_JSON)
def test_an_item_of_any_content_is_read_or_refused(fields, odd):
    item = sentinel2_item()
    item["assets"]["odd"] = {"href": "x.tif", "eo:bands": odd, "roles": odd, "raster:bands": odd, "type": odd}
    for path, value in fields:
        target = item if len(path) == 1 else item[path[0]]
        if isinstance(target, dict):
            target[path[-1]] = value
    with contextlib.suppress(ItemError):
        make_scenes([_read(Sensor.SENTINEL2, item, 0)])


@settings(max_examples=300, deadline=None)
@given(
    scheme=st.sampled_from(["http://", "https://", "file://", "ftp://", "/vsicurl/http://", "", "//"]),
    host=st.sampled_from(["example.org", "127.0.0.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "10.1.2.3", "a.local", "☃"]),
    tail=st.text(max_size=20),
)
def test_an_href_leads_to_a_public_place_or_nowhere(scheme, host, tail):
    try:
        url = resolve_href(f"{scheme}{host}/{tail}", ORIGIN)
    except HrefError:
        return
    assert url.startswith(("https://", "http://"))
    reached = url.split("/")[2]
    assert reached in ("example.org", "stac.example.org", "☃")
