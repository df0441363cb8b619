"""The scenes an alert was made from: which they are, where they were, and what their catalogues say of their files."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kpgeo.flows.watching.deciding import Bench
from kpgeo.model.calendar import dekad_end, dekad_label, dekad_start
from kpgeo.model.ledger import canonical
from kpgeo.model.scene import Granule, Scene
from kpgeo.wire import unsign

_HISTORY = "history"
_WEB = ("http://", "https://", "s3://")


def scene_lines(bench: Bench, last_dekad: int) -> bytes:
    """Return every scene the belief follows from up to a dekad, JSON, one a line, in the order they were folded in."""
    used = bench.tables.used(bench.watch.aoi.id)
    rows = (
        _scene_content(bench, text, folded_in, used.get(text.partition(".")[0], ()))
        for folded_in, text in _editions(bench, last_dekad)
    )
    return "".join(f"{canonical(row)}\n" for row in rows).encode("ascii")


def until_day(bench: Bench, dekad: int) -> int:
    """Return the day up to which the catalogues were read for a dekad: its end, or where it is the last, less.

    A dekad that is still open is decided with what there is. Whoever decides it again must not read further.
    """
    if bench.head.last_dekad is not None and dekad < bench.head.last_dekad:
        return dekad_end(dekad)
    days = [scene.day for scene in bench.folded(dekad)]
    return max(days) + 1 if days else dekad_end(dekad)


def _editions(bench: Bench, last_dekad: int) -> Iterator[tuple[str, str]]:
    """Yield where each scene was folded in, and its id with its edition."""
    yield from ((_HISTORY, text) for text in bench.head.baseline_scenes)
    for dekad, texts in sorted(bench.head.applied.items()):
        if dekad <= last_dekad and dekad_start(dekad) >= dekad_start(bench.watch.first_dekad):
            yield from ((dekad_label(dekad), text) for text in texts)


def _scene_content(bench: Bench, edition: str, folded_in: str, used: tuple[str, ...]) -> dict[str, Any]:
    """Return what is known of one scene; only its edition where its catalogue withdrew it since."""
    scene: Scene | None = bench.scenes.get(edition.partition(".")[0])
    row: dict[str, Any] = {"scene": edition.partition(".")[0], "edition": edition, "folded_in": folded_in}
    if scene is None:
        return row | {"granules": []}
    folder = Path(bench.watch.pipeline.folder)
    return row | {
        "sensor": str(scene.sensor),
        "platform": scene.platform,
        "datetime": scene.datetime.isoformat(),
        "relative_orbit": scene.relative_orbit,
        "granules": [_granule_content(granule, folder) for granule in scene.granules],
        "read_instead": list(used),
    }


def _granule_content(granule: Granule, folder: Path) -> dict[str, Any]:
    """Return a granule's item, where it was and what its files are said to be."""
    return {
        "item": granule.item_id,
        "provider": granule.provider,
        "collection": granule.collection,
        "tile": granule.tile,
        "processing_baseline": granule.processing_baseline,
        "assets": {
            band: _asset_content(asset, folder)
            for band, asset in sorted(granule.item.get("assets", {}).items())
            if isinstance(asset, Mapping)
        },
    }


def _asset_content(asset: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a file's address, unsigned, and size and checksum where the catalogue states them."""
    stated = {name: asset.get(f"file:{name}") for name in ("size", "checksum")}
    return {"href": _address(str(asset.get("href", "")), folder), **stated}


def _address(href: str, folder: Path) -> str:
    """Return an address without signature; a file's path relative to the pipeline file, where it lies below it."""
    if href.startswith(_WEB):
        return unsign(href)
    path = Path(href.removeprefix("file://"))
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
