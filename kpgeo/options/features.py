"""Options of clear looks."""

from kpgeo.options.base import StageOptions


class FeatureOptions(StageOptions):
    """Options of clear looks."""
