"""Small places and hand-made fields that the tests of this room share."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from kpgeo.model.calendar import dekad_end, dekad_start
from kpgeo.model.grid import Grid
from kpgeo.model.state import DekadFields
from kpgeo.options.sites import SiteOptions
from kpgeo.sites import Place, link_sites, outline_changes

FIRST_DEKAD = 1962  # 2024-07-D1
GIVEN = {
    "floor_frac": 0.0,
    "seen_frac": 1.0,
    "beyond_factor": 1.0,
    "outline_sd": 0.0,
    "frac_sd": 0.15,
    "area_correlation": 0.3,
    "seed_prob": 0.9,
    "grow_prob": 0.5,
    "sudden_nats": 0.0,
}


def _place(height: int = 40, width: int = 40, *, left_m: float = 760_000.0, epsg: int = 32629) -> Place:
    """A place whose eastern half is a stratum; UTM 29 N, easting 760 km is far from the central meridian."""
    index = np.zeros((height, width), dtype=np.uint8)
    index[:, width // 2 :] = 1
    return Place(
        aoi_id="test-place",
        lineage="belief-1-abc",
        grid=Grid(epsg=epsg, left_m=left_m, top_m=905_000.0, width=width, height=height),
        strata_ids=("east",),
        stratum_index=index,
        inside=np.ones((height, width), dtype=bool),
        baseline_end_day=dekad_start(FIRST_DEKAD),
    )


def _fields(
    place: Place, step: int, spots: list[tuple[object, object, int]] | None = None, **given: float
) -> DekadFields:
    """The fields of the dekad `step` after the first; a spot is (rows, cols, onset in days after the start).

    Spots have belief 0.95 and fraction 1 unless given; everything was looked at once unless `looks` says otherwise.
    """
    shape, dekad = place.grid.shape, FIRST_DEKAD + step
    mined, frac = np.full(shape, 0.01, np.float32), np.zeros(shape, np.float32)
    onset = np.zeros(shape, np.uint16)
    for rows, cols, day in spots or []:
        mined[rows, cols] = given.get("prob", 0.95)
        frac[rows, cols] = given.get("frac", 1.0)
        onset[rows, cols] = dekad_start(FIRST_DEKAD) + day
    zeros = np.zeros(shape, np.float32)
    return DekadFields(
        dekad=dekad,
        mined_prob=mined,
        pond_prob=zeros.copy(),
        regrowth_prob=zeros.copy(),
        cleared_prob=zeros.copy(),
        mined_frac=frac,
        onset_day=onset,
        last_optical_day=np.full(shape, dekad_end(dekad) - 3, np.uint16),
        last_radar_day=np.zeros(shape, np.uint16),
        looks=np.full(shape, given.get("looks", 1), np.uint8),
    )


def _options(**given: float) -> SiteOptions:
    """Options with the thresholds that the fields of these tests are made for; the defaults may move.

    How suddenly ground opened says nothing here, so that confidence is belief unless a test says otherwise.
    """
    return SiteOptions(**(GIVEN | given))


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """Makers of places, fields and options, and the first monitored dekad and day."""
    start_day = dekad_start(FIRST_DEKAD)
    return SimpleNamespace(place=_place, fields=_fields, options=_options, first_dekad=FIRST_DEKAD, start_day=start_day)


@pytest.fixture
def place() -> Place:
    return _place()


@pytest.fixture
def options() -> SiteOptions:
    return _options()


@pytest.fixture
def run(place: Place, options: SiteOptions) -> Callable[..., SimpleNamespace]:
    """Outline and link a sequence of fields; gives sites and events after each."""

    def go(
        *many: DekadFields, at: Place = place, by: SiteOptions = options, previous: list | None = None
    ) -> SimpleNamespace:
        sites, events, rows = list(previous or []), [], []
        for fields in many:
            sites, news = link_sites(sites, outline_changes(fields, at, by), fields, at, by)
            events.append([str(event.kind) for event in news])
            rows.append(sites)
        return SimpleNamespace(sites=sites, events=events, rows=rows, news=news)

    return go
