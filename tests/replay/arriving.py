"""Catalogues that hold a part of a world's items: what has arrived so far."""

import datetime as dt
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from kpgeo import flows
from kpgeo.options.pipeline import Pipeline


def pipeline_of(world: Path) -> Pipeline:
    """Return a world's own pipeline."""
    return Pipeline.read(world / "pipeline.toml")


def copied(fitted: Path, tmp_path: Path) -> Path:
    """Return a copy of a workspace."""
    return Path(shutil.copytree(fitted, tmp_path / "workspace"))


def run(pipeline: Pipeline, workspace: Path, until: dt.date | None = None) -> flows.RunReport:
    """Run in this process."""
    return flows.run_pipeline(pipeline, workspace=workspace, until=until, cluster="sync")


def item_links(world: Path) -> list[tuple[str, str]]:
    """Return (collection, href) of every item."""
    found = []
    for collection in sorted(path.parent.name for path in world.glob("*/collection.json")):
        content = json.loads((world / collection / "collection.json").read_text())
        found += [(collection, link["href"]) for link in content["links"] if link["rel"] == "item"]
    return found


def catalog_of(world: Path, name: str, chosen: Iterable[tuple[str, str]]) -> Pipeline:
    """Write a catalogue beside the world's own that holds some of its items, and return a pipeline that reads it."""
    wanted = set(chosen)
    root = json.loads((world / "catalog.json").read_text())
    for link in root["links"]:
        if link["rel"] == "child":
            collection = Path(link["href"]).parts[-2]
            content = json.loads((world / collection / "collection.json").read_text())
            content["links"] = [
                one for one in content["links"] if one["rel"] != "item" or (collection, one["href"]) in wanted
            ]
            (world / collection / f"{name}.json").write_text(json.dumps(content))
            link["href"] = link["href"].replace("collection.json", f"{name}.json")
    (world / f"{name}.json").write_text(json.dumps(root))
    pipeline = pipeline_of(world)
    return pipeline.model_copy(update={"catalog": (pipeline.catalog[0].model_copy(update={"url": f"{name}.json"}),)})


def stamp(href: str) -> str:
    """Return the first eight digits in a row of an item's href that are a date."""
    parts = href.replace("T", "_").replace("/", "_").split("_")
    return next(part for part in parts if len(part) == 8 and part.isdigit())
