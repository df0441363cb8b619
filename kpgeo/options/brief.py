"""Options of the brief."""

from kpgeo.options.base import StageOptions


class BriefOptions(StageOptions):
    """Options of the brief."""
