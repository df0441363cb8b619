"""How far a look lies from where its ground is: masked correlation with what is expected of the day.

Strategy. What is expected is known at every pixel, the look only where it is clear. So the correlation coefficient is
taken at every whole shift over exactly the pixels that are clear, as masked registration does (Padfield 2012,
https://doi.org/10.1109/TIP.2011.2181402; here one of the masks is full), by Fourier transform, in blocks of the
tile. Coarse differences of brightness (season, haze, slope of the sun) are taken off first: they say nothing of place.
The surfaces of the blocks are averaged; the peak's whole pixel is refined by parabolas; and what leaving out each block
in turn moves it by is its standard error (jackknife). A cloud edge correlates with nothing, a burn scar with nothing;
both lower the peak and leave it in its place.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter

Image = NDArray[np.float32]
REACH_PX = 8
_BLOCKS_PX = (128, 64, 32)
_ACROSS = 3
_FLAT_PX = 15
_CLIP = 3.0
_MIN_BLOCKS = 3
_MIN_CLEAR_FRAC = 0.3


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Where a look lies.

    Attributes
    ----------
    down_px, right_px : float
        The look shows at (row, col) what is expected at (row - down_px, col - right_px).
    error_px : float
        Standard error of the two together; at least a tenth of a pixel, which parabolas are off by.
    likeness : float
        Correlation with what is expected at the shift, 0-1.
    gain : float
        By how much that exceeds the correlation without a shift.
    clear_px : int
        Clear pixels it was measured on.
    """

    down_px: float
    right_px: float
    error_px: float
    likeness: float
    gain: float
    clear_px: int

    @property
    def size_px(self) -> float:
        """Return the length of the shift."""
        return float(np.hypot(self.down_px, self.right_px))


def measure_shift(look: Image, expected: Image, texture: float, max_px: int = 4 * 128 * 128) -> Shift | None:
    """Measure how a look is shifted against what is expected of it.

    Parameters
    ----------
    look : float32 array (y, x)
        One band; NaN where not clear.
    expected : float32 array (y, x)
        The same band as it should be; NaN nowhere.
    texture : float
        Blocks in which what is expected varies by less than this (standard deviation, in its unit, coarse differences
        taken off) are left out.
    max_px : int
        Blocks of no more pixels than this in all are used, those with the most to tell.

    Returns
    -------
    Shift or None
        None where fewer than three blocks have clear pixels and texture, the peak lies at the end of the reach, or the
        look is narrower than 96 pixels.
    """
    parts = _choose(look, expected, texture, max_px)
    if parts is None:
        return None
    surfaces = _correlate(*parts)
    mean = surfaces.mean(axis=0)
    whole = _peak(mean)
    if whole is None:
        return None
    count = len(surfaces)
    total = surfaces.sum(axis=0)
    without = [_peak((total - one) / (count - 1)) for one in surfaces]
    apart = [(one[0] - whole[0]) ** 2 + (one[1] - whole[1]) ** 2 for one in without if one is not None]
    variance = (count - 1) / count * sum(apart) if len(apart) == count else np.inf
    return Shift(
        down_px=whole[0],
        right_px=whole[1],
        error_px=max(float(np.sqrt(variance)), 0.1),
        likeness=whole[2],
        gain=whole[2] - float(mean[REACH_PX, REACH_PX]),
        clear_px=int(parts[1].sum()),
    )


def _choose(look: Image, expected: Image, texture: float, max_px: int) -> tuple[Image, Image, Image] | None:
    """Return the clearest blocks (n, y, x) that have texture: look, where it is clear (0, 1), and what is expected."""
    edge = next((edge for edge in _BLOCKS_PX if min(look.shape) >= _ACROSS * edge), 0)
    if not edge:
        return None
    inner = np.zeros((edge, edge), dtype=np.float32)
    inner[REACH_PX:-REACH_PX, REACH_PX:-REACH_PX] = 1.0
    looks, wanted = _blocks(look, edge), _blocks(expected, edge)
    clear = np.isfinite(looks) * inner
    share = clear.sum(axis=(1, 2)) / inner.sum()
    spread = wanted.std(axis=(1, 2))
    usable = np.flatnonzero((share >= _MIN_CLEAR_FRAC) & (spread >= texture))
    chosen = np.sort(usable[np.argsort(-(share * spread)[usable], kind="stable")[: max_px // edge**2]])
    if len(chosen) < _MIN_BLOCKS:
        return None
    seen = np.isfinite(looks[chosen]).astype(np.float32)
    fine, fine_wanted = _flattened(looks[chosen], seen), _flattened(wanted[chosen], np.ones_like(seen))
    told = fine_wanted.std(axis=(1, 2)) >= texture
    if told.sum() < _MIN_BLOCKS:
        return None
    kept = clear[chosen][told]
    return fine[told] * kept, kept, fine_wanted[told]


def _flattened(blocks: Image, seen: Image) -> Image:
    """Take off the mean of what is seen around each pixel, and cut off what stands out; 0 where not seen."""
    filled = np.where(seen > 0.0, blocks, np.float32(0.0))
    around = (1, _FLAT_PX, _FLAT_PX)
    share = uniform_filter(seen, around, mode="constant")
    fine = (filled - uniform_filter(filled, around, mode="constant") / np.maximum(share, np.float32(1e-3))) * seen
    limit = np.float32(_CLIP) * np.sqrt(np.square(fine).sum() / np.maximum(seen.sum(), np.float32(1.0)))
    flat: Image = np.clip(fine, -limit, limit)
    return flat


def _blocks(image: Image, edge: int) -> Image:
    rows, cols = (size // edge for size in image.shape)
    cut = image[: rows * edge, : cols * edge].reshape(rows, edge, cols, edge)
    return np.ascontiguousarray(cut.transpose(0, 2, 1, 3)).reshape(-1, edge, edge)


def _correlate(look: Image, clear: Image, expected: Image) -> NDArray[np.float64]:
    """Return the correlation of each block at every whole shift up to the reach, (n, 2 reach + 1, 2 reach + 1)."""
    shape = look.shape[1:]
    count = clear.sum(axis=(1, 2), dtype=np.float64)[:, None, None]
    total = look.sum(axis=(1, 2), dtype=np.float64)[:, None, None]
    power = np.square(look, dtype=np.float64).sum(axis=(1, 2))[:, None, None]
    of_look, of_clear = fft.rfft2(look), fft.rfft2(clear)
    of_expected, of_power = fft.rfft2(expected), fft.rfft2(np.square(expected))

    def against(one: Any, other: Any) -> NDArray[np.float64]:
        whole = fft.irfft2(one * np.conj(other), s=shape)
        span = np.arange(-REACH_PX, REACH_PX + 1)
        return np.asarray(whole[:, span[:, None], span[None, :]], dtype=np.float64)

    sums, squares = against(of_clear, of_expected), against(of_clear, of_power)
    joint = against(of_look, of_expected) - total * sums / count
    spread = (power - total**2 / count) * (squares - sums**2 / count)
    alike: NDArray[np.float64] = joint / np.sqrt(np.maximum(spread, 1e-20))
    return alike


def _peak(surface: NDArray[np.float64]) -> tuple[float, float, float] | None:
    """Return where a surface is highest, between pixels, and how high; None where that is at its edge."""
    row, col = np.unravel_index(int(np.argmax(surface)), surface.shape)
    last = 2 * REACH_PX
    if row in {0, last} or col in {0, last}:
        return None
    height = float(surface[row, col])
    down = _vertex(surface[row - 1, col], height, surface[row + 1, col])
    right = _vertex(surface[row, col - 1], height, surface[row, col + 1])
    return float(row - REACH_PX + down), float(col - REACH_PX + right), height


def _vertex(before: float, here: float, after: float) -> float:
    """Return where the parabola through three neighbouring values is highest, from the middle one."""
    bend = before - 2.0 * here + after
    return 0.5 * (before - after) / bend if bend < 0.0 else 0.0
