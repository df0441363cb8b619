"""Known providers, and several of them for one sensor: who gives a granule, and who stands in."""

import datetime as dt
import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError

from kpgeo.catalog import find_scenes
from kpgeo.model.errors import BadInputError, UpstreamError
from kpgeo.model.scene import Sensor
from kpgeo.options.catalog import CatalogSource, known_providers
from kpgeo.options.pipeline import Pipeline
from tests.catalog.items import make_aoi, sentinel1_item, sentinel2_item
from tests.catalog.test_catalog_static import write_catalog

START, END = dt.date(2024, 1, 1), dt.date(2024, 2, 1)
S2 = {Sensor.SENTINEL2: "sentinel-2-l2a"}


def written(folder: Path, name: str, *items: dict, sensor: Sensor = Sensor.SENTINEL2, **source) -> CatalogSource:
    """Write a catalogue of one sensor whose files are its own, and return it."""
    collection = f"{name}-collection"
    renamed = []
    for item in items:
        assets = {
            key: {**asset, "href": asset["href"].replace("files.", f"{name}.")} for key, asset in item["assets"].items()
        }
        renamed.append({**item, "collection": collection, "assets": assets})
    return CatalogSource(
        url=write_catalog(folder, *renamed, name=f"{name}.json"), collections={sensor: collection}, **source
    )


def search(folder: Path, *sources: CatalogSource):
    return find_scenes(make_aoi(), sources, START, END, folder)


@pytest.mark.parametrize("name", list(known_providers()))
def test_every_fact_of_a_provider_says_where_it_is_from_and_how_sure_it_is(name):
    facts = known_providers()[name]
    told = [facts[key] for key in ("url", "sign")]
    told += [*facts["collections"].values(), *facts["refused"].values()]
    for fact in told:
        assert fact["source"], fact
        assert fact["mark"] in ("S", "K"), fact
    source = CatalogSource(provider=name)
    assert source.is_remote
    assert source.url == facts["url"]["value"]
    assert set(source.collections) == {Sensor(sensor) for sensor in facts["collections"]}


def test_fields_override_what_is_known():
    source = CatalogSource(
        provider="planetary-computer", url="https://mirror.example.org/v1", collections=S2, sign=False, deadline_s=5.0
    )
    assert (source.url, source.sign, source.collections, source.host) == (
        "https://mirror.example.org/v1", False, S2, "mirror.example.org"
    )  # fmt: skip
    assert CatalogSource(provider="planetary-computer").sign


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"provider": "earth-serch"}, "unknown provider 'earth-serch'; known are earth-search"),
        ({"provider": "earth-search", "colections": {}}, "unknown key 'colections'; did you mean 'collections'"),
        ({"url": "catalog.json", "collections": S2, "zzz": 1}, "unknown key 'zzz'; known are provider, url, folder"),
        ({}, "a catalogue is one of provider, url or folder"),
        ({"url": "a.json", "folder": "b"}, "a catalogue is one of provider, url or folder"),
        ({"folder": "b", "sign": True}, "nothing of it is signed"),
        ({"provider": "earth-search", "collections": {"sentinel-1": "sentinel-1-grd"}}, "not terrain corrected"),
        ({"url": "a.json"}, "Field required"),
    ],
)
def test_what_makes_no_catalogue_is_refused_in_words(tmp_path, content, words):
    with pytest.raises(ValidationError) as caught:
        CatalogSource.model_validate(content)
    assert words in str(caught.value)


def test_a_pipeline_file_names_the_field_at_fault(tmp_path):
    (tmp_path / "p.toml").write_text(
        'name = "x"\naois = ["a"]\n[[catalog]]\nprovider = "earth-search"\ncollection = "x"\n'
        "[history]\nstart = 2023-01-01\nend = 2024-01-01\n"
    )
    with pytest.raises(BadInputError, match=r"catalog\.0: unknown key 'collection'; did you mean 'collections'\?"):
        Pipeline.read(tmp_path / "p.toml")


@pytest.mark.parametrize("path", sorted((Path(__file__).resolve().parents[2] / "pipelines").glob("*.toml")))
def test_the_pipelines_that_ship_can_be_read(path):
    assert Pipeline.read(path).catalog


@pytest.mark.fault(18)
def test_the_first_that_has_a_granule_gives_it_and_the_others_stand_by_best_first(tmp_path):
    first = written(tmp_path, "one", sentinel2_item(baseline="05.10"), sentinel2_item("30PSQ"))
    second = written(
        tmp_path,
        "two",
        sentinel2_item(baseline="05.11", made="20240301T000000"),
        sentinel2_item(baseline="05.10", made="20240201T000000"),
        sentinel2_item(baseline="02.14", made="20240105T120000"),
        sentinel2_item("29PQJ"),
    )
    found = search(tmp_path, first, second)
    (scene,) = found.scenes
    by_tile = {granule.tile: granule for granule in scene.granules}
    assert {tile: one.collection for tile, one in by_tile.items()} == {
        "29PQJ": "two-collection", "29PQK": "one-collection", "30PSQ": "one-collection"
    }  # fmt: skip
    kept = by_tile["29PQK"]
    assert [(one.collection, one.processing_baseline) for one in kept.alternatives] == [
        ("two-collection", "05.10"), ("two-collection", "05.11"), ("two-collection", "02.14")
    ], "the same processing first: its numbers are the same"  # fmt: skip
    assert all(one.alternatives == () for one in kept.alternatives)
    assert all("two.example.org" in one.item["assets"]["blue"]["href"] for one in kept.alternatives)
    assert by_tile["30PSQ"].alternatives == ()
    assert found.reasons["duplicate"] == 3
    assert len(pickle.dumps(scene)) < 25_000


@pytest.mark.fault(17)
def test_an_alternative_goes_by_its_own_baseline_and_an_unknown_one_takes_no_known_ones_place(tmp_path):
    unknown = sentinel2_item(baseline="05.10")
    unknown["properties"] |= {"s2:processing_baseline": "", "s2:product_uri": ""}
    first = written(tmp_path, "one", unknown)
    second = written(tmp_path, "two", sentinel2_item(baseline="03.01"))
    (scene,) = search(tmp_path, first, second).scenes
    (granule,) = scene.granules
    assert (granule.collection, granule.processing_baseline) == ("two-collection", "03.01")
    assert [one.processing_baseline for one in granule.alternatives] == [""]
    (alone,) = search(tmp_path, first).scenes
    assert alone.granules[0].processing_baseline == "", "where nobody knows, the reader asks the pixels or refuses"
    assert alone.id == scene.id


@pytest.mark.fault(18)
def test_radar_of_another_provider_is_an_alternative_only_where_it_is_cut_alike(tmp_path):
    first = written(tmp_path, "one", sentinel1_item("20240105T184900"), sensor=Sensor.SENTINEL1)
    second = written(
        tmp_path, "two", sentinel1_item("20240105T184902"), sentinel1_item("20240105T184925"), sensor=Sensor.SENTINEL1
    )
    (scene,) = search(tmp_path, first, second).scenes
    (granule,) = scene.granules
    assert granule.collection == "one-collection"
    assert [one.item_id for one in granule.alternatives] == ["S1A_IW_GRDH_1SDV_20240105T184902_rtc"]
    assert len(scene.dropped) == 2


def test_an_item_named_twice_is_no_alternative(tmp_path):
    source = written(tmp_path, "one", sentinel2_item())
    (scene,) = search(tmp_path, source, source).scenes
    assert scene.granules[0].alternatives == ()


@pytest.mark.fault(24)
def test_a_collection_that_was_renamed_is_a_gap_and_the_second_catalogue_steps_in(tmp_path):
    first = written(tmp_path, "one", sentinel2_item()).model_copy(update={"collections": S2})
    second = written(tmp_path, "two", sentinel2_item())
    found = search(tmp_path, first, second)
    assert [scene.granules[0].collection for scene in found.scenes] == ["two-collection"]
    assert [gap.reason for gap in found.gaps] == [
        "catalogue-failed: local: sentinel-2-l2a: The catalogue has no collection 'sentinel-2-l2a'."
    ]
    assert [(answer.collection, answer.is_full) for answer in found.answers] == [
        ("sentinel-2-l2a", False), ("two-collection", True)
    ]  # fmt: skip
    assert not found.is_full(Sensor.SENTINEL2)
    assert found.is_stood_in_for(Sensor.SENTINEL2)
    assert not found.is_stood_in_for(Sensor.LANDSAT)
    with pytest.raises(UpstreamError):
        search(tmp_path, first)
