"""Re-estimates of class spectra and radar signatures from labelled ground: robust, shrunk towards the library.

One polygon is one number a band: its looks share its ground, however many they are (docs/theory/class-spectra.md).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kpgeo.detect.agreement import Agreement, find_strangers, measure_agreement
from kpgeo.detect.library import Backscatter, ClassLibrary, Entry, Mark, Origin, Spectrum, shipped_library
from kpgeo.detect.spectra import BAND_CORRELATION, POLARISATION_CORRELATION
from kpgeo.model.scene import RADAR_BANDS
from kpgeo.model.state import FILTER_BANDS, LandState
from kpgeo.options.calibrate import CalibrateOptions

Floats = NDArray[np.float64]
_MAD_TO_SD = 1.4826
_FEW = 3  # polygons below which their scatter says nothing of the spread
_MIN_SPREAD = {"optical": 0.005, "radar": 0.2}


@dataclass(frozen=True, kw_only=True)
class LabelledGround:
    """What was seen of one labelled polygon. Every row is one look: the median over the polygon's clear pixels.

    Attributes
    ----------
    optical : float64 (look, 4)
        Reflectance in `FILTER_BANDS`.
    departure : float64 (look, 4)
        The same less the polygon's season; no rows where no baseline stands or the label begins before monitoring.
    season_sigma : float64 (4,)
        Scatter of its pixels about their season; NaN without a baseline.
    radar_db : float64 (look, 2)
        Change of vv and vh against the season; no rows without a baseline.
    optical_days, radar_days : int64 (look,)
    """

    id: str
    state: LandState
    class_name: str
    is_checked: bool
    n_pixels: int
    optical: Floats
    optical_days: NDArray[np.int64]
    departure: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    season_sigma: Floats = field(default_factory=lambda: np.full(4, np.nan))
    radar_db: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    radar_days: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One class before and after.

    Attributes
    ----------
    kind : str
        "optical" or "radar".
    observed, observed_spread : tuple of float
        Median over the polygons, and their robust scatter (NaN with fewer than three).
    after_error : tuple of float
        Standard error of the mean afterwards.
    sigmas : tuple of float
        How far the observed lies from the library, by band, in standard errors of what the library leads to expect.
    """

    kind: str
    before: Entry
    after: Entry
    observed: tuple[float, ...]
    observed_spread: tuple[float, ...]
    after_error: tuple[float, ...]
    sigmas: tuple[float, ...]
    polygons: tuple[str, ...]
    looks: int
    looks_counted: float

    @property
    def moved(self) -> float:
        """Return the sigmas of the band that moved most."""
        return max(abs(value) for value in self.sigmas)


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A polygon that was left out, and why. `looks_like` is a state's name where another fits better."""

    id: str
    state: LandState
    kind: str
    reason: str
    looks_like: str = ""


@dataclass(frozen=True, kw_only=True)
class ClassCalibration:
    """What labels came to.

    Attributes
    ----------
    library : ClassLibrary
        With the classes that could be estimated in place of the library's.
    agreement : Agreement or None
        Whether polygons that look alike bear one state; None where they are too few to say.
    untouched : tuple of (kind, state, class, reason)
        Classes that stay as they were.
    """

    library: ClassLibrary
    estimates: tuple[Estimate, ...]
    doubts: tuple[Doubt, ...]
    agreement: Agreement | None
    untouched: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True)
class _Point:
    """One polygon's number: its value, the variance of its error, and the looks behind it."""

    ground: LabelledGround
    value: Floats
    error_var: Floats
    looks: int
    counted: float


def prior_of(library: ClassLibrary) -> ClassLibrary:
    """Return what a library said before it was calibrated, so that the same labels are not counted twice."""
    shipped = {(entry.kind, entry.state, entry.name): entry for entry in shipped_library().entries}

    def before(entry: Entry) -> Entry:
        is_ours = entry.origin.mark is Mark.CALIBRATED
        return shipped.get((entry.kind, entry.state, entry.name), entry) if is_ours else entry

    return _library(before(entry) for entry in library.entries)


def calibrate_classes(
    prior: ClassLibrary, grounds: Sequence[LabelledGround], options: CalibrateOptions, source: str
) -> ClassCalibration:
    """Re-estimate the classes that labelled ground shows.

    Parameters
    ----------
    prior : ClassLibrary
        What is believed before.
    source : str
        Where the labels are from; written into each class that changes.
    """
    doubts: list[Doubt] = []
    estimates: list[Estimate] = []
    for kind in ("optical", "radar"):
        misplaced = {doubt.id for doubt in doubts if doubt.looks_like}
        points, few = _points(kind, [ground for ground in grounds if ground.id not in misplaced], options)
        doubts += few
        entries = [entry for entry in prior.entries if entry.kind == kind]
        groups: dict[int, list[_Point]] = {}
        for point in points:
            index, doubt = _place(kind, point, entries, options)
            doubts += [doubt] if doubt else []
            if doubt is None:
                groups.setdefault(index, []).append(point)
        if kind == "optical":
            strangers = _strangers(groups, entries, options)
            doubts += strangers
            named = {doubt.id for doubt in strangers}
            groups = {i: [p for p in group if p.ground.id not in named] for i, group in groups.items()}
        for index, group in sorted((i, group) for i, group in groups.items() if group):
            kept, odd = _without_strays(group, entries[index], options)
            doubts += odd
            estimates.append(_estimate(kept, entries[index], options, source))
    changed = {(one.kind, one.before.state, one.before.name): one.after for one in estimates}
    return ClassCalibration(
        library=_library(changed.get((entry.kind, entry.state, entry.name), entry) for entry in prior.entries),
        estimates=tuple(estimates),
        doubts=tuple(doubts),
        agreement=_agreement(grounds, options),
        untouched=tuple(_untouched(prior, grounds, changed)),
    )


def _points(
    kind: str, grounds: Sequence[LabelledGround], options: CalibrateOptions
) -> tuple[list[_Point], list[Doubt]]:
    """Return one number for each polygon that was seen often enough, and those that were not."""
    points, few = [], []
    for ground in grounds:
        rows, days = (
            (ground.optical, ground.optical_days) if kind == "optical" else (ground.radar_db, ground.radar_days)
        )
        if kind == "radar" and not len(rows):
            continue
        if ground.n_pixels < options.min_pixels:
            reason = f"{ground.n_pixels} whole pixels, fewer than {options.min_pixels}"
            few.append(Doubt(id=ground.id, state=ground.state, kind=kind, reason=reason))
            continue
        if len(rows) < options.min_looks:
            reason = f"{len(rows)} clear looks, fewer than {options.min_looks}"
            few.append(Doubt(id=ground.id, state=ground.state, kind=kind, reason=reason))
            continue
        value = np.median(rows, axis=0)
        scatter = _MAD_TO_SD * np.median(np.abs(rows - value), axis=0)
        counted = _count(days, options.decorrelation_days)
        points.append(_Point(ground, value, scatter**2 / counted, len(rows), counted))
    return points, few


def _count(days: NDArray[np.int64], memory_days: float) -> float:
    """Return how many independent looks these are: one, and 1 - exp(-gap / memory) for each that follows another."""
    gaps = np.diff(np.sort(days)).astype(np.float64)
    return float(1.0 + np.sum(1.0 - np.exp(-gaps / memory_days)))


def _place(kind: str, point: _Point, entries: Sequence[Entry], options: CalibrateOptions) -> tuple[int, Doubt | None]:
    """Return the class a polygon belongs to, and a doubt where another state is clearly likelier than its own."""
    ground = point.ground
    scores = np.array([_log_density(point.value, *e.moments, point.error_var) for e in entries])
    is_own = np.array([entry.state is ground.state for entry in entries])
    is_named = is_own & np.array([entry.name == ground.class_name for entry in entries])
    own = np.where(is_named if is_named.any() else is_own, scores, -np.inf)
    best, rival = int(np.argmax(own)), int(np.argmax(np.where(is_own, -np.inf, scores)))
    if kind == "radar" or ground.is_checked:
        return best, None
    other, season = scores[rival], _as_season(ground, point)
    if max(other, season) - own[best] <= options.outlier_nats:
        return best, None
    like = "stable" if season > other else entries[rival].state.name.lower()
    reason = "looks as its own season does" if season > other else f"looks like {entries[rival].name} ({like})"
    return best, Doubt(id=ground.id, state=ground.state, kind=kind, reason=reason, looks_like=like)


def _as_season(ground: LabelledGround, point: _Point) -> float:
    """Return the log density of a polygon under its own season, or -inf where that is not known."""
    if not len(ground.departure) or not np.isfinite(ground.season_sigma).all():
        return float(-np.inf)
    return _log_density(np.median(ground.departure, axis=0), np.zeros(4), ground.season_sigma, point.error_var)


def _log_density(value: Floats, mean: Floats, spread: Floats, error_var: Floats) -> float:
    """Return ln N(value; mean, D R D) but for a constant; D is the spread widened by the error, R the correlation."""
    correlation = BAND_CORRELATION if len(value) == len(FILTER_BANDS) else POLARISATION_CORRELATION
    scale = np.sqrt(spread**2 + error_var)
    z = (value - mean) / scale
    return float(-0.5 * z @ np.linalg.solve(correlation, z) - np.log(scale).sum())


def _strangers(groups: dict[int, list[_Point]], entries: Sequence[Entry], options: CalibrateOptions) -> list[Doubt]:
    """Return the polygons that are more like the polygons of another state than like those of their own."""
    points = [(index, point) for index, group in sorted(groups.items()) for point in group]
    if not points:
        return []
    values = np.array([point.value for _, point in points])
    states = np.array([int(point.ground.state) for _, point in points], dtype=np.int64)
    classes = np.array([index for index, _ in points], dtype=np.int64)
    found = []
    for i, like in find_strangers(values, states, classes, options.outlier_nats):
        ground, name = points[i][1].ground, LandState(like).name.lower()
        if not ground.is_checked:
            reason = f"is like the polygons labelled {name}, not like the others of {entries[points[i][0]].name}"
            found.append(Doubt(id=ground.id, state=ground.state, kind="optical", reason=reason, looks_like=name))
    return found


def _agreement(grounds: Sequence[LabelledGround], options: CalibrateOptions) -> Agreement | None:
    """Measure how well all labels that were seen agree with their looks, those left out included."""
    points, _ = _points("optical", grounds, options)
    values = np.array([point.value for point in points]).reshape(-1, len(FILTER_BANDS))
    return measure_agreement(values, np.array([int(point.ground.state) for point in points], dtype=np.int64))


def _without_strays(group: list[_Point], entry: Entry, options: CalibrateOptions) -> tuple[list[_Point], list[Doubt]]:
    """Leave out polygons that lie far from the others of their class; with three or fewer nobody can say which."""
    if len(group) <= _FEW:
        return group, []
    values = np.array([point.value for point in group])
    middle = np.median(values, axis=0)
    _, spread = entry.moments
    scale = np.maximum(_MAD_TO_SD * np.median(np.abs(values - middle), axis=0), 0.5 * spread)
    far = (np.abs(values - middle) / scale).max(axis=1)
    strays = [
        Doubt(
            id=point.ground.id,
            state=point.ground.state,
            kind=entry.kind,
            reason=f"lies {distance:.0f} scales from the other polygons of {entry.name}",
        )
        for point, distance in zip(group, far, strict=True)
        if distance > options.outlier_scales and not point.ground.is_checked
    ]
    named = {doubt.id for doubt in strays}
    return [point for point in group if point.ground.id not in named], strays


def _estimate(group: list[_Point], entry: Entry, options: CalibrateOptions, source: str) -> Estimate:
    """Shrink the polygons of one class towards the library (normal-inverse-gamma; Gelman et al. 2013, eq. 3.6-3.7).

    m = (k0 m0 + J m^) / (k0 + J);  s^2 = (n0 s0^2 + (J - 1) s^^2 + k0 J / (k0 + J) (m^ - m0)^2) / (n0 + J - 1), with J
    polygons, m^ their median and s^ their robust scatter; with fewer than three, s^ is s0.
    """
    before, spread = entry.moments
    values = np.array([point.value for point in group])
    error_var = np.mean([point.error_var for point in group], axis=0)
    n, k0, n0 = len(group), options.prior_polygons, options.prior_spread_polygons
    observed = np.median(values, axis=0)
    scatter = _MAD_TO_SD * np.median(np.abs(values - observed), axis=0) if n >= _FEW else np.full(len(before), np.nan)
    within = np.where(np.isfinite(scatter), scatter, spread)
    mean = (k0 * before + n * observed) / (k0 + n)
    total = n0 * spread**2 + (n - 1) * within**2 + k0 * n / (k0 + n) * (observed - before) ** 2
    after_spread = np.maximum(np.sqrt(total / (n0 + n - 1)), _MIN_SPREAD[entry.kind])
    return Estimate(
        kind=entry.kind,
        before=entry,
        after=_moved(entry, mean, after_spread, n, source),
        observed=_tuple(observed),
        observed_spread=_tuple(scatter),
        after_error=_tuple(np.sqrt((after_spread**2 + error_var) / (k0 + n))),
        sigmas=_tuple((observed - before) / np.sqrt(spread**2 * (1.0 / k0 + 1.0 / n) + error_var / n)),
        polygons=tuple(point.ground.id for point in group),
        looks=sum(point.looks for point in group),
        looks_counted=sum(point.counted for point in group),
    )


def _moved(entry: Entry, mean: Floats, spread: Floats, n: int, source: str) -> Entry:
    """Return a class with new figures, and where they are from."""
    note = f"Shrunk towards: {entry.origin.mark}, {entry.origin.source}"
    origin = Origin(n=n, source=source[:600], mark=Mark.CALIBRATED, note=note[:600])
    if isinstance(entry, Spectrum):
        low = np.clip(mean, 0.0, 1.0)
        return replace(entry, mean=_tuple(low), spread=_tuple(np.minimum(spread, 0.5)), origin=origin, others=())
    return replace(
        entry, change_db=_tuple(np.clip(mean, -30.0, 30.0)), spread_db=_tuple(np.minimum(spread, 15.0)), origin=origin
    )


def _untouched(
    prior: ClassLibrary, grounds: Sequence[LabelledGround], changed: dict[tuple[str, LandState, str], Entry]
) -> Iterable[tuple[str, str, str, str]]:
    """Yield the classes that stay as they were, and why."""
    labelled = {ground.state for ground in grounds}
    has_radar = any(len(ground.radar_db) for ground in grounds)
    for entry in prior.entries:
        if (entry.kind, entry.state, entry.name) in changed:
            continue
        if entry.state not in labelled:
            reason = f"no polygon of {entry.state.name.lower()}"
        elif entry.kind == "radar" and not has_radar:
            reason = "no radar change: no baseline stands, or no label reaches into the monitored time"
        else:
            reason = "no polygon is most like it"
        yield entry.kind, entry.state.name.lower(), entry.name, reason


def _library(entries: Iterable[Entry]) -> ClassLibrary:
    rows = list(entries)
    return ClassLibrary(
        optical=tuple(e for e in rows if isinstance(e, Spectrum)),
        radar=tuple(e for e in rows if isinstance(e, Backscatter)),
    )


def _tuple(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def bands_of(kind: str) -> tuple[str, ...]:
    """Return the bands an estimate's figures stand in."""
    return FILTER_BANDS if kind == "optical" else RADAR_BANDS
