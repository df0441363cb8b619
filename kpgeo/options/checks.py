"""Options of the statistical checks."""

from pydantic import Field

from kpgeo.options.base import StageOptions


class CheckOptions(StageOptions):
    """Thresholds of the checks of declared figures. Each finding is a question, none a judgement.

    The Kimberley Process's own thresholds are not public; these were set on its half-yearly export of 2003-2024.
    """

    jump_factor: float = Field(
        default=3.0, gt=1.0, le=100.0, description="Least factor against the same half of the year before."
    )
    jump_sigmas: float = Field(
        default=3.5, ge=1.0, le=20.0, description="Least size of a jump, in the participant's own usual changes."
    )
    jump_least_ct: float = Field(
        default=1000.0, ge=0.0, description="Jumps between figures that are both smaller are left alone (ct)."
    )
    step_factor: float = Field(
        default=5.0, gt=1.0, le=1000.0, description="Least factor between yearly totals that counts as a step."
    )
    step_years: int = Field(default=4, ge=1, le=20, description="Years within which a step may happen.")
    step_least_ct: float = Field(
        default=20_000.0, ge=0.0, description="Steps that lead to less than this a year are left alone (ct)."
    )
    slip_tolerance: float = Field(
        default=0.18, gt=0.0, lt=0.4, description="How far from a power of ten a slip may lie (decades)."
    )
    round_to_ct: float = Field(
        default=1000.0, ge=10.0, description="A figure that is a multiple of this is called round (ct)."
    )
    price_least_ct: float = Field(default=50.0, ge=0.0, description="Prices of smaller quantities are left alone (ct).")
    price_factor: float = Field(
        default=2.5, gt=1.0, le=100.0, description="Least factor between a price and those it is held against."
    )
    price_sigmas: float = Field(
        default=3.0, ge=1.0, le=20.0, description="Least distance of a price, in the participant's own usual spread."
    )
    price_years: int = Field(
        default=4, ge=1, le=20, description="Years before and after, within which prices are compared."
    )
    region_factor: float = Field(
        default=10.0, gt=1.0, le=1000.0, description="Least factor between a price and its region's middle one."
    )
    revision_frac: float = Field(
        default=0.02, gt=0.0, le=1.0, description="Share by which a figure has to change to be called revised."
    )
    mirror_frac: float = Field(
        default=0.10, gt=0.0, le=1.0, description="Share by which two sides of one trade may differ."
    )
    mirror_value_frac: float = Field(
        default=0.25,
        gt=0.0,
        le=1.0,
        description="Share by which two sides may differ in value: freight, insurance, another valuation (B-M).",
    )
    mirror_least_ct: float = Field(
        default=500.0, ge=0.0, description="Trade between two participants smaller than this is left alone (ct)."
    )
    balance_frac: float = Field(
        default=0.05, ge=0.0, le=1.0, description="Share of what came in by which more may go out before it is asked."
    )
    footprint_pvalue: float = Field(
        default=0.01, gt=0.0, lt=0.5, description="Chance below which two size distributions are called different."
    )
    footprint_effect: float = Field(
        default=0.1,
        ge=0.0,
        le=1.0,
        description="Least difference of two size distributions (Cramér's V) to be asked about.",
    )
