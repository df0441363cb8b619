"""The belief filter of one tile, dekad by dekad."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kpgeo.detect.baseline import RADAR_SIGMA_SCALE, median_level
from kpgeo.detect.history import HistoryStack, Look
from kpgeo.detect.spectra import (
    BAND_CORRELATION,
    POLARISATION_CORRELATION,
    SEASON_SHIFTS_DAYS,
    optical_templates,
    radar_templates,
)
from kpgeo.kernels.belief import predict, transition, update_optical, update_radar
from kpgeo.kernels.season import harmonic_basis
from kpgeo.model.calendar import date_of, dekad_end, dekad_of, dekad_start
from kpgeo.model.scene import Sensor
from kpgeo.model.state import (
    FRAC_STEP,
    MIN_BELIEF,
    MINED,
    N_COEFS,
    N_RADAR_COEFS,
    N_STATES,
    RADAR_STEP_DB,
    REFLECTANCE_STEP,
    DekadFields,
    LandState,
    TileBaseline,
    TileState,
    decode_belief,
    decode_sigma,
    encode_belief,
)
from kpgeo.options.detect import DetectOptions

OnLook = Callable[[Look, NDArray[np.float32]], None]
_OPTICAL_JUNK_DENSITY = 1.0 / (0.3 * 0.4 * 0.5 * 0.5)
_RADAR_JUNK_DENSITY = 1.0 / (15.0 * 15.0)


@dataclass(frozen=True, kw_only=True)
class TileContext:
    """What a tile knows besides its looks.

    Attributes
    ----------
    in_stratum : bool (y, x)
        Whether a pixel lies in a known deposit, where digging opens more often.
    burn_months : tuple of int
        Months (1-12) in which land burns.
    dry_months : tuple of int
        Months of the dry season.
    """

    in_stratum: NDArray[np.bool_]
    burn_months: tuple[int, ...] = (11, 12, 1, 2)
    dry_months: tuple[int, ...] = (11, 12, 1, 2, 3)


@dataclass(kw_only=True)
class _Working:
    """Decoded state of a tile while a dekad is folded in; pixels are one axis."""

    belief: NDArray[np.float32]
    onset_day: NDArray[np.uint16]
    mined_frac: NDArray[np.float32]
    looks: NDArray[np.uint8]
    last_optical_day: NDArray[np.uint16]
    last_radar_day: NDArray[np.uint16]


def start_state(
    baseline: TileBaseline, history: HistoryStack, context: TileContext, first_dekad: int, options: DetectOptions
) -> TileState:
    """Return the state as of the end of the dekad before `first_dekad`.

    The filter runs once over the end of the history, so that ground opened just before monitoring begins is known as
    such and never announced as new.
    """
    shape = context.in_stratum.shape
    belief = np.full((N_STATES, *shape), MIN_BELIEF, dtype=np.float32)
    belief[LandState.STABLE] = 1.0
    zeros = np.zeros(shape, dtype=np.uint16)
    state = TileState(
        belief=encode_belief(belief),
        onset_day=zeros,
        mined_frac=np.zeros(shape, dtype=np.uint8),
        looks=np.zeros(shape, dtype=np.uint8),
        last_optical_day=zeros.copy(),
        last_radar_day=zeros.copy(),
    )
    begin = dekad_of(dekad_start(first_dekad) - options.warmup_days)
    looks = history.looks_since(dekad_start(begin))
    for dekad in range(begin, first_dekad):
        now = [look for look in looks if dekad_of(look.day) == dekad]
        state = fold_dekad(state, baseline, now, dekad, context, options)
    return state


def fold_dekad(
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
    work = _decode(state)
    day = dekad_start(dekad)
    classes = context.in_stratum.reshape(-1).astype(np.uint8)
    for look in sorted(looks, key=lambda look: (look.day, look.scene_id)):
        _predict(work, day, look.day, classes, context, options)
        day = look.day
        if look.sensor.is_radar:
            _fold_radar(work, baseline, look, options)
        else:
            is_green = date_of(look.day).month in green_months(context.dry_months)
            _fold_optical(work, baseline, look, options, is_green=is_green)
        if on_look is not None:
            on_look(look, work.belief.reshape(N_STATES, *state.onset_day.shape))
    _predict(work, day, dekad_end(dekad), classes, context, options)
    return _encode(work, state.onset_day.shape)


def _predict(
    work: _Working,
    from_day: int,
    to_day: int,
    classes: NDArray[np.uint8],
    context: TileContext,
    options: DetectOptions,
) -> None:
    """Move the belief of every pixel from one day to another."""
    if to_day > from_day:
        predict(work.belief, transitions(from_day, to_day, context.burn_months, options), classes)


def green_months(dry_months: tuple[int, ...]) -> tuple[int, ...]:
    """Return the months in which crops stand green: those of the wet season but its first four.

    Examples
    --------
    >>> green_months((11, 12, 1, 2, 3))
    (8, 9, 10)
    """
    wet = [month for month in range(1, 13) if month not in dry_months]
    before = [{(month - back - 1) % 12 + 1 for back in (1, 2, 3, 4)} for month in wet]
    return tuple(month for month, earlier in zip(wet, before, strict=True) if not earlier & set(dry_months))


@lru_cache(maxsize=512)
def transitions(
    from_day: int, to_day: int, burn_months: tuple[int, ...], options: DetectOptions
) -> NDArray[np.float32]:
    """Return transition probabilities (class, state, state) between two days; class 0 outside, 1 inside a stratum."""
    matrices = []
    for boost in (1.0, options.stratum_boost):
        matrix = np.eye(N_STATES)
        for day in range(from_day, to_day):
            matrix = matrix @ _one_day(date_of(day).month in burn_months, len(burn_months), boost, options)
        matrices.append(matrix)
    return np.stack(matrices).astype(np.float32)


@lru_cache(maxsize=64)
def _one_day(is_burning: bool, burn_months: int, boost: float, options: DetectOptions) -> NDArray[np.float64]:  # noqa: FBT001
    """Return the transition probabilities of one day.

    Residence times of nuisances and of mines are background knowledge (B-M): a burn scar fades in five weeks, a field
    shows for four months, digging stays for two years, regrowth takes one to three wet seasons.
    """
    s = LandState
    rates = np.zeros((N_STATES, N_STATES))
    opening = options.opening_per_year * boost / 365.25
    rates[:, s.DUG] = opening
    rates[s.REGROWTH, s.DUG] = 1.0 / 600.0
    rates[s.STABLE, s.CROPPED] = options.cropping_per_year / 365.25
    rates[s.STABLE, s.CLEARED] = options.clearing_per_year / 365.25
    rates[s.CROPPED, s.CLEARED] = options.clearing_per_year / 365.25
    if is_burning:
        burning = -np.log1p(-options.burning_per_season) / (30.4 * burn_months)
        rates[s.STABLE, s.BURNT] = rates[s.REGROWTH, s.BURNT] = burning
    rates[s.STABLE, s.BURNT] += options.flooding_per_year / 365.25
    rates[s.BURNT, s.STABLE] = 1.0 / 35.0
    rates[s.CROPPED, s.STABLE] = 1.0 / 120.0
    rates[s.CLEARED, s.REGROWTH] = 1.0 / 1200.0
    rates[s.CLEARED, s.STABLE] = 1.0 / 2000.0
    rates[s.DUG, s.POND] = rates[s.POND, s.DUG] = 1.0 / 250.0
    rates[s.DUG, s.REGROWTH] = rates[s.POND, s.REGROWTH] = 1.0 / 700.0
    rates[s.REGROWTH, s.STABLE] = 1.0 / 600.0
    return transition(rates, 1.0)


def _fold_optical(
    work: _Working, baseline: TileBaseline, look: Look, options: DetectOptions, *, is_green: bool
) -> None:
    """Fold one Sentinel-2 or Landsat look in."""
    basis = harmonic_basis(look.day + np.array(SEASON_SHIFTS_DAYS), N_COEFS)
    beta = baseline.beta_optical.reshape(*baseline.beta_optical.shape[:2], -1)
    fitted = np.tensordot(basis * np.float32(REFLECTANCE_STEP), beta.astype(np.float32), axes=(1, 1))
    sigma = decode_sigma(baseline.sigma_optical.reshape(len(beta), -1))
    if look.sensor is Sensor.LANDSAT:
        sigma *= np.float32(options.landsat_sigma_factor)
    noise = (
        np.linalg.inv(BAND_CORRELATION),
        options.junk_frac,
        _OPTICAL_JUNK_DENSITY,
        options.max_evidence_nats,
        options.decorrelation_days,
        options.ground_identity,
    )
    pixels = look.pixels.reshape(len(beta), -1)
    arrays = (work.belief, work.onset_day, work.mined_frac, work.looks, work.last_optical_day)
    update_optical(*arrays, pixels, fitted, sigma, look.day, optical_templates(is_green=is_green), noise)


def _fold_radar(work: _Working, baseline: TileBaseline, look: Look, options: DetectOptions) -> None:
    """Fold one Sentinel-1 look in, less the level of the whole tile (soil moisture)."""
    basis = harmonic_basis(np.array([look.day]), N_RADAR_COEFS)[0]
    season = np.tensordot(basis * np.float32(RADAR_STEP_DB), baseline.beta_radar.astype(np.float32), axes=(0, 1))
    residual = look.pixels - season
    residual -= median_level(residual)[:, None, None]
    sigma = decode_sigma(baseline.sigma_radar.reshape(2, -1), scale=RADAR_SIGMA_SCALE)
    noise = (
        np.linalg.inv(POLARISATION_CORRELATION),
        options.junk_frac,
        _RADAR_JUNK_DENSITY,
        options.max_radar_nats,
        options.decorrelation_days,
        options.ground_identity,
    )
    arrays = (work.belief, work.onset_day, work.mined_frac, work.looks, work.last_radar_day)
    update_radar(*arrays, residual.reshape(2, -1), sigma, look.day, radar_templates(), noise)


def _decode(state: TileState) -> _Working:
    """Unpack a stored state for one dekad's work: a copy, with the looks counted anew."""
    return _Working(
        belief=decode_belief(state.belief.reshape(N_STATES, -1)),
        onset_day=state.onset_day.reshape(-1).copy(),
        mined_frac=state.mined_frac.reshape(-1).astype(np.float32) * np.float32(FRAC_STEP),
        looks=np.zeros(state.looks.size, dtype=np.uint8),
        last_optical_day=state.last_optical_day.reshape(-1).copy(),
        last_radar_day=state.last_radar_day.reshape(-1).copy(),
    )


def _encode(work: _Working, shape: tuple[int, ...]) -> TileState:
    """Pack the working arrays."""
    return TileState(
        belief=encode_belief(work.belief).reshape(N_STATES, *shape),
        onset_day=work.onset_day.reshape(shape),
        mined_frac=np.rint(work.mined_frac / FRAC_STEP).astype(np.uint8).reshape(shape),
        looks=work.looks.reshape(shape),
        last_optical_day=work.last_optical_day.reshape(shape),
        last_radar_day=work.last_radar_day.reshape(shape),
    )


def decode_fields(dekad: int, state: TileState) -> DekadFields:
    """Decode a state (of a tile, or of a whole AOI) into what sites are made of."""
    return DekadFields(
        dekad=dekad,
        mined_prob=sum((decode_belief(state.belief[s]) for s in MINED), np.zeros(state.looks.shape, np.float32)),
        pond_prob=decode_belief(state.belief[LandState.POND]),
        regrowth_prob=decode_belief(state.belief[LandState.REGROWTH]),
        cleared_prob=decode_belief(state.belief[LandState.CLEARED]),
        mined_frac=state.mined_frac.astype(np.float32) * np.float32(FRAC_STEP),
        onset_day=state.onset_day,
        last_optical_day=state.last_optical_day,
        last_radar_day=state.last_radar_day,
        looks=state.looks,
    )
