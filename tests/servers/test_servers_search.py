"""What is found through a STAC API that is not ours is what the static catalogue holds."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kpgeo import catalog, flows
from kpgeo.model.errors import UpstreamError
from kpgeo.model.scene import Scene
from kpgeo.options.pipeline import Pipeline
from tests.servers.conftest import ServedWorld

_START, _END = dt.date(2022, 1, 1), dt.date(2023, 7, 1)


def _search(pipeline_path: Path) -> catalog.Search:
    (watch,) = flows.open_watches(Pipeline.read(pipeline_path))
    folder = Path(watch.pipeline.folder)
    return catalog.find_scenes(watch.aoi, watch.pipeline.catalog, _START, _END, folder, access=watch.access)


def _told(scenes: Sequence[Scene], root: str) -> list[tuple[object, ...]]:
    """Return all that is known of scenes but the host of their files and the provider's name."""
    return [
        (
            scene.id,
            scene.datetime,
            scene.relative_orbit,
            scene.orbit_state,
            scene.footprint.normalize().wkb,
            sorted(scene.dropped),
            [
                (
                    granule.item_id,
                    granule.tile,
                    granule.processing_baseline,
                    granule.epsg,
                    granule.cloud_frac,
                    {band: _inner(asset["href"], root) for band, asset in granule.item["assets"].items()},
                )
                for granule in scene.granules
            ],
        )
        for scene in scenes
    ]


def _inner(href: str, root: str) -> str:
    return urlsplit(href).path.lstrip("/") if href.startswith("http") else str(Path(href).relative_to(root))


def test_the_api_gives_the_scenes_of_the_static_catalogue(served: ServedWorld) -> None:
    static, asked = _search(served.folder / "pipeline.toml"), _search(served.pipeline)
    root = str(served.folder.resolve())
    assert len(static.scenes) > 30
    assert _told(asked.scenes, root) == _told(static.scenes, root)
    assert any(scene.dropped for scene in asked.scenes), "the world has no duplicate: this tests less than it says"
    assert not asked.gaps
    hosts = {
        urlsplit(asset["href"]).netloc
        for scene in asked.scenes
        for granule in scene.granules
        for asset in granule.item["assets"].values()
    }
    assert hosts == {urlsplit(served.web.url).netloc}


def test_many_small_pages_are_one_answer(served: ServedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _search(served.pipeline)
    monkeypatch.setattr("kpgeo.catalog.api.PAGE_SIZE", 7)
    paged = _search(served.pipeline)
    assert paged.items_seen == whole.items_seen > 3 * 7
    assert [scene.id for scene in paged.scenes] == [scene.id for scene in whole.scenes]


@pytest.mark.fault(24)
def test_a_collection_the_api_does_not_have_is_no_silence(served: ServedWorld) -> None:
    (watch,) = flows.open_watches(Pipeline.read(served.pipeline))
    (source,) = watch.pipeline.catalog
    folder = Path(watch.pipeline.folder)
    renamed = source.model_copy(update={"collections": dict.fromkeys(source.collections, "renamed")})
    with pytest.raises(UpstreamError, match="has no collection 'renamed'"):
        catalog.find_scenes(watch.aoi, [renamed], _START, _END, folder, access=watch.access)
    quiet = catalog.find_scenes(watch.aoi, [source], _START, _START, folder, access=watch.access)
    assert (quiet.scenes, quiet.gaps) == ((), ()), "a collection that is there, and has nothing, is quiet"


@pytest.mark.fault(24)
def test_an_api_whose_database_is_gone_is_a_failed_catalogue(served: ServedWorld) -> None:
    served.stac.database.program.stop()
    try:
        with pytest.raises(UpstreamError, match=r"HTTP status 5|cannot be reached|longer than"):
            _search(served.pipeline)
    finally:
        served.stac.database.program.start()
    assert _search(served.pipeline).scenes
