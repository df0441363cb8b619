"""Baseline fit and belief filter of one tile."""

from kpgeo.detect.baseline import fit_baseline
from kpgeo.detect.calibration import (
    calibrate_fields,
    calibration_path,
    carried_calibration,
    format_calibration,
    parse_calibration,
)
from kpgeo.detect.filter import TileContext, decode_fields, fold_dekad, start_state
from kpgeo.detect.history import HistoryStack, Look, split_looks
from kpgeo.detect.lineage import DETECTOR, Detector, lineage_of
from kpgeo.detect.refit import Refit, RefitWindow, refit_baseline
from kpgeo.detect.trace import PixelTracer, distance

__all__ = [
    "DETECTOR",
    "Detector",
    "HistoryStack",
    "Look",
    "PixelTracer",
    "Refit",
    "RefitWindow",
    "TileContext",
    "calibrate_fields",
    "calibration_path",
    "carried_calibration",
    "decode_fields",
    "distance",
    "fit_baseline",
    "fold_dekad",
    "format_calibration",
    "lineage_of",
    "parse_calibration",
    "refit_baseline",
    "split_looks",
    "start_state",
]
