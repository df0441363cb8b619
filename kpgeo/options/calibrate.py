"""Options of the calibration of class spectra from labelled polygons."""

from pydantic import Field

from kpgeo.options.base import StageOptions


class CalibrateOptions(StageOptions):
    """Options of `kpgeo calibrate`. They are not part of a lineage: the classes file they lead to is."""

    prior_polygons: float = Field(
        default=2.0, gt=0.0, le=1000.0, description="How many labelled polygons the library's mean is worth."
    )
    prior_spread_polygons: float = Field(
        default=4.0, gt=0.0, le=1000.0, description="How many labelled polygons the library's spread is worth."
    )
    min_pixels: int = Field(default=2, ge=1, le=1000, description="Whole pixels a polygon must hold to be used.")
    min_clear_frac: float = Field(
        default=0.5, gt=0.0, le=1.0, description="Share of a polygon's pixels that a look must show clearly."
    )
    min_looks: int = Field(default=2, ge=1, le=100, description="Clear looks a polygon must have to be used.")
    outlier_nats: float = Field(
        default=4.0,
        gt=0.5,
        le=100.0,
        description="A polygon is left out where another state is likelier than its own by this (log density).",
    )
    outlier_scales: float = Field(
        default=5.0,
        gt=1.0,
        le=100.0,
        description="A polygon is left out where it lies this many robust scales from the others of its class.",
    )
    decorrelation_days: float = Field(
        default=4.0, gt=0.0, le=60.0, description="Looks of one polygon closer than this share most of what they say."
    )
