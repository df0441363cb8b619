"""Options of alerts."""

from kpgeo.options.base import StageOptions


class AlertOptions(StageOptions):
    """Options of alerts."""
