"""What can be said of a set of pixels at the end of a dekad."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kpgeo.kernels.objects import Z90, Pixels, area_moments, length_and_width, lognormal_interval
from kpgeo.model.site import Area
from kpgeo.model.state import NO_DAY, DekadFields
from kpgeo.options.sites import SiteOptions
from kpgeo.sites.place import Place

_FEWEST_DATES = 5
"""Dates that tell a share: the mapping unit in pixels of 10 m. Of two dates far apart, none is near their median."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Area, belief and shape of a set of pixels.

    Attributes
    ----------
    confidence : float
        Expected belief at a place drawn at random from the mined area, its log-odds moved by how suddenly the
        ground was opened, lowered for shapes that roads have; 0–1.
    first_day, last_onset_day : int
        Earliest and latest onset; `NO_DAY` where no pixel has one.
    last_day : int
        Last clear look at any of the pixels.
    looks : float
        Clear looks in the dekad, mean over the pixels.
    """

    area: Area
    confidence: float
    first_day: int
    last_onset_day: int
    last_day: int
    pond_frac: float
    elongation: float
    look_frac: float
    looks: float


def measure(fields: DekadFields, place: Place, pixels: Pixels, options: SiteOptions) -> Measure:
    """Measure a set of at least one pixel."""
    at = pixels.index
    prob, frac = fields.mined_prob[at], fields.mined_frac[at]
    onset = fields.onset_day[at]
    dated = onset[onset != NO_DAY]
    mined = (prob * frac).astype(np.float64)
    pond_frac = min(float((fields.pond_prob[at] * frac).sum(dtype=np.float64) / max(mined.sum(), 1e-9)), 1.0)
    length, width = length_and_width(pixels)
    elongation = max(length / width, 1.0)
    confidence = shifted(mean_belief(prob, mined), nats_of_dates(dated, options))
    if is_road_like(elongation, width, pond_frac, options):
        confidence *= options.road_factor
    last_looks = np.maximum(fields.last_optical_day[at], fields.last_radar_day[at])
    return Measure(
        area=area_of(fields, place, pixels, options),
        confidence=confidence,
        first_day=int(dated.min(initial=np.iinfo(np.uint16).max)) if len(dated) else NO_DAY,
        last_onset_day=int(dated.max(initial=0)) if len(dated) else NO_DAY,
        last_day=int(last_looks.max()),
        pond_frac=pond_frac,
        elongation=elongation,
        look_frac=float((fields.looks[at] > 0).mean()),
        looks=float(fields.looks[at].mean()),
    )


def area_of(fields: DekadFields, place: Place, pixels: Pixels, options: SiteOptions) -> Area:
    """Return the mined area of pixels on the ellipsoid, with its 90 % interval, given that they are mined at all.

    Whether they are is the confidence, told apart; here a pixel's belief counts as in `relative_belief`.
    """
    return area_of_part(fields, place, pixels, np.ones(len(pixels), dtype=np.bool_), options)


def area_of_part(
    fields: DekadFields, place: Place, pixels: Pixels, is_part: NDArray[np.bool_], options: SiteOptions
) -> Area:
    """Return the mined area of some of a site's pixels, with its 90 % interval, given that the whole is mined.

    Parameters
    ----------
    pixels : Pixels
        Of the whole site; belief is counted relative to the surest of them.
    is_part : bool (pixel,)
        Those to add up. The parts of a site add up to the whole, their intervals do not.
    """
    given_mined = relative_belief(fields, pixels, options)[is_part]
    frac = true_frac(fields, pixels, options)[is_part]
    mean, variance = area_moments(given_mined, frac, frac_sd=options.frac_sd, correlation=options.area_correlation)
    upper = len(given_mined) * float(np.exp(Z90 * options.outline_sd))
    low, high = lognormal_interval(mean, variance, upper=upper, common_sd=options.outline_sd)
    unit_ha = place.true_pixel_ha(pixels) * options.beyond_factor
    return Area(ha=mean * unit_ha, low_ha=low * unit_ha, high_ha=high * unit_ha)


def true_frac(fields: DekadFields, pixels: Pixels, options: SiteOptions) -> NDArray[np.float32]:
    """Return mined fractions, 0–1, stretched so that `floor_frac` seen is nothing and `seen_frac` all of a pixel."""
    seen = fields.mined_frac[pixels.index]
    stretched = (seen - np.float32(options.floor_frac)) / np.float32(options.seen_frac - options.floor_frac)
    frac: NDArray[np.float32] = np.clip(stretched, 0, 1)
    return frac


def relative_belief(fields: DekadFields, pixels: Pixels, options: SiteOptions) -> NDArray[np.float32]:
    """Return the belief of pixels relative to that of their surest tenth, 0–1: given that the latter is mined.

    Nothing is given of ground without a change object: no belief is held against less than `grow_prob`, which all the
    pixels of a change object have, so that the area of a working fades with its belief once it is seen no more.
    """
    prob = fields.mined_prob[pixels.index]
    surest = max(_of_top_tenth(prob), options.grow_prob)
    relative: NDArray[np.float32] = np.minimum(prob / np.float32(surest), np.float32(1.0))
    return relative


def _of_top_tenth(values: NDArray[np.float32]) -> float:
    """Return the value that a tenth of the pixels reach (interpolated between pixels)."""
    return float(np.quantile(values, 0.9))


def nats_of_dates(onset_day: NDArray[np.uint16], options: SiteOptions) -> float:
    """Return how far the dates of an object's pixels speak for pits (above 0) or for a field (below), in nats.

    Fields are cleared and ploughed in days; pits open one beside the other over months. Too few dates say nothing.
    """
    if len(onset_day) < _FEWEST_DATES:
        return 0.0
    return options.sudden_nats * (options.sudden_frac - share_opened_at_once(onset_day, options.sudden_days))


def share_opened_at_once(onset_day: NDArray[np.uint16], days: int) -> float:
    """Return the share of dated pixels, at least one, that opened within some days of their median, 0–1."""
    apart = np.abs(onset_day.astype(np.float64) - np.median(onset_day))
    return float((apart <= days).mean())


def shifted(prob: float, nats: float) -> float:
    """Return a probability whose log-odds are moved by some nats: Bayes' rule with a likelihood ratio of e^nats."""
    kept = min(max(prob, 1e-6), 1.0 - 1e-6)
    return float(1.0 / (1.0 + (1.0 - kept) / kept * np.exp(-nats)))


def mean_belief(prob: NDArray[np.float32], mined: NDArray[np.float64]) -> float:
    """Return the belief expected at a point of the mined area: sum(p * p f) / sum(p f), 0–1."""
    total = float(mined.sum())
    return min(float((prob * mined).sum() / total), 1.0) if total > 0.0 else 0.0


def is_road_like(elongation: float, width_px: float, pond_frac: float, options: SiteOptions) -> bool:
    """Say whether an object is long, thin and dry."""
    is_thin = elongation >= options.road_elongation and width_px <= options.road_width_px
    return is_thin and pond_frac <= options.road_pond_frac


def opening_day(fields: DekadFields, pixels: Pixels, frac: float) -> int:
    """Return the day by which a share of the mined area had been dug; `NO_DAY` where no pixel has an onset.

    A share, and not the first pixel, so that one old bare spot does not make a fresh working an old one.
    """
    at = pixels.index
    onset = fields.onset_day[at].astype(np.int64)
    if not onset.any():
        return NO_DAY
    weight = (fields.mined_prob[at] * fields.mined_frac[at]).astype(np.float64) * (onset != NO_DAY)
    order = np.argsort(onset, kind="stable")
    reached = np.cumsum(weight[order])
    first = np.searchsorted(reached, max(frac * reached[-1], np.finfo(np.float64).tiny), side="left")
    return int(onset[order][min(first, len(order) - 1)])


def dug_since(fields: DekadFields, place: Place, pixels: Pixels, day: int, options: SiteOptions) -> float:
    """Return the mined area (ha) of the pixels whose onset is after a day, given that the whole is mined.

    It counts as in `area_of`, so that what is added to a site and the site's area are measured alike.
    """
    at = pixels.index
    fresh = fields.onset_day[at] > day
    mined = (relative_belief(fields, pixels, options) * true_frac(fields, pixels, options)).astype(np.float64)
    return float(mined[fresh].sum()) * place.true_pixel_ha(pixels) * options.beyond_factor
