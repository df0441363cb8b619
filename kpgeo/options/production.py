"""Options of declared production and capacity."""

from kpgeo.options.base import StageOptions


class ProductionOptions(StageOptions):
    """Options of declared production and capacity."""
