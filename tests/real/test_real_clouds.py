"""The season against reference masks of real clouds: what must be found, and what must not be taken."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.clouds_sets import Row, belgian_lost, hand_masked_rows, new_england_rows, slovenia_rows
from benchmarks.clouds_tally import CLEAR_TRUTH, CLOUD_TRUTH, SHADOW_TRUTH, SNOW_TRUTH


@pytest.fixture(scope="module")
def reference(shared: Path) -> Path:
    folder = shared / "data"
    if not (folder / "s2_cloudmask_ukis").is_dir():
        pytest.skip("the reference sets are not beside this checkout")
    return folder


def found(rows: Iterator[Row]) -> dict[str, dict[int, float]]:
    """Return by mask what share of each truth is called not clear."""
    shares = {}
    for row in rows:
        cells = np.sum(row.tally.blocks, axis=0)
        shares[row.mask] = {kind: cells[kind, 1:].sum() / max(cells[kind].sum(), 1) for kind in range(len(cells))}
    return shares


@pytest.mark.fault(25)
def test_the_hand_masked_scene(reference):
    shares = found(hand_masked_rows(reference))
    haze, season = shares["haze rule, single date"], shares["season made of pixels 300 m off"]
    assert season[CLOUD_TRUTH] > haze[CLOUD_TRUTH] + 0.2
    assert season[SHADOW_TRUTH] > haze[SHADOW_TRUTH] + 0.4
    assert season[CLEAR_TRUTH] < 0.02


@pytest.mark.fault(25)
def test_scenes_of_slovenia(reference):
    shares = found(slovenia_rows(reference))
    assert shares["season"][CLOUD_TRUTH] > 0.85 > 0.3 > shares["haze rule, single date"][CLOUD_TRUTH]
    assert shares["season"][CLEAR_TRUTH] == 0.0
    assert shares["the same, and the season"][CLOUD_TRUTH] > shares["provider missing a quarter"][CLOUD_TRUTH] + 0.15


def test_landsat_in_new_england(reference):
    season = found(new_england_rows(reference))["season"]
    assert season[CLOUD_TRUTH] > 0.75
    assert season[SNOW_TRUTH] > 0.95
    assert season[CLEAR_TRUTH] < 0.06


def test_tilled_fields_are_no_shadows(reference):
    looks, share = belgian_lost(reference)
    assert looks > 5000
    assert share < 0.005
