"""What the last run watched, from what it left in the workspace."""

import copy
import functools
import operator
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from kpgeo.flows.watching.record import read_watched
from kpgeo.flows.watching.watch import Watch, open_watch
from kpgeo.model.errors import BadInputError
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace


def watch_of(room: Workspace, aoi_id: str) -> tuple[Watch, str]:
    """Return an AOI as the last run of a workspace watched it, and that run's id.

    Raises
    ------
    BadInputError
        No run of this workspace has watched it.
    """
    watched: Mapping[str, Any] = read_watched(room)
    if aoi_id not in watched:
        known = ", ".join(sorted(watched)) or "none"
        raise BadInputError(
            f"No run here has watched {aoi_id!r}.", where=str(room.path), remedy=f"AOIs watched here: {known}."
        )
    entry = watched[aoi_id]
    pipeline = _remembered(entry, aoi_id)
    watch = open_watch(pipeline, entry["reference"])
    # What is read is what that run wrote, also where the detector has moved on since.
    return replace(watch, lineage=str(entry["lineage"])), str(entry["run_id"])


def _remembered(entry: Mapping[str, Any], aoi_id: str) -> Pipeline:
    """Return the pipeline of a run that may have been another kpgeo's: options that are no more are passed over.

    Raises
    ------
    BadInputError
        It cannot be read otherwise either.
    """
    content = {**copy.deepcopy(entry["pipeline"]), "folder": entry["folder"]}
    try:
        return Pipeline.model_validate(content)
    except ValidationError as error:
        for fault in error.errors():
            if fault["type"] == "extra_forbidden":
                *path, name = fault["loc"]
                functools.reduce(operator.getitem, path, content).pop(name)
    try:
        return Pipeline.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInputError(
            f"The pipeline of the last run cannot be read by this kpgeo ({'.'.join(map(str, first['loc']))}: "
            f"{first['msg']}).",
            where=aoi_id,
            remedy="Run the pipeline once more.",
        ) from error
