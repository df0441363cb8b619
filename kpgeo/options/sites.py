"""Options of sites."""

from kpgeo.options.base import StageOptions


class SiteOptions(StageOptions):
    """Options of sites."""
