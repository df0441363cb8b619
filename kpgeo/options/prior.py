"""Options of the spatial prior: where new digging is expected."""

from pydantic import Field

from kpgeo.options.base import StageOptions


class PriorOptions(StageOptions):
    """How much likelier digging opens near drainage and known workings. All factors are background knowledge (B-M).

    They matter only for an AOI that names such layers, and are part of the lineage.
    """

    drainage_boost: float = Field(
        default=10.0, ge=1.0, le=1000.0, description="How many times likelier digging opens beside drainage."
    )
    drainage_m: float = Field(
        default=300.0, gt=0.0, le=2000.0, description="Distance at which that has fallen to its square root, in m."
    )
    workings_boost: float = Field(
        default=5.0, ge=1.0, le=1000.0, description="How many times likelier digging opens in known workings."
    )
    most: float = Field(
        default=200.0, ge=1.0, le=10_000.0, description="Most that stratum, drainage and workings may come to together."
    )
