"""Recompute: make the alert of a bundle again from the scenes, in an empty workspace, and say what comes out otherwise.

The options and the area are the bundle's, the catalogues are those of a pipeline file. On the same code and the same
scenes everything is equal to the last digit; the tolerances allow for another processor and other libraries.
"""

import csv
import datetime as dt
import io
import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from PIL import Image
from pydantic import ValidationError

from kpgeo.evidence import Verification, require_alert
from kpgeo.flows.sealed.bundles import compose_files, open_bench
from kpgeo.flows.sealed.files import FIGURES, STAGES, code_facts, find_case
from kpgeo.flows.watching.deciding import Bench
from kpgeo.flows.watching.running import run_pipeline
from kpgeo.flows.watching.watch import Progress, open_watch, silent
from kpgeo.model.calendar import parse_dekad
from kpgeo.model.errors import BadInputError
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace

REL_TOLERANCE = 1e-6
ABS_TOLERANCE = 1e-9
CHIP_TOLERANCE = 2.0
"""Grey levels (of 255) that the pixels of a chip may differ on the mean."""
COMPARED = (
    "alert.json", "events.json", "site.json", "scenes.jsonl", "coverage.csv", "looks.csv", "dekads.csv", "series.json",
    "chips/chips.json", "chips/before.png", "chips/after.png",
)  # fmt: skip
_MOST_NAMED = 12


@dataclass(frozen=True, kw_only=True)
class Recomputed:
    """What recomputing a bundle came to.

    Attributes
    ----------
    differences : tuple of str
        What came out otherwise, each with file and place; empty where the alert came out again.
    remarks : tuple of str
        What may explain differences: other code, scenes that are gone, scenes that are new.
    compared : tuple of str
        Files that were compared.
    """

    differences: tuple[str, ...]
    remarks: tuple[str, ...]
    compared: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Say whether the alert came out again."""
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "is_same": self.is_same,
            "differences": list(self.differences),
            "remarks": list(self.remarks),
            "compared": list(self.compared),
            "tolerance": {"relative": REL_TOLERANCE, "absolute": ABS_TOLERANCE, "chip_levels": CHIP_TOLERANCE},
        }


@dataclass(frozen=True, kw_only=True)
class _Again:
    """An alert made again: its files, with the bundle's names for alert, site and lineage, and its own lineage."""

    files: Mapping[str, bytes]
    lineage: str


def recompute(checked: Verification, given: Pipeline, *, progress: Progress = silent) -> Recomputed:
    """Make the alert of an intact bundle again, and compare.

    Parameters
    ----------
    checked : Verification
        Of an intact bundle.
    given : Pipeline
        Where the scenes are found, and how they are read; all else is the bundle's.

    Raises
    ------
    BadInputError
        The bundle's options are not those of this kpgeo.
    UpstreamError
        No catalogue answered.
    """
    files, told = checked.files, require_alert(checked)
    remarks = _code_remarks(checked)
    with tempfile.TemporaryDirectory(prefix="kpgeo-recompute-") as scratch:
        folder = Path(scratch)
        pipeline = _pipeline_of(files, given, folder)
        room = Workspace(folder / "workspace")
        _enter_figures(room, files)
        until = dt.date.fromisoformat(json.loads(files["options.json"])["until"])
        report = run_pipeline(pipeline, workspace=room.path, until=until, progress=progress)
        for error in report.errors.values():
            raise error
        made = _made_again(room, pipeline, checked)
    if made is None:
        what = f"alert.json: no alert {told['alert']} came out at the end of {told['dekad']}"
        return Recomputed(differences=(what,), remarks=tuple(remarks), compared=())
    is_other = made.lineage != told["lineage"]
    if is_other:
        remarks.append(
            f"The lineage is {made.lineage} here and {told['lineage']} in the bundle, so sites and alerts have other "
            "ids: the alert at the same place was compared, and ids of events were not."
        )
    remarks += _scene_remarks(files["scenes.jsonl"], made.files["scenes.jsonl"])
    compared = tuple(name for name in COMPARED if name in files or name in made.files)
    found = [
        line
        for name in compared
        for line in _compare(name, files.get(name), made.files.get(name), with_event_ids=not is_other)
    ]
    return Recomputed(differences=tuple(found), remarks=tuple(remarks), compared=compared)


def _pipeline_of(files: Mapping[str, bytes], given: Pipeline, folder: Path) -> Pipeline:
    """Return the pipeline that made a bundle, reading from the catalogues of the given one."""
    options = _options_of(files)
    for name in (name for name in files if name.startswith("aoi/")):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(files[name])
    stages = {name: options["stages"][name] for name in STAGES}
    stages["production"] = {**stages["production"], "declared": []}  # the figures are in the bundle
    stages["evidence"] = {**stages["evidence"], "at_confirmation": False}
    content = given.model_dump(mode="json") | stages
    content |= {
        "aois": [str(folder / options["aoi_file"])],
        "history": options["history"],
        "deliver": {"enabled": False},  # nobody is told of it again
        "schedule": {},
        "folder": given.folder,
    }
    try:
        return Pipeline.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadInputError(
            f"The bundle's options are not those of this kpgeo ({field}: {first['msg']}).",
            where="options.json",
            remedy="Recompute with the version that provenance.json names.",
        ) from error


def _options_of(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the options of a bundle. That it is intact does not say that it is one of an alert."""
    try:
        options = dict(json.loads(files["options.json"]))
        needed = {"scenes.jsonl", "declared.json", "alert.json", options["aoi_file"]}
        has_all = needed <= files.keys() and set(STAGES) <= options["stages"].keys() and "history" in options
        dt.date.fromisoformat(options["until"])
    except (KeyError, TypeError, ValueError, AttributeError):
        has_all = False
    if not has_all:
        raise BadInputError("The bundle lacks what an alert is made again from.", where="options.json")
    return options


def _enter_figures(room: Workspace, files: Mapping[str, bytes]) -> None:
    tables = room.tables()
    try:
        tables.add_declared(FIGURES.validate_python(json.loads(files["declared.json"])))
    except ValidationError as error:
        raise BadInputError("The bundle's figures are not those of this kpgeo.", where="declared.json") from error
    finally:
        tables.close()


def _made_again(room: Workspace, pipeline: Pipeline, checked: Verification) -> _Again | None:
    """Return the same alert in another workspace, or where ids follow from another lineage, the one at its place."""
    told, tables = checked.predicate, room.tables()
    try:
        watch = open_watch(pipeline, pipeline.aois[0])
        bench = open_bench(room, tables, watch)
        dekad = parse_dekad(told["dekad"])
        alert_id = told["alert"] if watch.lineage == told["lineage"] else _alert_at(bench, checked, dekad)
        try:
            case = find_case(bench, alert_id, dekad)
        except BadInputError:
            return None
        renamed = {case.alert.id: told["alert"], case.site.id: told["site"], watch.lineage: told["lineage"]}
        files = compose_files(bench, case, room)[0]
    finally:
        tables.close()
    texts = {name: content for name, content in files.items() if not name.endswith(".png")}
    for old, new in renamed.items():
        texts = {name: content.replace(old.encode(), new.encode()) for name, content in texts.items()}
    return _Again(files=files | texts, lineage=watch.lineage)


def _alert_at(bench: Bench, checked: Verification, dekad: int) -> str:
    """Return the alert whose site shares most ground with the bundle's; "" where none does."""
    ground = shapely.geometry.shape(json.loads(checked.files["site.json"])["geometry"])
    sites = {site.id: site for site in bench.tables.sites(bench.watch.aoi.id, bench.watch.lineage, dekad)}
    shared = {
        alert.id: float(sites[alert.site_id].geometry.intersection(ground).area)
        for alert in bench.tables.alerts(bench.watch.aoi.id, bench.watch.lineage, dekad)
    }
    best = max(shared, key=lambda one: (shared[one], one), default="")
    return best if shared.get(best, 0.0) > 0.0 else ""


def _code_remarks(checked: Verification) -> list[str]:
    """Say that the code is another one, where it is."""
    made, here = checked.predicate["code"], code_facts()
    if made.get("digest") == here["digest"]:
        return []
    return [f"The code is not the same: the bundle was made by {_code_name(made)}, this is {_code_name(here)}."]


def _code_name(code: Mapping[str, Any]) -> str:
    commit = f", commit {str(code['commit'])[:12]}" if code.get("commit") else ""
    return (
        f"kpgeo {code.get('kpgeo')} with detector {code.get('detector')}{commit} (code {str(code.get('digest'))[:12]})"
    )


def _scene_remarks(was: bytes, now: bytes) -> Iterator[str]:
    """Yield scenes that are gone from the catalogues, that are new there, or that come in another edition."""
    before, after = _editions(was), _editions(now)
    for scene in [scene for scene in before if scene not in after][:_MOST_NAMED]:
        yield f"The scene {before[scene][1]} of the bundle is no longer in the catalogues ({scene})."
    for scene in [scene for scene in after if scene not in before][:_MOST_NAMED]:
        yield f"The scene {after[scene][1]} is in the catalogues now and was not when the bundle was made ({scene})."
    for scene in [scene for scene in before if scene in after and before[scene][0] != after[scene][0]][:_MOST_NAMED]:
        yield f"The scene {before[scene][1]} comes in another edition now ({scene})."


def _editions(lines: bytes) -> dict[str, tuple[str, str]]:
    rows = [json.loads(line) for line in lines.splitlines()]
    return {row["scene"]: (row["edition"], f"{row.get('sensor')} of {row.get('datetime')}") for row in rows}


def _compare(name: str, was: bytes | None, now: bytes | None, *, with_event_ids: bool = True) -> list[str]:
    """Return in what a file differs, the first places of it."""
    if was is None or now is None:
        return [f"{name}: {'only the bundle has it' if now is None else 'the bundle does not have it'}"]
    if name.endswith(".png"):
        return _compare_pictures(name, was, now)
    one, other = _content(name, was), _content(name, now)
    if not with_event_ids:
        one, other = _without_event_ids(one), _without_event_ids(other)
    found = [f"{name}: {line}" for line in _differ(one, other, "")]
    more = len(found) - _MOST_NAMED
    return found[:_MOST_NAMED] + ([f"{name}: {more} more"] if more > 0 else [])


def _content(name: str, content: bytes) -> Any:
    """Return a file's content as values; rows by what they are of, so that one that is missing shifts no other."""
    text = content.decode("utf-8")
    if name.endswith(".csv"):
        rows = list(csv.DictReader(io.StringIO(text)))
        return {_row_name(row): {cell: _value(value) for cell, value in row.items()} for row in rows}
    if name.endswith(".jsonl"):
        return {row["scene"]: {**row, "granules": _items(row)} for row in map(json.loads, text.splitlines())}
    return json.loads(text)


def _without_event_ids(content: Any) -> Any:
    """Return a file's content without the ids of events in it."""
    if isinstance(content, list):
        return [{key: value for key, value in one.items() if key != "id"} for one in content]
    return content | {"events": _without_event_ids(content["events"])} if "events" in content else content


def _items(row: Mapping[str, Any]) -> list[Any]:
    """Return which granules a scene was read from. Where their files lie is not compared: addresses change."""
    return [[one["item"], one["processing_baseline"]] for one in row["granules"]]


def _row_name(row: Mapping[str, str]) -> str:
    return " ".join(row[name] for name in ("dekad", "day", "sensor", "scene", "stratum_id") if row.get(name))


def _value(text: str | None) -> float | str | None:
    try:
        return float(text or "")
    except ValueError:
        return text


def _differ(was: Any, now: Any, place: str) -> Iterator[str]:
    """Yield the places where two values differ by more than the tolerance."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*was, *now]):
            inside = f"{place}.{key}" if place else str(key)
            if key in was and key in now:
                yield from _differ(was[key], now[key], inside)
            else:
                yield f"{inside} {'is gone' if key in was else 'is new'}"
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _differ(one, other, f"{place}[{number}]")
    elif not _is_equal(was, now):
        yield f"{place or 'it'} is {_shown(was)} in the bundle and {_shown(now)} made again"


def _is_equal(was: Any, now: Any) -> bool:
    if isinstance(was, (int, float)) and isinstance(now, (int, float)) and not isinstance(was, bool):
        return math.isclose(was, now, rel_tol=REL_TOLERANCE, abs_tol=ABS_TOLERANCE)
    return bool(was == now)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _compare_pictures(name: str, was: bytes, now: bytes) -> list[str]:
    try:
        one, other = (np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"), dtype=np.float32) for raw in (was, now))
    except (OSError, Image.DecompressionBombError) as error:
        return [f"{name}: it is no picture ({type(error).__name__})"]
    if one.shape != other.shape:
        return [f"{name}: the picture has another size"]
    apart = float(np.abs(one - other).mean())
    return [] if apart <= CHIP_TOLERANCE else [f"{name}: its pixels differ by {apart:.1f} of 255 on the mean"]
