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

Recursion: Rabiner 1989, eq. 19-20 (forward algorithm, normalised). Residuals of the bands are correlated, R, the
same for every pixel. With D the pixel's scatter and R^-1 = L L', whitened residuals are y = L' D^-1 (x - b) and the
whitened direction is a = L' D^-1 (m - b); then, r = y - u a and g = 1 / (1/t^2 + a'a),

    -2 ln N(x) = r'r - g (a'r)^2 + ln(1 + t^2 a'a) + 2 ln|D| + const        (Sherman & Morrison 1950)

and the least-squares share is a'y / a'a.

Arrangement. Pixels go through in blocks of `BLOCK` lanes. What is needed of a block lies in one small array of rows, at
offsets known when compiled, so that every inner loop becomes vector instructions; pixels without a clear look are
carried along and left as they were.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg import expm

from kpgeo.kernels import lanes
from kpgeo.kernels.lanes import FAST

STABLE, DUG, POND, REGROWTH = 0, 4, 5, 6
N_STATES = 7
VEILED = N_STATES  # in place of a state: a look through thin cloud or shadow, which any state may give
N_KINS = 3
BLOCK = 128
MIN_LIKE = 1e-30
MIN_BELIEF = 1e-7
MEASURED_PROB = 0.2
FRAC_RATE = 0.15
MAX_FRAC = 1.275

# Rows of a block.
_LOOK, _VAR, _SEEN, _TEMPER, _LIKE, _SHARE, _MINED, _MINED_FRAC, _TOP, _LEAST = 0, 4, 8, 9, 10, 11, 12, 13, 14, 15
_FITTED, _BELIEF, _LIKES, _KINS = 16, 36, 43, 50
_VEIL = _KINS + N_KINS * N_STATES
_ROWS = _VEIL + 1


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
    given that digging goes on (an additive functional, Cappé 2011, eq. 9): evidence against digging takes the days
    before it out of the mean. Ground at rest (`REGROWTH`) keeps its day.

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
        row = w[(_LOOK + b) * BLOCK : (_LOOK + b + 1) * BLOCK]
        source = look[b, start : start + n]
        for i in range(n):
            row[i] = source[i]
        row = w[(_VAR + b) * BLOCK : (_VAR + b + 1) * BLOCK]
        codes = sigma[b, start : start + n]
        for i in range(n):
            row[i] = variances[codes[i]]
    seen = 0
    for i in range(n):
        is_seen = not np.isnan(w[_LOOK * BLOCK + i] + w[(_LOOK + 1) * BLOCK + i])
        w[_SEEN * BLOCK + i] = np.float32(1.0) if is_seen else np.float32(0.0)
        seen += is_seen
    for i in range(n, BLOCK):
        w[_SEEN * BLOCK + i] = np.float32(0.0)
    for b in range(n_bands):
        for i in range(BLOCK):
            x = w[(_LOOK + b) * BLOCK + i]
            w[(_LOOK + b) * BLOCK + i] = x if w[_SEEN * BLOCK + i] > 0.0 else np.float32(0.0)
    days = last_day[start : start + n]
    for i in range(n):
        gap = max(np.float32(day) - np.float32(days[i]), np.float32(0.25))
        gap = gap if days[i] > 0 else np.float32(1000.0)
        w[_TEMPER * BLOCK + i] = np.float32(1.0) - lanes.exp(-gap / np.float32(memory_days))
    for s in range(N_STATES):
        row = w[(_BELIEF + s) * BLOCK : (_BELIEF + s + 1) * BLOCK]
        source = state.belief[s, start : start + n]
        for i in range(n):
            row[i] = source[i]
    return seen


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def _season(w, beta, bases, start, n):  # type: ignore[no-untyped-def]
    """Write what the pixel's season expects on the day, and on days before and after it, into the rows `_FITTED`."""
    for b in range(4):
        c0, c1, c2 = beta[b, 0, start : start + n], beta[b, 1, start : start + n], beta[b, 2, start : start + n]
        c3, c4 = beta[b, 3, start : start + n], beta[b, 4, start : start + n]
        for shift in range(bases.shape[0]):
            h0, h1, h2, h3, h4 = bases[shift, 0], bases[shift, 1], bases[shift, 2], bases[shift, 3], bases[shift, 4]
            row = w[(_FITTED + 4 * shift + b) * BLOCK : (_FITTED + 4 * shift + b + 1) * BLOCK]
            for i in range(n):
                row[i] = (
                    h0 * np.float32(c0[i])
                    + h1 * np.float32(c1[i])
                    + h2 * np.float32(c2[i])
                    + h3 * np.float32(c3[i])
                    + h4 * np.float32(c4[i])
                )


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def _weigh_stable(w, factor, season_share, norm, freedom):  # type: ignore[no-untyped-def]
    """Density of the look under every season of `STABLE`, Student's t, summed into its row of kin 0."""
    one, shrink, power = np.float32(1.0), np.float32(1.0 / freedom), np.float32(-0.5 * (freedom + 4.0))
    l00, l10, l11, l20, l21 = factor[0, 0], factor[1, 0], factor[1, 1], factor[2, 0], factor[2, 1]
    l22, l30, l31, l32, l33 = factor[2, 2], factor[3, 0], factor[3, 1], factor[3, 2], factor[3, 3]
    x, v, out = _LOOK * BLOCK, _VAR * BLOCK, (_KINS + STABLE) * BLOCK
    for shift in range(season_share.shape[0]):
        fitted = w[(_FITTED + 4 * shift) * BLOCK : (_FITTED + 4 * shift + 4) * BLOCK]
        weight = norm * season_share[shift]
        for i in range(BLOCK):
            s0, s1 = lanes.rsqrt(w[v + i]), lanes.rsqrt(w[v + BLOCK + i])
            s2, s3 = lanes.rsqrt(w[v + 2 * BLOCK + i]), lanes.rsqrt(w[v + 3 * BLOCK + i])
            z0 = (w[x + i] - fitted[i]) * s0
            z1 = (w[x + BLOCK + i] - fitted[BLOCK + i]) * s1
            z2 = (w[x + 2 * BLOCK + i] - fitted[2 * BLOCK + i]) * s2
            z3 = (w[x + 3 * BLOCK + i] - fitted[3 * BLOCK + i]) * s3
            y0 = l00 * z0 + l10 * z1 + l20 * z2 + l30 * z3
            y1 = l11 * z1 + l21 * z2 + l31 * z3
            y2 = l22 * z2 + l32 * z3
            y3 = l33 * z3
            distance = y0 * y0 + y1 * y1 + y2 * y2 + y3 * y3
            w[out + i] += weight * (s0 * s1) * (s2 * s3) * lanes.exp(power * lanes.log(one + distance * shrink))


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def _weigh_mixed(w, factor, mean, var, frac, frac_var, weight):  # type: ignore[no-untyped-def]
    """Density of the look under one spectrum mixed in by an unknown share, into `_LIKE`; the share into `_SHARE`."""
    l00, l10, l11, l20, l21 = factor[0, 0], factor[1, 0], factor[1, 1], factor[2, 0], factor[2, 1]
    l22, l30, l31, l32, l33 = factor[2, 2], factor[3, 0], factor[3, 1], factor[3, 2], factor[3, 3]
    m0, m1, m2, m3 = mean[0], mean[1], mean[2], mean[3]
    q0, q1, q2, q3 = var[0], var[1], var[2], var[3]
    precision = np.float32(1.0) / frac_var
    one = np.float32(1.0)
    x, v, base = _LOOK * BLOCK, _VAR * BLOCK, _FITTED * BLOCK
    likes, shares = w[_LIKE * BLOCK : (_LIKE + 1) * BLOCK], w[_SHARE * BLOCK : (_SHARE + 1) * BLOCK]
    for i in range(BLOCK):
        s0, s1 = lanes.rsqrt(w[v + i] + q0), lanes.rsqrt(w[v + BLOCK + i] + q1)
        s2, s3 = lanes.rsqrt(w[v + 2 * BLOCK + i] + q2), lanes.rsqrt(w[v + 3 * BLOCK + i] + q3)
        b0, b1, b2, b3 = w[base + i], w[base + BLOCK + i], w[base + 2 * BLOCK + i], w[base + 3 * BLOCK + i]
        z0, z1 = (w[x + i] - b0) * s0, (w[x + BLOCK + i] - b1) * s1
        z2, z3 = (w[x + 2 * BLOCK + i] - b2) * s2, (w[x + 3 * BLOCK + i] - b3) * s3
        d0, d1, d2, d3 = (m0 - b0) * s0, (m1 - b1) * s1, (m2 - b2) * s2, (m3 - b3) * s3
        y0 = l00 * z0 + l10 * z1 + l20 * z2 + l30 * z3
        y1 = l11 * z1 + l21 * z2 + l31 * z3
        y2 = l22 * z2 + l32 * z3
        y3 = l33 * z3
        a0 = l00 * d0 + l10 * d1 + l20 * d2 + l30 * d3
        a1 = l11 * d1 + l21 * d2 + l31 * d3
        a2 = l22 * d2 + l32 * d3
        a3 = l33 * d3
        aa = a0 * a0 + a1 * a1 + a2 * a2 + a3 * a3
        ay = a0 * y0 + a1 * y1 + a2 * y2 + a3 * y3
        yy = y0 * y0 + y1 * y1 + y2 * y2 + y3 * y3
        ar = ay - frac * aa
        rr = yy - frac * (ay + ar)
        distance = rr - ar * ar / (precision + aa)
        widened = lanes.rsqrt(one + frac_var * aa)
        like = weight * (s0 * s1) * (s2 * s3) * widened * lanes.exp(np.float32(-0.5) * max(distance, np.float32(0.0)))
        likes[i] = like
        shares[i] = ay / (aa + np.float32(1e-6))


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def _weigh_radar(w, factor, mean, var, weight):  # type: ignore[no-untyped-def]
    """Density of a radar residual under one change of backscatter, into `_LIKE`."""
    l00, l10, l11 = factor[0, 0], factor[1, 0], factor[1, 1]
    m0, m1, q0, q1 = mean[0], mean[1], var[0], var[1]
    x, v = _LOOK * BLOCK, _VAR * BLOCK
    for i in range(BLOCK):
        s0, s1 = lanes.rsqrt(w[v + i] + q0), lanes.rsqrt(w[v + BLOCK + i] + q1)
        z0, z1 = (w[x + i] - m0) * s0, (w[x + BLOCK + i] - m1) * s1
        y0, y1 = l00 * z0 + l10 * z1, l11 * z1
        w[_LIKE * BLOCK + i] = weight * (s0 * s1) * lanes.exp(np.float32(-0.5) * (y0 * y0 + y1 * y1))


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def _gather(w, state, kin):  # type: ignore[no-untyped-def]
    """Add `_LIKE` to its state and kin, and for mined states to the mean of the share."""
    place = _VEIL if state == VEILED else _KINS + kin * N_STATES + state
    row = w[place * BLOCK : (place + 1) * BLOCK]
    like = w[_LIKE * BLOCK : (_LIKE + 1) * BLOCK]
    for i in range(BLOCK):
        row[i] += like[i]
    if state in (DUG, POND):
        held = w[(_BELIEF + state) * BLOCK : (_BELIEF + state + 1) * BLOCK]
        for i in range(BLOCK):
            mass = like[i] * held[i]
            w[_MINED * BLOCK + i] += mass
            share = min(max(w[_SHARE * BLOCK + i], np.float32(0.0)), np.float32(MAX_FRAC))
            w[_MINED_FRAC * BLOCK + i] += mass * share


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def _combine(w, weights, used, identity, junk_like):  # type: ignore[no-untyped-def]
    """Likelihood of each state from its kins, into the rows `_LIKES`.

    Kin 0 is a look of a state's own. Within any other kin (bare ground, open water) the densities of the states are
    drawn together by the power `identity`: what a pixel's soil is made of is the same at every look, so it may be
    counted about once, not every time.
    """
    for s in range(N_STATES):
        out = w[(_LIKES + s) * BLOCK : (_LIKES + s + 1) * BLOCK]
        own = w[(_KINS + s) * BLOCK : (_KINS + s + 1) * BLOCK]
        weight = weights[0, s]
        for i in range(BLOCK):
            out[i] = junk_like + w[_VEIL * BLOCK + i] + weight * own[i]
    tiny = np.float32(MIN_LIKE)
    for g in range(1, N_KINS):
        top = w[_TOP * BLOCK : (_TOP + 1) * BLOCK]
        for i in range(BLOCK):
            top[i] = tiny
        for s in range(N_STATES):
            if used[g, s]:
                kin = w[(_KINS + g * N_STATES + s) * BLOCK : (_KINS + g * N_STATES + s + 1) * BLOCK]
                for i in range(BLOCK):
                    top[i] = max(top[i], kin[i])
        for i in range(BLOCK):
            top[i] = lanes.log(top[i]) * (np.float32(1.0) - identity)
        for s in range(N_STATES):
            if used[g, s]:
                kin = w[(_KINS + g * N_STATES + s) * BLOCK : (_KINS + g * N_STATES + s + 1) * BLOCK]
                out = w[(_LIKES + s) * BLOCK : (_LIKES + s + 1) * BLOCK]
                weight = weights[g, s]
                for i in range(BLOCK):
                    out[i] += weight * lanes.exp(top[i] + identity * lanes.log(max(kin[i], tiny)))


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def _absorb(w, cap, cap_against):  # type: ignore[no-untyped-def]
    """Multiply the belief by bounded, tempered likelihoods and normalise; lanes that were not seen stay.

    No state falls more than `cap` nats behind the likeliest, nor more than `cap_against` behind `STABLE`.
    """
    top, total = w[_TOP * BLOCK : (_TOP + 1) * BLOCK], w[_LIKE * BLOCK : (_LIKE + 1) * BLOCK]
    for i in range(BLOCK):
        top[i] = np.float32(MIN_LIKE)
        total[i] = np.float32(0.0)
    for s in range(N_STATES):
        like = w[(_LIKES + s) * BLOCK : (_LIKES + s + 1) * BLOCK]
        for i in range(BLOCK):
            top[i] = max(top[i], like[i])
    temper, seen = w[_TEMPER * BLOCK : (_TEMPER + 1) * BLOCK], w[_SEEN * BLOCK : (_SEEN + 1) * BLOCK]
    stable, least = w[_LIKES * BLOCK : (_LIKES + 1) * BLOCK], w[_LEAST * BLOCK : (_LEAST + 1) * BLOCK]
    for i in range(BLOCK):
        temper[i] *= seen[i]
    for i in range(BLOCK):
        held_back = lanes.log(max(stable[i], np.float32(MIN_LIKE)) / top[i]) - cap_against
        least[i] = max(held_back, -cap)
    for s in range(N_STATES):
        like = w[(_LIKES + s) * BLOCK : (_LIKES + s + 1) * BLOCK]
        held = w[(_BELIEF + s) * BLOCK : (_BELIEF + s + 1) * BLOCK]
        for i in range(BLOCK):
            nats = max(lanes.log(max(like[i], np.float32(MIN_LIKE)) / top[i]), least[i])
            like[i] = lanes.exp(nats * temper[i])
        for i in range(BLOCK):
            held[i] *= like[i]
        for i in range(BLOCK):
            total[i] += held[i]
    for s in range(N_STATES):
        held = w[(_BELIEF + s) * BLOCK : (_BELIEF + s + 1) * BLOCK]
        for i in range(BLOCK):
            held[i] = max(held[i] / total[i], np.float32(MIN_BELIEF))


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def _store(w, state, last_day, start, n, day, first_only):  # type: ignore[no-untyped-def]
    """Write a block's belief and its by-products back for the pixels that were seen."""
    for s in range(N_STATES):
        row = w[(_BELIEF + s) * BLOCK : (_BELIEF + s + 1) * BLOCK]
        target = state.belief[s, start : start + n]
        for i in range(n):
            target[i] = row[i] if w[_SEEN * BLOCK + i] > 0.0 else target[i]
    fracs = state.mined_frac[start : start + n]
    for i in range(n):
        mined = w[(_BELIEF + DUG) * BLOCK + i] + w[(_BELIEF + POND) * BLOCK + i]
        mass = w[_MINED * BLOCK + i]
        share = w[_MINED_FRAC * BLOCK + i] / max(mass, np.float32(MIN_LIKE))
        is_told = w[_SEEN * BLOCK + i] > 0.0 and mined > MEASURED_PROB and mass > MIN_LIKE
        rate = np.float32(1.0) if fracs[i] == 0.0 else np.float32(0.0 if first_only else FRAC_RATE)
        fracs[i] += (rate if is_told else np.float32(0.0)) * (share - fracs[i])
    days, looks = last_day[start : start + n], state.looks[start : start + n]
    for i in range(n):
        if w[_SEEN * BLOCK + i] > 0.0:
            days[i] = day
            looks[i] = min(looks[i] + 1, 255)


@njit(nogil=True)
def _clear(w):  # type: ignore[no-untyped-def]
    """Zero the sums of a block."""
    for i in range(_KINS * BLOCK, _ROWS * BLOCK):
        w[i] = np.float32(0.0)
    for i in range(_MINED * BLOCK, (_MINED_FRAC + 1) * BLOCK):
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
    w = np.zeros(_ROWS * BLOCK, dtype=np.float32)
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
        _season(w, beta, bases, start, n)
        _weigh_stable(w, noise.factor, templates.season_share, norm * t_scale, noise.freedom)
        for k in range(templates.state.shape[0]):
            weight = norm * templates.share[k]
            _weigh_mixed(
                w, noise.factor, templates.mean[k], templates.var[k], templates.frac[k], templates.frac_var[k], weight
            )
            _gather(w, templates.state[k], templates.kin[k])
        _combine(w, templates.weights, used, np.float32(noise.identity), np.float32(noise.junk * noise.junk_density))
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
    w = np.zeros(_ROWS * BLOCK, dtype=np.float32)
    norm = np.float32((1.0 - noise.junk) / (2.0 * np.pi)) * noise.factor[0, 0] * noise.factor[1, 1]
    used = _used_kins(templates)
    for start in range(0, residual.shape[1], BLOCK):
        n = min(BLOCK, residual.shape[1] - start)
        if _load(w, state, residual, sigma, noise.variances, last_day, start, n, day, noise.memory_days) == 0:
            continue
        _clear(w)
        for k in range(templates.state.shape[0]):
            _weigh_radar(w, noise.factor, templates.mean[k], templates.var[k], norm * templates.share[k])
            w[_SHARE * BLOCK : (_SHARE + 1) * BLOCK] = templates.frac[k]
            _gather(w, templates.state[k], templates.kin[k])
        _combine(w, templates.weights, used, np.float32(noise.identity), np.float32(noise.junk * noise.junk_density))
        _absorb(w, np.float32(noise.cap), np.float32(noise.cap_against))
        _store(w, state, last_day, start, n, day, True)
