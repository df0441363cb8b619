"""Options of the simulated world."""

import datetime as dt
from typing import Any, Self

from pydantic import Field, model_validator

from kpgeo.model.ids import digest
from kpgeo.options.base import StageOptions

_ADDED = ("site_min_ha", "site_max_ha", "covered_low_frac", "covered_high_frac", "spectral_spread")


class SimOptions(StageOptions):
    """Options of the simulated world: how large, how long, and how unkind."""

    seed: int = Field(default=0, ge=0, lt=2**31, description="Which world: the same seed writes the same bytes.")
    size_px: int = Field(default=384, ge=128, le=2048, multiple_of=4, description="Edge of the area, in 10 m pixels.")
    start: dt.date = Field(
        default=dt.date(2022, 1, 1),
        ge=dt.date(2018, 1, 1),
        le=dt.date(2040, 1, 1),
        description="First day of the history.",
    )
    history_years: float = Field(
        default=2.0, ge=1.0, le=8.0, multiple_of=0.5, description="Years before monitoring begins."
    )
    monitored_years: float = Field(
        default=1.0, ge=0.5, le=8.0, multiple_of=0.5, description="Years that are monitored."
    )
    site_density: float = Field(
        default=1.0, ge=0.2, le=4.0, description="Number of diamond workings, relative to about 10 on 15 km2."
    )
    change_density: float = Field(
        default=1.0, ge=0.0, le=4.0, description="Share of new fields and orchards, relative to the usual."
    )
    burn_rate: float = Field(
        default=0.45, ge=0.0, le=0.95, description="Share of the savanna that burns in a dry season."
    )
    interannual: float = Field(
        default=1.0, ge=0.0, le=3.0, description="How much seasons differ from year to year, relative to the usual."
    )
    cloud: float = Field(default=1.0, ge=0.0, le=1.3, description="Cloud cover, relative to the usual.")
    haze: float = Field(default=1.0, ge=0.0, le=3.0, description="Depth of the Harmattan haze, relative to the usual.")
    missed_cloud_frac: float = Field(
        default=0.25, ge=0.0, le=1.0, description="Share of thin cloud and of shadow that the quality layers miss."
    )
    false_cloud_frac: float = Field(
        default=0.15, ge=0.0, le=1.0, description="Share of bright ground that the quality layers call cloud."
    )
    misregistration_px: float = Field(
        default=0.25, ge=0.0, le=2.0, description="Standard deviation of a scene's shift, in 10 m pixels."
    )
    noise: float = Field(default=1.0, ge=0.0, le=5.0, description="Optical sensor noise, relative to the usual.")
    speckle_looks: float = Field(
        default=4.4, ge=1.0, le=1000.0, description="Equivalent number of looks of the radar scenes."
    )
    duplicate_frac: float = Field(
        default=0.03, ge=0.0, le=0.5, description="Share of Sentinel-2 acquisitions offered twice, once reprocessed."
    )
    missing_frac: float = Field(default=0.02, ge=0.0, le=0.9, description="Share of acquisitions that were never made.")
    site_min_ha: float = Field(default=0.03, ge=0.01, le=1.0, description="Smallest ground a working digs in all (ha).")
    site_max_ha: float = Field(
        default=5.0, ge=0.03, le=20.0, description="Largest ground a working digs in all (ha); new ones stop at 3."
    )
    covered_low_frac: float = Field(
        default=1.0,
        gt=0.1,
        le=1.0,
        description="Least share of a dug pixel that may be broken; between this and the next, each pixel has its own.",
    )
    covered_high_frac: float = Field(
        default=1.0, gt=0.1, le=1.0, description="Largest share of a dug pixel that may be broken."
    )
    spectral_spread: float = Field(
        default=1.0, ge=0.0, le=4.0, description="How far the spectra of a world lie from the usual, relative to most."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.site_min_ha >= self.site_max_ha or self.covered_low_frac > self.covered_high_frac:
            raise ValueError("the lower bound of workings' size or cover lies above the upper one")
        return self

    def recorded(self) -> dict[str, Any]:
        """Return the options as a world's papers name them.

        Options that came later are left out where they have their defaults, so that a world that does not use them is
        the same, to the byte, as it was before there were any.
        """
        fields = type(self).model_fields
        usual = {name for name in _ADDED if getattr(self, name) == fields[name].default}
        return self.model_dump(mode="json", exclude=usual)

    def digest(self) -> str:
        """Return 12 hex digits that change when any option changes."""
        return digest(type(self).__name__, self.recorded())[:12]
