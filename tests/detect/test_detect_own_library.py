"""A pipeline's own class library moves beliefs, and its lineage, and nothing else does that its path could."""

from dataclasses import replace

import numpy as np
import pytest

from kpgeo.detect import (
    HistoryStack,
    Look,
    TileContext,
    decode_fields,
    fit_baseline,
    fold_dekad,
    format_library,
    library_of,
    lineage_of,
    shipped_library,
    start_state,
)
from kpgeo.model.calendar import dekad_of, dekad_start
from kpgeo.model.errors import BadInputError
from kpgeo.model.scene import Sensor
from kpgeo.options.detect import DetectOptions

SHAPE = (4, 4)
FIRST = dekad_of(19_800)
GROUND = np.array([0.08, 0.09, 0.25, 0.18], dtype=np.float32)
STRANGE = np.array([0.40, 0.12, 0.45, 0.12], dtype=np.float32)


def _history() -> HistoryStack:
    rng = np.random.default_rng(2)
    history = HistoryStack(shape=SHAPE)
    begin = dekad_start(FIRST) - 700
    for number in range(60):
        pixels = GROUND[:, None, None] + rng.normal(0.0, 0.01, (4, *SHAPE)).astype(np.float32)
        coded = np.rint(pixels * 1e4).astype(np.int16)
        history.optical.append((begin + 11 * number, f"s{number:02d}", Sensor.SENTINEL2, coded))
    return history


def _options(spectrum: np.ndarray) -> DetectOptions:
    """Return options whose library says that pale gravel looks like this."""
    library = shipped_library()
    changed = tuple(
        replace(entry, mean=tuple(float(v) for v in spectrum), spread=(0.02,) * 4, others=())
        if entry.name == "pale gravel"
        else entry
        for entry in library.optical
    )
    return DetectOptions(classes="mine.toml", classes_text=format_library(replace(library, optical=changed)))


def _mined(options: DetectOptions) -> float:
    history = _history()
    baseline = fit_baseline(history, options)
    context = TileContext(in_stratum=np.ones(SHAPE, dtype=np.bool_))
    state = start_state(baseline, history, context, FIRST, options)
    for dekad in range(FIRST, FIRST + 6):
        day = dekad_start(dekad)
        looks = [
            Look(
                sensor=Sensor.SENTINEL2,
                day=day + step,
                scene_id=f"{day + step}",
                pixels=np.broadcast_to(STRANGE[:, None, None], (4, *SHAPE)).copy(),
            )
            for step in (1, 6)
        ]
        state = fold_dekad(state, baseline, looks, dekad, context, options)
    return float(decode_fields(FIRST + 5, state).mined_prob.mean())


def test_ground_that_only_an_own_library_knows_is_found_with_it() -> None:
    assert _mined(_options(STRANGE)) > 0.9
    assert _mined(DetectOptions()) < 0.6


def test_the_lineage_follows_what_the_library_says_and_not_its_path() -> None:
    own = _options(STRANGE)
    moved = own.model_copy(update={"classes": "elsewhere/other.toml"})
    history = ("2023-01-01", "2024-01-01")
    assert lineage_of("v", history, own) == lineage_of("v", history, moved)
    assert lineage_of("v", history, own) != lineage_of("v", history, DetectOptions())
    assert library_of(DetectOptions()) == shipped_library()


def test_a_library_that_cannot_be_read_stops_at_the_lineage() -> None:
    with pytest.raises(BadInputError, match=r"mine\.toml"):
        lineage_of("v", ("a", "b"), DetectOptions(classes="mine.toml", classes_text="kpgeo_classes = 9"))


def test_the_text_is_not_printed_with_the_options() -> None:
    assert "classes_text" not in _options(STRANGE).to_toml("detect")
    assert 'classes = "mine.toml"' in _options(STRANGE).to_toml("detect")
