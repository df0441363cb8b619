"""A real series watched: history learnt, the rest folded in, every dekad decided as a run decides it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.real_sets import RealSet
from kpgeo.alerts import AlertContext, raise_alerts
from kpgeo.detect import (
    HistoryStack,
    Look,
    RefitWindow,
    decode_fields,
    fit_baseline,
    fold_dekad,
    refit_baseline,
    start_state,
)
from kpgeo.kernels.season import harmonic_basis
from kpgeo.model.alert import Alert, MachineState
from kpgeo.model.calendar import dekad_of, dekad_start
from kpgeo.model.grid import Grid
from kpgeo.model.run import Coverage
from kpgeo.model.scene import RADAR_BANDS
from kpgeo.model.site import ChangeObject, Site
from kpgeo.model.state import (
    FILTER_BANDS,
    RADAR_STEP_DB,
    REFLECTANCE_STEP,
    DekadFields,
    LandState,
    TileBaseline,
    TileState,
    decode_sigma,
)
from kpgeo.options.alerts import AlertOptions
from kpgeo.options.detect import DetectOptions
from kpgeo.options.sites import SiteOptions
from kpgeo.sites import Place, link_sites, outline_changes

Array = NDArray[np.float64]
_SENT = {MachineState.PROVISIONAL, MachineState.CONFIRMED, MachineState.ONGOING}


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What came of watching one set.

    Attributes
    ----------
    epochs : tuple of (int, TileBaseline)
        Every baseline, and the day from which on it held.
    looks : tuple of Look
        Every look, of the history too.
    days : int array (look,)
        Days of the monitored looks.
    belief : float32 (look, state, y, x)
        After each monitored look.
    fields : tuple of DekadFields
        At the end of each monitored dekad.
    changes : tuple of ChangeObject
        Of all dekads, none smaller than the minimum mapping unit.
    alerts : tuple of Alert
        As they stand at the end.
    was_sent : bool
        Whether any alert came as far as being sent.
    """

    real: RealSet
    epochs: tuple[tuple[int, TileBaseline], ...]
    looks: tuple[Look, ...]
    days: NDArray[np.int64]
    belief: NDArray[np.float32]
    fields: tuple[DekadFields, ...]
    changes: tuple[ChangeObject, ...]
    alerts: tuple[Alert, ...]
    was_sent: bool

    @property
    def mined(self) -> NDArray[np.float32]:
        """Return P(dug) + P(pond) after each monitored look, (look, y, x)."""
        return self.belief[:, LandState.DUG] + self.belief[:, LandState.POND]

    def season(self, days: NDArray[np.int64], band: str, row: int, col: int) -> tuple[Array, Array]:
        """Return what a pixel's baseline expects on days, and its scatter: reflectance, or dB of vv and vh."""
        expected, sigma = np.empty(len(days)), np.empty(len(days))
        for begin, baseline in self.epochs:
            later = (days >= begin) | (begin == self.epochs[0][0])
            if band in RADAR_BANDS:
                at = RADAR_BANDS.index(band), row, col
                beta = baseline.beta_radar[at[0], :, row, col] * RADAR_STEP_DB
                scatter = decode_sigma(baseline.sigma_radar, scale=100.0)[at]
            else:
                at = FILTER_BANDS.index(band), row, col
                beta = baseline.beta_optical[at[0], :, row, col] * REFLECTANCE_STEP
                scatter = decode_sigma(baseline.sigma_optical)[at]
            expected[later] = harmonic_basis(days[later], len(beta)) @ beta.astype(np.float64)
            sigma[later] = scatter
        return expected, sigma


def watch(
    real: RealSet, options: DetectOptions | None = None, *, in_stratum: bool = False, refit_years: int = 1
) -> Watched:
    """Learn a set's history, fold the rest in, learn it anew every so many years, and decide every dekad."""
    options = options or DetectOptions()
    history, context, looks = real.history(), real.context(in_stratum=in_stratum), real.looks()
    baseline = fit_baseline(history, options)
    state = start_state(baseline, history, context, real.first_dekad, options)
    days: list[int] = []
    beliefs: list[NDArray[np.float32]] = []

    def keep(look: Look, belief: NDArray[np.float32]) -> None:
        days.append(look.day)
        beliefs.append(belief.astype(np.float32, copy=True))

    chain = _Chain(real=real, in_stratum=in_stratum)
    epochs = [(dekad_start(real.first_dekad), baseline)]
    states: list[tuple[int, TileState]] = []
    for dekad in range(real.first_dekad, dekad_of(looks[-1].day) + 1):
        if refit_years and states and (dekad - real.first_dekad) % (36 * refit_years) == 0:
            baseline = _refit(real, states, baseline, options)
            epochs.append((dekad_start(dekad), baseline))
        now = [look for look in looks if dekad_of(look.day) == dekad]
        state = fold_dekad(state, baseline, now, dekad, context, options, on_look=keep)
        states.append((dekad, state))
        chain.decide(dekad, state, now)
    return Watched(
        real=real,
        epochs=tuple(epochs),
        looks=tuple(looks),
        days=np.array(days),
        belief=np.stack(beliefs),
        fields=tuple(chain.fields),
        changes=tuple(chain.changes),
        alerts=tuple(chain.alerts),
        was_sent=chain.was_sent,
    )


def _refit(
    real: RealSet, states: Sequence[tuple[int, TileState]], previous: TileBaseline, options: DetectOptions
) -> TileBaseline:
    """Learn the season anew from as long a time as the history was, up to the last dekad watched."""
    now = states[-1][0] + 1
    first = max(dekad_of(real.looks()[0].day), dekad_of(real.history_from_day))
    begin = now - (real.first_dekad - first)
    window = RefitWindow.read(
        [(dekad, state) for dekad, state in states if dekad >= begin], is_all_monitored=begin >= real.first_dekad
    )
    stack = HistoryStack(shape=real.shape)
    for sensor, cube in real.between(dekad_start(begin), dekad_start(now)).items():
        if cube.sizes["time"]:
            stack.add(window.learnable(cube), sensor)
    baseline, _ = refit_baseline(stack, window, previous, options)
    return baseline


class _Chain:
    """Objects, sites and alerts of one set, dekad after dekad."""

    def __init__(self, *, real: RealSet, in_stratum: bool) -> None:
        height, width = real.shape
        res_m = 100.0 * real.px_area_ha**0.5
        grid = Grid(epsg=32630, left_m=5e5, top_m=1e6, width=width, height=height, res_m=res_m)
        self.place = Place(
            aoi_id=real.name,
            lineage="real",
            grid=grid,
            strata_ids=("claimed",) if in_stratum else (),
            stratum_index=np.full(real.shape, int(in_stratum), dtype=np.uint8),
            inside=np.ones(real.shape, dtype=np.bool_),
            baseline_end_day=dekad_start(real.first_dekad),
        )
        self.fields: list[DekadFields] = []
        self.changes: list[ChangeObject] = []
        self.sites: list[Site] = []
        self.alerts: list[Alert] = []
        self.was_sent = False

    def decide(self, dekad: int, state: TileState, looks: list[Look]) -> None:
        """Take the step of one dekad."""
        fields = decode_fields(dekad, state)
        changes = outline_changes(fields, self.place, SiteOptions())
        self.sites, _ = link_sites(self.sites, changes, fields, self.place, SiteOptions())
        self.alerts, _ = raise_alerts(self.alerts, self.sites, self._context(dekad, fields, looks), AlertOptions())
        self.fields.append(fields)
        self.changes += changes
        self.was_sent |= any(alert.state in _SENT for alert in self.alerts)

    def _context(self, dekad: int, fields: DekadFields, looks: list[Look]) -> AlertContext:
        seen = float((fields.looks > 0).mean())
        has_optical = any(not look.sensor.is_radar for look in looks)
        coverage = Coverage(
            aoi_id=self.place.aoi_id,
            dekad=dekad,
            stratum_id="*",
            scenes=len(looks),
            look_frac=seen,
            optical_frac=seen if has_optical else 0.0,
        )
        return AlertContext(
            aoi_id=self.place.aoi_id,
            dekad=dekad,
            regimes=frozenset(),
            declared_known=False,
            scene_ids=tuple(look.scene_id for look in looks),
            sensors=tuple(sorted({str(look.sensor) for look in looks})),
            coverage=coverage,
            baseline_end_day=self.place.baseline_end_day,
        )
