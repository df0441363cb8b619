"""The belief filter of one tile: predict, weigh, update.

Strategy. Every pixel carries a probability for each land state. Between two looks the probabilities move by a Markov
chain whose rates depend on the season (`transition`, `predict`). A look is weighed against every state by templates: a
template is one spectrum of one state covering one share f of the pixel, so that the look it expects is
(1 - f) baseline + f spectrum, with the pixel's own scatter widened by f times the spectrum's spread. `STABLE` is the
template with f = 0. A state's likelihood is the weighted sum over its templates, plus a share of junk that any may
produce, so a look that fits nothing says nothing (the contaminated normal of Tukey 1960). What one look may say is
bounded, and looks close in time are tempered because thin haze or a wet day lasts longer than one of them.

Recursion: Rabiner 1989, eq. 19-20 (forward algorithm, normalised). Residuals of the bands are correlated, R, the
same for every pixel; the density of a look is N(x; mu, D R D), D the pixel's scatter.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg import expm

STABLE, DUG, POND, REGROWTH = 0, 4, 5, 6
SUSPECT_PROB = 0.02
CLEARED_OF_SUSPICION_PROB = 0.005
MEASURED_PROB = 0.2


def transition(rates: NDArray[np.float64], days: float) -> NDArray[np.float64]:
    """Return expm(Q days) for a rate matrix (state, state) per day whose diagonal is ignored. Rows sum to 1."""
    generator = rates.copy()
    np.fill_diagonal(generator, 0.0)
    np.fill_diagonal(generator, -generator.sum(axis=1))
    moved: NDArray[np.float64] = expm(generator * days)
    return moved


@njit(cache=True, nogil=True)
def predict(belief, matrices, prior_class):  # type: ignore[no-untyped-def]
    """Move beliefs in place: b <- b T.

    Parameters
    ----------
    belief : float32 (state, pixel)
    matrices : float32 (class, state, state)
        Transition probabilities of each prior class.
    prior_class : uint8 (pixel,)
    """
    n_states, n_px = belief.shape
    before = np.empty(n_states, dtype=np.float32)
    for p in range(n_px):
        matrix = matrices[prior_class[p]]
        for s in range(n_states):
            before[s] = belief[s, p]
        for s in range(n_states):
            total = np.float32(0.0)
            for r in range(n_states):
                total += before[r] * matrix[r, s]
            belief[s, p] = total


@njit(cache=True, nogil=True)
def _absorb(belief, p, likes, weight, cap):  # type: ignore[no-untyped-def]
    """Multiply the belief of pixel p by bounded, tempered likelihoods and normalise."""
    n_states = belief.shape[0]
    top = likes[0]
    for s in range(1, n_states):
        top = max(top, likes[s])
    floor = top * np.exp(-cap)
    total = np.float32(0.0)
    for s in range(n_states):
        belief[s, p] *= (max(likes[s], floor) / top) ** weight
        total += belief[s, p]
    for s in range(n_states):
        belief[s, p] = max(belief[s, p] / total, np.float32(1e-12))


@njit(cache=True, nogil=True)
def _date(belief, p, onset_day, before_day, day):  # type: ignore[no-untyped-def]
    """Keep the day digging began: halfway between the last innocent look and the first suspicious one."""
    mined = belief[DUG, p] + belief[POND, p]
    if onset_day[p] == 0:
        if mined > SUSPECT_PROB:
            onset_day[p] = (before_day + day + 1) // 2 if before_day > 0 else day
    elif mined + belief[REGROWTH, p] < CLEARED_OF_SUSPICION_PROB:
        onset_day[p] = 0


@njit(cache=True, nogil=True)
def _combine(kin_likes, weights, identity, junk_like, likes):  # type: ignore[no-untyped-def]
    """Likelihood of each state from its kinds of look, which is written into `likes`.

    `kin_likes` (kin, state) are densities, `weights` (kin, state) how often a state looks like that kin. Kin 0 is a
    look of its own. Within any other kin (bare ground, open water) the densities of the states are drawn together by
    the power `identity`: what a pixel's soil is made of is the same at every look, so it may be counted about once, not
    every time.
    """
    for s in range(len(likes)):
        likes[s] = junk_like + weights[0, s] * kin_likes[0, s]
    for g in range(1, kin_likes.shape[0]):
        best = kin_likes[g].max()
        for s in range(len(likes)):
            if kin_likes[g, s] > 0.0:
                likes[s] += weights[g, s] * best * (kin_likes[g, s] / best) ** identity


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(look, fitted, sigma, belief, p, templates, inverse, norm, z, kin_likes):  # type: ignore[no-untyped-def]
    """Densities of one optical look under every template, added into `kin_likes`; returns E[f | look, mined] or 0."""
    state, kin, shift, frac, mean, var, share, _ = templates
    kin_likes[:] = 0.0
    mined_like, mined_like_frac = 0.0, 0.0
    for k in range(state.shape[0]):
        f = frac[k]
        distance, volume = 0.0, 1.0
        for b in range(look.shape[0]):
            v = sigma[b, p] * sigma[b, p] + f * f * var[k, b]
            base = fitted[shift[k], b, p]
            z[b] = (look[b, p] - base - f * (mean[k, b] - base)) / np.sqrt(v)
            volume *= v
            cross = 0.0
            for c in range(b):
                cross += inverse[b, c] * z[c]
            distance += z[b] * (inverse[b, b] * z[b] + 2.0 * cross)
        if distance < 80.0:
            like = norm * share[k] * np.exp(-0.5 * distance) / np.sqrt(volume)
            kin_likes[kin[k], state[k]] += like
            if state[k] == DUG or state[k] == POND:
                mined_like += like * belief[state[k], p]
                mined_like_frac += like * belief[state[k], p] * f
    return mined_like_frac / mined_like if mined_like > 0.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def update_optical(belief, onset_day, mined_frac, looks, last_day, look, fitted, sigma, day, templates, noise):  # type: ignore[no-untyped-def]
    """Fold one optical look into the belief, in place; pixels whose look is NaN are left alone.

    Parameters
    ----------
    belief : float32 (state, pixel)
    onset_day, last_day : uint16 (pixel,)
        Day digging began; day of the last optical look (0 for none).
    mined_frac : float32 (pixel,)
        Running mean of the mined share.
    looks : uint8 (pixel,)
        Count of looks in the dekad.
    look, sigma : float32 (band, pixel)
        Reflectance seen, and the pixel's scatter.
    fitted : float32 (1 + shift, band, pixel)
        Reflectance expected by the pixel's season on the day, then on days before and after it: a season may be early
        or late. The last ones are looks of `STABLE` too.
    day : int
    templates : tuple
        state int64 (k,), kin int64 (k,), shift int64 (k,), frac float32 (k,), mean float32 (k, band), var float32
        (k, band), share float32 (k,), weights float64 (kin, state). `var` is the spectrum's own variance; `share` sums
        to 1 within a state's kin, `weights` say how often a state looks like a kin.
    noise : tuple
        R^-1 float64 (band, band), then float: junk share, junk density, most nats, decorrelation days, identity.
    """
    weights = templates[7]
    inverse, junk, junk_density, cap, memory_days, identity = noise
    n_bands = look.shape[0]
    norm = (1.0 - junk) * (2.0 * np.pi) ** (-0.5 * n_bands) * np.sqrt(np.linalg.det(inverse))
    z = np.empty(n_bands, dtype=np.float64)
    likes = np.empty(belief.shape[0], dtype=np.float64)
    kin_likes = np.empty(weights.shape, dtype=np.float64)
    for p in range(belief.shape[1]):
        if np.isnan(look[0, p]):
            continue
        expected_frac = _weigh(look, fitted, sigma, belief, p, templates, inverse, norm, z, kin_likes)
        _combine(kin_likes, weights, identity, junk * junk_density, likes)
        gap = day - last_day[p] if last_day[p] > 0 else 1000
        _absorb(belief, p, likes, 1.0 - np.exp(-max(gap, 0.25) / memory_days), cap)
        if expected_frac > 0.0 and belief[DUG, p] + belief[POND, p] > MEASURED_PROB:
            rate = 0.15 if mined_frac[p] > 0.0 else 1.0
            mined_frac[p] += rate * (expected_frac - mined_frac[p])
        _date(belief, p, onset_day, last_day[p], day)
        last_day[p] = day
        looks[p] = min(looks[p] + 1, 255)


@njit(cache=True, nogil=True, error_model="numpy")
def update_radar(belief, onset_day, mined_frac, looks, last_day, residual, sigma, day, templates, noise):  # type: ignore[no-untyped-def]
    """Fold one radar look into the belief, in place; pixels whose residual is NaN are left alone.

    Parameters
    ----------
    residual, sigma : float32 (2, pixel)
        vv and vh minus the pixel's season and the scene's common offset (soil moisture), and their scatter; dB.
    templates, noise
        As in `update_optical`, with `mean` the change in dB that a template brings, `frac` being mixed in already. The
        mined share is taken from radar only where no optical look has given one.
    """
    state, kin, _, frac, mean, var, share, weights = templates
    inverse, junk, junk_density, cap, memory_days, identity = noise
    norm = (1.0 - junk) * np.sqrt(np.linalg.det(inverse)) / (2.0 * np.pi)
    likes = np.empty(belief.shape[0], dtype=np.float64)
    kin_likes = np.empty(weights.shape, dtype=np.float64)
    for p in range(belief.shape[1]):
        if np.isnan(residual[0, p]) or np.isnan(residual[1, p]):
            continue
        kin_likes[:] = 0.0
        mined_like, mined_like_frac = 0.0, 0.0
        for k in range(state.shape[0]):
            v0 = sigma[0, p] * sigma[0, p] + var[k, 0]
            v1 = sigma[1, p] * sigma[1, p] + var[k, 1]
            z0 = (residual[0, p] - mean[k, 0]) / np.sqrt(v0)
            z1 = (residual[1, p] - mean[k, 1]) / np.sqrt(v1)
            distance = inverse[0, 0] * z0 * z0 + 2.0 * inverse[0, 1] * z0 * z1 + inverse[1, 1] * z1 * z1
            like = norm * share[k] * np.exp(-0.5 * distance) / np.sqrt(v0 * v1)
            kin_likes[kin[k], state[k]] += like
            if state[k] == DUG or state[k] == POND:
                mined_like += like * belief[state[k], p]
                mined_like_frac += like * belief[state[k], p] * frac[k]
        _combine(kin_likes, weights, identity, junk * junk_density, likes)
        gap = day - last_day[p] if last_day[p] > 0 else 1000
        _absorb(belief, p, likes, 1.0 - np.exp(-max(gap, 0.25) / memory_days), cap)
        if mined_frac[p] == 0.0 and mined_like > 0.0 and belief[DUG, p] + belief[POND, p] > MEASURED_PROB:
            mined_frac[p] = mined_like_frac / mined_like
        _date(belief, p, onset_day, last_day[p], day)
        last_day[p] = day
        looks[p] = min(looks[p] + 1, 255)
