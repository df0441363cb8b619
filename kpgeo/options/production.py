"""Options of declared production and capacity."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from kpgeo.options.base import StageOptions

JOIN = "+"


class ProductionOptions(StageOptions):
    """Options of declared production, activity, capacity and their comparison."""

    declared: tuple[str, ...] = Field(
        default=(), description="Declared CSV files: paths or globs, relative to the pipeline file."
    )
    covers_participant: tuple[str, ...] = Field(
        default=(),
        description="AOIs that hold all production of a participant, for its total: an id, or ids joined by +.",
    )
    draws: int = Field(
        default=16_384, ge=1_024, le=1_048_576, description="Draws of the capacity chain, a power of two."
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="Seed of the draws, mixed with the AOI.")
    same_deposit_rho: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="Correlation of the grades of strata of one deposit type in one AOI (normal scores).",
    )
    interval: float = Field(
        default=0.90,
        ge=0.50,
        le=0.99,
        description="Central capacity interval a declared figure must lie above to be called above capacity.",
    )
    prob_threshold: float = Field(
        default=0.90, ge=0.50, le=0.999, description="Probability a trend of the activity must have to be called one."
    )
    trend_factor: float = Field(
        default=1.25, gt=1.0, le=10.0, description="Least factor between two periods that counts as growing or falling."
    )
    same_season: bool = Field(
        default=True, description="Compare trends only with the same part of an earlier year, never across seasons."
    )
    min_coverage_frac: float = Field(
        default=0.30, ge=0.0, le=1.0, description="Least share of pixel-dekads seen for a comparison to be made."
    )
    min_area_ha: float = Field(
        default=0.5, gt=0.0, le=1000.0, description="Least newly dug area that counts as activity, ha."
    )
    outside_may_explain: bool = Field(
        default=True,
        description="Call no figure above capacity that digging outside the strata, kept apart, would explain.",
    )
    area_bias_sd: float = Field(
        default=0.25,
        ge=0.0,
        le=1.0,
        description="Error common to all areas of a period (standard deviation of ln area).",
    )
    working_ha: float = Field(
        default=0.25,
        ge=0.0,
        le=100.0,
        description="Ground in the strata that is found, missed or mistaken as one, ha: makes small areas less sure.",
    )
    outside_working_ha: float = Field(
        default=0.8,
        ge=0.0,
        le=100.0,
        description="The same of ground outside the strata, where digging is expected less and mistaken more.",
    )

    @field_validator("covers_participant")
    @classmethod
    def _sort_joined(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(JOIN.join(sorted(part.strip() for part in group.split(JOIN))) for group in groups)

    @model_validator(mode="after")
    def _draws_fit_sobol(self) -> Self:
        if self.draws & (self.draws - 1):
            raise ValueError("draws must be a power of two, such as 65536: Sobol points are balanced only then")
        return self
