"""The pipeline file and what it names: areas, declared figures, folders, a cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kpgeo import lazy
from kpgeo.flows.doctor.finding import Finding, counted, failed, good, of_error
from kpgeo.flows.watching.watch import Watch, open_watch
from kpgeo.model.errors import KpgeoError
from kpgeo.options.pipeline import Pipeline

_MEND_FIELD = "Correct what is named there in the pipeline file."
_MEND_AREA = "Correct the area's file, or the name under `aois` in the pipeline file."
_IN_PROCESS = ("local", "threads", "sync")
_MUST_AGREE = ("python", "dask", "distributed", "cloudpickle", "msgpack")
_GLOB = "*?["


def read_pipeline(path: Path) -> tuple[Pipeline | None, Finding]:
    """Read a pipeline file; what is wrong with it is a finding."""
    try:
        pipeline = Pipeline.read(path)
    except KpgeoError as error:
        return None, of_error("pipeline", error, _MEND_FIELD)
    parts = counted(len(pipeline.aois), "area"), counted(len(pipeline.catalog), "catalogue")
    return pipeline, good("pipeline", f"{path}: {', '.join(parts)}")


def read_watches(pipeline: Pipeline) -> tuple[list[Watch], list[Finding]]:
    """Open the areas of a pipeline, each for itself."""
    watches, findings = [], []
    for reference in pipeline.aois:
        try:
            watch = open_watch(pipeline, reference)
            tiles = len(watch.tiles)
            str(watch.operating.digest)
        except KpgeoError as error:
            findings.append(of_error(f"area {reference}", error, _MEND_AREA))
        else:
            watches.append(watch)
            findings.append(good(f"area {watch.aoi.id}", counted(tiles, "tile")))
    return watches, findings


def file_findings(pipeline: Pipeline) -> Iterator[Finding]:
    """Look for the files a pipeline names."""
    for pattern in pipeline.production.declared:
        remedy = (
            "Put the file there, or correct `declared` under [production]; a path is relative to the pipeline file."
        )
        path = pipeline.path(pattern)
        is_pattern = any(sign in pattern for sign in _GLOB)
        base = Path(pipeline.folder)
        is_there = any(base.glob(pattern)) if is_pattern and not Path(pattern).is_absolute() else path.is_file()
        if is_there:
            yield good("declared figures", pattern)
        else:
            yield failed("declared figures", f"no file {pattern}", remedy)
    for source in pipeline.catalog:
        if source.folder and not pipeline.path(source.folder).is_dir():
            remedy = "Correct `folder` under [[catalog]]; a path is relative to the pipeline file."
            yield failed("catalogue", f"no folder {source.folder}", remedy)


def cluster_findings(pipeline: Pipeline, workspace: Path) -> Iterator[Finding]:
    """Ask the scheduler that a pipeline names whether it is there, and has workers that can do the work.

    Raises
    ------
    KpgeoError
        It does not answer, or its workers cannot do the work; the error names the mend.
    """
    compute, check = pipeline.compute, "cluster"
    if compute.cluster in _IN_PROCESS:
        return
    if compute.cluster.endswith(".json"):
        compute = compute.model_copy(update={"cluster": str(pipeline.path(compute.cluster))})
    start = 'Start the scheduler and its workers, or write cluster = "local" under [compute].'
    versions = lazy.cluster_versions(compute)
    unlike, workers = unlike_versions(versions), len(versions["workers"])
    if not workers:
        yield failed(check, f"{compute.cluster} answers, and has no workers", start, is_upstream=True)
    elif unlike:
        remedy = "Install the same versions there as here: pip install -c constraints.txt kpgeo."
        yield failed(check, f"unlike this machine: {', '.join(unlike)}", remedy)
    else:
        with lazy.open_cluster(compute) as client:
            if workspace.is_dir():
                lazy.require_able(client, workspace.resolve())
        sees = ", which see the workspace" if workspace.is_dir() else ""
        yield good(check, f"{compute.cluster}: {counted(workers, 'worker')} like this machine{sees}")


def unlike_versions(versions: dict[str, Any]) -> list[str]:
    """Return what of the scheduler and the workers is of another version than here, each once.

    Parameters
    ----------
    versions : dict
        As `distributed.Client.get_versions` returns them.
    """
    here = versions["client"]["packages"]
    workers = enumerate(versions["workers"].values(), start=1)
    others = {"the scheduler": versions["scheduler"], **{f"worker {number}": one for number, one in workers}}
    found = []
    for who, one in others.items():
        there = (one or {}).get("packages", {})
        found += [
            f"{who} has {name} {_short(there.get(name))}, here {_short(here.get(name))}"
            for name in _MUST_AGREE
            if _short(there.get(name)) != _short(here.get(name))
        ]
    return found[:3]


def _short(version: object) -> str:
    """Return a version without the build: Python's is `3.11.7.final.0`."""
    return ".".join(str(version).split(".")[:3])
