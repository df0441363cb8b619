"""Digging seen in a period: newly dug and standing area per stratum, with interval and coverage."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kpgeo.kernels.capacity import Z90
from kpgeo.model.calendar import Period, dekad_label, dekad_of, dekad_start
from kpgeo.model.errors import BadInputError
from kpgeo.model.production import Activity
from kpgeo.model.run import Coverage
from kpgeo.model.site import Area
from kpgeo.model.state import NO_DAY, DekadFields
from kpgeo.options.production import ProductionOptions


@dataclass(frozen=True, kw_only=True)
class ActivityInputs:
    """What activity is measured on. All arrays are (y, x) on the AOI's grid.

    Attributes
    ----------
    fields : DekadFields
        State at the end of the last dekad of the period, or of a later one.
    strata_ids : tuple of str
        Ids of the AOI's strata, in its order.
    stratum_index : uint8
        i + 1 in `strata_ids[i]`, 0 outside every stratum.
    inside : bool
        True inside the AOI's boundary.
    in_site : bool
        True where a pixel belongs to a site. Onsets elsewhere are not counted.
    pixel_ha : float
        Area of a pixel, ha.
    coverage : sequence of Coverage
        Rows of any dekads; those of the period are used. A dekad without a row was not looked at.
    site_counts : mapping
        Sites active in the period, by stratum id ("" for the land outside).
    """

    aoi_id: str
    fields: DekadFields
    strata_ids: tuple[str, ...]
    stratum_index: NDArray[np.uint8]
    inside: NDArray[np.bool_]
    in_site: NDArray[np.bool_]
    pixel_ha: float
    coverage: Sequence[Coverage] = ()
    site_counts: Mapping[str, int] = field(default_factory=dict)


def measure_activity(inputs: ActivityInputs, period: Period, options: ProductionOptions) -> tuple[Activity, ...]:
    """Return the activity of a period for each stratum in order, then for the land outside (`stratum_id` "").

    Newly dug area is the number of pixels expected to have been dug, among those of sites whose onset falls in the
    period: the sum of the belief that they are mined, or were and have grown over. Standing area is the sum of the
    belief in mined over pixels of sites dug by the end of the period. Both carry the 90 % interval of
    `area_with_interval`, and its upper end is at least what could have gone unseen.

    Raises
    ------
    BadInputError
        The fields end before the period begins, or arrays differ in shape.
    """
    _require_match(inputs, period)
    fields = inputs.fields
    onset = fields.onset_day.astype(np.int64)
    is_dug = inputs.inside & inputs.in_site & (onset != NO_DAY) & (onset < period.end_day)
    is_new = is_dug & (onset >= period.start_day)
    belief = {
        "new": np.where(is_new, was_dug(fields), 0.0),
        "standing": np.where(is_dug, _known(fields.mined_prob), 0.0),
    }
    activities = []
    for index, stratum_id in [*enumerate(inputs.strata_ids, start=1), (0, "")]:
        is_here = inputs.inside & (inputs.stratum_index == index)
        coverage_frac = mean_coverage(inputs.coverage, stratum_id, period)
        land_ha = float(np.count_nonzero(is_here)) * inputs.pixel_ha
        working_ha = options.working_ha if stratum_id else options.outside_working_ha
        unseen_ha = min(options.min_area_ha / coverage_frac, land_ha) if coverage_frac > 0.0 else land_ha
        areas = {
            name: _at_least(
                area_with_interval(float(of[is_here].sum()) * inputs.pixel_ha, working_ha, options), unseen_ha
            )
            for name, of in belief.items()
        }
        activities.append(
            Activity(
                aoi_id=inputs.aoi_id,
                stratum_id=stratum_id,
                period=period,
                new_area=areas["new"],
                standing_area=areas["standing"],
                coverage_frac=coverage_frac,
                sites=int(inputs.site_counts.get(stratum_id, 0)),
            )
        )
    return tuple(activities)


def was_dug(fields: DekadFields) -> NDArray[np.float64]:
    """Return the belief that pixels are mined, or were and have grown over since, 0–1 (y, x)."""
    return np.minimum(_known(fields.mined_prob) + _known(fields.regrowth_prob), 1.0)


def area_with_interval(ha: float, working_ha: float, options: ProductionOptions) -> Area:
    """Return an area with its 90 % interval.

    The error is lognormal. Its log variance adds whole workings that are missed, or other ground that is taken for one,
    `working_ha` at a time, which fades as the area grows; and the error common to all, which stays.
    """
    if ha <= 0.0:
        return Area(ha=0.0, low_ha=0.0, high_ha=0.0)
    sigma = math.sqrt(math.log1p(working_ha / ha) + options.area_bias_sd**2)
    # the pixels cannot hold more than themselves, but what was missed lies in other pixels: no upper clip
    return Area(ha=ha, low_ha=ha * math.exp(-Z90 * sigma), high_ha=ha * math.exp(Z90 * sigma))


def _at_least(area: Area, unseen_ha: float) -> Area:
    return replace(area, high_ha=max(area.high_ha, unseen_ha))


def _known(belief: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.nan_to_num(belief.astype(np.float64))


def mean_coverage(coverage: Sequence[Coverage], stratum_id: str, period: Period) -> float:
    """Return the mean look fraction of a stratum over the dekads of a period, 0–1.

    A dekad without a row of the stratum takes the row of the whole AOI ("*"), and counts as not looked at where that is
    missing too. A dekad belongs to the period its first day falls in.
    """
    first, last = dekad_of(period.start_day), dekad_of(period.end_day - 1)
    dekads = [dekad for dekad in range(first, last + 1) if period.contains(dekad_start(dekad))]
    own = {row.dekad: row.look_frac for row in coverage if row.stratum_id == stratum_id}
    whole = {row.dekad: row.look_frac for row in coverage if row.stratum_id == "*"}
    seen = [own.get(dekad, whole.get(dekad, 0.0)) for dekad in dekads]
    return float(min(max(math.fsum(seen) / len(seen), 0.0), 1.0)) if seen else 0.0


def _require_match(inputs: ActivityInputs, period: Period) -> None:
    shape = inputs.fields.mined_prob.shape
    rasters = {"stratum_index": inputs.stratum_index, "inside": inputs.inside, "in_site": inputs.in_site}
    for name, array in rasters.items():
        if array.shape != shape:
            raise BadInputError(
                f"{name} has shape {array.shape}, the fields have {shape}.",
                where=inputs.aoi_id,
                remedy="Read both on the AOI's grid.",
            )
    if inputs.fields.dekad < dekad_of(period.start_day):
        raise BadInputError(
            f"The state ends at {dekad_label(inputs.fields.dekad)}, before {period.label} begins.",
            where=inputs.aoi_id,
            remedy="Run the pipeline into the period first.",
        )
