"""Options of delivery."""

from kpgeo.options.base import StageOptions


class DeliverOptions(StageOptions):
    """Options of delivery."""
