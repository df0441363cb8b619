"""Options of alerts."""

from typing import Self

from pydantic import Field, model_validator

from kpgeo.options.base import StageOptions


class AlertOptions(StageOptions):
    """What it takes an alert to move from state to state. Hits and looks are dekads in which the site was looked at."""

    min_area_ha: float = Field(
        default=0.05, ge=0.0, le=100.0, description="Smallest site an alert is raised on, in ha."
    )
    first_confidence: float = Field(
        default=0.45, ge=0.0, le=1.0, description="Confidence from which a candidate counts as a first detection."
    )
    provisional_hits: int = Field(default=3, ge=1, le=100, description="Hits that make a first detection provisional.")
    provisional_confidence: float = Field(
        default=0.66, ge=0.0, le=1.0, description="Confidence a provisional alert needs."
    )
    confirm_hits: int = Field(default=5, ge=1, le=100, description="Hits that confirm a provisional alert.")
    confirm_confidence: float = Field(default=0.7, ge=0.0, le=1.0, description="Confidence a confirmed alert needs.")
    ongoing_hits: int = Field(default=8, ge=1, le=1000, description="Hits that make a confirmed alert an ongoing one.")
    expire_looks: int = Field(
        default=18, ge=1, le=1000, description="An unconfirmed alert expires after this many looked dekads, ..."
    )
    expire_days: int = Field(
        default=270, ge=10, le=3660, description="... or this many days after it was raised, when next looked at."
    )
    partial_look_frac: float = Field(
        default=0.5, ge=0.0, le=1.0, description="Below this share of clear pixels a look is reported as partial."
    )
    gap_dekads: int = Field(default=9, ge=1, le=100, description="Gaps are listed for this many dekads back.")

    @model_validator(mode="after")
    def _steps_rise(self) -> Self:
        if not self.provisional_hits <= self.confirm_hits <= self.ongoing_hits:
            raise ValueError("provisional_hits, confirm_hits and ongoing_hits must not fall")
        if not self.first_confidence <= self.provisional_confidence <= self.confirm_confidence:
            raise ValueError("first_confidence, provisional_confidence and confirm_confidence must not fall")
        return self
