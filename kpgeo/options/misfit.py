"""Options of what is checked of a look before it is believed."""

from pydantic import Field

from kpgeo.options.base import StageOptions


class MisfitOptions(StageOptions):
    """Options of looks that do not fit their ground: shifted ones, offset ones, and those of an unknown orbit."""

    shift_limit_px: float = Field(
        default=1.0,
        ge=0.3,
        le=6.0,
        description="Sentinel looks that lie further from their ground than this are not used (pixels of 10 m).",
    )
    shift_limit_landsat_px: float = Field(
        default=2.0, ge=0.3, le=6.0, description="The same for Landsat, whose own pixels are 30 m (pixels of 10 m)."
    )
    shift_likeness: float = Field(
        default=0.2,
        ge=0.0,
        le=1.0,
        description="A shift is believed where a look correlates with what is expected by at least this, 0-1.",
    )
    offset_reflectance: float = Field(
        default=0.06,
        ge=0.03,
        le=0.1,
        description="A Sentinel-2 look whose bands all lie further off by one amount, about 0.1, has a wrong offset.",
    )
    orbit_looks: int = Field(
        default=6,
        ge=0,
        le=100,
        description="Radar looks of an orbit the baseline saw fewer looks of are not used; 0 mixes all orbits.",
    )
