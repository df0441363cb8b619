"""The belief filter of one tile: predict, weigh, update.

Strategy. Every pixel carries a probability for each land state. Between two looks the probabilities move by a Markov
chain whose rates depend on the season (`transition`, `predict`). A look is weighed against every state by templates: a
template is one spectrum m of one state, mixed into the pixel's own season b by a share f, so that the look expected is
b + f (m - b), with the pixel's own scatter widened by the spread of the spectrum. f is not known: it has a normal prior
N(u, t^2), and integrating over it leaves a normal density in closed form, and the share that the look asks for as a
by-product. `STABLE` is the season alone, on time, early or late, and looks scatter about it as Student's t, because
real residuals have tails that a normal law has not (Lange, Little & Taylor 1989). A state's likelihood is the weighted
sum over its templates, plus a share of junk that any may produce, so a look that fits nothing says nothing (the
contaminated normal of Tukey 1960). What one look may say is bounded, and looks close in time are tempered because thin
haze or a wet day lasts longer than one of them.

Recursion: Rabiner 1989, eq. 19-20 (forward algorithm, normalised). Densities are in `weigh`. Pixels go through in
blocks (`rows`); those without a clear look are carried along and left as they were.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg import expm

from kpgeo.kernels import lanes
from kpgeo.kernels.lanes import FAST
from kpgeo.kernels.rows import (
    BELIEF,
    BLOCK,
    DUG,
    KINS,
    LEAST,
    LIKE,
    LIKES,
    LOOK,
    MIN_LIKE,
    MINED,
    MINED_FRAC,
    N_KINS,
    N_ROWS,
    N_STATES,
    POND,
    REGROWTH,
    SEEN,
    SHARE,
    TEMPER,
    TOP,
    VAR,
)
from kpgeo.kernels.weigh import combine, expect, gather, weigh_mixed, weigh_radar, weigh_stable

MIN_BELIEF = 1e-7
MEASURED_PROB = 0.2
FRAC_RATE = 0.15


class OpticalTemplates(NamedTuple):
    """Templates of optical looks.

    state, kin : int64 (k,), a state may be `VEILED`; mean, var : float32 (k, 4), the spectrum and its variance at the
    share u; frac, frac_var : float32 (k,), u and t^2; share : float32 (k,), which sums to 1 within a state's kin;
    season_share : float32 (shift,), how often a season is that early or late; weights : float32 (kin, state), how often
    a state looks like a kin.
    """

    state: NDArray[np.int64]
    kin: NDArray[np.int64]
    mean: NDArray[np.float32]
    var: NDArray[np.float32]
    frac: NDArray[np.float32]
    frac_var: NDArray[np.float32]
    share: NDArray[np.float32]
    season_share: NDArray[np.float32]
    weights: NDArray[np.float32]


class RadarTemplates(NamedTuple):
    """Templates of radar looks: as `OpticalTemplates`, `mean` being a change in dB with the share mixed in already."""

    state: NDArray[np.int64]
    kin: NDArray[np.int64]
    mean: NDArray[np.float32]
    var: NDArray[np.float32]
    frac: NDArray[np.float32]
    share: NDArray[np.float32]
    weights: NDArray[np.float32]


class Noise(NamedTuple):
    """How looks scatter.

    factor : float32 (band, band), the Cholesky factor L of R^-1; variances : float32 (256,), the variance each code of
    a pixel's scatter stands for; freedom of the Student's t of optical looks about the season (100 is as good as
    normal); then junk share and density, most nats, most nats for `STABLE` against any other state, days of memory,
    identity.
    """

    factor: NDArray[np.float32]
    variances: NDArray[np.float32]
    freedom: float
    junk: float
    junk_density: float
    cap: float
    cap_against: float
    memory_days: float
    identity: float


class Belief(NamedTuple):
    """Working state of a tile, changed in place; p is pixels.

    belief : float32 (state, p); onset_day : float32 (p,), expected day digging began given that it goes on;
    mined_frac : float32 (p,); looks : uint8 (p,), looks of the dekad.
    """

    belief: NDArray[np.float32]
    onset_day: NDArray[np.float32]
    mined_frac: NDArray[np.float32]
    looks: NDArray[np.uint8]


def transition(rates: NDArray[np.float64], days: float) -> NDArray[np.float64]:
    """Return expm(Q days) for a rate matrix (state, state) per day whose diagonal is ignored. Rows sum to 1."""
    generator = rates.copy()
    np.fill_diagonal(generator, 0.0)
    np.fill_diagonal(generator, -generator.sum(axis=1))
    moved: NDArray[np.float64] = expm(generator * days)
    return moved


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def predict(belief, onset_day, matrix, opening, day):  # type: ignore[no-untyped-def]
    """Move beliefs in place: b <- b T, then let ground that is not mined open with the pixel's own probability.

    The expected day of opening moves with the mass: what flows in carries the day `day`, what was there carries the
    day it had. Because looks do not know how old a working is, this mean is the exact filter of the day of opening
    given that digging goes on (an additive functional, Cappé 2011, eq. 9), but that one mean serves `DUG` and `POND`:
    evidence against digging takes the days before it out of the mean. Ground at rest (`REGROWTH`) keeps its day.

    Parameters
    ----------
    belief : float32 (state, pixel)
    onset_day : float32 (pixel,)
    matrix : float32 (state, state)
        Transition probabilities without new openings.
    opening : float32 (pixel,)
        Probability that unmined ground is opened in the step.
    day : float
        Middle of the step.
    """
    n_px = belief.shape[1]
    w = np.zeros((2 * N_STATES + 2) * BLOCK, dtype=np.float32)
    stay = N_STATES * BLOCK
    opened = 2 * stay
    for start in range(0, n_px, BLOCK):
        n = min(BLOCK, n_px - start)
        for s in range(N_STATES):
            row = w[s * BLOCK : (s + 1) * BLOCK]
            source = belief[s, start : start + n]
            for i in range(n):
                row[i] = source[i]
        chance = opening[start : start + n]
        for i in range(n):
            w[opened + i] = chance[i]
        for s in range(N_STATES):
            out = w[stay + s * BLOCK : stay + (s + 1) * BLOCK]
            t = matrix[:, s]
            t0, t1, t2, t3, t4, t5, t6 = t[0], t[1], t[2], t[3], t[4], t[5], t[6]
            for i in range(BLOCK):
                out[i] = (
                    w[i] * t0
                    + w[BLOCK + i] * t1
                    + w[2 * BLOCK + i] * t2
                    + w[3 * BLOCK + i] * t3
                    + w[4 * BLOCK + i] * t4
                    + w[5 * BLOCK + i] * t5
                    + w[6 * BLOCK + i] * t6
                )
        kept = matrix[DUG, DUG] + matrix[DUG, POND]
        for i in range(BLOCK):
            mined = w[stay + DUG * BLOCK + i] + w[stay + POND * BLOCK + i]
            flow = (np.float32(1.0) - mined) * w[opened + i]
            w[stay + DUG * BLOCK + i] += flow
            old = (w[DUG * BLOCK + i] + w[POND * BLOCK + i]) * kept
            awake = np.float32(1.0) - w[stay + REGROWTH * BLOCK + i]
            fresh = np.float32(1.0) - min(old / (mined + flow + np.float32(1e-20)), np.float32(1.0))
            w[opened + BLOCK + i] = fresh * awake * awake
        for s in range(N_STATES):
            row = w[stay + s * BLOCK : stay + (s + 1) * BLOCK]
            target = belief[s, start : start + n]
            if s in (DUG, POND):
                for i in range(n):
                    target[i] = row[i]
            else:
                for i in range(n):
                    target[i] = row[i] * (np.float32(1.0) - w[opened + i])
        dates = onset_day[start : start + n]
        for i in range(n):
            dates[i] += w[opened + BLOCK + i] * (np.float32(day) - dates[i])


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def _load(w, state, look, sigma, variances, last_day, start, n, day, memory_days):  # type: ignore[no-untyped-def]
    """Bring a block's look, scatter, tempering and belief into its rows; returns how many pixels were seen."""
    n_bands = look.shape[0]
    for b in range(n_bands):
        row = w[(LOOK + b) * BLOCK : (LOOK + b + 1) * BLOCK]
        source = look[b, start : start + n]
        for i in range(n):
            row[i] = source[i]
        row = w[(VAR + b) * BLOCK : (VAR + b + 1) * BLOCK]
        codes = sigma[b, start : start + n]
        for i in range(n):
            row[i] = variances[codes[i]]
    seen = 0
    for i in range(n):
        is_seen = not np.isnan(w[LOOK * BLOCK + i] + w[(LOOK + 1) * BLOCK + i])
        w[SEEN * BLOCK + i] = np.float32(1.0) if is_seen else np.float32(0.0)
        seen += is_seen
    for i in range(n, BLOCK):
        w[SEEN * BLOCK + i] = np.float32(0.0)
    for b in range(n_bands):
        for i in range(BLOCK):
            x = w[(LOOK + b) * BLOCK + i]
            w[(LOOK + b) * BLOCK + i] = x if w[SEEN * BLOCK + i] > 0.0 else np.float32(0.0)
    days = last_day[start : start + n]
    for i in range(n):
        gap = max(np.float32(day) - np.float32(days[i]), np.float32(0.25))
        gap = gap if days[i] > 0 else np.float32(1000.0)
        w[TEMPER * BLOCK + i] = np.float32(1.0) - lanes.exp(-gap / np.float32(memory_days))
    for s in range(N_STATES):
        row = w[(BELIEF + s) * BLOCK : (BELIEF + s + 1) * BLOCK]
        source = state.belief[s, start : start + n]
        for i in range(n):
            row[i] = source[i]
    return seen


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def _absorb(w, cap, cap_against):  # type: ignore[no-untyped-def]
    """Multiply the belief by bounded, tempered likelihoods and normalise; lanes that were not seen stay.

    No state falls more than `cap` nats behind the likeliest, nor more than `cap_against` behind `STABLE`.
    """
    top, total = w[TOP * BLOCK : (TOP + 1) * BLOCK], w[LIKE * BLOCK : (LIKE + 1) * BLOCK]
    for i in range(BLOCK):
        top[i] = np.float32(MIN_LIKE)
        total[i] = np.float32(0.0)
    for s in range(N_STATES):
        like = w[(LIKES + s) * BLOCK : (LIKES + s + 1) * BLOCK]
        for i in range(BLOCK):
            top[i] = max(top[i], like[i])
    temper, seen = w[TEMPER * BLOCK : (TEMPER + 1) * BLOCK], w[SEEN * BLOCK : (SEEN + 1) * BLOCK]
    stable, least = w[LIKES * BLOCK : (LIKES + 1) * BLOCK], w[LEAST * BLOCK : (LEAST + 1) * BLOCK]
    for i in range(BLOCK):
        temper[i] *= seen[i]
    for i in range(BLOCK):
        held_back = lanes.log(max(stable[i], np.float32(MIN_LIKE)) / top[i]) - cap_against
        least[i] = max(held_back, -cap)
    for s in range(N_STATES):
        like = w[(LIKES + s) * BLOCK : (LIKES + s + 1) * BLOCK]
        held = w[(BELIEF + s) * BLOCK : (BELIEF + s + 1) * BLOCK]
        for i in range(BLOCK):
            nats = max(lanes.log(max(like[i], np.float32(MIN_LIKE)) / top[i]), least[i])
            like[i] = lanes.exp(nats * temper[i])
        for i in range(BLOCK):
            held[i] *= like[i]
        for i in range(BLOCK):
            total[i] += held[i]
    for s in range(N_STATES):
        held = w[(BELIEF + s) * BLOCK : (BELIEF + s + 1) * BLOCK]
        for i in range(BLOCK):
            held[i] = max(held[i] / total[i], np.float32(MIN_BELIEF))


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def _store(w, state, last_day, start, n, day, first_only):  # type: ignore[no-untyped-def]
    """Write a block's belief and its by-products back for the pixels that were seen."""
    for s in range(N_STATES):
        row = w[(BELIEF + s) * BLOCK : (BELIEF + s + 1) * BLOCK]
        target = state.belief[s, start : start + n]
        for i in range(n):
            target[i] = row[i] if w[SEEN * BLOCK + i] > 0.0 else target[i]
    fracs = state.mined_frac[start : start + n]
    for i in range(n):
        mined = w[(BELIEF + DUG) * BLOCK + i] + w[(BELIEF + POND) * BLOCK + i]
        mass = w[MINED * BLOCK + i]
        share = w[MINED_FRAC * BLOCK + i] / max(mass, np.float32(MIN_LIKE))
        is_told = w[SEEN * BLOCK + i] > 0.0 and mined > MEASURED_PROB and mass > MIN_LIKE
        rate = np.float32(1.0) if fracs[i] == 0.0 else np.float32(0.0 if first_only else FRAC_RATE)
        fracs[i] += (rate if is_told else np.float32(0.0)) * (share - fracs[i])
    days, looks = last_day[start : start + n], state.looks[start : start + n]
    for i in range(n):
        if w[SEEN * BLOCK + i] > 0.0:
            days[i] = day
            looks[i] = min(looks[i] + 1, 255)


@njit(nogil=True)
def _clear(w):  # type: ignore[no-untyped-def]
    """Zero the sums of a block."""
    for i in range(KINS * BLOCK, N_ROWS * BLOCK):
        w[i] = np.float32(0.0)
    for i in range(MINED * BLOCK, (MINED_FRAC + 1) * BLOCK):
        w[i] = np.float32(0.0)


@njit(nogil=True)
def _used_kins(templates):  # type: ignore[no-untyped-def]
    """Say which kins each state has templates of: bool (kin, state)."""
    used = np.zeros((N_KINS, N_STATES), dtype=np.bool_)
    for k in range(templates.state.shape[0]):
        if templates.state[k] < N_STATES:
            used[templates.kin[k], templates.state[k]] = True
    return used


@njit(cache=True, nogil=True)
def update_optical(state, last_day, look, sigma, beta, bases, day, templates, noise):  # type: ignore[no-untyped-def]
    """Fold one optical look into the belief, in place; pixels whose look is NaN are left alone.

    Parameters
    ----------
    state : Belief
    last_day : uint16 (pixel,)
        Day of the last optical look (0 for none); set to `day` where seen.
    look : float32 (4, pixel)
        Reflectance seen in `FILTER_BANDS`.
    sigma : uint8 (4, pixel)
        Code of the pixel's scatter; `noise.variances` decodes it.
    beta : int16 (4, 5, pixel)
        Coefficients of the pixel's season.
    bases : float32 (1 + shift, 5)
        Harmonic basis on the day, then on days before and after it, times the step of `beta`: a season may be early or
        late. The last ones are looks of `STABLE` too.
    day : int
    templates : OpticalTemplates
    noise : Noise
    """
    w = np.zeros(N_ROWS * BLOCK, dtype=np.float32)
    norm = np.float32((1.0 - noise.junk) * (2.0 * np.pi) ** -2.0)
    half = 0.5 * noise.freedom  # Gamma(half + 2) / Gamma(half) / (half pi)^2 in place of 1 / (2 pi)^2
    t_scale = np.float32((half + 1.0) / half)
    for b in range(4):
        norm *= noise.factor[b, b]
    used = _used_kins(templates)
    for start in range(0, look.shape[1], BLOCK):
        n = min(BLOCK, look.shape[1] - start)
        if _load(w, state, look, sigma, noise.variances, last_day, start, n, day, noise.memory_days) == 0:
            continue
        _clear(w)
        expect(w, beta, bases, start, n)
        weigh_stable(w, noise.factor, templates.season_share, norm * t_scale, noise.freedom)
        for k in range(templates.state.shape[0]):
            weight = norm * templates.share[k]
            weigh_mixed(
                w, noise.factor, templates.mean[k], templates.var[k], templates.frac[k], templates.frac_var[k], weight
            )
            gather(w, templates.state[k], templates.kin[k])
        combine(w, templates.weights, used, np.float32(noise.identity), np.float32(noise.junk * noise.junk_density))
        _absorb(w, np.float32(noise.cap), np.float32(noise.cap_against))
        _store(w, state, last_day, start, n, day, False)


@njit(cache=True, nogil=True)
def update_radar(state, last_day, residual, sigma, day, templates, noise):  # type: ignore[no-untyped-def]
    """Fold one radar look into the belief, in place; pixels whose residual is NaN are left alone.

    Parameters
    ----------
    residual : float32 (2, pixel)
        vv and vh minus the pixel's season and the scene's common offset (soil moisture), dB.
    sigma : uint8 (2, pixel)
        Code of their scatter.
    templates : RadarTemplates
    noise : Noise
        As in `update_optical`. The mined share is taken from radar only where no optical look has given one.
    """
    w = np.zeros(N_ROWS * BLOCK, dtype=np.float32)
    norm = np.float32((1.0 - noise.junk) / (2.0 * np.pi)) * noise.factor[0, 0] * noise.factor[1, 1]
    used = _used_kins(templates)
    for start in range(0, residual.shape[1], BLOCK):
        n = min(BLOCK, residual.shape[1] - start)
        if _load(w, state, residual, sigma, noise.variances, last_day, start, n, day, noise.memory_days) == 0:
            continue
        _clear(w)
        for k in range(templates.state.shape[0]):
            weigh_radar(w, noise.factor, templates.mean[k], templates.var[k], norm * templates.share[k])
            w[SHARE * BLOCK : (SHARE + 1) * BLOCK] = templates.frac[k]
            gather(w, templates.state[k], templates.kin[k])
        combine(w, templates.weights, used, np.float32(noise.identity), np.float32(noise.junk * noise.junk_density))
        _absorb(w, np.float32(noise.cap), np.float32(noise.cap_against))
        _store(w, state, last_day, start, n, day, True)
