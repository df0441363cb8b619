"""Options of reading scenes."""

from kpgeo.options.base import StageOptions


class IngestOptions(StageOptions):
    """Options of reading scenes."""
