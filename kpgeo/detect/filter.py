"""The belief filter of one tile, dekad by dekad."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from kpgeo.detect.baseline import RADAR_SIGMA_SCALE, median_level
from kpgeo.detect.history import HistoryStack, Look
from kpgeo.detect.library import library_of
from kpgeo.detect.spectra import (
    BAND_CORRELATION,
    POLARISATION_CORRELATION,
    SEASON_SHIFTS_DAYS,
    optical_templates,
    radar_templates,
)
from kpgeo.kernels.belief import (
    MIN_BELIEF,
    Belief,
    Noise,
    predict,
    transition,
    update_optical,
    update_radar,
)
from kpgeo.kernels.season import MONTH_DAYS, YEAR_DAYS, harmonic_basis
from kpgeo.model.calendar import date_of, dekad_end, dekad_of, dekad_start
from kpgeo.model.scene import Sensor
from kpgeo.model.state import (
    FILTER_BANDS,
    FRAC_STEP,
    N_COEFS,
    N_RADAR_COEFS,
    N_STATES,
    NO_AGE,
    NO_DAY,
    RADAR_STEP_DB,
    REFLECTANCE_STEP,
    DekadFields,
    LandState,
    TileBaseline,
    TileState,
    age_of_day,
    day_of_age,
    decode_belief,
    decode_sigma,
    encode_belief,
)
from kpgeo.options.detect import DetectOptions

OnLook = Callable[[Look, NDArray[np.float32]], None]
_OPTICAL_JUNK_DENSITY = 1.0 / (0.3 * 0.4 * 0.5 * 0.5)
_RADAR_JUNK_DENSITY = 1.0 / (15.0 * 15.0)
_CODES = np.arange(256, dtype=np.uint8)
_DATED_PROB = 0.05
_NORMAL = 100.0


@dataclass(frozen=True, kw_only=True)
class TileContext:
    """What a tile knows besides its looks.

    Attributes
    ----------
    in_stratum : bool (y, x)
        Whether a pixel lies in a known deposit, where digging opens more often.
    opening_boost : float32 (y, x) or None
        How many times likelier digging opens at a pixel than on land of no mark; where given, it takes the place of
        what `in_stratum` says.
    is_working : bool (y, x) or None
        Where workings are known to have been before monitoring began.
    burn_months : tuple of int
        Months (1-12) in which land burns.
    dry_months : tuple of int
        Months of the dry season.
    """

    in_stratum: NDArray[np.bool_]
    opening_boost: NDArray[np.float32] | None = None
    is_working: NDArray[np.bool_] | None = None
    burn_months: tuple[int, ...] = (11, 12, 1, 2)
    dry_months: tuple[int, ...] = (11, 12, 1, 2, 3)


@dataclass(frozen=True, kw_only=True)
class _Working:
    """Decoded state of a tile while a dekad is folded in; pixels are one axis."""

    kept: Belief
    last_optical_day: NDArray[np.uint16]
    last_radar_day: NDArray[np.uint16]
    opening_per_day: NDArray[np.float32]


def start_state(
    baseline: TileBaseline,
    history: HistoryStack,
    context: TileContext,
    first_dekad: int,
    options: DetectOptions,
    standing: NDArray[np.bool_] | None = None,
) -> TileState:
    """Return the state as of the end of the dekad before `first_dekad`.

    The filter runs once over the end of the history, so that ground opened just before monitoring begins is known as
    such and never announced as new.

    Parameters
    ----------
    standing : bool (y, x), optional
        Ground that was dug before the history (see `standing`); everything else begins as stable.
    """
    shape = context.in_stratum.shape
    begin = dekad_of(dekad_start(first_dekad) - options.warmup_days)
    belief = np.full((N_STATES, *shape), MIN_BELIEF, dtype=np.float32)
    belief[LandState.STABLE] = 1.0
    if standing is not None:
        sure = np.float32(options.standing_prob)
        belief[:, standing] = MIN_BELIEF
        belief[LandState.DUG][standing], belief[LandState.CLEARED][standing] = sure, np.float32(1.0) - sure
    unseen = np.full(shape, NO_AGE, dtype=np.uint8)
    state = TileState(
        belief=encode_belief(belief, begin),
        onset_day=np.full(shape, dekad_start(begin), dtype=np.uint16),
        mined_frac=np.zeros(shape, dtype=np.uint8),
        optical_age=unseen,
        radar_age=unseen.copy(),
        looks=np.zeros(shape, dtype=np.uint8),
    )
    for dekad in range(begin, first_dekad):
        now = history.looks_between(dekad_start(dekad), dekad_end(dekad))
        state = fold_dekad(state, baseline, now, dekad, context, options)
    return state


def fold_dekad(  # noqa: PLR0913, PLR0917 - what the state at a dekad's end is a function of
    state: TileState,
    baseline: TileBaseline,
    looks: Sequence[Look],
    dekad: int,
    context: TileContext,
    options: DetectOptions,
    on_look: OnLook | None = None,
) -> TileState:
    """Return the state at the end of a dekad from that at its start and the looks of the dekad.

    The result depends on the looks alone, not on their order in the sequence: they are folded in by day and scene id.

    Parameters
    ----------
    state : TileState
        As of the end of the dekad before; not changed.
    looks : sequence of Look
        Every look of the dekad, of all sensors; may be empty.
    on_look : callable, optional
        Called after each look with it and the belief as it then stands, float32 (state, y, x), which it may read and
        must copy to keep.
    """
    work = _decode(state, dekad, context, options)
    day = dekad_start(dekad)
    for look in sorted(looks, key=lambda look: (look.day, look.scene_id)):
        _predict(work, day, look.day, context, options)
        day = look.day
        if look.sensor.is_radar:
            _fold_radar(work, baseline, look, options)
        else:
            is_green = date_of(look.day).month in green_months(context.dry_months)
            _fold_optical(work, baseline, look, options, is_green=is_green)
        if on_look is not None:
            on_look(look, work.kept.belief.reshape(N_STATES, *state.onset_day.shape))
    _predict(work, day, dekad_end(dekad), context, options)
    return _encode(work, dekad, state.onset_day.shape)


def _predict(work: _Working, from_day: int, to_day: int, context: TileContext, options: DetectOptions) -> None:
    """Move the belief of every pixel from one day to another."""
    if to_day > from_day:
        matrix = transitions(from_day, to_day, context.burn_months, context.dry_months, options)
        opening = work.opening_per_day * np.float32(to_day - from_day)
        predict(work.kept.belief, work.kept.onset_day, matrix, opening, 0.5 * (from_day + to_day))


def green_months(dry_months: tuple[int, ...]) -> tuple[int, ...]:
    """Return the months in which crops stand green: those of the wet season but its first four.

    Examples
    --------
    >>> green_months((11, 12, 1, 2, 3))
    (8, 9, 10)
    """
    return _late_wet_months(dry_months, 4)


def flood_months(dry_months: tuple[int, ...]) -> tuple[int, ...]:
    """Return the months in which rivers stand high: those of the wet season but its first three.

    Examples
    --------
    >>> flood_months((11, 12, 1, 2, 3))
    (7, 8, 9, 10)
    """
    return _late_wet_months(dry_months, 3)


def _late_wet_months(dry_months: tuple[int, ...], first: int) -> tuple[int, ...]:
    """Return the wet months with no dry one among the `first` months before them."""
    wet = [month for month in range(1, 13) if month not in dry_months]
    before = [{(month - back - 1) % 12 + 1 for back in range(1, first + 1)} for month in wet]
    return tuple(month for month, earlier in zip(wet, before, strict=True) if not earlier & set(dry_months))


def ploughing_months(dry_months: tuple[int, ...]) -> tuple[int, ...]:
    """Return the months in which land is cleared for fields and ploughed: the last two dry ones and three wet ones.

    Examples
    --------
    >>> ploughing_months((11, 12, 1, 2, 3))
    (2, 3, 4, 5, 6)
    """
    last_dry = [month for month in dry_months if month % 12 + 1 not in dry_months]
    return tuple(sorted({(month - 1 + step) % 12 + 1 for month in last_dry for step in (-1, 0, 1, 2, 3)}))


@lru_cache(maxsize=512)
def transitions(
    from_day: int, to_day: int, burn_months: tuple[int, ...], dry_months: tuple[int, ...], options: DetectOptions
) -> NDArray[np.float32]:
    """Return transition probabilities (state, state) between two days, but for the opening of workings."""
    ploughing, floods = ploughing_months(dry_months), flood_months(dry_months)
    matrix = np.eye(N_STATES)
    for day in range(from_day, to_day):
        month = date_of(day).month
        season = _Season(
            burning=1.0 / len(burn_months) if month in burn_months else 0.0,
            ploughing=0.9 / len(ploughing) if month in ploughing else 0.1 / (12 - len(ploughing)),
            flooding=0.9 / len(floods) if month in floods else 0.1 / (12 - len(floods)),
        )
        matrix = matrix @ _one_day(season, options)
    return matrix.astype(np.float32)


class _Season(NamedTuple):
    """Shares of a year's burning, ploughing and flooding that fall in the month at hand."""

    burning: float
    ploughing: float
    flooding: float


@lru_cache(maxsize=64)
def _one_day(season: _Season, options: DetectOptions) -> NDArray[np.float64]:
    """Return the transition probabilities of one day.

    Residence times of nuisances and of mines are background knowledge (B-M): a burn scar fades in five weeks and a
    flood in the high-water months in four months, a field shows for four months, digging stays for two years, regrowth
    takes one to three wet seasons. Nine in ten new fields are cleared in the ploughing months, and a fire outside the
    burning season is often one that clears a field. Pits fill while rivers stand high.
    """
    s = LandState
    rates = np.zeros((N_STATES, N_STATES))
    is_high_water, is_ploughing = season.flooding > 1.0 / 12.0, season.ploughing > 1.0 / 12.0
    cropping = options.cropping_per_year * season.ploughing / MONTH_DAYS
    flooding = options.flooding_per_year * season.flooding / MONTH_DAYS
    burning = -np.log1p(-options.burning_per_season) * season.burning / MONTH_DAYS
    rates[s.STABLE, s.CROPPED] = cropping
    rates[s.STABLE, s.CLEARED] = rates[s.CROPPED, s.CLEARED] = options.clearing_per_year / YEAR_DAYS
    rates[s.STABLE, s.BURNT] = burning + flooding + 0.5 * cropping
    rates[s.REGROWTH, s.BURNT] = burning + flooding
    rates[s.CROPPED, s.BURNT] = rates[s.CLEARED, s.BURNT] = flooding
    rates[s.BURNT, s.STABLE] = 1.0 / 120.0 if is_high_water else 1.0 / 35.0
    rates[s.BURNT, s.CROPPED] = 1.0 / 200.0 if is_ploughing and not season.burning else 0.0
    rates[s.CROPPED, s.STABLE] = 1.0 / 120.0
    rates[s.CLEARED, s.REGROWTH] = 1.0 / 1200.0
    rates[s.CLEARED, s.STABLE] = 1.0 / 2000.0
    rates[s.DUG, s.POND] = 1.0 / 200.0 if is_high_water else 1.0 / 400.0
    rates[s.POND, s.DUG] = 1.0 / 250.0
    rates[s.DUG, s.REGROWTH] = rates[s.POND, s.REGROWTH] = 1.0 / 700.0
    rates[s.REGROWTH, s.STABLE] = 1.0 / 600.0
    rates[s.REGROWTH, s.DUG] = rates[s.REGROWTH, s.CLEARED] = 1.0 / 3000.0
    return transition(rates, 1.0)


def _fold_optical(
    work: _Working, baseline: TileBaseline, look: Look, options: DetectOptions, *, is_green: bool
) -> None:
    """Fold one Sentinel-2 or Landsat look in."""
    bases = harmonic_basis(look.day + np.array(SEASON_SHIFTS_DAYS), N_COEFS) * np.float32(REFLECTANCE_STEP)
    factor = options.landsat_sigma_factor if look.sensor is Sensor.LANDSAT else 1.0
    noise = Noise(
        factor=_factor(BAND_CORRELATION),
        variances=np.square(decode_sigma(_CODES) * np.float32(factor)),
        freedom=options.tail_freedom,
        junk=options.junk_frac,
        junk_density=_OPTICAL_JUNK_DENSITY,
        cap=options.max_evidence_nats,
        cap_against=options.max_evidence_nats,
        memory_days=options.decorrelation_days,
        identity=options.ground_identity,
    )
    n_bands = len(FILTER_BANDS)
    update_optical(
        work.kept,
        work.last_optical_day,
        look.pixels.reshape(n_bands, -1),
        baseline.sigma_optical.reshape(n_bands, -1),
        baseline.beta_optical.reshape(n_bands, N_COEFS, -1),
        bases,
        look.day,
        optical_templates(is_green=is_green, library=library_of(options)),
        noise,
    )


def _fold_radar(work: _Working, baseline: TileBaseline, look: Look, options: DetectOptions) -> None:
    """Fold one Sentinel-1 look in, less the level of the whole tile (soil moisture)."""
    basis = harmonic_basis(np.array([look.day]), N_RADAR_COEFS)[0]
    season = np.tensordot(basis * np.float32(RADAR_STEP_DB), baseline.beta_radar.astype(np.float32), axes=(0, 1))
    residual = look.pixels - season
    residual -= median_level(residual)[:, None, None]
    noise = Noise(
        factor=_factor(POLARISATION_CORRELATION),
        variances=np.square(decode_sigma(_CODES, scale=RADAR_SIGMA_SCALE)),
        freedom=_NORMAL,
        junk=options.junk_frac,
        junk_density=_RADAR_JUNK_DENSITY,
        cap=options.max_radar_nats,
        cap_against=options.max_radar_nats_for_stable,
        memory_days=options.decorrelation_days,
        identity=options.ground_identity,
    )
    sigma = baseline.sigma_radar.reshape(2, -1)
    args = (residual.reshape(2, -1), sigma, look.day, radar_templates(library_of(options)), noise)
    update_radar(work.kept, work.last_radar_day, *args)


def _factor(correlation: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return L of R^-1 = L L'."""
    factor: NDArray[np.float32] = np.linalg.cholesky(np.linalg.inv(correlation)).astype(np.float32)
    return factor


def _decode(state: TileState, dekad: int, context: TileContext, options: DetectOptions) -> _Working:
    """Unpack a stored state for one dekad's work: a copy, with the looks counted anew."""
    belief = decode_belief(state.belief.reshape(N_STATES, -1))
    kept = Belief(
        belief=belief,
        onset_day=state.onset_day.reshape(-1).astype(np.float32),
        mined_frac=state.mined_frac.reshape(-1).astype(np.float32) * np.float32(FRAC_STEP),
        looks=np.zeros(state.looks.size, dtype=np.uint8),
    )
    mined = (belief[LandState.DUG] + belief[LandState.POND]).reshape(context.in_stratum.shape)
    return _Working(
        kept=kept,
        last_optical_day=day_of_age(state.optical_age.reshape(-1), dekad_start(dekad)),
        last_radar_day=day_of_age(state.radar_age.reshape(-1), dekad_start(dekad)),
        opening_per_day=_opening_per_day(mined, context, options).reshape(-1),
    )


def _opening_per_day(mined: NDArray[np.float32], context: TileContext, options: DetectOptions) -> NDArray[np.float32]:
    """Return the rate at which a pixel is newly dug (y, x): by place, and higher beside ground that is being mined."""
    boost = context.opening_boost
    if boost is None:
        boost = np.where(context.in_stratum, np.float32(options.stratum_boost), np.float32(1.0))
    is_mined = mined > 0.5
    if options.neighbour_boost > 1.0 and is_mined.any():
        edge = 2 * round(options.neighbour_m / 10.0) + 1
        is_near = maximum_filter(is_mined, size=edge)
        boost = np.where(is_near, np.maximum(boost, np.float32(options.neighbour_boost)), boost)
    rate: NDArray[np.float32] = boost * np.float32(options.opening_per_year / YEAR_DAYS)
    return rate


def _encode(work: _Working, dekad: int, shape: tuple[int, ...]) -> TileState:
    """Pack the working arrays."""
    kept = work.kept
    return TileState(
        belief=encode_belief(kept.belief, dekad).reshape(N_STATES, *shape),
        onset_day=np.rint(kept.onset_day).astype(np.uint16).reshape(shape),
        mined_frac=np.rint(kept.mined_frac / FRAC_STEP).astype(np.uint8).reshape(shape),
        optical_age=age_of_day(work.last_optical_day, dekad_end(dekad)).reshape(shape),
        radar_age=age_of_day(work.last_radar_day, dekad_end(dekad)).reshape(shape),
        looks=kept.looks.reshape(shape),
    )


def decode_fields(dekad: int, state: TileState) -> DekadFields:
    """Decode a state (of a tile, or of a whole AOI) into what sites are made of."""
    belief = decode_belief(state.belief)
    mined = belief[LandState.DUG] + belief[LandState.POND]
    is_dated = mined + belief[LandState.REGROWTH] >= _DATED_PROB
    return DekadFields(
        dekad=dekad,
        mined_prob=mined,
        pond_prob=belief[LandState.POND],
        regrowth_prob=belief[LandState.REGROWTH],
        cleared_prob=belief[LandState.CLEARED],
        mined_frac=state.mined_frac.astype(np.float32) * np.float32(FRAC_STEP),
        onset_day=np.where(is_dated, state.onset_day, NO_DAY).astype(np.uint16),
        last_optical_day=day_of_age(state.optical_age, dekad_end(dekad)),
        last_radar_day=day_of_age(state.radar_age, dekad_end(dekad)),
        looks=state.looks,
    )
