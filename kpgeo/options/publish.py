"""Options of the public twin."""

from typing import Literal

from pydantic import Field

from kpgeo.options.base import StageOptions

CELL_DEG = 0.05


class PublishOptions(StageOptions):
    """What the public may know, and when."""

    basis: Literal["published", "confirmed"] = Field(
        default="published",
        description="Which alerts count: those that one person confirmed, another audited and somebody published; or "
        "all that the machine confirmed and nobody dismissed.",
    )
    delay_days: int = Field(
        default=180, ge=90, le=3660, description="A half-year is told this many days after its end, not before."
    )
    cell_doublings: int = Field(
        default=0,
        ge=0,
        le=6,
        description="Cells are 0.05 degrees (about 5.5 km) times two to this power, so that grids nest.",
    )
    few: int = Field(default=5, ge=3, le=100, description="Fewer workings than this in a cell are told as `few`.")

    @property
    def cell_deg(self) -> float:
        """Return the edge of a cell, degrees."""
        return CELL_DEG * 2.0**self.cell_doublings
