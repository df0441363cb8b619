"""Baseline fit and belief filter of one tile."""

from kpgeo.detect.baseline import fit_baseline
from kpgeo.detect.filter import TileContext, decode_fields, fold_dekad, start_state
from kpgeo.detect.history import HistoryStack, Look, split_looks
from kpgeo.detect.lineage import DETECTOR, Detector, lineage_of

__all__ = [
    "DETECTOR",
    "Detector",
    "HistoryStack",
    "Look",
    "TileContext",
    "decode_fields",
    "fit_baseline",
    "fold_dekad",
    "lineage_of",
    "split_looks",
    "start_state",
]
