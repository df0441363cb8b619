"""How likely a block's look is in every state: densities of templates, drawn together by kin.

Residuals of the bands are correlated, R, the same for every pixel. With D the pixel's scatter and R^-1 = L L', whitened
residuals are y = L' D^-1 (x - b) and the whitened direction is a = L' D^-1 (m - b); then, r = y - u a and
g = 1 / (1/t^2 + a'a),

    -2 ln N(x) = r'r - g (a'r)^2 + ln(1 + t^2 a'a) + 2 ln|D| + const        (Sherman & Morrison 1950)

and the least-squares share is a'y / a'a. `belief` tells what b, m, u and t are.
"""

import numpy as np
from numba import njit

from kpgeo.kernels import lanes
from kpgeo.kernels.lanes import FAST
from kpgeo.kernels.rows import (
    BELIEF,
    BLOCK,
    DUG,
    FITTED,
    KINS,
    LIKE,
    LIKES,
    LOOK,
    MIN_LIKE,
    MINED,
    MINED_FRAC,
    N_KINS,
    N_STATES,
    POND,
    SHARE,
    STABLE,
    TOP,
    VAR,
    VEIL,
    VEILED,
)

MAX_FRAC = 1.275


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def expect(w, beta, bases, start, n):  # type: ignore[no-untyped-def]
    """Write what the pixel's season expects on the day, and on days before and after it, into the rows `FITTED`."""
    for b in range(4):
        c0, c1, c2 = beta[b, 0, start : start + n], beta[b, 1, start : start + n], beta[b, 2, start : start + n]
        c3, c4 = beta[b, 3, start : start + n], beta[b, 4, start : start + n]
        for shift in range(bases.shape[0]):
            h0, h1, h2, h3, h4 = bases[shift, 0], bases[shift, 1], bases[shift, 2], bases[shift, 3], bases[shift, 4]
            row = w[(FITTED + 4 * shift + b) * BLOCK : (FITTED + 4 * shift + b + 1) * BLOCK]
            for i in range(n):
                row[i] = (
                    h0 * np.float32(c0[i])
                    + h1 * np.float32(c1[i])
                    + h2 * np.float32(c2[i])
                    + h3 * np.float32(c3[i])
                    + h4 * np.float32(c4[i])
                )


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def weigh_stable(w, factor, season_share, norm, freedom):  # type: ignore[no-untyped-def]
    """Density of the look under every season of `STABLE`, Student's t, summed into its row of kin 0."""
    one, shrink, power = np.float32(1.0), np.float32(1.0 / freedom), np.float32(-0.5 * (freedom + 4.0))
    l00, l10, l11, l20, l21 = factor[0, 0], factor[1, 0], factor[1, 1], factor[2, 0], factor[2, 1]
    l22, l30, l31, l32, l33 = factor[2, 2], factor[3, 0], factor[3, 1], factor[3, 2], factor[3, 3]
    x, v, out = LOOK * BLOCK, VAR * BLOCK, (KINS + STABLE) * BLOCK
    for shift in range(season_share.shape[0]):
        fitted = w[(FITTED + 4 * shift) * BLOCK : (FITTED + 4 * shift + 4) * BLOCK]
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
def weigh_mixed(w, factor, mean, var, frac, frac_var, weight):  # type: ignore[no-untyped-def]
    """Density of the look under one spectrum mixed in by an unknown share, into `LIKE`; the share into `SHARE`."""
    l00, l10, l11, l20, l21 = factor[0, 0], factor[1, 0], factor[1, 1], factor[2, 0], factor[2, 1]
    l22, l30, l31, l32, l33 = factor[2, 2], factor[3, 0], factor[3, 1], factor[3, 2], factor[3, 3]
    m0, m1, m2, m3 = mean[0], mean[1], mean[2], mean[3]
    q0, q1, q2, q3 = var[0], var[1], var[2], var[3]
    precision = np.float32(1.0) / frac_var
    one = np.float32(1.0)
    x, v, base = LOOK * BLOCK, VAR * BLOCK, FITTED * BLOCK
    likes, shares = w[LIKE * BLOCK : (LIKE + 1) * BLOCK], w[SHARE * BLOCK : (SHARE + 1) * BLOCK]
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
def weigh_radar(w, factor, mean, var, weight):  # type: ignore[no-untyped-def]
    """Density of a radar residual under one change of backscatter, into `LIKE`."""
    l00, l10, l11 = factor[0, 0], factor[1, 0], factor[1, 1]
    m0, m1, q0, q1 = mean[0], mean[1], var[0], var[1]
    x, v = LOOK * BLOCK, VAR * BLOCK
    for i in range(BLOCK):
        s0, s1 = lanes.rsqrt(w[v + i] + q0), lanes.rsqrt(w[v + BLOCK + i] + q1)
        z0, z1 = (w[x + i] - m0) * s0, (w[x + BLOCK + i] - m1) * s1
        y0, y1 = l00 * z0 + l10 * z1, l11 * z1
        w[LIKE * BLOCK + i] = weight * (s0 * s1) * lanes.exp(np.float32(-0.5) * (y0 * y0 + y1 * y1))


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def gather(w, state, kin):  # type: ignore[no-untyped-def]
    """Add `LIKE` to its state and kin, and for mined states to the mean of the share."""
    place = VEIL if state == VEILED else KINS + kin * N_STATES + state
    row = w[place * BLOCK : (place + 1) * BLOCK]
    like = w[LIKE * BLOCK : (LIKE + 1) * BLOCK]
    for i in range(BLOCK):
        row[i] += like[i]
    if state in (DUG, POND):
        held = w[(BELIEF + state) * BLOCK : (BELIEF + state + 1) * BLOCK]
        for i in range(BLOCK):
            mass = like[i] * held[i]
            w[MINED * BLOCK + i] += mass
            share = min(max(w[SHARE * BLOCK + i], np.float32(0.0)), np.float32(MAX_FRAC))
            w[MINED_FRAC * BLOCK + i] += mass * share


@njit(nogil=True, fastmath=FAST, error_model="numpy")
def combine(w, weights, used, identity, junk_like):  # type: ignore[no-untyped-def]
    """Likelihood of each state from its kins, into the rows `LIKES`.

    Kin 0 is a look of a state's own. Within any other kin (bare ground, open water) the densities of the states are
    drawn together by the power `identity`: what a pixel's soil is made of is the same at every look, so it may be
    counted about once, not every time.
    """
    for s in range(N_STATES):
        out = w[(LIKES + s) * BLOCK : (LIKES + s + 1) * BLOCK]
        own = w[(KINS + s) * BLOCK : (KINS + s + 1) * BLOCK]
        weight = weights[0, s]
        for i in range(BLOCK):
            out[i] = junk_like + w[VEIL * BLOCK + i] + weight * own[i]
    tiny = np.float32(MIN_LIKE)
    for g in range(1, N_KINS):
        top = w[TOP * BLOCK : (TOP + 1) * BLOCK]
        for i in range(BLOCK):
            top[i] = tiny
        for s in range(N_STATES):
            if used[g, s]:
                kin = w[(KINS + g * N_STATES + s) * BLOCK : (KINS + g * N_STATES + s + 1) * BLOCK]
                for i in range(BLOCK):
                    top[i] = max(top[i], kin[i])
        for i in range(BLOCK):
            top[i] = lanes.log(top[i]) * (np.float32(1.0) - identity)
        for s in range(N_STATES):
            if used[g, s]:
                kin = w[(KINS + g * N_STATES + s) * BLOCK : (KINS + g * N_STATES + s + 1) * BLOCK]
                out = w[(LIKES + s) * BLOCK : (LIKES + s + 1) * BLOCK]
                weight = weights[g, s]
                for i in range(BLOCK):
                    out[i] += weight * lanes.exp(top[i] + identity * lanes.log(max(kin[i], tiny)))
