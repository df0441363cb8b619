"""Vector functions against numpy in double precision."""

import numpy as np
import pytest
from numba import njit

from kpgeo.kernels import lanes


@njit
def _exp_all(x, out):
    for i in range(x.size):
        out[i] = lanes.exp(x[i])


@njit
def _log_all(x, out):
    for i in range(x.size):
        out[i] = lanes.log(x[i])


@njit
def _rsqrt_all(x, out):
    for i in range(x.size):
        out[i] = lanes.rsqrt(x[i])


WIDE = np.exp(np.linspace(-70.0, 70.0, 20_001)).astype(np.float32)


def _of(function, x):
    out = np.empty_like(x)
    function(x, out)
    return out


def test_exp():
    x = np.linspace(-80.0, 80.0, 20_001).astype(np.float32)
    np.testing.assert_allclose(_of(_exp_all, x), np.exp(x.astype(np.float64)), rtol=1e-5)
    assert 0.0 < _of(_exp_all, np.array([-500.0], dtype=np.float32))[0] < 1e-37


def test_log():
    np.testing.assert_allclose(_of(_log_all, WIDE), np.log(WIDE.astype(np.float64)), rtol=1e-6, atol=1e-6)


def test_rsqrt():
    np.testing.assert_allclose(_of(_rsqrt_all, WIDE), WIDE.astype(np.float64) ** -0.5, rtol=1e-5)


@pytest.mark.parametrize("value", [1.0, 0.5, 2.0])
def test_they_undo_each_other(value):
    x = np.array([value], dtype=np.float32)
    assert _of(_exp_all, _of(_log_all, x))[0] == pytest.approx(value, rel=1e-5)
