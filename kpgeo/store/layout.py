"""How the layers of `kpgeo.model.state` lie in an Icechunk repository."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import icechunk
import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from kpgeo.model.errors import IntegrityError
from kpgeo.model.grid import Grid
from kpgeo.model.state import DYNAMIC_LAYERS, NO_AGE, STATIC_LAYERS, Layer

FORMAT = 2
# Bytes a pixel and dekad, and MB/s encoded on one core, of the state the filter makes of savanna with pits, a burn and
# clouds (512 x 512 px): zstd-3 12.0, 187; bitshuffle-3 12.3, 554; shuffle-3 12.0, 298; shuffle-5 11.2, 97. Encoding a
# tile's dekad takes 60 ms where folding it takes a second, and it is kept for years: the smallest is taken.
CODEC = BloscCodec(cname="zstd", clevel=5, shuffle="shuffle")
MAIN = "main"
DRAFT = "draft"
DEKADS_PER_MANIFEST = 36
LEAD_NAMES = {
    "belief": ("land_state",),
    "beta_optical": ("optical_band", "optical_coefficient"),
    "sigma_optical": ("optical_band",),
    "beta_radar": ("radar_band", "radar_coefficient"),
    "sigma_radar": ("radar_band",),
}
# A chunk that was never written reads as this: every state at its least, "nothing is believed", and never a look.
FILL = {"belief": 255, "optical_age": NO_AGE, "radar_age": NO_AGE}
# Written even where every pixel equals the fill value, so that its presence says whether the tile was written.
WITNESS = {"dynamic": "belief", "static": "sigma_optical"}

if "ICECHUNK_LOG" not in os.environ:
    # Icechunk warns on the terminal that two processes must not commit to a folder at once. `Writer` sees to that.
    icechunk.set_logs_filter("error")


def open_repository(folder: Path, *, create: bool = False) -> icechunk.Repository:
    """Open the repository in a folder.

    Raises
    ------
    IntegrityError
        It cannot be read.
    """
    storage = icechunk.local_filesystem_storage(str(folder))
    try:
        if create:
            return icechunk.Repository.open_or_create(storage, config=_config())
        return icechunk.Repository.open(storage, config=_config())
    except icechunk.IcechunkError as error:
        raise IntegrityError(
            f"The state cannot be opened ({first_line(error)}).",
            where=str(folder),
            remedy="Restore the folder from a copy, or remove it to begin the history anew.",
        ) from error


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text that says something."""
    return next((line.strip(" \t|x") for line in str(error).splitlines() if line.strip(" \t|x")), type(error).__name__)


def _config() -> icechunk.RepositoryConfig:
    """Split manifests by year, so that a commit rewrites the references of the last year only."""
    splitting = icechunk.ManifestSplittingConfig.from_dict(
        {
            icechunk.ManifestSplitCondition.AnyArray(): {
                icechunk.ManifestSplitDimCondition.DimensionName("dekad"): DEKADS_PER_MANIFEST
            }
        }
    )
    config = icechunk.RepositoryConfig.default()
    config.manifest = icechunk.ManifestConfig(splitting=splitting)
    return config


def create_arrays(group: zarr.Group, grid: Grid) -> None:
    """Create the arrays of an empty state: no dekad yet, and room for the first baseline."""
    for name, layer in STATIC_LAYERS.items():
        _create(group, name, layer, grid, axis="epoch", length=1)
    for name, layer in DYNAMIC_LAYERS.items():
        _create(group, name, layer, grid, axis="dekad", length=0)


def _create(group: zarr.Group, name: str, layer: Layer, grid: Grid, *, axis: str, length: int) -> None:
    group.create_array(
        name,
        shape=(length, *layer.lead, *grid.shape),
        chunks=(1, *layer.lead, grid.tile_px, grid.tile_px),
        dtype=np.dtype(layer.dtype),
        fill_value=FILL.get(name, 0),
        compressors=[CODEC, Crc32cCodec()],
        dimension_names=(axis, *LEAD_NAMES.get(name, ()), "y", "x"),
        attributes={"meaning": layer.meaning},
    )


def grow(group: zarr.Group, dekads: int, epochs: int) -> None:
    """Lengthen the dekad axis to `dekads` and the epoch axis to `epochs`, where they are shorter."""
    for name, length in [(name, dekads) for name in DYNAMIC_LAYERS] + [(name, epochs) for name in STATIC_LAYERS]:
        array = array_of(group, name)
        if array.shape[0] < length:
            array.resize((length, *array.shape[1:]))


def array_of(group: zarr.Group, name: str) -> "zarr.Array[Any]":
    """Return an array of the group; the witness layers keep chunks that hold nothing but the fill value."""
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise IntegrityError(f"Layer {name!r} is not an array.", where="state")
    return array.with_config({"write_empty_chunks": True}) if name in WITNESS.values() else array


def grid_attributes(grid: Grid) -> dict[str, Any]:
    """Return what the header keeps of a grid."""
    return {
        "epsg": grid.epsg,
        "left_m": grid.left_m,
        "top_m": grid.top_m,
        "width": grid.width,
        "height": grid.height,
        "res_m": grid.res_m,
        "tile_px": grid.tile_px,
    }


def require_same_grid(attributes: Mapping[str, Any], grid: Grid, where: str) -> None:
    """Refuse a state that was written on another grid, or in another format."""
    if attributes.get("format") != FORMAT:
        raise IntegrityError(
            f"The state has format {attributes.get('format')!r}; this kpgeo reads format {FORMAT}.",
            where=where,
            remedy="Use the kpgeo that wrote it, or remove the folder to begin the history anew.",
        )
    if attributes.get("grid") != grid_attributes(grid):
        raise IntegrityError(
            "The state was written on another grid: the boundary, zone or tile size of the AOI has changed.",
            where=where,
            remedy="Restore the AOI file, or give the changed AOI another id.",
        )
