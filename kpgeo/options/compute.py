"""Options of where and how wide the work runs."""

from kpgeo.options.base import StageOptions


class ComputeOptions(StageOptions):
    """Options of where and how wide the work runs."""
