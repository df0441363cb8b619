"""The calibration's file is read back as it was written, is of its detector, and refuses what it should."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpgeo.detect import (
    DETECTOR,
    Detector,
    calibrate_fields,
    calibration_path,
    carried_calibration,
    format_calibration,
    parse_calibration,
)
from kpgeo.model.errors import BadInputError
from kpgeo.model.operating import BeliefMap, Calibration, OperatingCurve
from kpgeo.model.state import DekadFields

SIZES = (">=0.1", "0.03-0.1")
COUNT = st.integers(0, 10**6)


@st.composite
def calibrations(draw):
    confidence = tuple(sorted(draw(st.sets(st.floats(0.0, 1.0), min_size=2, max_size=5))))
    row = st.tuples(*[COUNT] * len(confidence))
    areas = sorted(draw(st.sets(st.floats(0.001, 10.0), min_size=1, max_size=3)))
    knots = st.lists(st.floats(-16.0, 16.0), unique=True, max_size=4).map(sorted).map(tuple)
    believed = draw(knots)
    true = draw(st.lists(st.floats(-16.0, 16.0), unique=True, min_size=len(believed), max_size=len(believed)))
    text = st.text(st.characters(max_codepoint=0x2FF), max_size=12)
    return Calibration(
        detector=draw(text),
        made="2026-11-21",
        ground=draw(text),
        settings=tuple(draw(st.lists(text, max_size=3))),
        seeds=tuple(draw(st.lists(COUNT, max_size=3))),
        km2_months=draw(st.floats(0.001, 1e9)),
        total=dict.fromkeys(SIZES, 10**6),
        provisional_hits=3,
        options={"sites": "abc"},
        curves=tuple(
            OperatingCurve(
                min_area_ha=area, confidence=confidence, false_alerts=draw(row), found={s: draw(row) for s in SIZES}
            )
            for area in areas
        ),
        belief=BeliefMap(believed=believed, true=tuple(sorted(true))),
        belief_seeds=(7,),
    )


@settings(deadline=None)
@given(calibration=calibrations())
def test_a_calibration_is_read_back_as_it_was_written(calibration):
    again = parse_calibration(format_calibration(calibration))
    assert again == calibration
    assert again.digest == calibration.digest


def test_what_is_carried_is_of_its_detector_and_written_as_it_would_be_again():
    paths = sorted(calibration_path().parent.glob("*.toml"))
    assert paths
    for path in paths:
        name, _, version = path.stem.rpartition("-")
        calibration = carried_calibration(Detector(name=name, version=version))
        assert calibration.detector == path.stem
        assert format_calibration(calibration) == path.read_text(encoding="utf-8")
        assert not set(calibration.seeds) & set(calibration.belief_seeds)
        assert calibration.ground == "simulated worlds"


def test_a_detector_never_calibrated_carries_nothing():
    assert carried_calibration(Detector(name=DETECTOR.name, version="never")) is None


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ('made = "2026-11-21"', "", "made"),
        ('made = "2026-11-21"', 'made = "2026-11-21"\nmood = "fair"', "Unknown field 'mood'"),
        ("provisional_hits = 3", 'provisional_hits = "three"', "provisional_hits"),
        ("provisional_hits = 3", "provisional_hits = = 3", "not TOML"),
        ("confidence = [0.5, 0.6]", "confidence = [0.6, 0.5]", "contradicts itself"),
    ],
)
def test_a_spoilt_file_is_refused(before, after, why):
    whole = Calibration(
        detector="belief-1", made="2026-11-21", ground="simulated worlds", settings=(), seeds=(), km2_months=1.0,
        total={}, provisional_hits=3, options={},
        curves=(OperatingCurve(min_area_ha=0.1, confidence=(0.5, 0.6), false_alerts=(1, 0)),),
    )  # fmt: skip
    text = format_calibration(whole)
    assert parse_calibration(text) == whole
    assert before in text
    with pytest.raises(BadInputError, match=why):
        parse_calibration(text.replace(before, after))


def fields(mined, pond, regrowth, cleared):
    beliefs = {"mined_prob": mined, "pond_prob": pond, "regrowth_prob": regrowth, "cleared_prob": cleared}
    others = {
        spec.name: np.zeros(3, np.uint16)
        for spec in dataclasses.fields(DekadFields)
        if spec.name not in {*beliefs, "dekad"}
    }
    return DekadFields(dekad=1, **{name: np.array(row, np.float32) for name, row in beliefs.items()}, **others)


def test_calibrated_fields_still_add_up():
    given_ = fields([0.0, 0.5, 0.8], [0.0, 0.25, 0.8], [0.25, 0.5, 0.1], [0.75, 0.0, 0.1])
    assert calibrate_fields(given_, BeliefMap()) is given_
    found = calibrate_fields(given_, BeliefMap(believed=(0.0,), true=(-float(np.log(4.0)),)))
    assert found.mined_prob == pytest.approx([0.0, 0.2, 0.5], abs=1e-6)
    assert found.pond_prob == pytest.approx([0.0, 0.1, 0.5], abs=1e-6)
    assert found.regrowth_prob == pytest.approx([0.25, 0.8, 0.25], abs=1e-6)
    assert found.cleared_prob == pytest.approx([0.75, 0.0, 0.25], abs=1e-6)
    assert found.onset_day is given_.onset_day
