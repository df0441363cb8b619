"""Classes re-estimated from labels: closed forms, recovery, and labels that are wrong."""

from dataclasses import replace

import numpy as np
import pytest

from kpgeo.detect.agreement import find_strangers, measure_agreement
from kpgeo.detect.classes import ClassCalibration, LabelledGround, calibrate_classes, prior_of
from kpgeo.detect.library import Mark, Spectrum, format_library, parse_library, shipped_library
from kpgeo.model.state import LandState
from kpgeo.options.calibrate import CalibrateOptions

RNG = np.random.default_rng(7)
OPTIONS = CalibrateOptions()


def _class(name: str) -> Spectrum:
    return next(entry for entry in shipped_library().optical if entry.name == name)


def _ground(
    label: str, state: LandState, mean: np.ndarray, *, looks: int = 6, noise: float = 0.004, **more: object
) -> LabelledGround:
    rows = mean + RNG.normal(0.0, noise, (looks, len(mean)))
    given = {"is_checked": False, "class_name": "", "n_pixels": 20, **more}
    days = np.arange(looks, dtype=np.int64) * 20
    return LabelledGround(id=label, state=state, optical=rows, optical_days=days, **given)  # type: ignore[arg-type]


def _grounds(state: LandState, mean: np.ndarray, spread: float, count: int, name: str = "g") -> list[LabelledGround]:
    return [_ground(f"{name}{i}", state, mean + RNG.normal(0.0, spread, 4)) for i in range(count)]


def _calibrate(grounds: list[LabelledGround], options: CalibrateOptions = OPTIONS) -> ClassCalibration:
    return calibrate_classes(shipped_library(), grounds, options, "Labels of a test")


def test_mean_and_spread_are_those_of_the_closed_form() -> None:
    char = _class("char")
    m0, s0 = (np.array(values) for values in (char.mean, char.spread))
    values = [m0 + s0 * shift for shift in (0.2, 0.4, 0.5, 0.8)]
    grounds = [_ground(f"p{i}", LandState.BURNT, value, noise=0.0, class_name="char") for i, value in enumerate(values)]
    (one,) = _calibrate(grounds).estimates
    seen = m0 + s0 * 0.45
    scatter = 1.4826 * 0.15 * s0  # |shift - 0.45| is 0.25, 0.05, 0.05, 0.35: the median is 0.15
    k0, n0, n = OPTIONS.prior_polygons, OPTIONS.prior_spread_polygons, 4
    assert one.observed == pytest.approx(seen)
    assert one.after.moments[0] == pytest.approx((k0 * m0 + n * seen) / (k0 + n))
    total = n0 * s0**2 + (n - 1) * scatter**2 + k0 * n / (k0 + n) * (seen - m0) ** 2
    assert one.after.moments[1] == pytest.approx(np.maximum(np.sqrt(total / (n0 + n - 1)), 0.005))
    assert one.sigmas == pytest.approx(np.full(4, 0.45 / np.sqrt(1 / k0 + 1 / n)), rel=1e-6)
    assert one.looks == 24


def test_many_polygons_bring_the_class_to_the_ground() -> None:
    char = _class("char")
    truth = np.array(char.mean) + 1.2 * np.array(char.spread)
    grounds = _grounds(LandState.BURNT, truth, 0.006, 40)
    result = _calibrate([replace(ground, class_name="char") for ground in grounds])
    (one,) = result.estimates
    assert len(one.polygons) + len(result.doubts) == 40
    assert np.abs(np.array(one.observed) - truth).max() < 3 * 1.25 * 0.006 / np.sqrt(40)
    before, after = (np.abs(entry.moments[0] - truth) for entry in (one.before, one.after))
    assert (after < 0.15 * before).all()
    assert after.max() < 3 * max(one.after_error)


def test_one_polygon_counts_once_however_often_it_was_seen() -> None:
    char = _class("char")
    mean = np.array(char.mean) + 0.5 * np.array(char.spread)
    few, many = (_ground("p", LandState.BURNT, mean, looks=looks, noise=0.0) for looks in (3, 300))
    assert _calibrate([few]).estimates[0].after.moments[0] == pytest.approx(
        _calibrate([many]).estimates[0].after.moments[0]
    )


def test_looks_close_in_time_count_little() -> None:
    ground = _ground("p", LandState.BURNT, np.array(_class("char").mean), looks=4)
    days = np.array([0, 0, 4, 400], dtype=np.int64)
    (one,) = _calibrate([replace(ground, optical_days=days)]).estimates
    assert one.looks_counted == pytest.approx(1.0 + 0.0 + (1 - np.exp(-1.0)) + 1.0)


def test_a_wrong_label_is_left_out_and_named_unless_somebody_stands_by_it() -> None:
    grounds = _grounds(LandState.POND, np.array(_class("clear pond").mean), 0.004, 5)
    wrong = _ground("wrong", LandState.POND, np.array(_class("pale gravel").mean))
    result = _calibrate([*grounds, wrong])
    assert [doubt.id for doubt in result.doubts] == ["wrong"]
    assert result.doubts[0].looks_like
    assert "wrong" not in {name for one in result.estimates for name in one.polygons}
    stands = _calibrate([*grounds, replace(wrong, is_checked=True)])
    assert not stands.doubts
    assert "wrong" in {name for one in stands.estimates for name in one.polygons}


def test_a_polygon_far_from_the_others_of_its_class_is_left_out() -> None:
    spoil = _class("lateritic spoil")
    near = _grounds(LandState.DUG, np.array(spoil.mean), 0.004, 8)
    far = _ground("far", LandState.DUG, np.array(spoil.mean) + 3.2 * np.array(spoil.spread))
    named = [replace(ground, class_name="lateritic spoil") for ground in (*near, far)]
    result = _calibrate(named, CalibrateOptions(outlier_nats=100.0))
    assert [doubt.id for doubt in result.doubts] == ["far"]
    assert "scales" in result.doubts[0].reason


def test_ground_that_looks_as_its_season_does_is_named_stable() -> None:
    mean = np.array([0.08, 0.10, 0.26, 0.20])
    ground = _ground("asleep", LandState.DUG, mean)
    asleep = replace(ground, departure=RNG.normal(0.0, 0.002, (6, 4)), season_sigma=np.full(4, 0.01))
    (doubt,) = _calibrate([asleep]).doubts
    assert doubt.looks_like == "stable"
    awake = replace(asleep, departure=asleep.departure + np.array([0.08, 0.12, 0.1, 0.15]))
    assert "stable" not in {doubt.looks_like for doubt in _calibrate([awake]).doubts}


def test_radar_is_estimated_and_not_from_polygons_that_look_misplaced() -> None:
    pond = np.array(_class("clear pond").mean)
    change = RNG.normal((-8.0, -9.0), 0.3, (6, 2))
    days = np.arange(6, dtype=np.int64) * 12
    right = [replace(_ground(f"p{i}", LandState.POND, pond), radar_db=change, radar_days=days) for i in range(3)]
    misplaced = replace(
        _ground("wrong", LandState.POND, np.array(_class("pale gravel").mean)), radar_db=change + 9.0, radar_days=days
    )
    result = _calibrate([*right, misplaced])
    (radar,) = [one for one in result.estimates if one.kind == "radar"]
    assert set(radar.polygons) == {"p0", "p1", "p2"}
    assert radar.observed == pytest.approx((-8.0, -9.0), abs=0.4)


def test_too_few_pixels_or_looks_are_said() -> None:
    mean = np.array(_class("char").mean)
    small = replace(_ground("small", LandState.BURNT, mean), n_pixels=1)
    unseen = _ground("unseen", LandState.BURNT, mean, looks=1)
    result = _calibrate([small, unseen])
    assert not result.estimates
    assert {doubt.id: doubt.reason.split(",")[0] for doubt in result.doubts} == {
        "small": "1 whole pixels",
        "unseen": "1 clear looks",
    }
    assert {name for _, _, name, _ in result.untouched} == {entry.name for entry in shipped_library().entries}


def test_the_library_written_is_read_back_and_the_same_labels_do_not_count_twice() -> None:
    grounds = _grounds(LandState.BURNT, np.array(_class("char").mean) + 0.01, 0.004, 6)
    once = _calibrate(grounds).library
    again = parse_library(format_library(once), "again")
    assert [e.name for e in again.entries if e.origin.mark is Mark.CALIBRATED]
    assert prior_of(again) == shipped_library()
    twice = calibrate_classes(prior_of(again), grounds, OPTIONS, "Labels of a test").library
    assert format_library(twice) == format_library(once)


@pytest.mark.parametrize("is_shuffled", [False, True])
def test_labels_that_tell_nothing_apart_are_known_from_those_that_do(*, is_shuffled: bool) -> None:
    means = {LandState.BURNT: "char", LandState.CROPPED: "dry residue", LandState.DUG: "pale gravel"}
    grounds = [g for s, n in means.items() for g in _grounds(s, np.array(_class(n).mean), 0.01, 12, n)]
    if is_shuffled:
        states = np.random.default_rng(3).permutation([ground.state for ground in grounds])
        grounds = [replace(g, state=LandState(s)) for g, s in zip(grounds, states, strict=True)]
    result = _calibrate(grounds)
    assert result.agreement is not None
    assert (result.agreement.sigmas > 6.0) is not is_shuffled
    misplaced = [doubt for doubt in result.doubts if doubt.looks_like]
    assert (len(misplaced) > 12) is is_shuffled


def test_agreement_needs_ten_polygons_and_two_states() -> None:
    values = RNG.normal(0.0, 1.0, (9, 4))
    assert measure_agreement(values, np.arange(9, dtype=np.int64) % 2) is None
    assert measure_agreement(RNG.normal(0.0, 1.0, (20, 4)), np.zeros(20, dtype=np.int64)) is None


def test_a_stranger_is_found_among_its_own_kind_and_not_where_nobody_can_judge() -> None:
    values = np.concatenate([RNG.normal(0.1, 0.01, (6, 4)), RNG.normal(0.3, 0.01, (6, 4))])
    states = np.repeat(np.array([1, 4], dtype=np.int64), 6)
    states[11] = 1
    assert find_strangers(values, states, states, 4.0) == [(11, 4)]
    assert find_strangers(values[[0, 1, 2, 11]], states[[0, 1, 2, 11]], states[[0, 1, 2, 11]], 4.0) == []
