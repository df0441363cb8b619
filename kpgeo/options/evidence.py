"""Options of evidence bundles."""

from pydantic import Field

from kpgeo.options.base import StageOptions


class EvidenceOptions(StageOptions):
    """When bundles are made, and how much goes into them."""

    at_confirmation: bool = Field(
        default=True, description="Make a bundle at the end of a run for every alert that became confirmed in it."
    )
    looks_before_dekads: int = Field(
        default=9,
        ge=0,
        le=72,
        description="Show the looks from so many dekads before the first sign of digging on.",
    )
