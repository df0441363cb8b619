"""Belief to change objects."""

import numpy as np
import rasterio

from kpgeo.kernels.objects import Pixels, grow_objects
from kpgeo.model.ids import make_id
from kpgeo.model.site import ChangeObject
from kpgeo.model.state import NO_DAY, DekadFields
from kpgeo.options.sites import SiteOptions
from kpgeo.sites.measure import measure
from kpgeo.sites.place import Place


def outline_changes(fields: DekadFields, place: Place, options: SiteOptions) -> list[ChangeObject]:
    """Outline the connected patches of mined ground at the end of a dekad.

    A patch is 8-connected, its belief at least `grow_prob` everywhere and `seed_prob` somewhere (hysteresis), and its
    mined area (sum of fraction times pixel area) no smaller than the minimum mapping unit.

    Parameters
    ----------
    fields : DekadFields
        State of the whole AOI, on the place's grid.

    Returns
    -------
    list of ChangeObject
        In order of their seed pixel, row by row.

    Raises
    ------
    BadInputError
        The fields are not on the place's grid.
    """
    place.require_same_grid(fields)
    patches = grow_objects(fields.mined_prob, place.inside, seed_prob=options.seed_prob, grow_prob=options.grow_prob)
    large = [patch for patch in patches if _mapped_ha(fields, place, patch) >= options.min_area_ha]
    with rasterio.Env():  # one for all: opening GDAL's environment costs more than outlining a patch
        changes = [_change_object(fields, place, patch, options) for patch in large]
    return sorted(changes, key=lambda change: (change.seed_row, change.seed_col))


def _mapped_ha(fields: DekadFields, place: Place, patch: Pixels) -> float:
    return float(fields.mined_frac[patch.index].sum(dtype=np.float64)) * place.true_pixel_ha(patch)


def _change_object(fields: DekadFields, place: Place, patch: Pixels, options: SiteOptions) -> ChangeObject:
    """Measure and outline one patch."""
    row, col = _seed(fields, patch)
    found = measure(fields, place, patch, options)
    return ChangeObject(
        id=make_id("change", place.aoi_id, place.lineage, fields.dekad, row, col),
        dekad=fields.dekad,
        geometry=place.outline(patch),
        first_day=found.first_day,
        last_day=found.last_day,
        area=found.area,
        confidence=found.confidence,
        seed_row=row,
        seed_col=col,
        n_px=len(patch),
        pond_frac=found.pond_frac,
        elongation=found.elongation,
        look_frac=found.look_frac,
        stratum_id=place.stratum_of(patch),
    )


def _seed(fields: DekadFields, patch: Pixels) -> tuple[int, int]:
    """Return the pixel of the earliest onset; ties go to the highest belief, then the upper left."""
    at = patch.index
    onset = fields.onset_day[at].astype(np.int64)
    onset[onset == NO_DAY] = np.iinfo(np.int64).max
    first = np.lexsort((patch.cols, patch.rows, -fields.mined_prob[at], onset))[0]
    return int(patch.rows[first]), int(patch.cols[first])
