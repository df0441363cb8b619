"""Digging seen in a period: newly dug and standing area per stratum, with interval and coverage."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kpgeo.kernels.capacity import Z90, correlated_sum_variance
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

    Newly dug area is the sum of mined fractions over pixels of sites whose onset falls in the period. Standing area
    is the sum over pixels of sites dug by the end of the period and still mined (probability >= `standing_prob`).
    Both carry the 90 % interval of `area_with_interval`.

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
    is_standing = is_dug & (fields.mined_prob >= options.standing_prob)
    activities = []
    for index, stratum_id in [*enumerate(inputs.strata_ids, start=1), (0, "")]:
        is_here = inputs.inside & (inputs.stratum_index == index)
        coverage_frac = mean_coverage(inputs.coverage, stratum_id, period)
        land_ha = float(np.count_nonzero(is_here)) * inputs.pixel_ha
        areas = [
            _area_of(inputs, is_here & chosen, land_ha, coverage_frac, options) for chosen in (is_new, is_standing)
        ]
        activities.append(
            Activity(
                aoi_id=inputs.aoi_id,
                stratum_id=stratum_id,
                period=period,
                new_area=areas[0],
                standing_area=areas[1],
                coverage_frac=coverage_frac,
                sites=int(inputs.site_counts.get(stratum_id, 0)),
            )
        )
    return tuple(activities)


def area_with_interval(sum_frac: float, n_px: int, pixel_ha: float, options: ProductionOptions) -> Area:
    """Return an area with its 90 % interval from a sum of mined fractions over `n_px` pixels.

    The error is lognormal. Its log variance adds the random error of the fractions, correlated over `correlation_px`;
    whole workings that are missed, or other ground that is taken for one, `working_ha` at a time; and the error common
    to all fractions. The first two fade as the area grows, the last stays.
    """
    if sum_frac <= 0.0:
        return Area(ha=0.0, low_ha=0.0, high_ha=0.0)
    ha = sum_frac * pixel_ha
    of_fractions = correlated_sum_variance(n_px, options.fraction_sd, options.correlation_px) / sum_frac**2
    sigma = math.sqrt(math.log1p(of_fractions + options.working_ha / ha) + options.fraction_bias_sd**2)
    # the pixels cannot hold more than themselves, but what was missed lies in other pixels: no upper clip
    return Area(ha=ha, low_ha=ha * math.exp(-Z90 * sigma), high_ha=ha * math.exp(Z90 * sigma))


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


def _area_of(
    inputs: ActivityInputs, chosen: NDArray[np.bool_], land_ha: float, coverage_frac: float, options: ProductionOptions
) -> Area:
    """Return the area of the chosen pixels; where there are none, 0 up to what could have gone unseen."""
    frac = np.nan_to_num(inputs.fields.mined_frac[chosen].astype(np.float64))
    frac = np.minimum(frac / options.seen_frac, 1.0)
    area = area_with_interval(float(frac.sum()), int(chosen.sum()), inputs.pixel_ha, options)
    if area.ha > 0.0:
        return area
    unseen_ha = options.min_area_ha / coverage_frac if coverage_frac > 0.0 else land_ha
    return Area(ha=0.0, low_ha=0.0, high_ha=min(unseen_ha, land_ha))


def _require_match(inputs: ActivityInputs, period: Period) -> None:
    shape = inputs.fields.mined_frac.shape
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
