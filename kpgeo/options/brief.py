"""Options of the brief."""

from pydantic import Field

from kpgeo.options.base import StageOptions


class BriefOptions(StageOptions):
    """Options of the brief."""

    max_sites_with_chips: int = Field(
        default=6, ge=0, le=60, description="How many sites, from the top of the ranking, get a before/after picture."
    )
    max_sites_in_itinerary: int = Field(
        default=12, ge=1, le=100, description="How many sites, from the top of the ranking, the itinerary proposes."
    )
    max_sites_listed: int = Field(
        default=60, ge=1, le=1000, description="How many sites the table of sites and the overview map number at most."
    )
    max_gaps_listed: int = Field(
        default=20, ge=0, le=500, description="How many rows of what was not seen are printed, worst reason first."
    )
    max_findings_listed: int = Field(
        default=12, ge=0, le=500, description="How many findings of the statistical checks are printed, latest first."
    )
    chip_margin_m: float = Field(
        default=150.0,
        ge=0.0,
        le=5000.0,
        description="Ground kept around a site in its before/after picture, metres; a wider chip is cropped to it.",
    )
    coordinate_decimals: int = Field(
        default=5, ge=1, le=7, description="Decimals of a decimal coordinate, degrees (5 is about 1 m)."
    )
    picture_dpi: int = Field(default=200, ge=72, le=400, description="Resolution of pictures, dots per inch of paper.")
    years_of_figures: int = Field(
        default=5,
        ge=1,
        le=50,
        description="Years of declared figures and comparisons shown, up to the end of the brief's period.",
    )
    low_coverage_frac: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="A month seen over less than this share of the AOI is named as little seen, 0-1.",
    )
    room_for_notes: bool = Field(
        default=True, description="Leave rows for the mission to fill in: team, dates, controls, notes at each site."
    )
