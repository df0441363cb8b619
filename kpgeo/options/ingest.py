"""Options of reading scenes."""

from typing import Literal

from pydantic import Field

from kpgeo.options.base import StageOptions


class IngestOptions(StageOptions):
    """Options of reading scenes."""

    resampling_same: Literal["nearest", "bilinear"] = Field(
        default="nearest",
        description="Resampling of bands about as fine as the grid (blue green red nir of Sentinel-2, vv vh at 10 m).",
    )
    resampling_coarser: Literal["nearest", "bilinear"] = Field(
        default="bilinear",
        description="Resampling of bands coarser than the grid (swir16 swir22 of Sentinel-2, all of Landsat).",
    )
    resampling_finer: Literal["nearest", "average"] = Field(
        default="average",
        description="Resampling of bands at least twice as fine as the grid. Class layers are always read by nearest.",
    )
    dark_dn: int = Field(
        default=900,
        ge=1,
        le=1000,
        description="Sentinel-2 counts below this cannot hold the +1000 of baseline 04.00 and later.",
    )
    dark_frac: float = Field(
        default=0.005,
        ge=0.0,
        le=0.5,
        description="Share of such counts that proves the offset is not, or no longer, in a granule.",
    )
    band_pass: bool = Field(
        default=True,
        description="Bring reflectance of every platform to the band-pass of Sentinel-2A by published lines.",
    )
    overview_px: int = Field(
        default=4,
        ge=1,
        le=64,
        description="Pixels of an overview that must remain along the edge of a grid pixel for it to be averaged in "
        "place of the full image. Class layers, and grids as fine as the files, never use one.",
    )
    max_file_pixels: int = Field(
        default=4_000_000_000, ge=1, description="Files that claim more pixels than this are not read."
    )
    max_block_mb: int = Field(
        default=256, ge=1, le=4096, description="Files stored in blocks larger than this are not read (MB in memory)."
    )
