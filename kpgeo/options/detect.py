"""Options of the belief filter and its baseline."""

from kpgeo.options.base import StageOptions


class DetectOptions(StageOptions):
    """Options of the belief filter and its baseline."""
