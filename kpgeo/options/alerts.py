"""Options of alerts."""

from typing import Self

from pydantic import Field, model_validator

from kpgeo.options.base import StageOptions

FIRST, PROVISIONAL, CONFIRM = 0.50, 0.80, 0.85
"""Confidences where neither they nor a rate are given."""


class AlertOptions(StageOptions):
    """What it takes an alert to move from state to state. Hits and looks are dekads in which the site was looked at."""

    min_area_ha: float = Field(
        default=0.05, ge=0.0, le=100.0, description="Smallest site an alert is raised on, in ha."
    )
    false_alerts_per_1000km2_month: float | None = Field(
        default=None,
        gt=0.0,
        le=10_000.0,
        description="False alerts to put up with, per 1,000 km2 and month; the calibration turns it into confidences.",
    )
    first_confidence: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description=f"Confidence from which a candidate counts as a first detection; {FIRST}, or that of provisional.",
    )
    provisional_hits: int = Field(default=2, ge=1, le=100, description="Hits that make a first detection provisional.")
    provisional_confidence: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description=f"Confidence a provisional alert needs; by default what the rate asks for, or {PROVISIONAL}.",
    )
    confirm_hits: int = Field(default=4, ge=1, le=100, description="Hits that confirm a provisional alert.")
    confirm_confidence: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description=f"Confidence a confirmed alert needs; by default {CONFIRM}, or that of provisional if it is more.",
    )
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
        first, provisional, confirm = self.confidences()
        if not first <= provisional <= confirm and self.is_decided:
            raise ValueError("first_confidence, provisional_confidence and confirm_confidence must not fall")
        return self

    @property
    def is_decided(self) -> bool:
        """Say whether the options alone give the confidences, with no calibration asked."""
        return self.false_alerts_per_1000km2_month is None or self.provisional_confidence is not None

    def confidences(self, provisional: float = PROVISIONAL) -> tuple[float, float, float]:
        """Return what first, provisional and confirmed alerts need, 0-1.

        Parameters
        ----------
        provisional : float, optional
            What a provisional alert needs where the options do not say. An alert is announced when it is provisional,
            so it is this one that a rate of false alerts decides; the others go along where they are not given.
        """
        needed = provisional if self.provisional_confidence is None else self.provisional_confidence
        first = min(FIRST, needed) if self.first_confidence is None else self.first_confidence
        confirm = max(CONFIRM, needed) if self.confirm_confidence is None else self.confirm_confidence
        return first, needed, confirm
