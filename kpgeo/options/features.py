"""Options of clear looks."""

from typing import Literal

from pydantic import Field

from kpgeo.options.base import StageOptions

HALO_PX = 8


class FeatureOptions(StageOptions):
    """Options of clear looks. No margin is wider than the halo a tile is read with (8 px)."""

    cloud_margin_px: int = Field(default=3, ge=0, le=HALO_PX, description="Clouds are grown by this many pixels.")
    shadow_margin_px: int = Field(
        default=2, ge=0, le=HALO_PX, description="Cloud shadows are grown by this many pixels."
    )
    haze_slope: float = Field(
        default=0.75, ge=0.0, le=2.0, description="Slope of the clear-land line, blue over red reflectance."
    )
    haze_limit: float = Field(
        default=0.05,
        gt=0.0,
        le=1.0,
        description="Blue reflectance above the clear-land line by more than this is haze.",
    )
    reflectance_low: float = Field(
        default=-0.02, ge=-0.2, le=0.0, description="Looks with any band at or below this reflectance are discarded."
    )
    reflectance_high: float = Field(
        default=1.2, ge=0.5, le=2.0, description="Looks with any band at or above this reflectance are discarded."
    )
    multilook_px: Literal[1, 3, 5, 7] = Field(
        default=3, description="Edge of the square over which radar power is averaged (pixels)."
    )
    history_test: bool = Field(
        default=True,
        description="Looks are held against the season of their pixels, and what lies over the ground is discarded.",
    )
    veil_rise: float = Field(
        default=0.03,
        gt=0.0,
        le=0.5,
        description="Green reflectance above the season by less than this is no cloud, haze or snow to that test.",
    )
    veil_sigmas: float = Field(
        default=3.0,
        gt=0.0,
        le=20.0,
        description="Green above the season (or near infrared below it) by fewer scatters than this is no cloud "
        "(or shadow) to it.",
    )
    shadow_frac: float = Field(
        default=0.13,
        gt=0.0,
        lt=0.8,
        description="A shadow takes at least this share of the near infrared the season leads one to expect.",
    )
