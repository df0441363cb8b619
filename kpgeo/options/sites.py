"""Options of sites."""

from typing import Self

from pydantic import Field, model_validator

from kpgeo.model.ids import digest
from kpgeo.options.base import StageOptions


class SiteOptions(StageOptions):
    """How change objects are outlined and linked to sites."""

    seed_prob: float = Field(
        default=0.35, gt=0.0, le=1.0, description="A change object holds at least one pixel with this belief in mining."
    )
    grow_prob: float = Field(
        default=0.2, gt=0.0, le=1.0, description="Its other pixels have at least this belief in mining."
    )
    min_area_ha: float = Field(
        default=0.05,
        ge=0.0,
        le=100.0,
        description="Minimum mapping unit: mined area (fraction times pixel area), in ha.",
    )
    floor_frac: float = Field(
        default=0.0,
        ge=0.0,
        lt=0.5,
        description="Mined fraction that looks see in a pixel of a site of which nothing is mined.",
    )
    seen_frac: float = Field(
        default=0.67,
        gt=0.2,
        le=1.0,
        description="Mined fraction that looks see in a pixel wholly mined: pits and wet clay hardly stand out.",
    )
    beyond_factor: float = Field(
        default=1.4,
        ge=1.0,
        le=3.0,
        description="Mined area of a working over that within its outline: its thin rims are not believed in.",
    )
    frac_sd: float = Field(
        default=0.25,
        ge=0.0,
        le=0.5,
        description="Standard deviation of one pixel's mined fraction around its estimate.",
    )
    area_correlation: float = Field(
        default=0.5, ge=0.0, le=1.0, description="Correlation of the area errors of two pixels of one object."
    )
    outline_sd: float = Field(
        default=0.45,
        ge=0.0,
        le=2.0,
        description="Standard deviation of the logarithm of a site's area for what its outline misses or adds.",
    )
    sudden_days: int = Field(
        default=15,
        ge=1,
        le=120,
        description="Ground opened within this many days of the site's median was opened at once.",
    )
    sudden_frac: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="Share of a site opened at once that speaks neither for pits nor for a field.",
    )
    sudden_nats: float = Field(
        default=4.0,
        ge=0.0,
        le=20.0,
        description="How far opening all at once speaks for a field, and bit by bit for pits: nats per unit of share.",
    )
    road_elongation: float = Field(
        default=8.0, ge=1.0, le=1000.0, description="An object is road-like from this length over mean width on, ..."
    )
    road_width_px: float = Field(
        default=2.0, ge=0.0, le=100.0, description="... if its mean width is at most this many pixels, ..."
    )
    road_pond_frac: float = Field(default=0.02, ge=0.0, le=1.0, description="... and at most this share of it is pond.")
    road_factor: float = Field(
        default=0.5, ge=0.0, le=1.0, description="The confidence of a road-like object is multiplied by this."
    )
    join_m: float = Field(
        default=60.0, ge=0.0, le=1000.0, description="Change objects no farther apart than this are one site, in m."
    )
    split_m: float = Field(
        default=150.0, ge=0.0, le=2000.0, description="Parts of a site become sites of their own beyond this gap, in m."
    )
    field_m: float = Field(
        default=0.0,
        ge=0.0,
        le=2000.0,
        description="New digging this near to a site that opened while monitored belongs to it, in m; 0: join_m alone.",
    )
    min_look_frac: float = Field(
        default=0.1,
        gt=0.0,
        le=1.0,
        description="A site was looked at if this share of its pixels was clear in the dekad.",
    )
    opened_frac: float = Field(
        default=0.1, ge=0.0, le=1.0, description="A site opened on the day by which this share of its area was dug."
    )
    grow_ha: float = Field(default=0.05, gt=0.0, le=100.0, description="Newly dug area that counts as growth, in ha.")
    pause_days: int = Field(
        default=120, ge=10, le=1000, description="A site pauses after this many days without growth."
    )
    settle_days: int = Field(
        default=180,
        ge=0,
        le=1000,
        description="A month's newly disturbed area is measured again for this many days, and then stands.",
    )
    close_looks: int = Field(
        default=4, ge=1, le=100, description="A site closes after this many looked dekads in a row without mining."
    )

    def digest(self) -> str:
        """Return 12 hex digits that change when any option changes; what is not used leaves them as they were."""
        if self.field_m > 0.0:
            return super().digest()
        return digest(type(self).__name__, self.model_dump(mode="json", exclude={"field_m"}))[:12]

    @model_validator(mode="after")
    def _thresholds_nest(self) -> Self:
        if self.grow_prob > self.seed_prob:
            raise ValueError("grow_prob must not exceed seed_prob")
        if self.floor_frac >= self.seen_frac:
            raise ValueError("floor_frac must be below seen_frac")
        if self.split_m < self.join_m:
            raise ValueError("split_m must not be below join_m, or sites would split and merge in turns")
        return self
