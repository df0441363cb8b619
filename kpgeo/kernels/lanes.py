"""Functions of one float32 that LLVM turns into vector instructions, where libm's would be called pixel by pixel.

All are branch-free and exact enough for likelihoods (relative errors below 1e-5); tests hold them to that.
"""

import numpy as np
from numba import njit

FAST = {"contract", "arcp", "nsz", "afn", "reassoc"}  # NaN and infinity keep their meaning
_LOG2_E = np.float32(1.4426950408889634)
_LN_2 = np.float32(0.6931471805599453)
_MAGIC_RSQRT = np.int32(0x5F375A86)
_EXPONENT_BITS = np.int32(-0x00800000)  # sign and exponent
_TWO_THIRDS_BITS = np.int32(0x3F2AAAAB)


@njit(inline="always")
def exp(x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return e**x for x <= 88; below -87 the result is about 1e-38, not 0 (2**x by parts, polynomial of Cephes)."""
    t = max(x * _LOG2_E, np.float32(-126.0))
    k = np.floor(t)
    f = t - k
    p = np.float32(1.8775767e-3)
    p = p * f + np.float32(8.9893397e-3)
    p = p * f + np.float32(5.5826318e-2)
    p = p * f + np.float32(2.4015361e-1)
    p = p * f + np.float32(6.9315308e-1)
    p = p * f + np.float32(9.9999994e-1)
    return p * np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)


@njit(inline="always")
def log(x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return ln x for a normal positive x (logf of Cephes, without its special cases)."""
    bits = np.float32(x).view(np.int32)
    # the exponent is taken so that the mantissa lies in [2/3, 4/3): the series is short around 1
    shifted = np.int32(np.int32(bits - _TWO_THIRDS_BITS) & _EXPONENT_BITS)
    m = np.int32(bits - shifted).view(np.float32) - np.float32(1.0)
    e = np.float32(shifted) * np.float32(1.1920928955078125e-07)
    p = np.float32(-0.130310059)
    p = p * m + np.float32(0.140869141)
    p = p * m + np.float32(-0.121483698)
    p = p * m + np.float32(0.139814019)
    p = p * m + np.float32(-0.166846052)
    p = p * m + np.float32(0.200120315)
    p = p * m + np.float32(-0.249996215)
    p = p * m + np.float32(0.333331972)
    p = p * m + np.float32(-0.5)
    return e * _LN_2 + (m * m * p + m)


@njit(inline="always")
def rsqrt(x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return 1 / sqrt(x) for a normal positive x (Lomont 2003, two Newton steps)."""
    y = np.int32(_MAGIC_RSQRT - np.int32(np.float32(x).view(np.int32) >> np.int32(1))).view(np.float32)
    h = np.float32(0.5) * x
    y = y * (np.float32(1.5) - h * y * y)
    return y * (np.float32(1.5) - h * y * y)
