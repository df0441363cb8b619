"""Options of assess."""

from pydantic import Field

from kpgeo.options.base import StageOptions


class AssessOptions(StageOptions):
    """How a run is scored against a known truth."""

    reach_m: float = Field(
        default=20.0, ge=0.0, le=500.0, description="An alert's site meets a true site within this distance, in m."
    )
    disturbed_ha: float = Field(
        default=0.05, gt=0.0, le=10.0, description="The second lag counts from the day this much was disturbed, in ha."
    )
    nuisance_days: int = Field(
        default=45,
        ge=0,
        le=366,
        description="A nuisance, or digging at an old working, still explains an alert this many days after its end.",
    )
    horizon_days: int = Field(
        default=180, ge=10, le=3660, description="The restricted mean lag is taken up to this many days."
    )
