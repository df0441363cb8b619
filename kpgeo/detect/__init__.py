"""Baseline fit and belief filter of one tile."""

from kpgeo.detect.agreement import Agreement
from kpgeo.detect.baseline import fit_baseline
from kpgeo.detect.calibration import (
    calibrate_fields,
    calibration_path,
    carried_calibration,
    format_calibration,
    parse_calibration,
)
from kpgeo.detect.classes import (
    ClassCalibration,
    Doubt,
    Estimate,
    LabelledGround,
    bands_of,
    calibrate_classes,
    prior_of,
)
from kpgeo.detect.departure import change_from_season, season_sigma
from kpgeo.detect.filter import TileContext, decode_fields, fold_dekad, start_state
from kpgeo.detect.history import HistoryStack, Look, split_looks
from kpgeo.detect.library import ClassLibrary, format_library, library_of, read_library, shipped_library
from kpgeo.detect.lineage import DETECTOR, Detector, lineage_of
from kpgeo.detect.misfits import find_history_misfits, find_misfits, shift_of
from kpgeo.detect.refit import Refit, RefitWindow, refit_baseline
from kpgeo.detect.standing import start_tile
from kpgeo.detect.trace import PixelTracer, distance

__all__ = [
    "DETECTOR",
    "Agreement",
    "ClassCalibration",
    "ClassLibrary",
    "Detector",
    "Doubt",
    "Estimate",
    "HistoryStack",
    "LabelledGround",
    "Look",
    "PixelTracer",
    "Refit",
    "RefitWindow",
    "TileContext",
    "bands_of",
    "calibrate_classes",
    "calibrate_fields",
    "calibration_path",
    "carried_calibration",
    "change_from_season",
    "decode_fields",
    "distance",
    "find_history_misfits",
    "find_misfits",
    "fit_baseline",
    "fold_dekad",
    "format_calibration",
    "format_library",
    "library_of",
    "lineage_of",
    "parse_calibration",
    "prior_of",
    "read_library",
    "refit_baseline",
    "season_sigma",
    "shift_of",
    "shipped_library",
    "split_looks",
    "start_state",
    "start_tile",
]
